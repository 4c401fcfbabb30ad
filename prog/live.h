/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_LIVE_H
#define SLUICE_PROG_LIVE_H

/*
 * A live gateway: engines between the TAP device and the machine's links and routes. Each (struct
 * sl_live) has a queue of the device, a view of links and routes, of the ruleset, and a thread that does all
 * of it (live_loop.c); nothing is shared but what struct sl_live_all has, and what the ruleset counts. Number 0 is the program's
 * first thread: it also attaches the BPF programs, takes signals and feeds the watchdog.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "ctl/metrics.h"
#include "ctl/server.h"
#include "io/fast.h"
#include "io/net.h"
#include "io/steer.h"
#include "io/tap.h"
#include "prog/gateway.h"
#include "prog/huge.h"
#include "prog/live_log.h"
#include "prog/record.h"
#include "prog/run.h"

enum {
	SL_LIVE_BATCH = 64,
	/* An odd number of cache lines: headers of a batch do not fall into the same sets. */
	SL_LIVE_STRIDE = (SL_TAP_BLOCK + 64) / 64 * 64 + 64,
};

struct sl_live_emitted {
	struct sl_packet packet;
	unsigned after; /* index in the batch of what caused it; SL_LIVE_BATCH: the clock */
};

enum { SL_LIVE_INBOX = 512, SL_LIVE_NAT = 1024 };

/* Packets that other engines passed over (live_pass.c). */
struct sl_live_inbox {
	pthread_mutex_t lock;
	int wake; /* eventfd */
	unsigned first, n;
	struct sl_packet packets[SL_LIVE_INBOX]; /* a ring; each in a block of its own */
};

struct sl_live_all;

struct sl_live {
	struct sl_live_all *all;
	const struct sl_run_options *opt; /* those of all, as the next two */
	struct sl_steer *steer;
	unsigned shard;   /* number of this engine, and of its queue */
	pthread_t thread; /* if threaded */
	bool threaded;
	struct sl_live_inbox *inbox; /* NULL: it is the only one */
	atomic_bool over;
	bool restart; /* it is over, and the next one goes on (the first engine's) */
	atomic_bool
	        stale; /* routes are to be asked for again: somebody learned an address of NAT */
	uint64_t not_passed; /* handed over, but there was no room */
	struct sl_rules_env rules_env;
	struct sl_gateway_look look;
	struct sl_gateway gateway;
	struct sl_net net;
	struct sl_tap tap;
	struct sl_fast fast; /* slots NULL: not in use */
	struct sl_env env;
	struct sl_engine *engine;
	struct sl_recorder recorder;
	uint64_t now;
	/* The batch under way: packet i is lent in the block at i * SL_LIVE_STRIDE. */
	struct sl_packet packets[SL_LIVE_BATCH];
	uint32_t chosen
	        [SL_LIVE_BATCH]; /* by which interface the stack would send it; 0: not known */
	uint8_t *blocks;
	struct sl_live_emitted *emitted;
	unsigned n_emitted, emitted_size;
	/* Likewise, what the programs told (live_told.c). */
	struct sl_packet told[SL_LIVE_BATCH];
	uint8_t *told_blocks;
	unsigned n_told;
	uint64_t packets_told;
	/* Talking to the control thread. */
	struct sl_desk desk;
	struct sl_feed feed;
	uint64_t log_began; /* packets logged since then: logged */
	unsigned logged;
	uint64_t started, packets_in; /* packets put in before this batch */
	struct sl_print explained;    /* the packet under way, as far as it was explained */
	struct sl_tuple explained_tuple;
	bool explaining;
	uint64_t unsent;   /* accepted, but there was no way out */
	int poll, signals; /* epoll, and signalfd of the first */
};

/* The whole gateway. */
struct sl_live_all {
	struct sl_run_options opt;
	struct sl_steer steer;
	struct sl_live *lives;
	unsigned n;
	struct sl_server *server; /* NULL: no control socket */
	struct sl_metrics *metrics;
	/* What became of --state's file, and where it is damaged. */
	enum { SL_LIVE_STATE_NONE, SL_LIVE_STATE_TAKEN, SL_LIVE_STATE_DAMAGED } state;
	uint64_t state_damaged_at;
	bool flows;                     /* packets did: what is known is worth keeping */
	uint64_t watchdog, watchdog_at; /* ns; 0: none */
	/* Addresses that source NAT gives out and the machine does not have: only ever more. */
	pthread_mutex_t nat_lock;
	struct sl_addr nat[SL_LIVE_NAT];
	atomic_uint n_nat;
	/* Around what the engines' ruleset counts (sl_rules_share). */
	pthread_mutex_t rules;
	struct sl_rules_lock rules_lock;
	struct sl_huge huge; /* --huge-pages: memory of all engines */
	struct sl_recording recording;
	pthread_mutex_t turn; /* while there is a recording: whose engine works */
};

/* live_embed.c: sl_env for a live engine, and what becomes of packets. */
void sl__live_embed(struct sl_live *live);
/* Send what the engine accepted of the first n packets, and what it emitted, in order. */
void sl__live_send(struct sl_live *live, unsigned n);

/*
 * live_pass.c: what engines tell each other. A packet that the engine handed over goes to the one that
 * it named; what others passed to us becomes the next batch, of so many. A NEW connection may show an
 * address of NAT, which all must know: answers to it are at home where its port is.
 */
bool sl__live_pass_init(struct sl_live *live);
void sl__live_pass_fini(struct sl_live *live);
void sl__live_pass(struct sl_live *live, struct sl_packet *p);
unsigned sl__live_take_over(struct sl_live *live);
void sl__live_learn_nat(struct sl_live *live, const struct sl_conn *conn);
bool sl__live_is_nat(const struct sl_live *live, const struct sl_addr *addr);

/* live_told.c: packets that the BPF programs let through and told of; the engine learns of them now. */
bool sl__live_told_init(struct sl_live *live); /* after sl_fast_init() */
void sl__live_told_fini(struct sl_live *live);
void sl__live_listen(struct sl_live *live);

/*
 * live_record.c: what goes in, and a hash of what came of it, when there is a recording. Whatever an
 * engine does and is recorded it does in its turn.
 */
bool sl__live_record_init(struct sl_live *live);
void sl__live_turn(struct sl_live *live, bool mine);
void sl__live_record_rules(struct sl_live *live, const struct sl_rules *rules);
void sl__live_record_output(struct sl_live *live, unsigned n);
/* End a connection, an expectation; the recording is told. */
void sl__live_kill_conn(struct sl_live *live, struct sl_conn *conn, const struct sl_conn_info *info,
        enum sl_reason why);
void sl__live_kill_expect(struct sl_live *live, struct sl_expect *expect,
        const struct sl_expect_info *info, enum sl_reason why);

/* live_links.c: interfaces and addresses, at the start and when they change. */
bool sl__live_links_init(struct sl_live *live);
void sl__live_links_fini(struct sl_live *live);

/* live_control.c: the control socket, and what the engines tell it. */
bool sl__live_control_init(struct sl_live *live); /* an engine's part */
void sl__live_control_fini(struct sl_live *live);
bool sl__live_control_open(struct sl_live_all *all);
bool sl__live_control_start(struct sl_live_all *all);
void sl__live_control_stop(struct sl_live_all *all);
void sl__live_event(void *ctx, const struct sl_event *event);

/* live_explain.c: packets put through one by one, each with an account of its way. */
void sl__live_trace(void *ctx, const struct sl_trace *trace);
void sl__live_explain(struct sl_live *live, unsigned n);

/* live_state.c: `--state`. Take up what the last gateway left; false: said on stderr. */
bool sl__live_state_take_up(struct sl_live_all *all); /* engines are there, packets do not flow */
void sl__live_state_used(struct sl_live_all *all);    /* packets flow: the file has done its work */
/* No thread moves packets any more: write. False: said in the log. */
bool sl__live_state_save(struct sl_live_all *all);
/* The programs go on for a while as if this gateway lived. */
void sl__live_state_hold(struct sl_live_all *all);

/* live_system.c: a state for systemd, such as "READY=1". */
void sl__system_notify(const char *text);
/* How often systemd wants to hear of us, ns; 0: it does not. */
uint64_t sl__system_watchdog(void);
/* Keep no privilege but those of the interfaces and the BPF programs. */
bool sl__system_drop(void);

/* live_loop.c: until a signal ends it. */
bool sl__live_loop_init(struct sl_live *live);
void sl__live_loop(struct sl_live *live);
void sl__live_loop_fini(struct sl_live *live);
uint64_t sl__live_clock(void);

#endif
