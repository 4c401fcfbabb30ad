/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry of helpers: a short list, looked through once per new connection.
 *
 * A helper is found by the reply tuple's source port, where the connection really goes:
 * what was redirected by destination NAT gets the helper of the port it ends up at, as in
 * Linux. The records are borrowed until they are removed; an entry is a copy of the matches,
 * because registering on another port changes them.
 */
#include "help/registry.h"

#include <string.h>

#include "base/mem.h"

struct entry {
	struct sl_list link;
	const struct sl_helper *helper;
	bool automatic;
	struct sl_helper_match match[SL_HELPER_MATCHES];
	uint32_t value[SL_HELPER_OPTIONS]; /* of the record's options */
};

static struct entry *entry_of(struct sl_list *link)
{
	return SL_CONTAINER(link, struct entry, link);
}

void sl__registry_init(struct sl_registry *r, const struct sl_mem *mem)
{
	r->mem = mem;
	sl__list_init(&r->entries);
}

static void drop(struct sl_registry *r, struct entry *e)
{
	sl__list_remove(&e->link);
	sl__free(r->mem, e, sizeof(*e));
}

void sl__registry_fini(struct sl_registry *r)
{
	SL_LIST_EACH_SAFE(it, &r->entries)
		drop(r, entry_of(it));
}

static uint16_t mask_of(const struct sl_helper_match *m)
{
	return m->port_mask ? m->port_mask : 0xffff;
}

static bool same_match(const struct sl_helper_match *a, const struct sl_helper_match *b)
{
	return a->proto == b->proto && (!a->family || !b->family || a->family == b->family) &&
	       mask_of(a) == mask_of(b) && ((a->port ^ b->port) & mask_of(a)) == 0;
}

static bool valid(const struct sl_helper *h)
{
	if (h->abi != SL_HELPER_ABI || h->size != sizeof(*h) || !h->name || !h->match[0].proto)
		return false;
	if (h->framing == SL_FRAME_LENGTH && h->length_size != 1 && h->length_size != 2 && h->length_size != 4)
		return false;
	return h->framing != SL_FRAME_OWN || h->frame;
}

static bool taken(const struct sl_registry *r, const struct entry *e)
{
	SL_LIST_EACH(it, &r->entries) {
		const struct entry *other = entry_of(it);

		if (other->helper != e->helper && !strcmp(other->helper->name, e->helper->name))
			return true;
		for (unsigned i = 0; e->automatic && other->automatic && i < SL_HELPER_MATCHES; i++)
			for (unsigned j = 0; j < SL_HELPER_MATCHES; j++)
				if (e->match[i].proto && same_match(&e->match[i], &other->match[j]))
					return true;
	}
	return false;
}

bool sl__registry_add(struct sl_registry *r, const struct sl_helper *helper, bool automatic, uint16_t port)
{
	struct entry *e;

	if (!valid(helper))
		return false;
	e = sl__alloc(r->mem, sizeof(*e));
	if (!e)
		return false;
	e->helper = helper;
	e->automatic = automatic;
	for (unsigned i = 0; i < SL_HELPER_OPTIONS; i++)
		e->value[i] = helper->options[i].value;
	memcpy(e->match, helper->match, port ? sizeof(e->match[0]) : sizeof(e->match));
	if (port) {
		e->match[0].port = port;
		e->match[0].port_mask = 0xffff;
	}
	if (taken(r, e)) {
		sl__free(r->mem, e, sizeof(*e));
		return false;
	}
	sl__list_append(&r->entries, &e->link);
	return true;
}

/* Where the entry keeps the option; NULL: the helper has none of this name. */
static uint32_t *option_of(struct entry *e, const char *name, uint32_t *max)
{
	for (unsigned i = 0; i < SL_HELPER_OPTIONS && e->helper->options[i].name; i++) {
		if (strcmp(e->helper->options[i].name, name) != 0)
			continue;
		*max = e->helper->options[i].max;
		return &e->value[i];
	}
	return NULL;
}

bool sl__registry_option_get(
	const struct sl_registry *r, const struct sl_helper *helper, const char *name, uint32_t *value)
{
	uint32_t max;

	SL_LIST_EACH(it, &r->entries) {
		const uint32_t *at = helper && entry_of(it)->helper != helper ? NULL : option_of(entry_of(it), name, &max);

		if (!at)
			continue;
		*value = *at;
		return true;
	}
	return false;
}

bool sl__registry_option_set(struct sl_registry *r, const char *name, uint32_t value)
{
	bool known = false;

	SL_LIST_EACH(it, &r->entries) {
		uint32_t max, *at = option_of(entry_of(it), name, &max);

		if (!at || value > max)
			continue;
		*at = value;
		known = true;
	}
	return known;
}

bool sl__registry_remove(struct sl_registry *r, const struct sl_helper *helper)
{
	bool known = false;

	SL_LIST_EACH_SAFE(it, &r->entries) {
		if (entry_of(it)->helper != helper)
			continue;
		drop(r, entry_of(it));
		known = true;
	}
	return known;
}

const struct sl_helper *sl__registry_by_name(const struct sl_registry *r, const char *name)
{
	SL_LIST_EACH(it, &r->entries)
		if (!strcmp(entry_of(it)->helper->name, name))
			return entry_of(it)->helper;
	return NULL;
}

/* How many bits of the tuple the match fixes; 0: it does not fit. */
static unsigned fits(const struct sl_helper_match *m, const struct sl_tuple *reply)
{
	unsigned bits = 8;

	if (m->proto != reply->proto || (m->family && m->family != reply->family) ||
		((m->port ^ reply->sport) & mask_of(m)))
		return 0;
	for (unsigned mask = mask_of(m); mask; mask &= mask - 1)
		bits++;
	return bits + (m->family ? 16 : 0);
}

const struct sl_helper *sl__registry_match(const struct sl_registry *r, const struct sl_tuple *reply)
{
	const struct sl_helper *best = NULL;
	unsigned most = 0;

	SL_LIST_EACH(it, &r->entries) {
		const struct entry *e = entry_of(it);

		for (unsigned i = 0; e->automatic && i < SL_HELPER_MATCHES && e->match[i].proto; i++) {
			unsigned bits = fits(&e->match[i], reply);

			if (bits > most) {
				most = bits;
				best = e->helper;
			}
		}
	}
	return best;
}
