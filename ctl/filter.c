/* SPDX-License-Identifier: BSD-2-Clause */
/* See filter.h. A table of options: spelling, whether an argument follows, and what reads it. */
#include "ctl/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- reading arguments ---------------------------------------------------------------------- */

static bool read_number(const char *text, unsigned long max, unsigned long *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*out = strtoul(text, &end, 0);
	return !*end && *out <= max;
}

static bool read_prefix(const char *text, struct sl_addr *addr, uint8_t *bits, uint8_t *family)
{
	const char *slash = strchr(text, '/');
	unsigned long len, max;
	char copy[SL_ADDR_TEXT];
	enum sl_family read;
	size_t n = slash ? (size_t)(slash - text) : strlen(text);

	if (n >= sizeof(copy))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	if (!sl_addr_parse(copy, addr, &read))
		return false;
	max = read == SL_IPV4 ? 32 : 128;
	len = max;
	if (slash && !read_number(slash + 1, max, &len))
		return false;
	*bits = (uint8_t)(128 - max + len);
	*family = (uint8_t)read;
	return true;
}

static bool set_addr(struct sl_filter *f, unsigned end, const char *text)
{
	uint8_t family;

	f->has_addr[end] = read_prefix(text, &f->addr[end], &f->bits[end], &family);
	if (!f->has_addr[end] || (f->family && f->family != family))
		return false;
	f->family = family;
	return true;
}

static bool set_port(struct sl_filter *f, unsigned end, const char *text)
{
	unsigned long port = 0;

	f->has_port[end] = read_number(text, 65535, &port);
	f->port[end] = (uint16_t)port;
	return f->has_port[end];
}

static bool set_proto(struct sl_filter *f, unsigned unused, const char *text)
{
	unsigned long number;
	char own[4];

	(void)unused;
	f->has_proto = true;
	if (read_number(text, 255, &number)) {
		f->proto = (uint8_t)number;
		return true;
	}
	for (unsigned i = 0; i < 256; i++)
		if (strcasecmp(sl_proto_text((uint8_t)i, own), text) == 0) {
			f->proto = (uint8_t)i;
			return true;
		}
	return false;
}

static bool set_family(struct sl_filter *f, unsigned unused, const char *text)
{
	(void)unused;
	f->family = strcmp(text, "ipv4") == 0 ? SL_IPV4 : strcmp(text, "ipv6") == 0 ? SL_IPV6 : 0;
	return f->family != 0;
}

static bool set_mark(struct sl_filter *f, unsigned unused, const char *text)
{
	char copy[32], *slash;
	unsigned long mark, mask = UINT32_MAX;

	(void)unused;
	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	if (!read_number(copy, UINT32_MAX, &mark) ||
	        (slash && !read_number(slash + 1, UINT32_MAX, &mask)))
		return false;
	f->has_mark = true;
	f->mark = (uint32_t)mark;
	f->mark_mask = (uint32_t)mask;
	return true;
}

static bool set_zone(struct sl_filter *f, unsigned unused, const char *text)
{
	unsigned long zone = 0;

	(void)unused;
	f->has_zone = read_number(text, 65535, &zone);
	f->zone = (uint16_t)zone;
	return f->has_zone;
}

static bool set_state(struct sl_filter *f, unsigned unused, const char *text)
{
	(void)unused;
	return snprintf(f->state, sizeof(f->state), "%s", text) < (int)sizeof(f->state);
}

static bool set_status_word(struct sl_filter *f, const char *word, size_t len)
{
	static const struct {
		const char *name;
		uint32_t set, unset;
	} words[] = {
	        {"ASSURED", SL_ASSURED, 0},
	        {"SEEN_REPLY", SL_SEEN_REPLY, 0},
	        {"UNSET", 0, SL_ASSURED | SL_SEEN_REPLY},
	        {"EXPECTED", SL_EXPECTED, 0},
	        {"SRC_NAT", SL_SRC_NAT, 0},
	        {"DST_NAT", SL_DST_NAT, 0},
	        {"SEQ_ADJUST", SL_SEQ_ADJUST, 0},
	        {"HELPER", SL_HELPER, 0},
	        {"OFFLOAD", SL_OFFLOAD, 0},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].name) == len && strncasecmp(words[i].name, word, len) == 0) {
			f->set |= words[i].set;
			f->unset |= words[i].unset;
			return true;
		}
	return false;
}

static bool set_status(struct sl_filter *f, unsigned unused, const char *text)
{
	(void)unused;
	for (;;) {
		size_t len = strcspn(text, ",");

		if (!set_status_word(f, text, len))
			return false;
		if (!text[len])
			return true;
		text += len + 1;
	}
}

/* The address that stands in for the source is the reply's destination, and the other way. */
static bool set_nat(struct sl_filter *f, unsigned bits, const char *text)
{
	if (bits == (SL_SRC_NAT | SL_DST_NAT))
		f->any_nat = true;
	else
		f->set |= bits;
	return !text || (bits == SL_SRC_NAT && set_addr(f, 3, text)) ||
	       (bits == SL_DST_NAT && set_addr(f, 2, text));
}

/* ---- the options ---------------------------------------------------------------------------- */

static const struct {
	const char *names[4];
	bool (*set)(struct sl_filter *f, unsigned which, const char *text);
	unsigned which;
	bool optional; /* its argument may be missing */
} options[] = {
        {{"-s", "--src", "--orig-src"}, set_addr, 0, false},
        {{"-d", "--dst", "--orig-dst"}, set_addr, 1, false},
        {{"-r", "--reply-src"}, set_addr, 2, false},
        {{"-q", "--reply-dst"}, set_addr, 3, false},
        {{"--sport", "--orig-port-src"}, set_port, 0, false},
        {{"--dport", "--orig-port-dst"}, set_port, 1, false},
        {{"--reply-port-src"}, set_port, 2, false},
        {{"--reply-port-dst"}, set_port, 3, false},
        {{"-p", "--proto", "--protonum"}, set_proto, 0, false},
        {{"-f", "--family"}, set_family, 0, false},
        {{"-m", "--mark"}, set_mark, 0, false},
        {{"-w", "--zone"}, set_zone, 0, false},
        {{"--state"}, set_state, 0, false},
        {{"-u", "--status"}, set_status, 0, false},
        {{"-n", "--src-nat"}, set_nat, SL_SRC_NAT, true},
        {{"-g", "--dst-nat"}, set_nat, SL_DST_NAT, true},
        {{"--any-nat"}, set_nat, SL_SRC_NAT | SL_DST_NAT, true},
};
enum { OPTIONS = sizeof(options) / sizeof(options[0]) };

/* --name=value is as good as --name value. */
static int find_option(const char *arg, const char **value)
{
	const char *equals = strncmp(arg, "--", 2) == 0 ? strchr(arg, '=') : NULL;
	size_t len = equals ? (size_t)(equals - arg) : strlen(arg);

	*value = equals ? equals + 1 : NULL;
	for (int i = 0; i < OPTIONS; i++)
		for (unsigned k = 0; k < 4 && options[i].names[k]; k++)
			if (strlen(options[i].names[k]) == len &&
			        strncmp(options[i].names[k], arg, len) == 0)
				return i;
	return -1;
}

int sl__filter_option(
        struct sl_filter *filter, char *const *args, unsigned n, unsigned *at, const char **error)
{
	static _Thread_local char message[160];
	const char *name = args[*at], *value;
	int i = find_option(name, &value);

	if (i < 0)
		return 0;
	++*at;
	if (!value && *at < n && (!options[i].optional || args[*at][0] != '-'))
		value = args[(*at)++];
	filter->any = true;
	if ((value || options[i].optional) && options[i].set(filter, options[i].which, value))
		return 1;
	snprintf(message, sizeof(message),
	        value ? "%s %s: cannot be read" : "%s: an argument is missing", name, value);
	*error = message;
	return -1;
}

/* ---- matching ------------------------------------------------------------------------------- */

static bool in_prefix(const struct sl_addr *a, const struct sl_addr *prefix, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	return memcmp(a->b, prefix->b, bytes) == 0 &&
	       (!rest || !((a->b[bytes] ^ prefix->b[bytes]) & (0xff00u >> rest & 0xff)));
}

static bool end_fits(
        const struct sl_filter *f, unsigned end, const struct sl_addr *addr, uint16_t port)
{
	return (!f->has_addr[end] || in_prefix(addr, &f->addr[end], f->bits[end])) &&
	       (!f->has_port[end] || f->port[end] == port);
}

static bool kind_fits(const struct sl_filter *f, const struct sl_tuple *t)
{
	return (!f->family || f->family == t->family) && (!f->has_proto || f->proto == t->proto);
}

static bool tuple_fits(const struct sl_filter *f, unsigned first, const struct sl_tuple *t)
{
	return end_fits(f, first, &t->src, t->sport) && end_fits(f, first + 1, &t->dst, t->dport);
}

bool sl__filter_conn(const struct sl_filter *f, const struct sl_conn_info *info)
{
	if (!f->any)
		return true;
	if (!kind_fits(f, &info->tuple[SL_ORIGINAL]) ||
	        !tuple_fits(f, 0, &info->tuple[SL_ORIGINAL]) ||
	        !tuple_fits(f, 2, &info->tuple[SL_REPLY]))
		return false;
	if ((info->status & f->set) != f->set || info->status & f->unset)
		return false;
	if (f->any_nat && !(info->status & (SL_SRC_NAT | SL_DST_NAT)))
		return false;
	if (f->has_mark && (info->mark & f->mark_mask) != f->mark)
		return false;
	if (f->has_zone && info->zone != f->zone)
		return false;
	return !f->state[0] || (info->state && strcasecmp(info->state, f->state) == 0);
}

bool sl__filter_expect(const struct sl_filter *f, const struct sl_expect_info *info)
{
	return !f->any || (kind_fits(f, &info->tuple) && tuple_fits(f, 0, &info->tuple));
}

bool sl__filter_tuple(const struct sl_filter *f, const struct sl_tuple *t)
{
	const struct sl_tuple back = {
	        .src = t->dst, .dst = t->src, .sport = t->dport, .dport = t->sport};

	return !f->any || (kind_fits(f, t) && (tuple_fits(f, 0, t) || tuple_fits(f, 0, &back)));
}
