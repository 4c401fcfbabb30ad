/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network address translation by inversion. A conn's packets look like its original tuple
 * where they come in, and the inverse of its reply tuple is how they must look where they go
 * out. So all that "setting up NAT" does is to change the reply tuple of a conn that is not
 * confirmed yet, so that nobody else has it; all that translating does is to make a packet
 * look like the inverse of the other direction's tuple.
 */
#ifndef SL_NAT_NAT_H
#define SL_NAT_NAT_H

#include <sluice/policy.h>

#include "nat/pool.h"
#include "track/track.h"

/* NAT's part of the engine. */
#define SL_NAT_MOVED 1024 /* a power of 2 (moved.c) */
enum { SL_NAT_MOVED_WAYS = 4 };

/* Linux looks for a free port 128 + 64 + 32 + 16 times, and then drops the packet. */
#define SL_NAT_LINUX_LOOKS 240

struct sl_nat {
	struct sl_pools pools;	 /* which ports are known to be taken, where it is crowded */
	uint32_t passed;	 /* taken ports that the last search met or skipped */
	uint16_t wanted;	 /* SL_WHY_OTHER_SHARD: a shard that has a port for it */
	/* moved.c: conns whose source could not keep its port, handles by that source */
	uint64_t moved[SL_NAT_MOVED][SL_NAT_MOVED_WAYS];
	bool any_moved;	/* not all of them are 0 */
};

void sl__nat_init(struct sl_nat *nat, const struct sl_mem *mem);
void sl__nat_fini(struct sl_nat *nat);

/*
 * Decide how an unconfirmed conn is translated at one end. Does nothing when that end is
 * decided already. Not NONE: no port is free, and the packet must be dropped; or no port of the
 * range is this shard's (SL_WHY_OTHER_SHARD, and nat->wanted says whose).
 */
enum sl_reason sl__nat_setup(struct sl_track *t, struct sl_conn *conn,
	const struct sl_nat_range *range, enum sl_manip manip);
/*
 * The same for a source, in short, where it is as nearly always: one address, and the port that it has is free
 * there. False: nothing was done. The claim on the reply tuple is then made good.
 */
bool sl__nat_usual(struct sl_track *t, struct sl_conn *conn, const struct sl_nat_range *range,
	struct sl_claim *claim);
/* The same where no rule says anything: the address stays, a port changes only to avoid a clash. */
enum sl_reason sl__nat_setup_none(struct sl_track *t, struct sl_conn *conn, enum sl_manip manip);
static inline bool sl__nat_decided(const struct sl_conn *conn, enum sl_manip manip)
{
	return conn->status & (manip == SL_MANIP_SRC ? SL_SRC_NAT_DONE : SL_DST_NAT_DONE);
}

/* Translate one end of a packet of conn. It and *parsed change together. */
enum sl_reason sl__nat_packet(struct sl_conn *conn, enum sl_dir dir, struct sl_packet *p,
	struct sl_parsed *parsed, enum sl_manip manip);
/* The same in short for the source of a packet of the original direction, as first packets need it. */
enum sl_reason sl__nat_first_source(
	struct sl_conn *conn, struct sl_packet *p, struct sl_parsed *parsed);
/* The same for an ICMP error about conn: its own end, and the other end of what it quotes. */
enum sl_reason sl__nat_icmp_error(struct sl_conn *conn, enum sl_dir dir, struct sl_packet *p,
	struct sl_parsed *parsed, enum sl_manip manip);

/* Decide one end: this address, and this port (0: its own, if that is free; GRE: its key, always). */
enum sl_reason sl__nat_apply(struct sl_track *t, struct sl_conn *conn, enum sl_manip manip,
	const struct sl_addr *addr, uint16_t port);

/*
 * A conn that was expected is translated so that it fits its master: it comes from where the
 * master's peer sees it come from, and goes to the endpoint that was announced. One that comes
 * from a third host keeps its source for the rules to decide.
 */
sl_expected_fn sl__nat_follow_master;
/* That source. False: it does not come from the master's own host. */
bool sl__nat_master_source(struct sl_track *t, const struct sl_conn *conn, const struct sl_expect *expect,
	struct sl_addr *out);

/* The conn is ending: its port is free again. */
void sl__nat_conn_end(struct sl_track *t, const struct sl_conn *conn);

/*
 * Make one end of a packet (whole, or quoted at `at` in an ICMP error) look like `target`.
 * Checksums are updated by what changed. False: too short for that.
 */
bool sl__nat_rewrite(struct sl_packet *p, const struct sl_parsed *parsed, uint32_t at,
	const struct sl_tuple *target, enum sl_manip manip);

#endif
