/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See json.h. The spacing (": " and ", ") is that of Python's json module, so that lines of
 * both can be compared with diff.
 */
#include "ctl/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/mem.h"

void sl__json_init(struct sl_json *j)
{
	*j = (struct sl_json){0};
}

void sl__json_fini(struct sl_json *j)
{
	free(j->text);
	*j = (struct sl_json){0};
}

void sl__json_clear(struct sl_json *j)
{
	j->len = 0;
	j->comma = false;
	j->depth = 0;
}

static void put(struct sl_json *j, const char *text, size_t len)
{
	if (j->size - j->len < len) {
		j->size = (j->size + len) * 2;
		j->text = sl__must_grow(j->text, j->size);
	}
	memcpy(j->text + j->len, text, len);
	j->len += len;
}

static void put_escaped(struct sl_json *j, const uint8_t *s, size_t len)
{
	char escape[8];

	put(j, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		char c = (char)s[i];

		if (c == '"' || c == '\\')
			put(j, "\\", 1);
		if (s[i] >= 0x20 && s[i] < 0x7f) {
			put(j, &c, 1);
			continue;
		}
		snprintf(escape, sizeof(escape), "\\u%04x", s[i]);
		put(j, escape, 6);
	}
	put(j, "\"", 1);
}

static void item(struct sl_json *j, const char *key)
{
	if (j->comma)
		put(j, ", ", 2);
	j->comma = true;
	if (!key)
		return;
	put_escaped(j, (const uint8_t *)key, strlen(key));
	put(j, ": ", 2);
}

static void open_level(struct sl_json *j, const char *key, bool array)
{
	item(j, key);
	put(j, array ? "[" : "{", 1);
	j->comma = false;
	j->depth++;
	if (array)
		j->arrays |= (uint64_t)1 << j->depth;
	else
		j->arrays &= ~((uint64_t)1 << j->depth);
}

void sl__json_object(struct sl_json *j, const char *key)
{
	open_level(j, key, false);
}

void sl__json_array(struct sl_json *j, const char *key)
{
	open_level(j, key, true);
}

void sl__json_end(struct sl_json *j)
{
	put(j, j->arrays >> j->depth & 1 ? "]" : "}", 1);
	j->depth--;
	j->comma = true;
}

void sl__json_bytes(struct sl_json *j, const char *key, const void *value, size_t len)
{
	item(j, key);
	put_escaped(j, value, len);
}

void sl__json_str(struct sl_json *j, const char *key, const char *value)
{
	sl__json_bytes(j, key, value, strlen(value));
}

void sl__json_uint(struct sl_json *j, const char *key, uint64_t value)
{
	char text[24];

	item(j, key);
	put(j, text, (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)value));
}

void sl__json_int(struct sl_json *j, const char *key, int64_t value)
{
	char text[24];

	item(j, key);
	put(j, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)value));
}

void sl__json_bool(struct sl_json *j, const char *key, bool value)
{
	item(j, key);
	put(j, value ? "true" : "false", value ? 4 : 5);
}

void sl__json_null(struct sl_json *j, const char *key)
{
	item(j, key);
	put(j, "null", 4);
}
