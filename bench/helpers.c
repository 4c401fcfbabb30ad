/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a helper's message costs: a connection that it watches, translated at its source, and one
 * message after the other that announces something, each in a packet of its own. What is expected
 * is bounded by the helper's class, so most of the time the oldest makes room for the newest.
 */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

#include <sluice/helper.h>

#include "base/wire.h"

/*
 * A message of each helper that reads requests; a client at 10.0.0.2 sends it. One more is one
 * line.
 */
static const struct sample {
	const char *helper;
	uint8_t proto;
	uint16_t port;
	const char *message;
	size_t len;
} samples[] = {
#define TEXT(s) s, sizeof(s) - 1
        {"ftp", SL_PROTO_TCP, 21, TEXT("PORT 10,0,0,2,156,64\r\n")},
        {"foo", SL_PROTO_TCP, 111, TEXT("HERE 10.0.0.2 40000\n")},
        {"irc", SL_PROTO_TCP, 6667,
                TEXT("PRIVMSG you :\001DCC SEND file 167772162 40000 100\001\r\n")},
        {"rtsp", SL_PROTO_TCP, 554,
                TEXT("SETUP rtsp://s/t RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;"
                     "client_port=4588-4589\r\n\r\n")},
        {"tftp", SL_PROTO_UDP, 69, TEXT("\0\1file\0octet\0")},
        {"sip", SL_PROTO_UDP, 5060,
                TEXT("REGISTER sip:s SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:1024;branch=z9hG4bK1\r\n"
                     "From: <sip:a@s>;tag=1\r\nTo: <sip:a@s>\r\nCall-ID: 1@10.0.0.2\r\n"
                     "CSeq: 1 REGISTER\r\nContact: <sip:a@10.0.0.2:1024>\r\nExpires: 60\r\n"
                     "Content-Length: 0\r\n\r\n")},
};

#define ROOM 64
static uint8_t frame[2][ROOM + 1024 + ROOM];

struct talk {
	struct sl_engine *engine;
	const struct sample *sample;
	uint32_t sent, heard; /* TCP: what the client has sent, and the server got of it */
	double spent;
};

static bool grow(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom)
{
	(void)ctx;
	return p->headroom >= headroom && p->tailroom >= tailroom;
}

/* Puts one packet of the talk in; false: it was dropped. */
static bool put(struct talk *talk, enum sl_dir dir, uint8_t flags, const char *payload, size_t len)
{
	const struct sample *s = talk->sample;
	struct load load = {s->proto, false, true, false, 1};
	uint8_t *d = frame[dir] + ROOM;
	uint32_t l4 = 20, size;
	struct sl_packet p;
	static struct lane lane;
	double begin;

	make_packet(&load, &lane, 0, 0, dir, flags);
	size = s->proto == SL_PROTO_TCP ? 20 : 8;
	memcpy(d, lane.slot[0].data, l4 + size);
	if (len)
		memcpy(d + l4 + size, payload, len);
	sl_put16(d + 2, (uint16_t)(l4 + size + len));
	sl_put16(d + l4 + (dir == SL_ORIGINAL ? 2 : 0), s->port);
	if (s->proto == SL_PROTO_TCP) {
		sl_put32(d + l4 + 4, dir == SL_ORIGINAL ? 1000 + talk->sent
		                     : flags & TCP_SYN  ? 0
		                                        : 1);
		sl_put32(d + l4 + 8, dir == SL_ORIGINAL ? 1 : 1000 + talk->heard);
		talk->sent += dir == SL_ORIGINAL ? (uint32_t)len + (flags & TCP_SYN ? 1 : 0) : 0;
	} else {
		sl_put16(d + l4 + 4, (uint16_t)(size + len));
	}
	p = (struct sl_packet){.data = d,
	        .len = (uint32_t)(l4 + size + len),
	        .headroom = ROOM,
	        .tailroom = (uint32_t)(sizeof(frame[0]) - ROOM - l4 - size - len),
	        .in_if = dir == SL_ORIGINAL ? 1 : 2,
	        .csum = SL_CSUM_CHECKED};
	begin = cpu_seconds();
	sl_input(talk->engine, &p, 1, 1000000);
	talk->spent += cpu_seconds() - begin;
	if (p.verdict == SL_ACCEPT && s->proto == SL_PROTO_TCP && dir == SL_ORIGINAL)
		talk->heard = sl_get32(p.data + l4 + 4) - 1000 +
		              (uint32_t)(sl_get16(p.data + 2) - l4 - size) +
		              (flags & TCP_SYN ? 1 : 0);
	return p.verdict == SL_ACCEPT;
}

static bool open_talk(struct talk *talk)
{
	if (talk->sample->proto != SL_PROTO_TCP)
		return true;
	return put(talk, SL_ORIGINAL, TCP_SYN, NULL, 0) &&
	       put(talk, SL_REPLY, TCP_SYN | TCP_ACK, NULL, 0) &&
	       put(talk, SL_ORIGINAL, TCP_ACK, NULL, 0);
}

static bool message(struct talk *talk)
{
	if (!put(talk, SL_ORIGINAL, TCP_ACK, talk->sample->message, talk->sample->len))
		return false;
	return talk->sample->proto != SL_PROTO_TCP || put(talk, SL_REPLY, TCP_ACK, NULL, 0);
}

static void measure(const struct sl_helper *helper, const struct sample *sample)
{
	struct load load = {SL_PROTO_TCP, false, true, false, 1000};
	uint32_t n = options.packets / 64;
	struct sl_env env = {.route = bench_route, .seed = {7}, .grow = grow};
	struct memory memory = {0};
	double value[RUNS_MAX];
	struct sl_config config;
	struct sl_stats stats;
	struct figure f;

	env.mem = memory_of(&memory);
	sl_config_init(&config);
	config.table_max = load.flows;
	config.policy = &sl_policy_masquerade;
	config.policy_ctx = &masquerade;
	for (unsigned run = 0; run < options.runs; run++) {
		struct talk talk = {.engine = sl_engine_create(&config, &env), .sample = sample};
		bool ok = talk.engine &&
		          sl_helper_register_port(talk.engine, helper, sample->port) &&
		          open_talk(&talk);

		talk.spent = 0;
		for (uint32_t i = 0; ok && i < n; i++)
			ok = message(&talk);
		sl_stats(talk.engine, &stats);
		if (!ok || !stats.expects_made)
			printf("%s: the sample %s\n", sample->helper,
			        ok ? "announces nothing" : "was dropped");
		value[run] = talk.spent / n * 1e9;
		sl_engine_destroy(talk.engine);
		memory_done(&memory);
	}
	f = figure_of(value, options.runs);
	report(&f, "ns", 0, "%s message of %u bytes%s", sample->helper, (unsigned)sample->len,
	        sample->proto == SL_PROTO_TCP ? " and its ACK" : "");
}

void bench_helpers(void)
{
	section("helpers");
	for (const struct sl_helper *const *h = sl_helpers_builtin(); *h; h++)
		for (unsigned i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
			if (!strcmp((*h)->name, samples[i].helper))
				measure(*h, &samples[i]);
}
