/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking BER (X.690), as far as SNMP uses it (RFC 3417 8): definite lengths, tags of one byte.
 *
 * A reader is a sl_text. Each function takes one element off it, or returns false and leaves
 * it as it was. An element's length is checked against what is there before its contents are
 * handed out, so contents can be walked in turn, and nothing is read outside the message.
 */
#ifndef HELPERS_SNMP_BER_H
#define HELPERS_SNMP_BER_H

#include <sluice/helper.h>

/* Tags: universal, SNMP's application types (RFC 2578 7.1), and PDUs (RFC 3416 3, RFC 1157 4.1). */
enum ber_tag {
	BER_INTEGER = 0x02,
	BER_OCTET_STRING = 0x04,
	BER_OID = 0x06,
	BER_SEQUENCE = 0x30,
	BER_IP_ADDRESS = 0x40,
	BER_TIME_TICKS = 0x43,
	BER_PDU = 0xa0,      /* the first: GetRequest; the others follow */
	BER_PDU_TRAP = 0xa4, /* SNMPv1: laid out otherwise */
	BER_PDU_LAST = 0xa8, /* Report */
};

/* A length: one byte up to 127, or 0x81..0x84 and that many bytes. 0x80 (indefinite) is refused. */
static inline bool ber_length(struct sl_text *t, size_t *length)
{
	struct sl_text try = *t;
	int first = sl_text_peek(&try);
	unsigned more = (unsigned)first & 0x7f;

	if (first < 0)
		return false;
	try.at++;
	*length = more;
	if (first & 0x80) {
		if (more == 0 || more > 4 || sl_text_left(&try) < more)
			return false;
		for (*length = 0; more; more--)
			*length = *length << 8 | (unsigned char)*try.at++;
	}
	if (*length > sl_text_left(&try))
		return false;
	*t = try;
	return true;
}

/* The next element: its tag and its contents. */
static inline bool ber_next(struct sl_text *t, int *tag, struct sl_text *contents)
{
	struct sl_text try = *t;
	size_t length;

	*tag = sl_text_peek(&try);
	if (*tag < 0 || (*tag & 0x1f) == 0x1f) /* a tag of several bytes: SNMP has none */
		return false;
	try.at++;
	if (!ber_length(&try, &length))
		return false;
	*contents = try;
	contents->end = try.at + length;
	t->at = contents->end;
	return true;
}

/* The next element, which must have this tag. */
static inline bool ber_take(struct sl_text *t, int tag, struct sl_text *contents)
{
	struct sl_text try = *t;
	int found;

	if (!ber_next(&try, &found, contents) || found != tag)
		return false;
	*t = try;
	return true;
}

#endif
