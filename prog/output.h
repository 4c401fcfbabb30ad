/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_OUTPUT_H
#define SLUICE_PROG_OUTPUT_H

/*
 * The files of `sluice replay -o DIR`. Without a directory all calls do nothing.
 */
#include "io/pcap_write.h"
#include "io/pcapng_write.h"
#include "ctl/json.h"
#include "prog/outcome.h"

struct sl_output {
	bool on;
	struct sl_sink events, packets, final, summary;
	struct sl_pcap_writer in0, out0;
	struct sl_pcapng_writer annotated;
};

/* dir NULL: off. False: said on stderr. fini is due in either case. */
bool sl__output_init(struct sl_output *out, const char *dir);
/* A pcapng input's sections and interfaces go into annotated.pcapng. */
void sl__output_follow(struct sl_output *out, struct sl_capture *cap);
/* The JSON in j as a line of file, which is one of the first four members; j is cleared. */
void sl__output_line(struct sl_output *out, struct sl_sink *file, struct sl_json *j);
/* What left, and the annotated frame. */
void sl__output_leaving(struct sl_output *out, const struct sl_leaving *leaving);
void sl__output_frame(struct sl_output *out, const struct sl_outcome *o);
/* False: something could not be written; said on stderr. */
bool sl__output_fini(struct sl_output *out);

#endif
