/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store of datagrams that are not whole yet: which there are, who pays for them, which go
 * when room is wanted, and when.
 *
 *   found by   source, destination, id, zone, vrf; IPv4 also protocol; IPv6 to link-local and
 *              multicast addresses also the interface (the caller makes the key). Keyed hash.
 *   memory     every queue and fragment is charged to its source address and to all. Who is over
 *              a quarter of the limit loses its own oldest queue; at the limit the oldest of all
 *              goes. So one sender cannot push out the others.
 *   time       a queue lives for its family's timeout, counted from its first fragment. Queues
 *              stand in a list a family in the order they began, so the first is always due first
 *              (but for a timeout lowered meanwhile, which counts for new queues).
 *   ownership  a queue owns its pieces and what they name; ending it frees all of that. A source
 *              is owned by its queues together and goes with the last.
 *
 * What was not tried and is not done: ICMP errors for datagrams that time out.
 */
#include "track/fragment_parts.h"

#include <string.h>

#include "base/mem.h"

static const uint32_t queue_cost = sizeof(struct sl_frag_queue) + sizeof(struct sl_frag_source);

/* ---- the whole store ------------------------------------------------------------------------- */

static uint32_t buckets_for(uint32_t limit)
{
	uint32_t n = 64;

	while (n < 65536 && n < limit / 4096)
		n *= 2;
	return n;
}

static struct sl_list *make_buckets(const struct sl_mem *mem, uint32_t n)
{
	struct sl_list *heads = sl__alloc(mem, n * sizeof(*heads));

	for (uint32_t i = 0; heads && i < n; i++)
		sl__list_init(&heads[i]);
	return heads;
}

bool sl__fragments_init(struct sl_fragments *f, const struct sl_env *env, uint32_t limit,
	uint32_t slab_chunk, struct sl_random *random, uint64_t *reasons)
{
	uint32_t n = buckets_for(limit);

	memset(f, 0, sizeof(*f));
	f->env = env;
	f->reasons = reasons;
	f->limit = limit;
	f->mask = n - 1;
	f->timeout_ms[0] = 30000;
	f->timeout_ms[1] = 60000;
	sl__hash_key_init(&f->key, random);
	sl__list_init(&f->age[0]);
	sl__list_init(&f->age[1]);
	sl__slab_init(&f->queue_slab, &env->mem, sizeof(struct sl_frag_queue), 8, slab_chunk,
		limit / queue_cost + 1);
	/* One more than queues: it is there before its queue is charged. */
	sl__slab_init(&f->source_slab, &env->mem, sizeof(struct sl_frag_source), 8, slab_chunk,
		limit / queue_cost + 2);
	sl__slab_init(&f->kept_slab, &env->mem, sizeof(struct sl_frag_kept), 8, slab_chunk,
		limit / (uint32_t)sizeof(struct sl_frag_kept) + 1);
	f->queues = make_buckets(&env->mem, n);
	f->sources = make_buckets(&env->mem, n);
	return f->queues && f->sources;
}

/* ---- sources --------------------------------------------------------------------------------- */

static struct sl_list *source_bucket(const struct sl_fragments *f, const uint32_t *word)
{
	return &f->sources[sl__hash_words(&f->key, word, SL_FRAG_SOURCE_WORDS) & f->mask];
}

/* The source, held by one more user; NULL: no memory. */
static struct sl_frag_source *source_hold(struct sl_fragments *f, const struct sl_frag_key *key)
{
	struct sl_list *bucket = source_bucket(f, key->word);
	struct sl_frag_source *s;
	uint32_t ref;

	SL_LIST_EACH(it, bucket) {
		s = SL_CONTAINER(it, struct sl_frag_source, link);
		if (!memcmp(s->word, key->word, sizeof(s->word))) {
			s->users++;
			return s;
		}
	}
	s = sl__slab_get(&f->source_slab, &ref);
	if (!s)
		return NULL;
	s->ref = ref;
	s->users = 1;
	memcpy(s->word, key->word, sizeof(s->word));
	sl__list_init(&s->age);
	sl__list_add(bucket, &s->link);
	return s;
}

static void source_release(struct sl_fragments *f, struct sl_frag_source *s)
{
	if (--s->users)
		return;
	sl__list_remove(&s->link);
	sl__slab_put(&f->source_slab, s->ref);
}

/* ---- queues ---------------------------------------------------------------------------------- */

static struct sl_list *queue_bucket(const struct sl_fragments *f, const struct sl_frag_key *key)
{
	return &f->queues[sl__hash_words(&f->key, key->word, SL_FRAG_KEY_WORDS) & f->mask];
}

struct sl_frag_queue *sl__frag_queue_find(const struct sl_fragments *f, const struct sl_frag_key *key)
{
	SL_LIST_EACH(it, queue_bucket(f, key)) {
		struct sl_frag_queue *q = SL_CONTAINER(it, struct sl_frag_queue, link);

		if (!memcmp(&q->key, key, sizeof(*key)))
			return q;
	}
	return NULL;
}

void sl__frag_charge(struct sl_fragments *f, struct sl_frag_queue *q, uint32_t cost)
{
	f->bytes += cost;
	q->source->bytes += cost;
	q->charged += cost;
}

/* End a queue and free what was kept for it. `why` is counted for each; NONE: they are whole now. */
void sl__frag_queue_end(struct sl_fragments *f, struct sl_frag_queue *q, enum sl_reason why)
{
	for (uint32_t i = 0; i < q->n; i++) {
		uint32_t ref = q->pieces[i].ref;
		struct sl_frag_kept *kept;

		if (!ref)
			continue;
		kept = sl__slab_at(&f->kept_slab, ref);
		f->env->free(f->env->ctx, &kept->packet);
		sl__slab_put(&f->kept_slab, ref);
		f->fragments--;
		if (why != SL_WHY_NONE)
			f->reasons[why]++;
	}
	sl__free(&f->env->mem, q->pieces, q->room * sizeof(*q->pieces));
	f->bytes -= q->charged;
	q->source->bytes -= q->charged;
	sl__list_remove(&q->link);
	sl__list_remove(&q->age);
	sl__list_remove(&q->source_age);
	source_release(f, q->source);
	sl__slab_put(&f->queue_slab, q->ref);
}

void sl__fragments_fini(struct sl_fragments *f)
{
	size_t size = ((size_t)f->mask + 1) * sizeof(struct sl_list);

	if (!f->env)
		return;
	for (unsigned v6 = 0; v6 < 2; v6++)
		while (!sl__list_empty(&f->age[v6]))
			sl__frag_queue_end(f, SL_CONTAINER(f->age[v6].next, struct sl_frag_queue, age), SL_WHY_NONE);
	sl__slab_fini(&f->queue_slab);
	sl__slab_fini(&f->source_slab);
	sl__slab_fini(&f->kept_slab);
	sl__free(&f->env->mem, f->queues, size);
	sl__free(&f->env->mem, f->sources, size);
	f->env = NULL;
}

static struct sl_frag_queue *oldest(const struct sl_fragments *f)
{
	struct sl_list *a = sl__list_first(&f->age[0]), *b = sl__list_first(&f->age[1]);
	struct sl_frag_queue *v4 = a ? SL_CONTAINER(a, struct sl_frag_queue, age) : NULL;
	struct sl_frag_queue *v6 = b ? SL_CONTAINER(b, struct sl_frag_queue, age) : NULL;

	if (!v4 || !v6)
		return v4 ? v4 : v6;
	return (int32_t)(v4->born - v6->born) <= 0 ? v4 : v6;
}

static struct sl_frag_queue *oldest_of(const struct sl_frag_source *s)
{
	struct sl_list *first = sl__list_first(&s->age);

	return first ? SL_CONTAINER(first, struct sl_frag_queue, source_age) : NULL;
}

/*
 * Make room for `cost` bytes of this source. False: it cannot be had without `q` (NULL: at all),
 * which is then ended itself.
 */
bool sl__frag_make_room(struct sl_fragments *f, struct sl_frag_source *s, struct sl_frag_queue *q, uint32_t cost)
{
	for (;;) {
		bool share = (uint64_t)s->bytes + cost > f->limit / 4;
		struct sl_frag_queue *victim = share ? oldest_of(s) : oldest(f);

		if (!share && (uint64_t)f->bytes + cost <= f->limit)
			return true;
		if (!victim)
			return false;
		sl__frag_queue_end(f, victim, SL_WHY_FRAG_LIMIT);
		if (victim == q)
			return false;
	}
}

/* An empty queue for source s, of which it takes over one use. */
static struct sl_frag_queue *queue_new(struct sl_fragments *f, struct sl_frag_source *s, const struct sl_frag_arrival *a)
{
	uint32_t ref;
	struct sl_frag_queue *q = sl__slab_get(&f->queue_slab, &ref);

	if (!q)
		return NULL;
	q->ref = ref;
	q->source = s;
	q->key = a->key;
	q->v6 = a->v6;
	q->born = a->now;
	q->deadline = a->now + f->timeout_ms[a->v6];
	sl__list_add(queue_bucket(f, &a->key), &q->link);
	sl__list_append(&f->age[a->v6], &q->age);
	sl__list_append(&s->age, &q->source_age);
	sl__frag_charge(f, q, queue_cost);
	return q;
}

/* The queue that this fragment belongs to, perhaps new. NULL: cannot be had. */
struct sl_frag_queue *sl__frag_queue_for(struct sl_fragments *f, const struct sl_frag_arrival *a, enum sl_reason *why)
{
	struct sl_frag_queue *q = sl__frag_queue_find(f, &a->key);
	struct sl_frag_source *s;

	if (q && (int32_t)(a->now - q->deadline) >= 0) {
		sl__frag_queue_end(f, q, SL_WHY_FRAG_TIMEOUT);
		q = NULL;
	}
	if (q)
		return q;
	*why = SL_WHY_NO_MEMORY;
	s = source_hold(f, &a->key);
	if (!s)
		return NULL;
	if (!sl__frag_make_room(f, s, NULL, queue_cost))
		*why = SL_WHY_FRAG_LIMIT;
	else
		q = queue_new(f, s, a);
	if (!q)
		source_release(f, s);
	return q;
}

/* ---- time ------------------------------------------------------------------------------------ */

bool sl__fragments_expire(struct sl_fragments *f, uint32_t now_ms, unsigned budget)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		while (!sl__list_empty(&f->age[v6])) {
			struct sl_frag_queue *q = SL_CONTAINER(f->age[v6].next, struct sl_frag_queue, age);

			if ((int32_t)(now_ms - q->deadline) < 0)
				break;
			if (budget-- == 0)
				return true;
			sl__frag_queue_end(f, q, SL_WHY_FRAG_TIMEOUT);
		}
	}
	return false;
}

bool sl__fragments_deadline(const struct sl_fragments *f, uint32_t now_ms, uint32_t *at_ms)
{
	bool any = false;

	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct sl_list *first = sl__list_first(&f->age[v6]);
		uint32_t at;

		if (!first)
			continue;
		at = SL_CONTAINER(first, struct sl_frag_queue, age)->deadline;
		if (!any || (int32_t)(at - now_ms) < (int32_t)(*at_ms - now_ms))
			*at_ms = at;
		any = true;
	}
	return any;
}

/* ---- self-check ------------------------------------------------------------------------------ */

static const char *check_queue(const struct sl_fragments *f, struct sl_frag_queue *q)
{
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < q->n; i++) {
		const struct sl_frag_piece *piece = &q->pieces[i];

		if (!sl__slab_live(&f->kept_slab, piece->ref))
			return "a fragment is not there";
		if (piece->begin >= piece->end || piece->end > q->end)
			return "a fragment has no bytes, or ends behind its datagram";
		if (i && piece->begin < piece[-1].end)
			return "fragments overlap or are not sorted";
		if (piece->joined && (!i || piece->begin != piece[-1].end))
			return "a run of fragments has a hole";
		bytes += (uint32_t)(piece->end - piece->begin);
	}
	if (bytes != q->bytes || bytes > q->end)
		return "a datagram's bytes are miscounted";
	return sl__frag_queue_find(f, &q->key) == q ? NULL : "a datagram is not found by its key";
}

const char *sl__fragments_check(const struct sl_fragments *f)
{
	uint32_t charged = 0, kept = 0, queues = 0;

	for (unsigned v6 = 0; v6 < 2; v6++) {
		SL_LIST_EACH(it, &f->age[v6]) {
			struct sl_frag_queue *q = SL_CONTAINER(it, struct sl_frag_queue, age);
			const char *bad = check_queue(f, q);

			if (bad)
				return bad;
			if (q->source->bytes > f->limit / 4)
				return "a source has more than its share";
			charged += q->charged;
			kept += q->n;
			queues++;
		}
	}
	if (charged != f->bytes || f->bytes > f->limit)
		return "fragment memory is miscounted or over the limit";
	if (kept != f->fragments || kept != sl__slab_count(&f->kept_slab) ||
		queues != sl__slab_count(&f->queue_slab))
		return "fragments are miscounted";
	return sl__slab_count(&f->source_slab) <= queues ? NULL : "a source has no datagram";
}
