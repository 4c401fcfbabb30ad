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
	enum { GAUGE, COUNTER } kind;
	uint64_t value;
	const char *what, *unit; /* unit: behind the metric's name; NULL: none */
};

enum { NUMBERS = 32 };

/* How many there are. */
static unsigned list_numbers(const struct sl_snapshot *s, struct number out[NUMBERS])
{
	const struct sl_stats *st = &s->stats;
	const struct sl_control_more *m = &s->more;
	struct sl_feed *feed = s->server->ops.engines[0].feed; /* who listens, listens to all */
	/* clang-format off */
	const struct number numbers[] = {
	        {"uptime", GAUGE, m->uptime, "Seconds since the gateway began", "_seconds"},
	        {"packets", COUNTER, st->packets, "Packets given to the engines; not those that BPF forwarded by itself"},
	        {"bytes", COUNTER, st->bytes, "Bytes of these packets"},
	        {"fast_packets", COUNTER, m->fast_packets, "Packets that BPF forwarded by itself; known a few seconds late"},
	        {"fast_bytes", COUNTER, m->fast_bytes, "Bytes of these packets"},
	        {"connections", GAUGE, st->conns, "Connections in the table"},
	        {"connections_max", GAUGE, m->conns_max, "Connections that the table may hold (--table-max)"},
	        {"connections_unreplied", GAUGE, st->conns_unreplied, "Connections that nobody answered"},
	        {"connections_offloaded", GAUGE, m->offloaded, "Connections that BPF forwards by itself, or is about to"},
	        {"connections_made", COUNTER, st->conns_made, "Connections ever made"},
	        {"connections_evicted", COUNTER, st->conns_evicted, "Connections ended early to make room"},
	        {"expectations", GAUGE, st->expects, "Expectations that wait"},
	        {"expectations_max", GAUGE, m->expects_max, "Expectations that may wait (--expect-max)"},
	        {"expectations_made", COUNTER, st->expects_made, "Expectations ever made"},
	        {"expectations_met", COUNTER, st->expects_met, "Expectations that a connection met"},
	        {"fragments", GAUGE, st->fragments, "Fragments that wait for others"},
	        {"stream_bytes", GAUGE, st->stream_bytes, "Bytes that helpers hold back"},
	        {"answers", COUNTER, st->answers, "ICMP errors and resets of our own"},
	        {"answers_limited", COUNTER, st->answers_limited, "ICMP errors not sent, for the rate limit"},
	        {"unsent", COUNTER, m->unsent, "Accepted packets that found no way out"},
	        {"told", COUNTER, m->told, "Packets among these that BPF had let through already, and told of"},
	        {"not_passed", COUNTER, m->not_passed, "Packets lost, as the inbox of the engine that they belong to was full"},
	        {"read_errors", COUNTER, m->read_errors, "Reads from the TAP device that failed"},
	        {"write_errors", COUNTER, m->write_errors, "Writes to the TAP device that failed"},
	        {"routes_asked", COUNTER, m->routes_asked, "Questions to the kernel's routing table"},
	        {"dropped_while_gone", COUNTER, m->gone_dropped, "Packets dropped by BPF while the engines hung"},
	        {"passed_while_gone", COUNTER, m->gone_passed, "Packets left to the kernel by BPF meanwhile"},
	        {"dropped_from_unmanaged", COUNTER, m->foreign, "Packets that the kernel forwarded here from an unmanaged interface, dropped"},
	        {"readers", GAUGE, atomic_load(&feed->readers), "Clients that listen to events"},
	        {"explainers", GAUGE, atomic_load(&feed->explainers), "Clients that have packets explained"},
	        {"readers_dropped", COUNTER, s->server->readers_dropped, "Clients dropped, as they read too slowly"},
	        {"events_lost", COUNTER, s->lost, "Events that found no room on their way to clients"},
	};
	/* clang-format on */

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
	sl__print_printf(
	        out, "sluice_%s{%s=\"%s\"} %llu\n", name, label, value, (unsigned long long)number);
}

static void put_head(
        struct sl_print *out, const char *name, const char *end, const char *type, const char *what)
{
	sl__print_printf(out, "# HELP sluice_%s%s %s.\n# TYPE sluice_%s%s %s\n", name, end, what,
	        name, end, type);
}

static void put_number(struct sl_print *out, const struct number *n)
{
	const char *end = n->kind == COUNTER ? "_total" : n->unit ? n->unit : "";

	put_head(out, n->name, end, n->kind == COUNTER ? "counter" : "gauge", n->what);
	sl__print_printf(out, "sluice_%s%s %llu\n", n->name, end, (unsigned long long)n->value);
}

void sl__snapshot_metrics(const struct sl_snapshot *s, struct sl_print *out)
{
	struct number numbers[NUMBERS];
	unsigned n = list_numbers(s, numbers);

	put_head(out, "build_info", "", "gauge", "1, with the version");
	put_labelled(out, "build_info", "version", SLUICE_VERSION, 1);
	for (unsigned i = 0; i < n; i++)
		put_number(out, &numbers[i]);
	put_head(out, "engine_packets_total", "", "counter", "Packets given to each engine");
	for (unsigned i = 0; i < s->server->ops.n_engines; i++) {
		char number[12];

		snprintf(number, sizeof(number), "%u", i);
		put_labelled(out, "engine_packets_total", "engine", number, s->packets[i]);
	}
	put_head(out, "verdicts_total", "", "counter", "Packets by what the engines did with them");
	for (unsigned i = SL_ACCEPT; i <= SL_HANDOVER; i++)
		put_labelled(out, "verdicts_total", "verdict", verdicts[i], s->stats.verdicts[i]);
	put_head(out, "reasons_total", "", "counter",
	        "Packets not accepted, or accepted as INVALID, and ends of connections, by reason");
	for (unsigned i = 1; i < SL_WHY_COUNT; i++)
		put_labelled(out, "reasons_total", "reason", sl_reason_name((enum sl_reason)i),
		        s->stats.reasons[i]);
}
