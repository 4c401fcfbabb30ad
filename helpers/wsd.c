/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * WS-Discovery: OASIS WS-Discovery 1.1 and the submission of 2005; SOAP-over-UDP.
 *
 *	client (SL_ORIGINAL)				devices of its link, UDP 3702
 *
 *	Probe, Resolve  -> 239.255.255.250, ff02::c
 *	    <---- UDP from any host of the link: ProbeMatches, ResolveMatches ----
 *
 * Printers, scanners, cameras and Windows' network neighbourhood. The answer goes to the port that
 * asked, from the device's own address and any port, so that it belongs to no connection. It is
 * expected for ten seconds, from any host of the asker's network.
 *
 * A question is an XML document whose Action is one of the two. What devices say by themselves
 * (Hello, Bye) opens nothing, nor does a question to a single host or a discovery proxy, whose answer
 * belongs to its connection. What they then say over HTTP needs no help.
 */
#include <sluice/helper.h>

#define PORT    3702
#define SECONDS 10

enum { CLASS_ANSWER };

#define OASIS     "http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01/"
#define MICROSOFT "http://schemas.xmlsoap.org/ws/2005/04/discovery/"

static bool is(struct sl_text t, const char *word)
{
	return sl_text_exact(&t, word) && !sl_text_left(&t);
}

/* The start tag of an Action, with whatever prefix and attributes. */
static bool opens_action(struct sl_text tag)
{
	struct sl_text name, prefix;

	if (!sl_text_token(&tag, &name))
		return false;
	sl_text_until(&name, ':', &prefix);
	return is(name, "Action");
}

/* What stands between the tags of the first Action, without white space. */
static bool action(struct sl_text t, struct sl_text *uri)
{
	struct sl_text tag;

	while (sl_text_until(&t, '<', &tag) && sl_text_until(&t, '>', &tag)) {
		if (!opens_action(tag))
			continue;
		sl_text_skip(&t, " \t\r\n");
		if (!sl_text_until(&t, '<', uri))
			return false;
		sl_text_trim(uri);
		return true;
	}
	return false;
}

static bool is_question(struct sl_text t)
{
	struct sl_text uri;

	if (sl_text_peek(&t) != '<' || !action(t, &uri))
		return false;
	if (!sl_text_exact(&uri, OASIS) && !sl_text_exact(&uri, MICROSOFT))
		return false;
	return is(uri, "Probe") || is(uri, "Resolve");
}

static enum sl_help_result question(struct sl_help *help, struct sl_message *m)
{
	const struct sl_question asked = {
	        .class_id = CLASS_ANSWER, .reason = "WS-Discovery answers"};

	if (is_question(m->text))
		sl_expect_from_group(help, m, &asked);
	return SL_PASS;
}

const struct sl_helper sl_helper_wsd = {
        SL_HELPER_HEADER,
        .name = "wsd",
        .match = {{.proto = SL_PROTO_UDP, .port = PORT}},
        .classes = {[CLASS_ANSWER] = {.name = "answer", .max = 1, .timeout = SECONDS}},
        .framing = SL_FRAME_DATAGRAM,
        .message_max = 65535,
        .message = {[SL_ORIGINAL] = question},
        .by_request = true,
};
