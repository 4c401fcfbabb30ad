/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text into tokens. Words are not told from names here: which words mean something depends on
 * where they stand, and that is the parser's knowledge.
 */
#ifndef SL_RULES_LEX_H
#define SL_RULES_LEX_H

#include "rules/rules.h"

enum sl__token_kind {
	TK_END,
	TK_NEWLINE,
	TK_WORD, /* names, addresses, times, ... */
	TK_GLOB, /* a word that ends in * */
	TK_NUMBER,
	TK_STRING, /* in quotes, which are left out */
	TK_EQ,
	TK_NE,
	TK_LE,
	TK_GE,
	TK_LSHIFT,
	TK_RSHIFT,
	TK_BAD,
	/* all others are their character */
};

struct sl__token {
	int kind;
	struct sl__place place;
	const char *text; /* in the source, not terminated */
	size_t len;
};

/* The token at byte *at; *at is moved behind it. */
struct sl__token sl__lex(const struct sl__source *source, uint32_t *at);

/* A text in numbers, strictly: all of it. */
bool sl__read_number(const char *text, size_t len, uint64_t *out);
/* 0x... of up to so many bits, into (bits + 7) / 8 bytes. */
bool sl__read_wide(const char *text, unsigned bits, uint8_t *out);
bool sl__read_ipv4(const char *text, size_t len, uint8_t out[4]);
bool sl__read_ipv6(const char *text, size_t len, uint8_t out[16]);
bool sl__read_lladdr(const char *text, size_t len, uint8_t out[6]);
/* 1d2h3m4s, 500ms, in milliseconds. A bare number counts as seconds. */
bool sl__read_time(const char *text, size_t len, uint64_t *ms);

#endif
