/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text of trace steps: a small formatter, as there is no stdio down here.
 * It knows %s, %u, %d, %x and %%.
 */
#include <stdarg.h>

#include <sluice/text.h>

#include "track/track.h"

#define TRACE_TEXT 256

static void put_signed(struct sl_out *out, int v)
{
	if (v < 0)
		sl_text_put_char(out, '-');
	sl_text_put_uint(out, v < 0 ? 0u - (unsigned)v : (unsigned)v);
}

/* As much of it as there is room for: a long rule is cut, not left out. */
static void put_cut(struct sl_out *out, const char *text)
{
	while (*text && !out->full)
		sl_text_put_char(out, *text++);
}

static bool has_ports(const struct sl_tuple *tuple)
{
	return tuple->proto != SL_PROTO_ICMP && tuple->proto != SL_PROTO_ICMPV6 &&
	       (tuple->sport || tuple->dport);
}

static void put_end(
        struct sl_out *out, const struct sl_tuple *tuple, const struct sl_addr *addr, uint16_t port)
{
	bool ports = has_ports(tuple), brackets = ports && tuple->family == SL_IPV6;
	char text[SL_ADDR_TEXT];

	if (brackets)
		sl_text_put_char(out, '[');
	sl_text_put_str(out, sl_addr_text(addr, (enum sl_family)tuple->family, text));
	if (brackets)
		sl_text_put_char(out, ']');
	if (ports)
		sl_text_put_char(out, ':');
	if (ports && port)
		sl_text_put_uint(out, port);
	else if (ports)
		sl_text_put_char(out, '*');
}

const char *sl__tuple_text(const struct sl_tuple *tuple, char text[SL_TUPLE_TEXT])
{
	struct sl_out out = sl_out_of(text, SL_TUPLE_TEXT - 1);

	put_end(&out, tuple, &tuple->src, tuple->sport);
	sl_text_put_str(&out, " > ");
	put_end(&out, tuple, &tuple->dst, tuple->dport);
	text[sl_out_len(&out)] = '\0';
	return text;
}

void sl__trace(
        struct sl_track *t, const struct sl_conn *conn, const char *step, const char *format, ...)
{
	char text[TRACE_TEXT];
	struct sl_out out = sl_out_of(text, sizeof(text));
	va_list args;

	va_start(args, format);
	for (; *format; format++) {
		if (*format != '%') {
			sl_text_put_char(&out, *format);
			continue;
		}
		switch (*++format) {
		case 's':
			put_cut(&out, va_arg(args, const char *));
			break;
		case 'u':
			sl_text_put_uint(&out, va_arg(args, unsigned));
			break;
		case 'x':
			sl_text_put_hex(&out, va_arg(args, unsigned), 1);
			break;
		case 'd':
			put_signed(&out, va_arg(args, int));
			break;
		default:
			sl_text_put_char(&out, *format);
		}
	}
	va_end(args);
	t->upper->trace(t, conn, step, text, sl_out_len(&out));
}
