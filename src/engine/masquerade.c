/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The built-in policy: no filter; masquerade what leaves by one interface. It is also the
 * smallest example of a policy.
 */
#include "engine/engine.h"

static uint8_t no_stages(void *ctx, enum sl_hook hook)
{
	(void)ctx, (void)hook;
	return 0;
}

static enum sl_decision pass(void *ctx, struct sl_policy_view *view)
{
	(void)ctx, (void)view;
	return SL_CONTINUE;
}

static bool masquerade(void *ctx, struct sl_policy_view *view, struct sl_nat_range *range)
{
	const struct sl_policy_masquerade *settings = ctx;

	if (view->hook != SL_POSTROUTING || !settings || view->out_if != settings->out_if)
		return false;
	range->flags = SL_NAT_MASQUERADE;
	return true;
}

static uint8_t nat_hooks(void *ctx, enum sl_family family)
{
	(void)ctx, (void)family;
	return 1 << SL_POSTROUTING;
}

const struct sl_policy sl_policy_masquerade = {
	.stages = no_stages, .decide = pass, .nat = masquerade, .nat_hooks = nat_hooks};
