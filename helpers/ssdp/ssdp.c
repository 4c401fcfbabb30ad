/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SSDP, the discovery of UPnP: UPnP Device Architecture 1.1 and 2.0, 1.3 (1.3.2, 1.3.3: search).
 *
 *	control point (SL_ORIGINAL)			devices, UDP 1900
 *
 *	M-SEARCH, MX: 3  -> 239.255.255.250, ff02::c, ff05::c
 *	    <---- UDP from any of these devices within 3 seconds: that is me, see http://... ----
 *
 * A search says how many seconds devices may take to answer. They answer from their own addresses and
 * any port, to the port that asked, so that the answer belongs to no connection: it is expected for
 * that long and two seconds for its way, from any host of the asker's network. The IPv4 group and
 * ff05::c are wider than a link and may have been routed: with the option ssdp_anyone any host may
 * answer.
 *
 * Over TCP the same helper reads subscriptions to events: gena.c.
 *
 * A search has the request line, MAN and MX of one. What else is sent to the group (NOTIFY, by which
 * devices tell of themselves) opens nothing, nor does a search of one device, whose answer belongs
 * to its connection. What devices tell in their answers is for connections that the asker opens.
 */
#include "ssdp.h"

#define PORT    1900
#define SECONDS 5
#define MX_MAX  120 /* UPnP 1.0; later ones say 5 */
#define WAY     2

static bool is_quoted_discover(struct sl_text value)
{
	return sl_text_eq_nocase(&value, "\"ssdp:discover\"");
}

/* A search; *mx: how long devices may take. */
static bool is_search(struct sl_text t, uint32_t *mx)
{
	bool man = false, has_mx = false;
	struct sl_text line;

	if (!sl_text_line(&t, &line) || !sl_text_exact(&line, "M-SEARCH * HTTP/1."))
		return false;
	while (sl_text_line(&t, &line) && sl_text_left(&line)) {
		struct sl_text name;

		if (!sl_text_until(&line, ':', &name))
			return false;
		sl_text_spaces(&line);
		sl_text_trim(&line);
		if (sl_text_eq_nocase(&name, "MAN"))
			man = is_quoted_discover(line);
		else if (sl_text_eq_nocase(&name, "MX"))
			has_mx = sl_text_uint(&line, UINT32_MAX, mx) && !sl_text_left(&line);
	}
	return man && has_mx;
}

static enum sl_help_result search(struct sl_help *help, struct sl_message *m)
{
	struct sl_question asked = {.class_id = SSDP_ANSWER,
	        .anyone = sl_help_option(help, "ssdp_anyone"),
	        .reason = "SSDP answers"};
	uint32_t mx = 0;

	if (!is_search(m->text, &mx))
		return SL_PASS;
	asked.timeout = (mx < MX_MAX ? mx : MX_MAX) + WAY;
	sl_expect_from_group(help, m, &asked);
	return SL_PASS;
}

static enum sl_help_result request(struct sl_help *help, struct sl_message *m)
{
	struct sl_tuple own;

	sl_help_tuple(help, m->dir, &own);
	return own.proto == SL_PROTO_UDP ? search(help, m) : gena_request(help, m);
}

static enum sl_help_result answer(struct sl_help *help, struct sl_message *m)
{
	struct sl_tuple own;

	sl_help_tuple(help, m->dir, &own);
	return own.proto == SL_PROTO_UDP ? SL_PASS : gena_answer(help, m);
}

const struct sl_helper sl_helper_ssdp = {
        SL_HELPER_HEADER,
        .name = "ssdp",
        .match = {{.proto = SL_PROTO_UDP, .port = PORT},
                {.proto = SL_PROTO_TCP, .port = GENA_PORT}},
        .classes = {[SSDP_ANSWER] = {.name = "answer", .max = 1, .timeout = SECONDS},
                [GENA_EVENT] = {.name = "event", .max = 8, .timeout = 60}},
        .framing = SL_FRAME_OWN,
        .data_size = sizeof(struct gena),
        .message = {[SL_ORIGINAL] = request, [SL_REPLY] = answer},
        .frame = gena_frame,
        .hold = gena_hold,
        .options = {{.name = "ssdp_anyone",
                .max = 1,
                .what = "hosts of other networks may answer a group that routers forward"}},
        .by_request = true,
};
