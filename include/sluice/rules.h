/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rulesets in nftables' syntax: text in, a policy for an engine out.
 *
 * sl_rules_read() reads, checks and resolves a whole file and reports every mistake it
 * finds, as nft shows them. Nothing here opens files: what `include` names is asked for
 * through sl_rules_env.open. A ruleset is untrusted text: sizes and nesting are limited.
 *
 * Ownership: a `struct sl_rules` owns all it needs (the texts are copied) until
 * sl_rules_destroy(). It keeps counters, quotas, limits and dynamic set elements, so it
 * belongs to one engine, in that engine's thread. Several engines of one gateway share one by
 * sl_rules_share().
 */
#ifndef SLUICE_RULES_H
#define SLUICE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/export.h>
#include <sluice/mem.h>
#include <sluice/policy.h>

struct sl_rules;

/* A text that `include` asked for; lent until the next call of open. */
struct sl_rules_text {
	const char *name; /* as error messages show it */
	const char *bytes;
	size_t len;
};

/* A variable from outside (nft -D); the value is a text as it would stand behind `define x =`. */
struct sl_rules_define {
	const char *name, *value;
};

enum sl_rules_open { SL_RULES_OPENED, SL_RULES_NO_MORE, SL_RULES_NO_FILE };

struct sl_rules_env {
	struct sl_mem mem;
	void *ctx; /* first argument of all below; each may be NULL */
	/*
	 * The nth (from 0) file that `pattern`, found in the file called `from`, stands for.
	 * NO_MORE ends a list made by a glob; NO_FILE: there is no such file.
	 */
	enum sl_rules_open (*open)(void *ctx, const char *pattern, const char *from, unsigned nth,
	        struct sl_rules_text *out);
	/* A mistake or a warning: several lines, NUL-terminated, with the source line and carets. */
	void (*report)(void *ctx, const char *text);
	/* The name of an interface, as rules spell it; NULL: it has none. */
	const char *(*if_name)(void *ctx, uint32_t index);
	/* Does this build have the helper? NULL: all are there. */
	bool (*has_helper)(void *ctx, const char *name);
	/* `fib daddr type local`: is it an address of the gateway? */
	bool (*is_local)(void *ctx, const struct sl_addr *addr, enum sl_family family);
	/*
	 * The interface that `addr` is reached by (fib ... oif), asked for a packet from `in_if` (0: from
	 * anywhere) that bears `mark`; 0: none.
	 */
	uint32_t (*route_if)(void *ctx, const struct sl_addr *addr, enum sl_family family,
	        uint32_t in_if, uint32_t mark);
	/* `ct helper set`: sl_conn_set_helper() with an engine; NULL: rules cannot attach helpers. */
	bool (*set_helper)(struct sl_engine *engine, struct sl_conn *conn, const char *name);
	/* A log statement matched. */
	void (*log)(void *ctx, const struct sl_policy_view *view, const char *prefix);
	const struct sl_rules_define *defines;
	unsigned define_count;
};

/* NULL: there were mistakes (each was reported), or no memory. */
SL_EXPORT struct sl_rules *sl_rules_read(
        const struct sl_rules_env *env, const char *name, const char *text, size_t len);
/* From now on use the callbacks of `env` that packets need (if_name .. log), and its ctx. */
SL_EXPORT void sl_rules_attach(struct sl_rules *rules, const struct sl_rules_env *env);
SL_EXPORT void sl_rules_destroy(struct sl_rules *rules);

/* For what engines in several threads share. Not recursive; NULL, NULL: they take turns anyway. */
struct sl_rules_lock {
	void *ctx;
	void (*take)(void *ctx);
	void (*give)(void *ctx);
};

/*
 * The same ruleset for one more engine: what it counts, limits and remembers in sets is counted
 * once for all of them. The view has its own callbacks (`env`, mem included) and is destroyed like a
 * ruleset, in any order. Call it while no engine has `rules` at work, or with the lock that it got
 * before. NULL: no memory. (The lock is the first call's.)
 */
SL_EXPORT struct sl_rules *sl_rules_share(
        struct sl_rules *rules, const struct sl_rules_env *env, const struct sl_rules_lock *lock);
/*
 * Call it about once a second for each engine that shares: connections of `engine` that are over no
 * longer count for `ct count`. True: there was something to look for.
 */
SL_EXPORT bool sl_rules_tend(struct sl_rules *rules, const struct sl_engine *engine, uint64_t now);

/* The ruleset in the form of `nft list ruleset`, in pieces. */
SL_EXPORT void sl_rules_print(const struct sl_rules *rules,
        void (*write)(void *ctx, const char *text, size_t len), void *ctx);

/* Are there chains of type nat? */
SL_EXPORT bool sl_rules_translates(const struct sl_rules *rules);

/* The policy of a ruleset; its ctx is the `struct sl_rules`. */
extern SL_EXPORT const struct sl_policy sl_rules_policy;

/* The ruleset that holds when none is given: rules/default.nft, as text. */
extern SL_EXPORT const char sl_rules_default[];

#endif
