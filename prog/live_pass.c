/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several engines of one gateway: packets that belong to another one, and addresses that all must
 * know.
 *
 * A packet is passed over in a block of its own, through the other's inbox: a ring under a lock,
 * which is taken for each packet, as the BPF programs send nearly all of them to the right queue in
 * the first place. Whose inbox is full loses it, which is counted.
 *
 * An address that source NAT gives out without being the machine's own (snat to a pool) is learned
 * when the first connection gets it, before its first packet leaves; all engines then ask for
 * routes anew.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "prog/live.h"

bool sl__live_pass_init(struct sl_live *live)
{
	if (live->all->n == 1)
		return true;
	live->inbox = sl__must_alloc(sizeof(*live->inbox));
	memset(live->inbox, 0, sizeof(*live->inbox));
	pthread_mutex_init(&live->inbox->lock, NULL);
	live->inbox->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (live->inbox->wake >= 0)
		return true;
	fprintf(stderr, "sluice run: eventfd: %s\n", strerror(errno));
	return false;
}

void sl__live_pass_fini(struct sl_live *live)
{
	struct sl_live_inbox *in = live->inbox;

	if (!in)
		return;
	for (; in->n; in->n--, in->first = (in->first + 1) % SL_LIVE_INBOX)
		free(in->packets[in->first].handle);
	if (in->wake >= 0)
		close(in->wake);
	pthread_mutex_destroy(&in->lock);
	free(in);
	live->inbox = NULL;
}

/* ---- packets -------------------------------------------------------------------------------- */

static bool put(struct sl_live_inbox *in, const struct sl_packet *p)
{
	uint64_t one = 1;
	bool room, first;

	pthread_mutex_lock(&in->lock);
	room = in->n < SL_LIVE_INBOX;
	first = in->n == 0;
	if (room)
		in->packets[(in->first + in->n++) % SL_LIVE_INBOX] = *p;
	pthread_mutex_unlock(&in->lock);
	if (room && first && write(in->wake, &one, sizeof(one)) < 0) {
		/* full: it is readable already */
	}
	return room;
}

void sl__live_pass(struct sl_live *live, struct sl_packet *p)
{
	struct sl_live_all *all = live->all;

	struct sl_live_inbox *in = p->shard < all->n ? all->lives[p->shard].inbox : NULL;

	if (in && live->env.keep(live, p) && put(in, p)) {
		p->handle = NULL;
		return;
	}
	live->not_passed++;
	live->env.free(live, p);
}

unsigned sl__live_take_over(struct sl_live *live)
{
	struct sl_live_inbox *in = live->inbox;
	unsigned n = 0;
	uint64_t calls;
	bool more;

	if (read(in->wake, &calls, sizeof(calls)) < 0) {
		/* nobody called since */
	}
	pthread_mutex_lock(&in->lock);
	for (; n < SL_LIVE_BATCH && in->n; n++, in->n--) {
		live->packets[n] = in->packets[in->first];
		in->first = (in->first + 1) % SL_LIVE_INBOX;
	}
	more = in->n > 0;
	pthread_mutex_unlock(&in->lock);
	calls = 1;
	if (more && write(in->wake, &calls, sizeof(calls)) < 0) {
		/* full: it is readable already */
	}
	return n;
}

/* ---- addresses of NAT ----------------------------------------------------------------------- */

bool sl__live_is_nat(const struct sl_live *live, const struct sl_addr *addr)
{
	unsigned n = atomic_load_explicit(&live->all->n_nat, memory_order_acquire);

	for (unsigned i = 0; i < n; i++)
		if (sl_addr_eq(&live->all->nat[i], addr))
			return true;
	return false;
}

static void learn(struct sl_live_all *all, const struct sl_addr *addr)
{
	unsigned n = atomic_load(&all->n_nat);

	if (n == SL_LIVE_NAT)
		return;
	all->nat[n] = *addr;
	atomic_store_explicit(&all->n_nat, n + 1, memory_order_release);
	sl_steer_own(&all->steer, addr, SL_STEER_NAT);
	for (unsigned i = 0; i < all->n; i++)
		atomic_store(&all->lives[i].stale, true);
}

void sl__live_learn_nat(struct sl_live *live, const struct sl_conn *conn)
{
	struct sl_live_all *all = live->all;
	struct sl_conn_info info;

	sl_conn_info(live->engine, conn, &info);
	if (!(info.status & SL_SRC_NAT) || sl_net_is_own(&live->net, &info.tuple[SL_REPLY].dst) ||
	        sl__live_is_nat(live, &info.tuple[SL_REPLY].dst))
		return;
	pthread_mutex_lock(&all->nat_lock);
	if (!sl__live_is_nat(live, &info.tuple[SL_REPLY].dst))
		learn(all, &info.tuple[SL_REPLY].dst);
	pthread_mutex_unlock(&all->nat_lock);
}
