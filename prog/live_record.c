/* SPDX-License-Identifier: BSD-2-Clause */
/* What `sluice run --record` writes (record.h), and where in the gateway it comes from. */
#include <string.h>

#include "engine/engine.h"
#include "prog/live.h"

static void put_words(struct sl_recorder *r, char letter, const struct sl_strings *words)
{
	for (unsigned i = 0; i < words->n; i++)
		sl__record_option(r, letter, words->at[i]);
}

bool sl__live_record_init(struct sl_live *live)
{
	struct sl_recorder *r = &live->recorder;
	const struct sl_config *config = &live->engine->config;
	struct sl_record_begin begin = {.table_max = config->table_max,
	        .expect_max = config->expect_max,
	        .fragment_memory = config->fragment_memory,
	        .stream_memory = config->stream_memory,
	        .start = config->start,
	        .forward_ttl = config->forward_ttl,
	        .masquerade = live->opt->common.masquerade,
	        .checksum = live->opt->common.checksum,
	        .shards = config->shards,
	        .shard = config->shard};

	*r = (struct sl_recorder){&live->all->recording, live->shard};
	if (!live->opt->record)
		return true;
	if (!live->shard && !sl__recording_init(r->to, live->opt->record, live->opt->record_max))
		return false;
	memcpy(begin.seed, live->env.seed, sizeof(begin.seed));
	sl__record(r, SL_RECORD_BEGIN, &begin, sizeof(begin));
	if (!live->shard) {
		put_words(r, 'h', &live->opt->common.helpers);
		put_words(r, 's', &live->opt->common.sets);
		put_words(r, 'x', &live->opt->outside);
	}
	for (unsigned i = 0; i < live->net.n_links; i++)
		sl__record_link(r, live->net.links[i].index, live->net.links[i].name);
	for (unsigned i = 0; i < live->net.n_addrs; i++)
		sl__record_addr(r, &live->net.addrs[i].addr, false);
	sl__live_record_rules(live, live->gateway.rules);
	return true;
}

void sl__live_record_rules(struct sl_live *live, const struct sl_rules *rules)
{
	if (!live->shard)
		sl__record_rules(&live->recorder, rules);
	else if (rules)
		sl__record(&live->recorder, SL_RECORD_SHARED, NULL, 0);
}

void sl__live_turn(struct sl_live *live, bool mine)
{
	if (!live->opt->record || live->all->n == 1)
		return;
	if (mine)
		pthread_mutex_lock(&live->all->turn);
	else
		pthread_mutex_unlock(&live->all->turn);
}

void sl__live_record_output(struct sl_live *live, unsigned n)
{
	uint64_t hash = 0;

	if (!live->recorder.to->f)
		return;
	for (unsigned i = 0; i < n; i++)
		hash = sl__record_hash(hash, &live->packets[i], false);
	for (unsigned i = 0; i < live->n_emitted; i++)
		hash = sl__record_hash(hash, &live->emitted[i].packet, true);
	sl__record(&live->recorder, SL_RECORD_OUTPUT, &hash, sizeof(hash));
	if (live->recorder.to->full) {
		sl__recording_fini(live->recorder.to);
		sl__log(SL_LOG_WARNING, "recording-full", "file", live->opt->record, NULL);
	}
}

void sl__live_kill_conn(struct sl_live *live, struct sl_conn *conn, const struct sl_conn_info *info,
        enum sl_reason why)
{
	const struct sl_record_kill kill = {.tuple = info->tuple[SL_ORIGINAL],
	        .id = info->id,
	        .why = (uint32_t)why,
	        .zone = info->zone};

	sl__record(&live->recorder, SL_RECORD_CONN, &kill, sizeof(kill));
	sl_conn_kill(live->engine, conn, why);
}

void sl__live_kill_expect(struct sl_live *live, struct sl_expect *expect,
        const struct sl_expect_info *info, enum sl_reason why)
{
	const struct sl_record_kill kill = {.id = info->id, .why = (uint32_t)why};

	sl__record(&live->recorder, SL_RECORD_EXPECT, &kill, sizeof(kill));
	sl_expect_kill(live->engine, expect, why);
}
