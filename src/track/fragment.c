/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reassembly. A datagram that is not whole yet is a queue: an array of pieces sorted by offset,
 * each naming a kept packet. When the last byte comes, a fresh packet is filled from the pieces
 * and they are freed. Nothing is copied before that.
 *
 *   found by   source, destination, id, zone, vrf; IPv4 also protocol; IPv6 to link-local and
 *              multicast addresses also the interface. Keyed hash.
 *   memory     every queue and fragment is charged to its source address and to all. Who is over
 *              a quarter of the limit loses its own oldest queue; at the limit the oldest of all
 *              goes. So one sender cannot push out the others.
 *   time       a queue lives for its family's timeout, counted from its first fragment. Queues
 *              stand in a list a family in the order they began, so the first is always due first
 *              (but for a timeout lowered meanwhile, which counts for new queues).
 *   ownership  a fragment is the caller's until env->keep() took it; what was kept ends in
 *              env->free(). The fragment that completes a datagram is only copied from.
 *
 * Judging a fragment, as Linux does (tried out on 6.18). "All": the datagram is given up with all
 * that was kept of it; what comes later begins a new one.
 *
 *                                            IPv4              IPv6
 *   no bytes                                 all               this one
 *   not the last, length not 8 * n           cut to 8 * n      all, and it passes
 *   ends elsewhere than the last one said    all               this one
 *   ends beyond 65,535                       all               this one
 *   first without its transport header       -                 this one, it passes
 *   all of its bytes came before             this one          this one
 *   some of its bytes came before            all               all (RFC 5722)
 *
 * What passes is tracked by what can be read of it: a first fragment as if it were a packet, a
 * later one is INVALID.
 *
 * "Came before" means in one run of bytes, where a run is a fragment with those that came later,
 * each directly behind the end of everything so far. That is an odd rule, but the kernel's, and
 * it decides whether a repeated datagram with other boundaries survives. The bytes that came
 * first count. A repeated fragment that is the first to say where the datagram ends does not
 * complete it, not even if nothing else is missing.
 *
 * What was not tried and is not done: ICMP errors for datagrams that time out.
 */
#include "track/fragment.h"

#include <string.h>

#include "base/checksum.h"
#include "base/mem.h"
#include "base/wire.h"

enum { IPV6_LEN = 40, FRAGMENT_LEN = 8, MAX_LEN = 65535, CE = 3, KEY_WORDS = 12 };

/* What names a datagram. The first words are the source, which is also counted by itself. */
struct key {
	uint32_t word[KEY_WORDS];
};
enum { SOURCE_WORDS = 5 };

struct source {
	struct sl_list link; /* in its bucket */
	struct sl_list age;  /* its queues, oldest first */
	uint32_t word[SOURCE_WORDS];
	uint32_t ref, bytes;
	uint32_t users;      /* queues, and whoever is about to make one; 0: it goes */
};

struct piece {
	uint16_t begin, end;
	bool joined;  /* one run with the piece before it */
	uint32_t ref; /* the kept packet; 0: the one being added */
};

struct kept {
	struct sl_packet packet;
	uint32_t payload; /* where the fragment's bytes begin */
};

struct queue {
	struct sl_list link, age, source_age;
	struct source *source;
	struct piece *pieces; /* sorted, disjoint */
	uint32_t ref, n, room;
	uint32_t bytes;	      /* of the datagram that are there */
	uint32_t end;	      /* of the datagram as far as known */
	uint32_t charged;
	uint32_t born, deadline;
	uint32_t max, max_df; /* longest fragment, longest with DF */
	uint32_t frag_next;   /* IPv6, in the first fragment: who names the fragment header */
	struct key key;
	uint8_t ecn;	      /* 1 << codepoint of each fragment */
	bool v6, last_seen;
};

/* A fragment on its way in. */
struct arrival {
	struct sl_packet *p;
	const struct sl_parsed *parsed;
	struct key key;
	uint32_t begin, end, payload;
	uint32_t now;
	uint32_t at; /* where among the pieces */
	bool joined, v6;
};

enum fate { KEEP, REFUSE, GIVE_UP, GIVE_UP_AND_PASS };

static const uint32_t queue_cost = sizeof(struct queue) + sizeof(struct source);

/* ---- the whole store ------------------------------------------------------------------------------- */

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
	sl__slab_init(&f->queue_slab, &env->mem, sizeof(struct queue), 8, slab_chunk,
		limit / queue_cost + 1);
	/* One more than queues: it is there before its queue is charged. */
	sl__slab_init(&f->source_slab, &env->mem, sizeof(struct source), 8, slab_chunk,
		limit / queue_cost + 2);
	sl__slab_init(&f->kept_slab, &env->mem, sizeof(struct kept), 8, slab_chunk,
		limit / (uint32_t)sizeof(struct kept) + 1);
	f->queues = make_buckets(&env->mem, n);
	f->sources = make_buckets(&env->mem, n);
	return f->queues && f->sources;
}

/* ---- sources ------------------------------------------------------------------------------------------ */

static struct sl_list *source_bucket(const struct sl_fragments *f, const uint32_t *word)
{
	return &f->sources[sl__hash_words(&f->key, word, SOURCE_WORDS) & f->mask];
}

/* The source, held by one more user; NULL: no memory. */
static struct source *source_hold(struct sl_fragments *f, const struct key *key)
{
	struct sl_list *bucket = source_bucket(f, key->word);
	struct source *s;
	uint32_t ref;

	SL_LIST_EACH(it, bucket) {
		s = SL_CONTAINER(it, struct source, link);
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

static void source_release(struct sl_fragments *f, struct source *s)
{
	if (--s->users)
		return;
	sl__list_remove(&s->link);
	sl__slab_put(&f->source_slab, s->ref);
}

/* ---- queues --------------------------------------------------------------------------------------------- */

static struct sl_list *queue_bucket(const struct sl_fragments *f, const struct key *key)
{
	return &f->queues[sl__hash_words(&f->key, key->word, KEY_WORDS) & f->mask];
}

static struct queue *queue_find(const struct sl_fragments *f, const struct key *key)
{
	SL_LIST_EACH(it, queue_bucket(f, key)) {
		struct queue *q = SL_CONTAINER(it, struct queue, link);

		if (!memcmp(&q->key, key, sizeof(*key)))
			return q;
	}
	return NULL;
}

static void charge(struct sl_fragments *f, struct queue *q, uint32_t cost)
{
	f->bytes += cost;
	q->source->bytes += cost;
	q->charged += cost;
}

/* End a queue and free what was kept for it. `why` is counted for each; NONE: they are whole now. */
static void queue_end(struct sl_fragments *f, struct queue *q, enum sl_reason why)
{
	for (uint32_t i = 0; i < q->n; i++) {
		uint32_t ref = q->pieces[i].ref;
		struct kept *kept;

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
			queue_end(f, SL_CONTAINER(f->age[v6].next, struct queue, age), SL_WHY_NONE);
	sl__slab_fini(&f->queue_slab);
	sl__slab_fini(&f->source_slab);
	sl__slab_fini(&f->kept_slab);
	sl__free(&f->env->mem, f->queues, size);
	sl__free(&f->env->mem, f->sources, size);
	f->env = NULL;
}

static struct queue *oldest(const struct sl_fragments *f)
{
	struct sl_list *a = sl__list_first(&f->age[0]), *b = sl__list_first(&f->age[1]);
	struct queue *v4 = a ? SL_CONTAINER(a, struct queue, age) : NULL;
	struct queue *v6 = b ? SL_CONTAINER(b, struct queue, age) : NULL;

	if (!v4 || !v6)
		return v4 ? v4 : v6;
	return (int32_t)(v4->born - v6->born) <= 0 ? v4 : v6;
}

static struct queue *oldest_of(const struct source *s)
{
	struct sl_list *first = sl__list_first(&s->age);

	return first ? SL_CONTAINER(first, struct queue, source_age) : NULL;
}

/*
 * Make room for `cost` bytes of this source. False: it cannot be had without `q` (NULL: at all),
 * which is then ended itself.
 */
static bool make_room(struct sl_fragments *f, struct source *s, struct queue *q, uint32_t cost)
{
	for (;;) {
		bool share = (uint64_t)s->bytes + cost > f->limit / 4;
		struct queue *victim = share ? oldest_of(s) : oldest(f);

		if (!share && (uint64_t)f->bytes + cost <= f->limit)
			return true;
		if (!victim)
			return false;
		queue_end(f, victim, SL_WHY_FRAG_LIMIT);
		if (victim == q)
			return false;
	}
}

/* An empty queue for source s, of which it takes over one use. */
static struct queue *queue_new(struct sl_fragments *f, struct source *s, const struct arrival *a)
{
	uint32_t ref;
	struct queue *q = sl__slab_get(&f->queue_slab, &ref);

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
	charge(f, q, queue_cost);
	return q;
}

/* The queue that this fragment belongs to, perhaps new. NULL: cannot be had. */
static struct queue *queue_for(struct sl_fragments *f, const struct arrival *a, enum sl_reason *why)
{
	struct queue *q = queue_find(f, &a->key);
	struct source *s;

	if (q && (int32_t)(a->now - q->deadline) >= 0) {
		queue_end(f, q, SL_WHY_FRAG_TIMEOUT);
		q = NULL;
	}
	if (q)
		return q;
	*why = SL_WHY_NO_MEMORY;
	s = source_hold(f, &a->key);
	if (!s)
		return NULL;
	if (!make_room(f, s, NULL, queue_cost))
		*why = SL_WHY_FRAG_LIMIT;
	else
		q = queue_new(f, s, a);
	if (!q)
		source_release(f, s);
	return q;
}

/* ---- judging a fragment ----------------------------------------------------------------------------------- */

static uint32_t link_local_if(const struct sl_packet *p, const struct sl_parsed *parsed)
{
	const uint8_t *dst = parsed->tuple.dst.b;
	bool local = dst[0] == 0xff || (dst[0] == 0xfe && (dst[1] & 0xc0) == 0x80);

	return parsed->tuple.family == SL_IPV6 && local ? p->in_if : 0;
}

static void make_key(struct arrival *a, uint16_t zone)
{
	const struct sl_tuple *tuple = &a->parsed->tuple;
	uint32_t *w = a->key.word;

	for (unsigned i = 0; i < 4; i++) {
		w[i] = sl_get32(tuple->src.b + 4 * i);
		w[5 + i] = sl_get32(tuple->dst.b + 4 * i);
	}
	w[4] = a->p->vrf;
	w[9] = a->parsed->frag_id;
	w[10] = link_local_if(a->p, a->parsed);
	w[11] = (uint32_t)zone << 16 | (a->v6 ? 0x8000u : tuple->proto);
}

/* RFC 8200 4.5: the first fragment holds all headers, the transport's too. */
static bool headers_missing(const struct sl_parsed *parsed)
{
	uint32_t need = 1;

	if (parsed->frag != SL_FRAG_FIRST)
		return false;
	if (parsed->tuple.proto == SL_PROTO_TCP)
		need = 20;
	else if (parsed->tuple.proto == SL_PROTO_UDP || parsed->tuple.proto == SL_PROTO_ICMPV6)
		need = 8;
	return parsed->len - parsed->l4 < need;
}

/* What the fragment says of the datagram's end, against what is known of it. */
static enum fate learn_end(struct queue *q, struct arrival *a)
{
	enum fate contradiction = a->v6 ? REFUSE : GIVE_UP;

	if (!a->parsed->more_fragments) {
		if (a->end < q->end || (q->last_seen && a->end != q->end))
			return contradiction;
		q->last_seen = true;
		q->end = a->end;
		return KEEP;
	}
	if (a->end & 7 && a->v6)
		return GIVE_UP_AND_PASS;
	a->end &= ~UINT32_C(7);
	if (a->end > q->end) {
		if (q->last_seen)
			return contradiction;
		q->end = a->end;
	}
	return KEEP;
}

/* The first piece that ends behind `begin`; q->n: none. */
static uint32_t piece_after(const struct queue *q, uint32_t begin)
{
	uint32_t low = 0, high = q->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (q->pieces[mid].end > begin)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* Where the run that piece i belongs to ends, looking no further than `enough`. */
static uint32_t run_end(const struct queue *q, uint32_t i, uint32_t enough)
{
	while (q->pieces[i].end < enough && i + 1 < q->n && q->pieces[i + 1].joined)
		i++;
	return q->pieces[i].end;
}

/* Its place among the pieces, or what it overlaps. */
static enum fate find_place(const struct queue *q, struct arrival *a, enum sl_reason *why)
{
	const struct piece *piece;

	a->at = piece_after(q, a->begin);
	a->joined = q->n && a->at == q->n && q->pieces[q->n - 1].end == a->begin;
	if (a->at == q->n || a->end <= q->pieces[a->at].begin)
		return KEEP;
	piece = &q->pieces[a->at];
	if (a->begin >= piece->begin && a->end <= run_end(q, a->at, a->end)) {
		*why = SL_WHY_FRAG_DUPLICATE;
		return REFUSE;
	}
	*why = SL_WHY_FRAG_OVERLAP;
	return GIVE_UP;
}

static enum fate judge(struct queue *q, struct arrival *a, enum sl_reason *why)
{
	enum fate fate;

	*why = SL_WHY_FRAG_TOO_LONG;
	if (a->end > MAX_LEN)
		return GIVE_UP;
	*why = SL_WHY_FRAG_MALFORMED;
	fate = learn_end(q, a);
	if (fate != KEEP)
		return fate;
	if (a->end == a->begin)
		return a->v6 ? REFUSE : GIVE_UP;
	return find_place(q, a, why);
}

/* ---- the whole datagram ------------------------------------------------------------------------------------ */

static void finish_ipv4(uint8_t *d, uint32_t header, uint32_t len, bool df, bool ce)
{
	if (ce)
		d[1] |= CE;
	sl_put16(d + 2, (uint16_t)len);
	sl_put16(d + 6, df ? 0x4000 : 0);
	sl_put16(d + 10, 0);
	sl_put16(d + 10, sl__csum(sl__sum(d, header, 0)));
}

static void finish_ipv6(uint8_t *d, uint32_t len, uint32_t next_at, uint8_t next, bool ce)
{
	if (ce)
		d[1] |= CE << 4;
	sl_put16(d + 4, (uint16_t)(len - IPV6_LEN));
	d[next_at] = next;
}

static void note_shape(const struct queue *q, uint32_t header, struct sl_frag_shape *shape)
{
	shape->max = q->max;
	shape->len = header + q->end;
	shape->dont_fragment = q->max_df == q->max;
	shape->cuts = q->n - 1 <= SL_FRAG_CUTS ? q->n - 1 : 0;
	for (unsigned i = 0; i < shape->cuts; i++)
		shape->cut[i] = header + q->pieces[i + 1].begin;
}

/* RFC 3168 5.3: what came without ECN may not be mixed with what came with it. */
static bool ecn_contradicts(uint8_t seen)
{
	return (seen & 1) && seen != 1;
}

/* Everything is there; `a` is the piece without a reference. */
static enum sl_reason build(const struct sl_fragments *f, const struct queue *q,
	const struct arrival *a, struct sl_frag_whole *whole)
{
	const struct kept last = {.packet = *a->p, .payload = a->payload};
	const struct kept *from = NULL, *first;
	uint32_t header, len;
	struct sl_packet out = {0};

	first = q->pieces[0].ref ? sl__slab_at(&f->kept_slab, q->pieces[0].ref) : &last;
	header = first->payload - (q->v6 ? FRAGMENT_LEN : 0);
	len = header + q->end;
	if (len - (q->v6 ? IPV6_LEN : 0) > MAX_LEN)
		return SL_WHY_FRAG_TOO_LONG;
	if (ecn_contradicts(q->ecn))
		return SL_WHY_FRAG_ECN;
	if (!f->env->alloc || !f->env->alloc(f->env->ctx, &out, len))
		return SL_WHY_KEEP_FAILED;
	memcpy(out.data, first->packet.data, header);
	for (uint32_t i = 0; i < q->n; i++) {
		const struct piece *piece = &q->pieces[i];

		from = piece->ref ? sl__slab_at(&f->kept_slab, piece->ref) : &last;
		memcpy(out.data + header + piece->begin, from->packet.data + from->payload,
			(size_t)piece->end - piece->begin);
	}
	memset(whole, 0, sizeof(*whole));
	note_shape(q, header, &whole->shape);
	if (q->v6)
		finish_ipv6(out.data, len, q->frag_next, first->packet.data[header], q->ecn & 1 << CE);
	else
		finish_ipv4(out.data, header, len, whole->shape.dont_fragment, q->ecn & 1 << CE);
	whole->packet = first->packet;
	whole->packet.handle = out.handle;
	whole->packet.data = out.data;
	whole->packet.len = out.len;
	whole->packet.headroom = out.headroom;
	whole->packet.tailroom = out.tailroom;
	whole->packet.csum = SL_CSUM_NONE;
	whole->packet.gso = SL_GSO_NONE;
	whole->packet.gso_size = 0;
	return SL_WHY_NONE;
}

/* ---- adding ---------------------------------------------------------------------------------------------------- */

static bool grow_pieces(const struct sl_fragments *f, struct queue *q)
{
	uint32_t room = q->room ? q->room * 2 : 4;
	struct piece *pieces;

	if (q->n < q->room)
		return true;
	pieces = sl__alloc(&f->env->mem, room * sizeof(*pieces));
	if (!pieces)
		return false;
	if (q->n)
		memcpy(pieces, q->pieces, q->n * sizeof(*pieces));
	sl__free(&f->env->mem, q->pieces, q->room * sizeof(*pieces));
	q->pieces = pieces;
	q->room = room;
	return true;
}

static void insert(struct queue *q, const struct arrival *a, uint32_t ref)
{
	uint32_t size = a->payload + (a->end - a->begin);
	struct piece *piece = &q->pieces[a->at];

	memmove(piece + 1, piece, (q->n - a->at) * sizeof(*piece));
	*piece = (struct piece){
		.begin = (uint16_t)a->begin, .end = (uint16_t)a->end, .joined = a->joined, .ref = ref};
	q->n++;
	q->bytes += a->end - a->begin;
	q->ecn |= (uint8_t)(1 << (a->parsed->tos & 3));
	if (size > q->max)
		q->max = size;
	if (a->parsed->dont_fragment && size > q->max_df)
		q->max_df = size;
	if (a->begin == 0)
		q->frag_next = a->parsed->frag_next;
}

/* Take the packet and remember it. Not NONE: it was not taken. */
static enum sl_reason keep(struct sl_fragments *f, struct queue *q, const struct arrival *a)
{
	const struct sl_env *env = f->env;
	struct kept *kept;
	uint32_t ref;

	if (!env->keep || !env->free)
		return SL_WHY_KEEP_FAILED;
	kept = sl__slab_get(&f->kept_slab, &ref);
	if (!kept)
		return SL_WHY_NO_MEMORY;
	if (!env->keep(env->ctx, a->p)) {
		sl__slab_put(&f->kept_slab, ref);
		return SL_WHY_KEEP_FAILED;
	}
	kept->packet = *a->p;
	kept->payload = a->payload;
	f->fragments++;
	insert(q, a, ref);
	return SL_WHY_NONE;
}

static enum sl_frag_result complete(struct sl_fragments *f, struct queue *q,
	const struct arrival *a, struct sl_frag_whole *whole, enum sl_reason *why)
{
	insert(q, a, 0);
	*why = build(f, q, a, whole);
	queue_end(f, q, *why);
	return *why == SL_WHY_NONE ? SL_FRAGMENT_COMPLETE : SL_FRAGMENT_DROP;
}

/* It fits. Put it in its place; with the last one the datagram is whole. */
static enum sl_frag_result add(struct sl_fragments *f, struct queue *q, const struct arrival *a,
	struct sl_frag_whole *whole, enum sl_reason *why)
{
	uint32_t size = a->end - a->begin;
	uint32_t cost = (uint32_t)(sizeof(struct kept) + sizeof(struct piece)) + a->p->len;

	*why = SL_WHY_NO_MEMORY;
	if (grow_pieces(f, q)) {
		if (q->last_seen && q->bytes + size == q->end)
			return complete(f, q, a, whole, why);
		*why = SL_WHY_FRAG_LIMIT;
		if (!make_room(f, q->source, q, cost))
			return SL_FRAGMENT_DROP;
		*why = keep(f, q, a);
		if (*why == SL_WHY_NONE) {
			charge(f, q, cost);
			return SL_FRAGMENT_QUEUED;
		}
	}
	if (q->n == 0)
		queue_end(f, q, *why);
	return SL_FRAGMENT_DROP;
}

enum sl_frag_result sl__fragment_add(struct sl_fragments *f, struct sl_packet *p,
	const struct sl_parsed *parsed, uint16_t zone, uint32_t now_ms, struct sl_frag_whole *whole,
	enum sl_reason *why)
{
	struct arrival a = {.p = p, .parsed = parsed, .now = now_ms};
	struct queue *q;
	enum fate fate;

	a.v6 = parsed->tuple.family == SL_IPV6;
	a.payload = a.v6 ? parsed->frag_header + FRAGMENT_LEN : parsed->l4;
	a.begin = parsed->frag_offset;
	a.end = a.begin + (parsed->len - a.payload);
	if (a.v6 && headers_missing(parsed)) {
		*why = SL_WHY_SHORT_L4;
		return SL_FRAGMENT_PASS;
	}
	if (a.v6 && a.end > MAX_LEN) {
		*why = SL_WHY_FRAG_TOO_LONG;
		return SL_FRAGMENT_DROP;
	}
	make_key(&a, zone);
	q = queue_for(f, &a, why);
	if (!q)
		return SL_FRAGMENT_DROP;
	fate = judge(q, &a, why);
	if (fate == KEEP)
		return add(f, q, &a, whole, why);
	if (fate != REFUSE)
		queue_end(f, q, *why);
	return fate == GIVE_UP_AND_PASS ? SL_FRAGMENT_PASS : SL_FRAGMENT_DROP;
}

void sl__fragments_release(struct sl_fragments *f, const struct sl_packet *p,
	const struct sl_parsed *parsed, uint16_t zone, void (*out)(void *ctx, struct sl_packet *p), void *ctx)
{
	struct sl_packet same = *p;
	struct arrival a = {.p = &same, .parsed = parsed, .v6 = parsed->tuple.family == SL_IPV6};
	struct queue *q;

	make_key(&a, zone);
	q = queue_find(f, &a.key);
	for (uint32_t i = 0; q && i < q->n; i++) {
		struct kept *kept = sl__slab_at(&f->kept_slab, q->pieces[i].ref);
		struct sl_packet piece = kept->packet;

		sl__slab_put(&f->kept_slab, q->pieces[i].ref);
		q->pieces[i].ref = 0;
		f->fragments--;
		out(ctx, &piece);
	}
	if (q)
		queue_end(f, q, SL_WHY_NONE);
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

bool sl__fragments_expire(struct sl_fragments *f, uint32_t now_ms, unsigned budget)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		while (!sl__list_empty(&f->age[v6])) {
			struct queue *q = SL_CONTAINER(f->age[v6].next, struct queue, age);

			if ((int32_t)(now_ms - q->deadline) < 0)
				break;
			if (budget-- == 0)
				return true;
			queue_end(f, q, SL_WHY_FRAG_TIMEOUT);
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
		at = SL_CONTAINER(first, struct queue, age)->deadline;
		if (!any || (int32_t)(at - now_ms) < (int32_t)(*at_ms - now_ms))
			*at_ms = at;
		any = true;
	}
	return any;
}

/* ---- atomic fragments ------------------------------------------------------------------------------------------- */

void sl__fragment_strip_atomic(struct sl_packet *p, const struct sl_parsed *parsed)
{
	p->data[parsed->frag_next] = p->data[parsed->frag_header];
	sl_put16(p->data + 4, (uint16_t)(sl_get16(p->data + 4) - FRAGMENT_LEN));
	memmove(p->data + FRAGMENT_LEN, p->data, parsed->frag_header);
	p->data += FRAGMENT_LEN;
	p->len -= FRAGMENT_LEN;
	p->headroom += FRAGMENT_LEN;
	p->altered = 1;
}

/* ---- self-check -------------------------------------------------------------------------------------------------- */

static const char *check_queue(const struct sl_fragments *f, struct queue *q)
{
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < q->n; i++) {
		const struct piece *piece = &q->pieces[i];

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
	return queue_find(f, &q->key) == q ? NULL : "a datagram is not found by its key";
}

const char *sl__fragments_check(const struct sl_fragments *f)
{
	uint32_t charged = 0, kept = 0, queues = 0;

	for (unsigned v6 = 0; v6 < 2; v6++) {
		SL_LIST_EACH(it, &f->age[v6]) {
			struct queue *q = SL_CONTAINER(it, struct queue, age);
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
