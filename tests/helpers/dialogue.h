/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dialogues of helpers as tables: each row is a message, what must arrive of it, and what must
 * then be expected. One table is played without NAT, under source NAT and under destination NAT
 * with the client inside and outside (the drawing is in tests/lib/world.h), over IPv4 and IPv6,
 * and over TCP with each message cut at each byte, byte by byte, and as Nagle's algorithm sends.
 *
 * Texts name addresses by braces, and a name means what the one who reads or writes the text must
 * see: so one text says what is sent and what arrives.
 *
 *	{c} {s}		the client's and the server's address
 *	{t} {u}		a third host on the server's and on the client's side
 *	{p}		the engine's address
 *	{[c]} ...	the same, in brackets if it is IPv6
 *	{,c} ...	the same as numbers with commas between
 *	{f} {F}		4 or 6; 1 or 2
 *	{=c} {=s} ...	the 4 bytes of an IPv4 address
 *	{%c} {%s} ...	the 4 or 16 bytes of an address
 *	{#c} {#s}	those 4 as one number
 *	{n}		number of bytes behind the first empty line
 *	{x0a0b}		bytes in hexadecimal
 *	{(30} ... {)}	a BER element with this tag: its length is filled in
 *	{<s} ... {>}	an XDR string: its length before it (4 bytes), filled up to 4 bytes
 *	{<m} ... {>}	an RPC message: over TCP with the record's mark before it
 *	{<2} ... {>}	with its length before it (2 bytes)
 *	{<t} ... {>}	with its length before it (2 bytes, which count too)
 *
 * What is expected is text too, one word group each, with ", " between: "s>c udp 5000" (the
 * server may open a connection to the client at 5000), "*>c udp 5000" (anybody may), "net>c udp
 * 5000" (any host of the network that was asked may), with " #1" behind it for a class other than
 * 0, " from 5001" where the opener's port is given, " permanent", " inactive". Ends are written
 * "-udp 5000". Each expectation that is neither inactive nor ended is met at the end: its first
 * packet must arrive where it was announced, and the answer must find back.
 */
#ifndef TESTS_DIALOGUE_H
#define TESTS_DIALOGUE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/world.h"

struct row {
	char from; /* 'c', 's'; 'w': wait, text is milliseconds; 0: the end */
	const char *text;
	const char *expects;   /* NULL: nothing new */
	uint16_t remark;       /* enum sl_reason */
	const char *arrives;   /* NULL: the same text, as the receiver must see it; "": nothing */
	enum sl_beyond beyond; /* of the message in one packet, if dialogue.beyonds */
};

struct dialogue {
	const char *name;
	const char *helper;
	const struct row *rows;
	uint8_t proto;
	uint16_t client_port, server_port; /* 0: 40000; the helper's first */
	uint8_t families;                  /* 4, 6; 0: both */
	uint8_t nats;                      /* NAT_... of world.h; 0: any */
	bool beyonds;                      /* each row's beyond is looked at */
	bool lightly;         /* thorough, but cut in two ways only: it opens nothing */
	int cut_from;         /* rows before this one are not cut */
	bool no_meeting;      /* expectations are not met at the end */
	bool quick;           /* cut at few places */
	bool thorough;        /* at each byte, in every way, under every NAT */
	bool broadcast;       /* the client sends to all hosts of 10.0.0.0/24; IPv4 only */
	const char *group[2]; /* ... to this group of IPv4, of IPv6; a family without is left out */
	const char *set[4];   /* tunables: "name=1" */
};

/* Plays it in all its ways; asserts. */
void dialogue_play(const struct dialogue *d);
void dialogues_play(const struct dialogue *d, size_t count);

#endif
