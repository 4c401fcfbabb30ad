/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_CTL_JSON_H
#define SLUICE_CTL_JSON_H

/*
 * Writing JSON, an object a line, keys in the order of the calls. A writer is a text that
 * grows; sl__json_line() takes it off.
 *
 *	sl__json_object(j, NULL);
 *	sl__json_str(j, "event", "NEW");
 *	sl__json_uint(j, "packet", 7);
 *	sl__json_end(j);
 *
 * `key` is NULL inside arrays and for the outermost object.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_json {
	char *text; /* not NUL-terminated */
	size_t len, size;
	bool comma; /* the next item needs one before it */
	unsigned depth;
	uint64_t arrays; /* bit 1 << depth: that level is an array */
};

void sl__json_init(struct sl_json *j);
void sl__json_fini(struct sl_json *j);
/* Forget what was written. */
void sl__json_clear(struct sl_json *j);

void sl__json_object(struct sl_json *j, const char *key);
void sl__json_array(struct sl_json *j, const char *key);
/* Closes the innermost object or array. */
void sl__json_end(struct sl_json *j);

void sl__json_str(struct sl_json *j, const char *key, const char *value);
/* Any bytes: those that are not printable ASCII are written as \u00XX. */
void sl__json_bytes(struct sl_json *j, const char *key, const void *value, size_t len);
void sl__json_int(struct sl_json *j, const char *key, int64_t value);
void sl__json_uint(struct sl_json *j, const char *key, uint64_t value);
void sl__json_bool(struct sl_json *j, const char *key, bool value);
void sl__json_null(struct sl_json *j, const char *key);

#endif
