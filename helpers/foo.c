/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FOO, the protocol of Harald Welte's text: the client says on port 111 where it listens, and
 * the server connects there. docs/writing-a-helper.md walks through this file.
 *
 *	client					server
 *	HERE 10.0.0.2 4711
 *	    <---- TCP connection to 10.0.0.2, port 4711 ----
 */
#include <sluice/helper.h>

static enum sl_help_result request(struct sl_help *help, struct sl_message *message)
{
	struct sl_endpoint written = {.family = SL_IPV4, .proto = SL_PROTO_TCP}, seen;
	struct sl_text t = message->text;
	uint8_t addr[4];
	uint32_t port;
	size_t begin;
	char text[32];
	struct sl_out out = sl_out_of(text, sizeof(text));
	enum sl_reason why;

	if (!sl_text_word(&t, "HERE") || !sl_text_spaces(&t))
		return SL_PASS;
	begin = sl_text_offset(&t);
	if (!sl_text_ipv4(&t, addr) || !sl_text_spaces(&t) || !sl_text_uint(&t, 65535, &port))
		return SL_PASS;
	written.addr = sl_addr_v4(addr);
	written.port = (uint16_t)port;
	why = sl_expect_endpoint(help, message, &written, 0, "FOO data", &seen);
	if (why != SL_WHY_NONE)
		return sl_refuse(help, why);
	sl_text_put_ipv4(&out, seen.addr.b + 12);
	sl_text_put_char(&out, ' ');
	sl_text_put_uint(&out, seen.port);
	if (!sl_replace(help, message, begin, sl_text_offset(&t) - begin, text, sl_out_len(&out)))
		return sl_refuse(help, SL_WHY_HELPER_DROP);
	return SL_PASS;
}

const struct sl_helper sl_helper_foo = {
	SL_HELPER_HEADER,
	.name = "foo",
	.match = {{.proto = SL_PROTO_TCP, .port = 111}},
	.classes = {{.name = "data", .max = 1, .timeout = 300}},
	.framing = SL_FRAME_LINE,
	.message = {[SL_ORIGINAL] = request},
	.by_request = true,
};
