/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The remote shell (rsh, rcp, rexec): the server calls back for what goes to standard error. No RFC;
 * rcmd(3), rexec(3), rshd(8) of 4.2BSD and since.
 *
 *	client (SL_ORIGINAL), port 512 to 1023		server (SL_REPLY), TCP 514 (rexec: 512)
 *
 *	"1022" NUL
 *	    <---- a TCP connection to port 1022, from a port of 512 to 1023 ----
 *	"alice" NUL "bob" NUL "ls" NUL
 *							NUL, and what the command says
 *	what the command reads
 *
 * The first thing that the client says is the port, decimal, up to a NUL; nothing before the NUL, or
 * 0: both go over the one connection. Nothing after that is read.
 *
 * Here ports below 1024 are the rule: they tell that the other end is the system's own. They count
 * from 512 on, only at the client's own address, one at a time, and who comes there must itself come
 * from such a port; option rsh_low_ports 0 opens none of them. Under NAT such a port becomes another
 * of its kind, which the server insists on.
 */
#include <sluice/helper.h>

#define DIGITS 5
#define LOWEST 512
#define LOW    1024

enum { CLASS_STDERR };

/* Up to the NUL, if it comes in time; else all: this is no port. */
static size_t frame(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir)
{
	struct sl_text t = *begin, digits;

	(void)help, (void)dir;
	if (sl_text_until(&t, '\0', &digits))
		return sl_text_offset(&t);
	sl_text_skip(&t, "0123456789");
	return sl_text_left(&t) || sl_text_left(begin) > DIGITS ? sl_text_left(begin) : 0;
}

static bool may_be_opened(struct sl_help *help, uint16_t port)
{
	return port >= LOW || (port >= LOWEST && sl_help_option(help, "rsh_low_ports"));
}

static enum sl_reason open_port(
        struct sl_help *help, struct sl_message *m, uint16_t port, size_t length)
{
	struct sl_announcement a = {.class_id = CLASS_STDERR,
	        .allow = SL_ALLOW_LOW_PORT,
	        .reason = "rsh standard error"};
	struct sl_endpoint seen;
	struct sl_tuple own;
	enum sl_reason why;
	char text[DIGITS];
	struct sl_out out = sl_out_of(text, sizeof(text));

	if (!may_be_opened(help, port)) {
		sl_note(help, SL_WHY_HELPER_PORT, a.reason);
		return SL_WHY_NONE;
	}
	sl_help_tuple(help, m->dir, &own);
	a.written = (struct sl_endpoint){own.src, port, own.family, SL_PROTO_TCP};
	why = sl_expect_announced(help, m, &a, &seen);
	if (why != SL_WHY_NONE || seen.port == port)
		return why;
	sl_text_put_uint(&out, seen.port);
	return sl_replace(help, m, 0, length, text, sl_out_len(&out)) ? SL_WHY_NONE
	                                                              : SL_WHY_HELPER_DROP;
}

static enum sl_help_result first(struct sl_help *help, struct sl_message *m)
{
	struct sl_text t = m->text;
	enum sl_reason why = SL_WHY_NONE;
	uint32_t port;
	size_t length;

	if (sl_text_left(&t) > DIGITS + 1 || !sl_text_uint(&t, 65535, &port))
		return SL_LEAVE;
	length = sl_text_offset(&t);
	if (sl_text_char(&t, '\0') && port && sl_seen_from_start(help))
		why = open_port(help, m, (uint16_t)port, length);
	return why == SL_WHY_NONE ? SL_LEAVE : sl_refuse(help, why);
}

/* Where a privileged port was announced, only a privileged port may come. */
static enum sl_reason expected(struct sl_help *help, struct sl_related *related)
{
	uint16_t from = related->tuple.sport;

	(void)help;
	if (related->announced.port < LOW && (from < LOWEST || from >= LOW))
		return SL_WHY_HELPER_PORT;
	return SL_WHY_NONE;
}

const struct sl_helper sl_helper_rsh = {
        SL_HELPER_HEADER,
        .name = "rsh",
        .match = {{.proto = SL_PROTO_TCP, .port = 514}, {.proto = SL_PROTO_TCP, .port = 512}},
        .classes = {[CLASS_STDERR] = {.name = "stderr", .max = 1, .timeout = 60}},
        .framing = SL_FRAME_OWN,
        .message = {[SL_ORIGINAL] = first},
        .frame = frame,
        .expected = expected,
        .options = {{"rsh_low_ports", 1, 1, "open ports from 512 on; 0: from 1024"}},
        .by_request = true,
};
