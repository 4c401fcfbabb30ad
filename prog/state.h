/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_STATE_H
#define SLUICE_PROG_STATE_H

/*
 * The file in which a gateway's connections outlive it (`sluice run --state`): a head, then records of
 * a kind, the number of an engine, a length, and so many bytes.
 *
 *	address		one that the machine had: struct sl_addr
 *	connection	what sl_conn_export() wrote; masters before their related connections
 *	end		how many connections there were: 64 bits; without it the file is cut short
 *
 * Numbers are in the byte order of the machine that wrote it; the head tells a foreign one. It is written
 * beside its place and renamed, so that there is always a whole one or none.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum sl_state_kind { SL_STATE_ADDRESS = 1, SL_STATE_CONN = 2, SL_STATE_END = 3 };

struct sl_state_head {
	char magic[16];
	uint32_t order, engines;
	uint64_t saved_ms; /* when: CLOCK_REALTIME */
};

struct sl_state_record {
	uint16_t kind, engine;
	uint32_t len;
};

/* ---- writing: errors are kept, and told by the end -------------------------------------------- */

struct sl_state_writer {
	FILE *f;
	const char *path;
	char beside[4096]; /* its name until it is whole */
};

/* False: it cannot be made, errno says why. */
bool sl__state_create(struct sl_state_writer *w, const char *path, uint32_t engines);
void sl__state_put(struct sl_state_writer *w, enum sl_state_kind kind, unsigned engine,
        const void *bytes, size_t len);
/* Put it in place, or (not `whole`) give it up. False: it is not there; errno. */
bool sl__state_finish(struct sl_state_writer *w, bool whole);

/* ---- reading ---------------------------------------------------------------------------------- */

struct sl_state_reader {
	FILE *f;
	struct sl_state_head head;
	struct sl_state_record record; /* the one under way ... */
	uint8_t *bytes;                /* ... and its bytes; valid until the next */
	size_t size;
	long at; /* where it begins */
};

enum sl_state_open { SL_STATE_OPEN, SL_STATE_NONE, SL_STATE_UNREADABLE, SL_STATE_FOREIGN };

/* Unreadable: errno. Whatever it says, sl__state_close() is due. */
enum sl_state_open sl__state_open(struct sl_state_reader *r, const char *path);
/* The next record. False: there is none, or not a whole one. */
bool sl__state_next(struct sl_state_reader *r);
void sl__state_close(struct sl_state_reader *r);

/* Milliseconds since it was written; 0 if the clock was set back. */
uint64_t sl__state_age(const struct sl_state_reader *r);

#endif
