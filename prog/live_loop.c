/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A gateway's thread: wait, read a batch, put it through, send, let time pass.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "prog/live.h"

enum {
	BATCHES = 8,        /* between two looks at everything else */
	LONGEST_WAIT = 250, /* ms: the beat must be heard */
	SHORT_WAIT = 20,    /* ms: while connections wait to be handed down */
	HAND_DOWN = 256,    /* connections put into BPF maps at a time */
	EXPIRE = 1024,      /* timeouts handled at a time */
};

uint64_t sl__live_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- what is waited for --------------------------------------------------------------------- */

static bool wait_for(struct sl_live *live, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(live->poll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN); /* a log that nobody reads any more is no reason to end */
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

bool sl__live_loop_init(struct sl_live *live)
{
	live->poll = epoll_create1(EPOLL_CLOEXEC);
	if (live->shard == 0)
		live->signals = open_signals(); /* others inherit that they are blocked */
	if (live->poll >= 0 && (live->shard || wait_for(live, live->signals)) &&
	        wait_for(live, live->tap.fd) && wait_for(live, live->net.watch.fd) &&
	        wait_for(live, live->desk.wake) &&
	        (!live->inbox || wait_for(live, live->inbox->wake)))
		return true;
	fprintf(stderr, "sluice run: epoll: %s\n", strerror(errno));
	return false;
}

void sl__live_loop_fini(struct sl_live *live)
{
	if (live->signals >= 0)
		close(live->signals);
	if (live->poll >= 0)
		close(live->poll);
}

/* ---- packets -------------------------------------------------------------------------------- */

static unsigned read_batch(struct sl_live *live)
{
	unsigned n = 0;

	while (n < SL_LIVE_BATCH &&
	        sl_tap_read(
	                &live->tap, live->blocks + (size_t)n * SL_LIVE_STRIDE, &live->packets[n]))
		n++;
	for (unsigned i = 0; i < n; i++)
		live->chosen[i] = live->packets[i].out_if;
	for (unsigned i = 0; i < n && live->inbox; i++) {
		const struct sl_link *link = sl_net_link(&live->net, live->packets[i].in_if);

		live->packets[i].inside = link && link->inside;
	}
	return n;
}

/*
 * Another thread learned of something that answers depend on. Looked at between reading packets and putting
 * them in: what it was learned from has been sent since, so answers to that are judged by it.
 */
static void mind_routes(struct sl_live *live)
{
	if (!atomic_load(&live->stale) || !atomic_exchange(&live->stale, false))
		return;
	sl__record(&live->recorder, SL_RECORD_ROUTES, NULL, 0);
	sl_routes_changed(live->engine);
}

static void look(struct sl_live *live)
{
	live->now = sl__live_clock();
	sl_steer_beat(live->steer, live->shard, live->now);
	sl_fast_look(&live->fast, live->now);
	mind_routes(live);
}

static void put_in(struct sl_live *live, unsigned n)
{
	sl__record_input(&live->recorder, live->packets, n, live->now);
	if (live->explaining)
		sl__live_explain(live, n);
	else
		sl_input(live->engine, live->packets, n, live->now);
	sl__live_record_output(live, n);
}

static void finish_batch(struct sl_live *live, unsigned n)
{
	sl__live_turn(live, true);
	look(live);
	sl__live_listen(live);
	put_in(live, n);
	sl__live_turn(live, false);
	sl__live_send(live, n);
	live->packets_in += n;
}

static void passed_over(struct sl_live *live)
{
	unsigned n = sl__live_take_over(live);

	memset(live->chosen, 0, n * sizeof(live->chosen[0]));
	if (n)
		finish_batch(live, n);
}

static void packets(struct sl_live *live)
{
	unsigned n = SL_LIVE_BATCH;

	for (unsigned i = 0; i < BATCHES && n == SL_LIVE_BATCH; i++) {
		n = read_batch(live);
		if (n == 0)
			break;
		finish_batch(live, n);
	}
}

/* Connections of ours that are over and that others, which share the ruleset, still count. */
static void tend_rules(struct sl_live *live)
{
	if (live->all->n > 1 && live->gateway.rules &&
	        sl_rules_tend(live->gateway.rules, live->engine, live->now))
		sl__record(&live->recorder, SL_RECORD_TEND, &live->now, sizeof(live->now));
}

static void pass_time(struct sl_live *live)
{
	bool due;

	sl__live_turn(live, true);
	look(live);
	sl__live_listen(live);
	tend_rules(live);
	due = sl_deadline(live->engine) <= live->now;
	if (due) {
		sl__record_clock(&live->recorder, live->now, EXPIRE);
		sl_clock(live->engine, live->now, EXPIRE);
		sl__live_record_output(live, 0);
	}
	sl__live_turn(live, false);
	if (due)
		sl__live_send(live, 0);
}

/* ---- the loop ------------------------------------------------------------------------------- */

static int wait_ms(const struct sl_live *live)
{
	uint64_t due = sl_deadline(live->engine), left;

	if (due <= live->now)
		return 0;
	left = (due - live->now + 999999) / 1000000;
	if (left > LONGEST_WAIT)
		left = LONGEST_WAIT;
	return sl_fast_pending(&live->fast) && left > SHORT_WAIT ? SHORT_WAIT : (int)left;
}

static void take_signal(struct sl_live *live)
{
	struct signalfd_siginfo info;

	while (read(live->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		live->restart = info.ssi_signo == SIGUSR2;
		atomic_store(&live->over, true);
	}
}

/* What somebody else did or wants: between two batches, and when nothing waits that was told. */
static void follow(struct sl_live *live, int fd)
{
	sl__live_turn(live, true);
	look(live);
	sl__live_listen(live);
	if (fd == live->net.watch.fd)
		sl_net_follow(&live->net);
	else
		sl__desk_serve(&live->desk);
	sl__live_turn(live, false);
}

static void handle(struct sl_live *live, int fd)
{
	if (fd == live->tap.fd)
		packets(live);
	else if (live->inbox && fd == live->inbox->wake)
		passed_over(live);
	else if (fd == live->signals)
		take_signal(live);
	else
		follow(live, fd);
}

/* As the beat of the BPF programs, for systemd: all threads that move packets must do so. */
static void mind_watchdog(struct sl_live *live)
{
	struct sl_live_all *all = live->all;

	if (live->shard || !all->watchdog || live->now < all->watchdog_at ||
	        live->now - sl_steer_oldest_beat(live->steer) > all->steer.config->patience)
		return;
	all->watchdog_at = live->now + all->watchdog;
	sl__system_notify("WATCHDOG=1");
}

/*
 * Tracing costs something for every packet: only while somebody asks for it. Then every packet
 * is the engine's.
 */
static void mind_explainers(struct sl_live *live)
{
	bool wanted = atomic_load_explicit(&live->feed.explainers, memory_order_relaxed) > 0;

	if (live->shard == 0) /* whoever asks, asks all */
		__atomic_store_n(
		        &live->steer->config->fast, live->fast.slots && !wanted, __ATOMIC_RELAXED);
	if (wanted == live->explaining)
		return;
	live->explaining = wanted;
	sl_engine_trace(live->engine, wanted);
}

void sl__live_loop(struct sl_live *live)
{
	struct epoll_event events[8];
	int n;

	while (!atomic_load_explicit(&live->over, memory_order_relaxed)) {
		n = epoll_wait(live->poll, events, 8, wait_ms(live));
		if (n < 0 && errno != EINTR)
			break;
		for (int i = 0; i < n; i++)
			handle(live, events[i].data.fd);
		pass_time(live);
		sl_fast_work(&live->fast, HAND_DOWN);
		sl_fast_count(&live->fast);
		mind_explainers(live);
		mind_watchdog(live);
		sl__feed_flush(&live->feed);
	}
}
