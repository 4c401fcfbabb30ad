/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our programs stand at a fixed priority and handle, so that a later run, or --cleanup, can name
 * what an earlier one left. An operator's own filters at other priorities stay, and come before
 * or behind ours as theirs say; ours end in TC_ACT_UNSPEC (go on) for what is none of our
 * business.
 */
#include "io/steer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "bpf/flow.h"
#include "io/netlink.h"
/* Generated: its warnings are not ours. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Woverlength-strings"
#pragma GCC diagnostic ignored "-Wpedantic"
#include "sl_steer_bpf.skel.h"
#pragma GCC diagnostic pop

enum { PRIORITY = 0x51ce, HANDLE = 1 };
enum { RING = 1 << 20 }; /* bytes: of some 8,000 packets */
#define PATIENCE UINT64_C(2000000000)

static int say_errors(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN && getenv("SLUICE_DEBUG") ? vfprintf(stderr, format, args) : 0;
}

static bool complain(const char *what, int error)
{
	fprintf(stderr, "sluice: %s: %s\n", what, strerror(error));
	return false;
}

/* Share an array with the programs, of so many bytes; NULL: it cannot be. */
static void *share(const struct bpf_map *map, size_t *size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p;

	*size = (*size + page - 1) / page * page;
	p = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, bpf_map__fd(map),
	        0);
	return p == MAP_FAILED ? NULL : p;
}

/* Of eight entries in a bucket one or two are used when all flows are: hardly one is ever full. */
static uint32_t buckets_for(uint32_t flows)
{
	uint32_t n = 1;

	while (n < flows / 2)
		n *= 2;
	return n;
}

static bool size_maps(struct sl_steer *steer, uint32_t flows, uint32_t buckets)
{
	steer->flows_size = flows * sizeof(struct sl_flow);
	steer->index_size = buckets * sizeof(struct sl_flow_bucket);
	return bpf_map__set_max_entries(steer->bpf->maps.flows, flows) == 0 &&
	       bpf_map__set_max_entries(steer->bpf->maps.flow_index, buckets) == 0;
}

bool sl_steer_init(struct sl_steer *steer, uint32_t tap, bool open, unsigned queues, uint32_t flows)
{
	uint32_t buckets = buckets_for(flows * 2);

	*steer = (struct sl_steer){0};
	libbpf_set_print(say_errors);
	steer->bpf = sl_steer_bpf__open();
	if (!steer->bpf || !size_maps(steer, flows * 2 + 1, buckets) ||
	        sl_steer_bpf__load(steer->bpf) != 0)
		return complain("BPF programs cannot be loaded (CAP_BPF and CAP_NET_ADMIN? "
		                "SLUICE_DEBUG=1 shows what the kernel says)",
		        errno);
	steer->flows = share(steer->bpf->maps.flows, &steer->flows_size);
	steer->index = share(steer->bpf->maps.flow_index, &steer->index_size);
	if (!steer->flows || !steer->index)
		return complain("the fast path's table", errno);
	steer->config = &steer->bpf->bss->config;
	steer->config->flow_buckets = buckets - 1;
	steer->config->patience = PATIENCE;
	steer->config->tap = tap;
	steer->config->open = open;
	steer->config->queues = queues;
	for (unsigned i = 0; i < SL_STEER_QUEUES; i++)
		steer->config->generation[i] = 1;
	if (getrandom(&steer->config->cookie, sizeof(steer->config->cookie), 0) < 0 ||
	        getrandom(steer->config->secret, sizeof(steer->config->secret), 0) < 0)
		return complain("getrandom", errno);
	steer->config->cookie |= 0x80000000u; /* never 0 */
	return true;
}

void sl_steer_fini(struct sl_steer *steer)
{
	if (steer->flows)
		munmap(steer->flows, steer->flows_size);
	if (steer->index)
		munmap(steer->index, steer->index_size);
	sl_steer_bpf__destroy(steer->bpf);
	*steer = (struct sl_steer){0};
}

/* ---- attached ------------------------------------------------------------------------------- */

static struct bpf_tc_hook hook_of(uint32_t ifindex, enum bpf_tc_attach_point point)
{
	return (struct bpf_tc_hook){
	        .sz = sizeof(struct bpf_tc_hook), .ifindex = (int)ifindex, .attach_point = point};
}

static bool attach(uint32_t ifindex, const char *name, enum bpf_tc_attach_point point,
        const struct bpf_program *program)
{
	struct bpf_tc_hook hook = hook_of(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct bpf_tc_opts opts = {.sz = sizeof(opts),
	        .prog_fd = bpf_program__fd(program),
	        .flags = BPF_TC_F_REPLACE,
	        .handle = HANDLE,
	        .priority = PRIORITY};
	int error = bpf_tc_hook_create(&hook);

	if (error && error != -EEXIST)
		return complain(name, -error);
	hook.attach_point = point;
	error = bpf_tc_attach(&hook, &opts);
	return error == 0 || complain(name, -error);
}

bool sl_steer_attach_tap(struct sl_steer *steer)
{
	return attach(
	        steer->config->tap, "the TAP device", BPF_TC_INGRESS, steer->bpf->progs.sl_down);
}

bool sl_steer_attach(
        struct sl_steer *steer, uint32_t ifindex, const char *name, bool ether, bool inside)
{
	const struct bpf_program *in =
	        ether ? steer->bpf->progs.sl_in : steer->bpf->progs.sl_in_raw;
	const struct bpf_program *out =
	        ether ? steer->bpf->progs.sl_out : steer->bpf->progs.sl_out_raw;
	int map = bpf_map__fd(steer->bpf->maps.insides);
	uint8_t one = 1;

	if (!inside)
		bpf_map_delete_elem(map, &ifindex);
	else if (bpf_map_update_elem(map, &ifindex, &one, BPF_ANY) != 0)
		return complain(name, errno);
	return attach(ifindex, name, BPF_TC_INGRESS, in) &&
	       attach(ifindex, name, BPF_TC_EGRESS, out);
}

int sl_steer_queue_program(const struct sl_steer *steer)
{
	return bpf_program__fd(steer->bpf->progs.sl_queue);
}

static bool detach(uint32_t ifindex, enum bpf_tc_attach_point point)
{
	struct bpf_tc_hook hook = hook_of(ifindex, point);
	struct bpf_tc_opts opts = {.sz = sizeof(opts), .handle = HANDLE, .priority = PRIORITY};

	if (bpf_tc_query(&hook, &opts) != 0)
		return false;
	opts.prog_fd = 0;
	opts.prog_id = 0;
	opts.flags = 0;
	return bpf_tc_detach(&hook, &opts) == 0;
}

bool sl_steer_clean(uint32_t ifindex)
{
	struct bpf_tc_hook both = hook_of(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
	bool in, out;

	libbpf_set_print(say_errors);
	in = detach(ifindex, BPF_TC_INGRESS);
	out = detach(ifindex, BPF_TC_EGRESS);
	if ((in || out) && !sl_netlink_has_filters(ifindex))
		bpf_tc_hook_destroy(&both);
	return in || out;
}

/* ---- data ----------------------------------------------------------------------------------- */

void sl_steer_own(struct sl_steer *steer, const struct sl_addr *addr, uint8_t what)
{
	int fd = bpf_map__fd(steer->bpf->maps.own);

	if (what)
		bpf_map_update_elem(fd, addr->b, &what, BPF_ANY);
	else
		bpf_map_delete_elem(fd, addr->b);
}

int sl_steer_ring(struct sl_steer *steer, unsigned queue)
{
	int ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "sl_told", 0, 0, RING, NULL);
	uint32_t key = queue;

	if (ring >= 0 &&
	        bpf_map_update_elem(bpf_map__fd(steer->bpf->maps.told), &key, &ring, BPF_ANY) != 0) {
		close(ring);
		return -1;
	}
	return ring;
}

void sl_steer_revoke(struct sl_steer *steer, unsigned queue)
{
	__atomic_add_fetch(&steer->config->generation[queue], 1, __ATOMIC_RELEASE);
}

uint64_t sl_steer_oldest_beat(const struct sl_steer *steer)
{
	uint64_t oldest = UINT64_MAX;

	for (unsigned i = 0; i < steer->config->queues; i++) {
		uint64_t beat = __atomic_load_n(&steer->config->beat[i], __ATOMIC_RELAXED);

		oldest = beat < oldest ? beat : oldest;
	}
	return oldest;
}

void sl_steer_counts(const struct sl_steer *steer, uint64_t counts[SL_STEER_COUNT])
{
	int cpus = libbpf_num_possible_cpus(), fd = bpf_map__fd(steer->bpf->maps.counts);
	uint64_t *each = cpus > 0 ? calloc((size_t)cpus, sizeof(*each)) : NULL;

	memset(counts, 0, SL_STEER_COUNT * sizeof(*counts));
	for (uint32_t i = 0; each && i < SL_STEER_COUNT; i++) {
		if (bpf_map_lookup_elem(fd, &i, each) != 0)
			continue;
		for (int cpu = 0; cpu < cpus; cpu++)
			counts[i] += each[cpu];
	}
	free(each);
}
