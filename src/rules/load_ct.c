/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet's connection has. A packet without one has none of it but a state.
 */
#include "rules/load.h"

#include <string.h>

#include "track/parse.h"

static unsigned state_bit(enum sl_ctstate state)
{
	switch (state) {
	case SL_CT_NEW:
		return 8;
	case SL_CT_ESTABLISHED:
		return 2;
	case SL_CT_RELATED:
		return 4;
	case SL_CT_UNTRACKED:
		return 64;
	default:
		return 1;
	}
}

/* Before tracking, a zone that a rule set makes it look new, as in Linux (its template is). */
static enum sl_ctstate state_of(const struct sl_policy_view *v)
{
	if (v->stage == SL_BEFORE_TRACK && !v->conn)
		return v->zone_set ? SL_CT_NEW : v->notrack ? SL_CT_UNTRACKED : SL_CT_INVALID;
	return v->conn || v->state == SL_CT_UNTRACKED ? v->state : SL_CT_INVALID;
}

static bool load_ct_count(
        const struct sl_conn_info *info, const struct sl__expr *e, uint8_t *out, unsigned *len)
{
	uint64_t packets = e->dir < 2 ? info->packets[e->dir] : info->packets[0] + info->packets[1];
	uint64_t bytes = e->dir < 2 ? info->bytes[e->dir] : info->bytes[0] + info->bytes[1];
	unsigned key = e->field->key;

	*len = sl__load_number_put(out,
	        key == CT_BYTES     ? bytes
	        : key == CT_PACKETS ? packets
	        : packets           ? bytes / packets
	                            : 0,
	        8);
	return true;
}

static bool load_ct_addr(
        const struct sl_conn_info *info, const struct sl__expr *e, uint8_t *out, unsigned *len)
{
	const struct sl_tuple *t = &info->tuple[e->dir & 1];
	unsigned key = e->field->key;
	bool ip6 = key == CT_SADDR6 || key == CT_DADDR6;
	const struct sl_addr *a = key == CT_SADDR4 || key == CT_SADDR6 ? &t->src : &t->dst;

	if (t->family != (ip6 ? SL_IPV6 : SL_IPV4))
		return false;
	*len = ip6 ? 16 : 4;
	memcpy(out, a->b + 16 - *len, *len);
	return true;
}

bool sl__load_ct(struct sl__eval *ev, const struct sl__expr *e, uint8_t *out, unsigned *len)
{
	struct sl_conn_info info;

	if (e->field->key == CT_STATE) {
		*len = sl__load_number_put(out, state_bit(state_of(ev->view)), 4);
		return true;
	}
	if (!ev->view->conn)
		return false;
	sl_conn_info(ev->view->engine, ev->view->conn, &info);
	switch (e->field->key) {
	case CT_STATUS:
		*len = sl__load_number_put(out, info.status, 4);
		return true;
	case CT_DIRECTION:
		*len = sl__load_number_put(out, ev->view->dir, 1);
		return true;
	case CT_MARK:
		*len = sl__load_number_put(out, info.mark, 4);
		return true;
	case CT_ZONE:
		*len = sl__load_number_put(
		        out, e->dir > 1 || info.zone_dirs >> e->dir & 1 ? info.zone : 0, 2);
		return true;
	case CT_HELPER:
		*len = sl__load_text_put(out, info.master_helper);
		return info.master_helper; /* its master's: of what is related, as in Linux */
	case CT_EXPIRATION:
		/* Linux has a conn's time as a date only when it is confirmed. */
		*len = sl__load_number_put(out, info.status & SL_CONFIRMED ? info.timeout : 0, 4);
		return true;
	case CT_L3PROTO:
		*len = sl__load_number_put(out, info.tuple[0].family == SL_IPV6 ? 10 : 2, 1);
		return true;
	case CT_PROTOCOL:
		*len = sl__load_number_put(out, info.tuple[0].proto, 1);
		return true;
	case CT_PROTO_SRC:
		*len = sl__load_number_put(out, info.tuple[e->dir & 1].sport, 2);
		return true;
	case CT_PROTO_DST:
		*len = sl__load_number_put(out, info.tuple[e->dir & 1].dport, 2);
		return true;
	case CT_BYTES:
	case CT_PACKETS:
	case CT_AVGPKT:
		return load_ct_count(&info, e, out, len);
	default:
		return load_ct_addr(&info, e, out, len);
	}
}
