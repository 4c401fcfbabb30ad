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
	uint8_t proto;    /* TCP or UDP, not a fragment, or 0 */
	uint32_t l4;      /* offset of its header; 0: proto is 0 */
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

/* The capture, written to `to`, with the packets of the helper's ports changed. (helper_vary.c) */
struct sl_helper;
enum sl_helper_way {
	SL_HELPER_WHOLE,   /* as they came */
	SL_HELPER_CUT,     /* TCP: in two behind `at` bytes */
	SL_HELPER_TWICE,   /* each datagram twice */
	SL_HELPER_SWAPPED, /* two datagrams that follow each other change places */
	SL_HELPER_SHORT,   /* datagrams end behind `at` bytes */
};
/* False: no packet is such that this changes it, or it could not be written. */
bool sl__helper_vary(const char *capture, const struct sl_helper *helper, enum sl_helper_way way,
        uint32_t at, const char *to);

int sl__replay_main(
        int argc, char **argv); /* prog/replay.h, which does not go with <sluice/helper.h> */

#endif
