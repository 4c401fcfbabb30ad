/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The built-in policy stands for this ruleset: every known helper is attached, by a rule, to
 * connections that begin with a packet to its port; nothing is filtered; with --masquerade what
 * leaves by out0 gets its address. As a rule does it, such a connection has the status HELPER.
 *
 * A module is a shared object: foo.so exports the record `sl_helper_foo`, so that the source of
 * a helper is the same built in and as a module. It is linked to nothing: what it calls is
 * inline or comes through its sl_help. Where a module has several helpers, it exports them as
 * `const struct sl_helper *const sl_module_helpers[]`, ended by NULL. A module with Welte's names of
 * 2000 exports its nf2000_module instead (modules2000.h).
 */
#include "prog/gateway.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/helper.h>

#include "engine/engine.h"

/* ---- the built-in policy ------------------------------------------------------------------ */

static uint8_t stages(void *ctx, enum sl_hook hook)
{
	(void)ctx;
	return hook == SL_PREROUTING || hook == SL_OUTPUT ? 1u << SL_BEFORE_NAT : 0;
}

static bool fits(const struct sl_attach *attach, const struct sl_tuple *tuple)
{
	for (unsigned i = 0; i < SL_HELPER_MATCHES && attach->helper->match[i].proto; i++) {
		const struct sl_helper_match *m = &attach->helper->match[i];
		uint16_t mask = attach->port || !m->port_mask ? 0xffff : m->port_mask;
		uint16_t port = attach->port ? attach->port : m->port;

		if (m->proto == tuple->proto && (!m->family || m->family == tuple->family) &&
		        ((port ^ tuple->dport) & mask) == 0)
			return true;
	}
	return false;
}

static enum sl_decision attach_helpers(void *ctx, struct sl_policy_view *view)
{
	const struct sl_gateway *g = ctx;

	if (!view->conn || view->state != SL_CT_NEW)
		return SL_CONTINUE;
	for (unsigned i = 0; i < g->n_attach; i++) {
		if (!g->attach[i].active || !fits(&g->attach[i], &view->parsed->tuple))
			continue;
		sl_conn_set_helper(view->engine, view->conn, g->attach[i].helper->name);
		break;
	}
	return SL_CONTINUE;
}

/* What is said above concerns NEW packets only. */
static enum sl_steady always_steady(void *ctx)
{
	(void)ctx;
	return SL_STEADY_ALL;
}

static bool always_foreseen(void *ctx, struct sl_policy_view *view, unsigned kinds)
{
	(void)ctx, (void)view, (void)kinds;
	return true;
}

static bool masquerade(void *ctx, struct sl_policy_view *view, struct sl_nat_range *range)
{
	struct sl_gateway *g = ctx;
	struct sl_policy_masquerade all = g->masquerade;

	if (g->look && g->look->is_outside(g->look->env->ctx, view->out_if))
		all.out_if = view->out_if;
	return sl_policy_masquerade.nat(&all, view, range);
}

static void use_builtin(struct sl_gateway *g, const struct sl_replay_options *opt)
{
	g->nat = opt->masquerade;
	g->masquerade.out_if = g->look ? 0 : SL_SIDE_OUT;
	g->builtin = (struct sl_policy){.stages = stages,
	        .decide = attach_helpers,
	        .nat = g->nat ? masquerade : NULL,
	        .steady = always_steady,
	        .foresees = always_foreseen};
	g->policy = &g->builtin;
	g->policy_ctx = g;
}

/* ---- helpers and modules ------------------------------------------------------------------ */

static bool complain(
        const struct sl_gateway *g, const char *option, const char *argument, const char *what)
{
	fprintf(stderr, "%s: %s %s: %s\n", g->look ? g->look->command : "sluice replay", option,
	        argument, what);
	return false;
}

static void attach(struct sl_gateway *g, const struct sl_helper *helper, uint16_t port, bool active)
{
	g->attach = sl__must_grow(g->attach, (g->n_attach + 1) * sizeof(*g->attach));
	g->attach[g->n_attach++] = (struct sl_attach){helper, port, active};
}

static struct sl_attach *find_attach(struct sl_gateway *g, const char *name)
{
	for (unsigned i = 0; i < g->n_attach; i++)
		if (strcmp(g->attach[i].helper->name, name) == 0)
			return &g->attach[i];
	return NULL;
}

static void attach_builtin(struct sl_gateway *g)
{
	for (const struct sl_helper *const *h = sl_helpers_builtin(); *h; h++)
		attach(g, *h, 0, !(*h)->by_request);
}

/* A module's helper takes the place of a built-in one of its name. */
static void attach_module(struct sl_gateway *g, const struct sl_helper *helper)
{
	struct sl_attach *known = find_attach(g, helper->name);

	if (known)
		*known = (struct sl_attach){helper, 0, true};
	else
		attach(g, helper, 0, true);
}

/* sl_helper_foo of dir/foo.so */
static const struct sl_helper *named_helper(void *handle, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char symbol[96];

	snprintf(symbol, sizeof(symbol), "sl_helper_%.*s", (int)strcspn(base, "."), base);
	return dlsym(handle, symbol);
}

/* dlopen() looks for a name without a slash in the system's directories. */
static void *open_module(const char *path)
{
	char local[4096];

	snprintf(local, sizeof(local), "%s%s", strchr(path, '/') ? "" : "./", path);
	return dlopen(local, RTLD_NOW | RTLD_LOCAL);
}

static bool load_module(struct sl_gateway *g, const char *path)
{
	void *handle = open_module(path);
	const struct sl_helper *const *list;
	const struct nf2000_module *old;
	const struct sl_helper *one;

	if (!handle)
		return complain(g, "--module", path, dlerror());
	g->modules = sl__must_grow(g->modules, (g->n_modules + 1) * sizeof(*g->modules));
	g->modules[g->n_modules++] = handle;
	list = dlsym(handle, "sl_module_helpers");
	one = named_helper(handle, path);
	old = dlsym(handle, "nf2000_module");
	if (!list && !one && !old)
		return complain(
		        g, "--module", path, "not a helper module: exports no sl_helper_NAME");
	if (old)
		sl__modules2000_add(&g->modules2000, old);
	if (one)
		attach_module(g, one);
	for (; list && *list; list++)
		attach_module(g, *list);
	return true;
}

/* NAME, or NAME=PORT. */
static bool add_port(struct sl_gateway *g, const char *text)
{
	struct sl_attach *known;
	const char *port_text;
	char name[64];
	uint64_t port = 0;

	if (strchr(text, '=')) {
		if (!sl__option_pair(text, name, sizeof(name), &port_text) ||
		        !sl__option_number(port_text, 65535, &port) || port == 0)
			return complain(g, "--helper", text, "not NAME=PORT");
	} else {
		snprintf(name, sizeof(name), "%s", text);
	}
	known = find_attach(g, name);
	if (!known)
		return complain(g, "--helper", text, "no such helper; `sluice helpers` lists them");
	if (port)
		attach(g, known->helper, (uint16_t)port, true);
	else
		known->active = true;
	return true;
}

/* ---- a ruleset ------------------------------------------------------------------------------ */

static const char *if_name(void *ctx, uint32_t index)
{
	(void)ctx;
	return index == SL_SIDE_IN ? "in0" : index == SL_SIDE_OUT ? "out0" : NULL;
}

bool sl__gateway_has_helper(struct sl_gateway *g, const char *name)
{
	return find_attach(g, name) != NULL;
}

static bool has_helper(void *ctx, const char *name)
{
	return sl__gateway_has_helper(ctx, name);
}

static bool is_own(void *ctx, const struct sl_addr *addr, enum sl_family family)
{
	const struct sl_gateway *g = ctx;

	for (unsigned i = 0; i < g->opt->n_own; i++)
		if (sl_addr_eq(&g->opt->own[i].addr, addr))
			return true;
	return g->nat && sl_addr_eq(addr, family == SL_IPV4 ? &g->opt->public4 : &g->opt->public6);
}

void sl__gateway_log(void *ctx, const struct sl_policy_view *view, const char *prefix)
{
	const struct sl_env *env = &view->engine->env;
	const struct sl_event event = {.type = SL_EVENT_LOG,
	        .conn = view->conn,
	        .packet = view->packet,
	        .text = prefix,
	        .text_len = strlen(prefix),
	        .now = view->now};

	(void)ctx;
	if (env->event)
		env->event(env->ctx, &event);
}

static struct sl_rules *load(struct sl_gateway *g, const char *file, FILE *errors)
{
	const struct sl_replay_options *opt = g->opt;
	const struct sl_ruleset_options how = {
	        opt->defines.at, opt->defines.n, opt->includes.at, opt->includes.n, errors};
	const struct sl_rules_env env = {.ctx = g,
	        .if_name = if_name,
	        .has_helper = has_helper,
	        .is_local = is_own,
	        .set_helper = sl_conn_set_helper,
	        .log = sl__gateway_log};

	return sl__ruleset_load(file, &how, g->look ? g->look->env : &env);
}

void sl__gateway_use(struct sl_gateway *g, struct sl_rules *rules)
{
	g->rules = rules;
	g->nat = sl_rules_translates(rules);
	g->policy = &sl_rules_policy;
	g->policy_ctx = rules;
}

static bool use_rules(struct sl_gateway *g, const struct sl_replay_options *opt)
{
	const struct sl_gateway *first = g->look ? g->look->first : NULL;
	struct sl_rules *rules =
	        first ? sl__gateway_share(g, first->rules) : load(g, opt->rules, NULL);

	if (rules)
		sl__gateway_use(g, rules);
	return rules != NULL;
}

struct sl_rules *sl__gateway_share(struct sl_gateway *g, struct sl_rules *rules)
{
	return sl__ruleset_share(rules, g->look->env, g->look->lock);
}

struct sl_rules *sl__gateway_read(struct sl_gateway *g, const char *file, FILE *errors)
{
	return load(g, file ? file : g->opt->rules, errors);
}

struct sl_rules *sl__gateway_swap(
        struct sl_gateway *g, struct sl_engine *engine, struct sl_rules *rules)
{
	struct sl_rules *before = g->rules;

	sl__gateway_use(g, rules);
	sl_engine_set_policy(engine, g->policy, g->policy_ctx);
	return before;
}

bool sl__gateway_init(struct sl_gateway *g, const struct sl_replay_options *opt,
        const struct sl_gateway_look *look)
{
	*g = (struct sl_gateway){.look = look};
	g->opt = opt;
	attach_builtin(g);
	for (unsigned i = 0; i < opt->modules.n; i++)
		if (!load_module(g, opt->modules.at[i]))
			return false;
	for (unsigned i = 0; i < opt->helpers.n; i++)
		if (!add_port(g, opt->helpers.at[i]))
			return false;
	if (opt->rules)
		return use_rules(g, opt);
	use_builtin(g, opt);
	return true;
}

void sl__gateway_stop(struct sl_gateway *g)
{
	sl__modules2000_stop(&g->modules2000);
}

void sl__gateway_fini(struct sl_gateway *g)
{
	sl__gateway_stop(g);
	sl_rules_destroy(g->rules);
	for (unsigned i = 0; i < g->n_modules; i++)
		dlclose(g->modules[i]);
	free(g->modules);
	free(g->attach);
	*g = (struct sl_gateway){0};
}

/* ---- when the engine is there ------------------------------------------------------------- */

static bool register_helpers(struct sl_gateway *g, struct sl_engine *engine)
{
	for (unsigned i = 0; i < g->n_attach; i++) {
		const struct sl_helper *helper = g->attach[i].helper;

		if (g->attach[i].port == 0 && !sl_helper_register(engine, helper, false))
			return complain(g, "helper", helper->name,
			        "cannot be registered: its name is taken, or it is made for another version");
		/* A ruleset knows nothing of --helper NAME=PORT: the registry does it. */
		if (g->attach[i].port && g->rules)
			sl_helper_register_port(engine, helper, g->attach[i].port);
	}
	return true;
}

static bool set_tunable(const struct sl_gateway *g, struct sl_engine *engine, const char *text)
{
	const char *value_text;
	uint64_t value;
	uint32_t now;
	char name[128];

	if (!sl__option_pair(text, name, sizeof(name), &value_text) ||
	        !sl__option_number(value_text, UINT32_MAX, &value))
		return complain(g, "--set", text, "not NAME=NUMBER");
	if (sl_tunable_set(engine, name, (uint32_t)value))
		return true;
	return complain(g, "--set", text,
	        sl_tunable_get(engine, name, &now) ? "the value is out of range"
	                                           : "no such tunable (sluice help tunables)");
}

bool sl__gateway_start(
        struct sl_gateway *g, const struct sl_replay_options *opt, struct sl_engine *engine)
{
	const char *wrong;

	/* Helpers first: their options can be set then. */
	if (!register_helpers(g, engine))
		return false;
	wrong = sl__modules2000_start(&g->modules2000, engine);
	if (wrong)
		return complain(g, "--module", "", wrong);
	if (!sl_tunable_set(engine, "nf_conntrack_checksum", opt->checksum))
		return complain(g, "--checksum", "", "cannot be set");
	for (unsigned i = 0; i < opt->sets.n; i++)
		if (!set_tunable(g, engine, opt->sets.at[i]))
			return false;
	return true;
}
