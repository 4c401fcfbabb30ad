/* SPDX-License-Identifier: BSD-2-Clause */
/* See snapshot.h. One list of names, values and what they mean; the forms are made from it. */
#include "ctl/snapshot.h"

#include <string.h>

struct visit {
	struct sl_snapshot *snapshot;
	const struct sl_control_engine *at;
};

static void add_stats(struct sl_stats *sum, const struct sl_stats *one)
{
	sum->packets += one->packets;
	sum->bytes += one->bytes;
	for (unsigned i = 0; i < sizeof(sum->verdicts) / sizeof(sum->verdicts[0]); i++)
		sum->verdicts[i] += one->verdicts[i];
	for (unsigned i = 0; i < SL_WHY_COUNT; i++)
		sum->reasons[i] += one->reasons[i];
	sum->answers += one->answers;
	sum->answers_limited += one->answers_limited;
	sum->conns_made += one->conns_made;
	sum->expects_made += one->expects_made;
	sum->expects_met += one->expects_met;
	sum->conns_evicted += one->conns_evicted;
	sum->conns += one->conns;
	sum->conns_unreplied += one->conns_unreplied;
	sum->expects += one->expects;
	sum->fragments += one->fragments;
	sum->stream_bytes += one->stream_bytes;
}

static void take(void *ctx)
{
	struct visit *v = ctx;
	struct sl_stats stats;

	sl_stats(v->at->engine, &stats);
	add_stats(&v->snapshot->stats, &stats);
	v->snapshot->packets[v->at - v->snapshot->server->ops.engines] = stats.packets;
	v->snapshot->server->ops.more(v->at->ctx, &v->snapshot->more);
}

bool sl__snapshot_take(struct sl_snapshot *s, struct sl_server *server)
{
	struct visit v = {.snapshot = s};

	*s = (struct sl_snapshot){.server = server};
	for (unsigned i = 0; i < server->ops.n_engines; i++) {
		v.at = &server->ops.engines[i];
		if (!sl__desk_call(v.at->desk, take, &v))
			return false;
		s->lost += atomic_load(&v.at->feed->lost);
	}
	return true;
}

static const char *const verdicts[] = {
        [SL_ACCEPT] = "accepted",
        [SL_DROP] = "dropped",
        [SL_QUEUED] = "queued",
        [SL_HELD] = "held",
        [SL_TAKEN] = "taken",
        [SL_HANDOVER] = "handed_over",
};

struct number {
	const char *name;
	bool grows; /* a counter; else a gauge */
	uint64_t value;
	const char *what;
};

enum { NUMBERS = 32 };

/* How many there are. */
static unsigned list_numbers(const struct sl_snapshot *s, struct number out[NUMBERS])
{
	const struct sl_stats *st = &s->stats;
	const struct sl_control_more *m = &s->more;
	struct sl_feed *feed = s->server->ops.engines[0].feed; /* who listens, listens to all */
	const struct number numbers[] = {
	        {"uptime", false, m->uptime, "Seconds since the gateway began"},
	        {"packets", true, st->packets, "Packets put in"},
	        {"bytes", true, st->bytes, "Bytes of packets put in"},
	        {"connections", false, st->conns, "Connections in the table"},
	        {"connections_unreplied", false, st->conns_unreplied, "Those that nobody answered"},
	        {"connections_made", true, st->conns_made, "Connections ever made"},
	        {"connections_evicted", true, st->conns_evicted, "Connections ended to make room"},
	        {"expectations", false, st->expects, "Expectations that wait"},
	        {"expectations_made", true, st->expects_made, "Expectations ever made"},
	        {"expectations_met", true, st->expects_met, "Expectations that were met"},
	        {"fragments", false, st->fragments, "Fragments that wait for others"},
	        {"stream_bytes", false, st->stream_bytes, "Bytes that helpers' streams hold"},
	        {"answers", true, st->answers, "ICMP errors and resets of our own"},
	        {"answers_limited", true, st->answers_limited, "The same, not sent for their rate"},
	        {"unsent", true, m->unsent, "Accepted packets that found no way out"},
	        {"not_passed", true, m->not_passed, "Packets for an engine whose inbox was full"},
	        {"read_errors", true, m->read_errors, "Reads from the TAP device that failed"},
	        {"write_errors", true, m->write_errors, "Writes to the TAP device that failed"},
	        {"routes_asked", true, m->routes_asked, "Questions to the kernel's routing table"},
	        {"dropped_while_gone", true, m->gone_dropped, "Dropped while no gateway answered"},
	        {"passed_while_gone", true, m->gone_passed, "Local packets passed meanwhile"},
	        {"dropped_from_unmanaged", true, m->foreign, "Forwarded from unmanaged interfaces"},
	        {"readers", false, atomic_load(&feed->readers), "Who listens to events"},
	        {"explainers", false, atomic_load(&feed->explainers), "Who has packets explained"},
	        {"readers_dropped", true, s->server->readers_dropped, "Readers that were too slow"},
	        {"events_lost", true, s->lost, "Events that nobody heard"},
	};

	_Static_assert(sizeof(numbers) / sizeof(numbers[0]) <= NUMBERS, "room for all");
	memcpy(out, numbers, sizeof(numbers));
	return sizeof(numbers) / sizeof(numbers[0]);
}

void sl__snapshot_text(const struct sl_snapshot *s, struct sl_print *out)
{
	struct number numbers[NUMBERS];
	unsigned n = list_numbers(s, numbers);

	for (unsigned i = 0; i < n; i++)
		sl__print_printf(
		        out, "%-28s %llu\n", numbers[i].name, (unsigned long long)numbers[i].value);
	for (unsigned i = 0; i < s->server->ops.n_engines; i++)
		sl__print_printf(out, "engine %u packets%12s %llu\n", i, "",
		        (unsigned long long)s->packets[i]);
	for (unsigned i = SL_ACCEPT; i <= SL_HANDOVER; i++)
		sl__print_printf(
		        out, "%-28s %llu\n", verdicts[i], (unsigned long long)s->stats.verdicts[i]);
	for (unsigned i = 1; i < SL_WHY_COUNT; i++)
		if (s->stats.reasons[i])
			sl__print_printf(out, "reason %-21s %llu\n",
			        sl_reason_name((enum sl_reason)i),
			        (unsigned long long)s->stats.reasons[i]);
}

void sl__snapshot_json(const struct sl_snapshot *s, struct sl_json *j)
{
	struct number numbers[NUMBERS];
	unsigned n = list_numbers(s, numbers);

	sl__json_object(j, NULL);
	for (unsigned i = 0; i < n; i++)
		sl__json_uint(j, numbers[i].name, numbers[i].value);
	sl__json_array(j, "engines");
	for (unsigned i = 0; i < s->server->ops.n_engines; i++)
		sl__json_uint(j, NULL, s->packets[i]);
	sl__json_end(j);
	sl__json_object(j, "verdicts");
	for (unsigned i = SL_ACCEPT; i <= SL_HANDOVER; i++)
		sl__json_uint(j, verdicts[i], s->stats.verdicts[i]);
	sl__json_end(j);
	sl__json_object(j, "reasons");
	for (unsigned i = 1; i < SL_WHY_COUNT; i++)
		if (s->stats.reasons[i])
			sl__json_uint(j, sl_reason_name((enum sl_reason)i), s->stats.reasons[i]);
	sl__json_end(j);
	sl__json_end(j);
}

static void put_labelled(struct sl_print *out, const char *name, const char *label,
        const char *value, uint64_t number)
{
	sl__print_printf(out, "sluice_%s_total{%s=\"%s\"} %llu\n", name, label, value,
	        (unsigned long long)number);
}

static void put_head(struct sl_print *out, const char *name, bool grows, const char *what)
{
	const char *total = grows ? "_total" : "";

	sl__print_printf(out, "# HELP sluice_%s%s %s.\n# TYPE sluice_%s%s %s\n", name, total, what,
	        name, total, grows ? "counter" : "gauge");
}

void sl__snapshot_metrics(const struct sl_snapshot *s, struct sl_print *out)
{
	struct number numbers[NUMBERS];
	unsigned n = list_numbers(s, numbers);

	for (unsigned i = 0; i < n; i++) {
		put_head(out, numbers[i].name, numbers[i].grows, numbers[i].what);
		sl__print_printf(out, "sluice_%s%s %llu\n", numbers[i].name,
		        numbers[i].grows ? "_total" : "", (unsigned long long)numbers[i].value);
	}
	put_head(out, "engine_packets", true, "Packets put into each engine");
	for (unsigned i = 0; i < s->server->ops.n_engines; i++) {
		char number[12];

		snprintf(number, sizeof(number), "%u", i);
		put_labelled(out, "engine_packets", "engine", number, s->packets[i]);
	}
	put_head(out, "verdicts", true, "Packets by verdict");
	for (unsigned i = SL_ACCEPT; i <= SL_HANDOVER; i++)
		put_labelled(out, "verdicts", "verdict", verdicts[i], s->stats.verdicts[i]);
	put_head(out, "reasons", true, "Packets not accepted, and ends of connections, by reason");
	for (unsigned i = 1; i < SL_WHY_COUNT; i++)
		put_labelled(out, "reasons", "reason", sl_reason_name((enum sl_reason)i),
		        s->stats.reasons[i]);
}
