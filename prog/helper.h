/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_HELPER_H
#define SLUICE_PROG_HELPER_H

/* `sluice helper new` and `sluice helper test`: for who writes a helper. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int sl__helper_main(int argc, char **argv);
int sl__helper_new_main(int argc, char **argv);
int sl__helper_test_main(int argc, char **argv);

/* A capture's IP packets, one by one. (helper_capture.c) */
struct sl_helper_capture;
struct sl_helper_packet {
	uint64_t ts;       /* ns */
	const uint8_t *ip; /* borrowed until the next one */
	uint32_t len;
	uint32_t l4;      /* TCP, not a fragment: offset of its header; else 0 */
	uint32_t payload; /* and of what it carries */
};

/* NULL: said on stderr. */
struct sl_helper_capture *sl__helper_capture_open(const char *path);
bool sl__helper_capture_next(struct sl_helper_capture *c, struct sl_helper_packet *p);
void sl__helper_capture_close(struct sl_helper_capture *c);

/* A capture of raw IP packets, to be written. NULL, false: it could not be. */
struct sl_helper_writer;
struct sl_helper_writer *sl__helper_writer_open(const char *path);
void sl__helper_write(struct sl_helper_writer *w, uint64_t ts, const uint8_t *ip, uint32_t len);
bool sl__helper_writer_close(struct sl_helper_writer *w);

int sl__replay_main(
        int argc, char **argv); /* prog/replay.h, which does not go with <sluice/helper.h> */

#endif
