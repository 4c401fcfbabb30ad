/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges that NAT chooses from (loose.h). */
#include "loose.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "script.h"

static bool address(const char *text, uint8_t *out, uint8_t *size)
{
	*size = strchr(text, ':') ? 16 : 4;
	return inet_pton(*size == 16 ? AF_INET6 : AF_INET, text, out) == 1;
}

bool loose_add(struct loose *l, const char *text)
{
	struct loose_range *r = &l->at[l->count];
	char lo[50], hi[50];
	uint8_t size;
	int got;

	if (l->count == LOOSE_MAX)
		return false;
	got = sscanf(text, "%49[0-9a-f.:]-%49[0-9a-f.:] %hu-%hu", lo, hi, &r->first, &r->last);
	if (got != 2 && got != 4)
		return false;
	r->ports = got == 4;
	if (!address(lo, r->lo, &r->size) || !address(hi, r->hi, &size) || size != r->size)
		return false;
	l->count++;
	return true;
}

/* One end: its address, and its port (NULL: it has none). True: it was of a range. */
static bool settle(const struct loose *l, unsigned size, uint8_t *addr, uint8_t *port)
{
	for (unsigned i = 0; i < l->count; i++) {
		const struct loose_range *r = &l->at[i];
		unsigned n = port ? (unsigned)port[0] << 8 | port[1] : 0;

		if (r->size != size || memcmp(addr, r->lo, size) < 0 ||
		        memcmp(addr, r->hi, size) > 0)
			continue;
		memcpy(addr, r->lo, size);
		if (port && r->ports && n >= r->first && n <= r->last)
			memset(port, 0, 2);
		return true;
	}
	return false;
}

void loose_packet(const struct loose *l, struct outcome *o)
{
	bool v4 = o->data[0] >> 4 == 4, changed;
	unsigned size = v4 ? 4 : 16, at = v4 ? 12 : 8, l4 = v4 ? 20 : 40, proto;
	bool ports;

	if (!l->count || o->pieces != 1 || o->len < l4 + 8)
		return;
	proto = o->data[v4 ? 9 : 6];
	ports = proto == 6 || proto == 17;
	changed = settle(l, size, o->data + at, ports ? o->data + l4 : NULL);
	changed |= settle(l, size, o->data + at + size, ports ? o->data + l4 + 2 : NULL);
	if (changed)
		script_checksums(o->data, o->len);
}

void loose_conn(const struct loose *l, struct conn *c)
{
	unsigned size = c->family == 4 ? 4 : 16;

	for (unsigned dir = 0; dir < 2; dir++) {
		struct end *e = &c->tuple[dir];
		uint8_t s[2] = {(uint8_t)(e->sport >> 8), (uint8_t)e->sport},
		        d[2] = {(uint8_t)(e->dport >> 8), (uint8_t)e->dport};

		settle(l, size, e->src, s);
		settle(l, size, e->dst, d);
		e->sport = (uint16_t)(s[0] << 8 | s[1]);
		e->dport = (uint16_t)(d[0] << 8 | d[1]);
	}
}
