/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_GATEWAY_H
#define SLUICE_PROG_GATEWAY_H

/*
 * What the replayed gateway does: the policy, and which helpers it knows. Without -r it is the
 * built-in one (gateway.c); a ruleset takes its place.
 */
#include <sluice/policy.h>

#include "prog/modules2000.h"
#include "prog/options.h"
#include "prog/ruleset.h"

struct sl_attach {
	const struct sl_helper *helper;
	uint16_t port; /* 0: the record's own */
	bool active;   /* not only known, but attached where its ports fit */
};

/*
 * What a live gateway knows of its machine; a replay knows it from its options. `env` fills the
 * callbacks that rules need, has_helper (sl__gateway_has_helper) and set_helper included.
 */
struct sl_gateway_look {
	const char *command; /* for messages: "sluice run" */
	const struct sl_rules_env *env;
	/* --masquerade without a ruleset: does it leave by an outside interface? */
	bool (*is_outside)(void *ctx, uint32_t ifindex);
	/* Several engines: the first one's gateway (NULL: this is it), whose ruleset the others share. */
	struct sl_gateway *first;
	const struct sl_rules_lock *lock;
};

struct sl_gateway {
	const struct sl_policy *policy; /* for sl_config */
	void *policy_ctx;
	bool nat; /* it translates: the public addresses are its own */
	/* Private. */
	const struct sl_gateway_look *look; /* NULL: a replay */
	struct sl_rules *rules;             /* NULL: the built-in policy */
	const struct sl_replay_options *opt;
	struct sl_policy builtin;
	struct sl_policy_masquerade masquerade;
	struct sl_attach *attach;
	unsigned n_attach;
	void **modules; /* dlopen handles */
	unsigned n_modules;
	struct sl_modules2000 modules2000;
};

/* Before the engine is made. False: said on stderr. fini is due in either case, after the engine. */
bool sl__gateway_init(struct sl_gateway *g, const struct sl_replay_options *opt,
        const struct sl_gateway_look *look);
/* A rule's log statement becomes an event. For sl_rules_env.log; ctx is not used. */
void sl__gateway_log(void *ctx, const struct sl_policy_view *view, const char *prefix);
/* Is it built in, or did a module bring it? */
bool sl__gateway_has_helper(struct sl_gateway *g, const char *name);
/* Before the engine ends, if modules were started with it: they unregister. */
void sl__gateway_stop(struct sl_gateway *g);
void sl__gateway_fini(struct sl_gateway *g);
/*
 * A reload, in two steps: read a file (NULL: the one of the command line) in any thread, NULL: what
 * is wrong went to errors; then, in the engine's, put it in the place of what held so far, which
 * comes back for sl_rules_destroy() (NULL: it was the built-in policy).
 */
struct sl_rules *sl__gateway_read(struct sl_gateway *g, const char *file, FILE *errors);
/* A view of `rules`, which the first gateway has or will have; NULL: no memory. */
struct sl_rules *sl__gateway_share(struct sl_gateway *g, struct sl_rules *rules);
/* Before there is an engine: these rules, which become the gateway's to destroy. */
void sl__gateway_use(struct sl_gateway *g, struct sl_rules *rules);
struct sl_rules *sl__gateway_swap(
        struct sl_gateway *g, struct sl_engine *engine, struct sl_rules *rules);

/* When the engine is there: helpers and tunables. False: said on stderr. */
bool sl__gateway_start(
        struct sl_gateway *g, const struct sl_replay_options *opt, struct sl_engine *engine);

#endif
