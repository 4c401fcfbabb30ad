/* SPDX-License-Identifier: BSD-2-Clause */
/* See output.h. Failures stick to their file and are told once, at the end. */
#include "prog/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "prog/json_packets.h"
#include "prog/map.h"

enum { COMMENT = 2048 };

static bool make_dir(const char *dir)
{
	if (mkdir(dir, 0777) == 0 || errno == EEXIST)
		return true;
	return false;
}

/* DIR and the directories above it. */
static bool make_dirs(const char *dir)
{
	size_t len = strlen(dir);
	char *path = sl__must_alloc(len + 1);
	bool good = true;

	memcpy(path, dir, len + 1);
	for (size_t i = 1; i < len && good; i++) {
		if (path[i] != '/')
			continue;
		path[i] = '\0';
		good = make_dir(path);
		path[i] = '/';
	}
	good = good && make_dir(path);
	if (!good)
		fprintf(stderr, "sluice replay: %s: %s\n", dir, strerror(errno));
	free(path);
	return good;
}

static const char *name_in(const char *dir, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", dir, name);
	return out;
}

static bool failed(const char *error)
{
	fprintf(stderr, "sluice replay: %s\n", error);
	return false;
}

bool sl__output_init(struct sl_output *out, const char *dir)
{
	size_t size = dir ? strlen(dir) + 32 : 0;
	char *path;
	bool good;

	*out = (struct sl_output){0};
	if (!dir)
		return true;
	if (!make_dirs(dir))
		return false;
	path = sl__must_alloc(size);
	out->on = true;
	good = sl_sink_init(&out->events, name_in(dir, "events.jsonl", path, size));
	good &= sl_sink_init(&out->packets, name_in(dir, "packets.jsonl", path, size));
	good &= sl_sink_init(&out->final, name_in(dir, "final.jsonl", path, size));
	good &= sl_sink_init(&out->summary, name_in(dir, "summary.json", path, size));
	good &= sl_pcap_writer_init(&out->in0, name_in(dir, "in0.pcap", path, size));
	good &= sl_pcap_writer_init(&out->out0, name_in(dir, "out0.pcap", path, size));
	good &= sl_pcapng_writer_init(
	        &out->annotated, name_in(dir, "annotated.pcapng", path, size));
	free(path);
	return good;
}

void sl__output_follow(struct sl_output *out, struct sl_capture *cap)
{
	if (!out->on || cap->format != SL_CAPTURE_PCAPNG)
		return;
	cap->on_block = sl_pcapng_on_block;
	cap->on_block_arg = &out->annotated;
}

void sl__output_line(struct sl_output *out, struct sl_sink *file, struct sl_json *j)
{
	if (out->on && sl_sink_write(file, j->text, j->len))
		sl_sink_write(file, "\n", 1);
	sl__json_clear(j);
}

void sl__output_leaving(struct sl_output *out, const struct sl_leaving *leaving)
{
	if (out->on && !leaving->local)
		sl_pcap_write(leaving->side == SL_SIDE_IN ? &out->in0 : &out->out0, leaving->ts,
		        leaving->view.data, leaving->view.len);
}

void sl__output_frame(struct sl_output *out, const struct sl_outcome *o)
{
	char comment[COMMENT];

	if (!out->on)
		return;
	sl__packet_comment(o, comment, sizeof(comment));
	sl_pcapng_write_frame(&out->annotated, o->frame, comment);
}

bool sl__output_fini(struct sl_output *out)
{
	bool good = true;

	if (!out->on)
		return true;
	good = sl_sink_fini(&out->events) || failed(out->events.error);
	good &= sl_sink_fini(&out->packets) || failed(out->packets.error);
	good &= sl_sink_fini(&out->final) || failed(out->final.error);
	good &= sl_sink_fini(&out->summary) || failed(out->summary.error);
	good &= sl_pcap_writer_fini(&out->in0) || failed(out->in0.out.error);
	good &= sl_pcap_writer_fini(&out->out0) || failed(out->out0.out.error);
	good &= sl_pcapng_writer_fini(&out->annotated) || failed(out->annotated.out.error);
	*out = (struct sl_output){0};
	return good;
}
