/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_JSON_PACKETS_H
#define SLUICE_PROG_JSON_PACKETS_H

#include "ctl/json.h"
#include "prog/outcome.h"

/* The row of packets.jsonl for a frame. */
void sl__json_packet(struct sl_json *j, const struct sl_outcome *o);
/* The comment on a frame in annotated.pcapng; out is NUL-terminated. */
void sl__packet_comment(const struct sl_outcome *o, char *out, size_t size);

#endif
