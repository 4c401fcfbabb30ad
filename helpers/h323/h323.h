/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * H.323: what its files share. q931.c has the dialogue; read it first.
 *
 *	q931.c		the helper "Q.931": call signalling, TPKT and Q.931 around H.225.0
 *	control.c	the helper "H.245": logical channels, also in fast start and tunnels
 *	ras.c		the helper "RAS": registration, admission and location at a gatekeeper
 *	transport.c	what all three do with a transport address, and TPKT
 *	per.c		walking ASN.1 values by tables
 *	h225.c, ras_types.c, h245.c	the tables: H323-UserInformation, RasMessage, H.245's messages
 *
 * One message's way: it is walked to its end, with all that is nested in it; what was found is a list of
 * marks. Only then something is expected, and edits are collected; these are made together at
 * the end. Addresses and ports have fixed sizes: no length changes.
 */
#ifndef HELPERS_H323_H323_H
#define HELPERS_H323_H323_H

#include "per.h"

extern const struct sl_helper sl_helper_q931, sl_helper_h245, sl_helper_ras;

/* What the tables mark. */
enum h323_mark {
	H323_NONE,
	/* call signalling: which message, and its fields */
	H323_SETUP,
	H323_FACILITY,
	H323_FORWARDED, /* a Facility's reason: callForwarded */
	H323_H245_ADDRESS,
	H323_DEST,        /* destCallSignalAddress */
	H323_SOURCE,      /* sourceCallSignalAddress, srcCallSignalAddress */
	H323_ALTERNATIVE, /* a Facility's alternativeAddress */
	H323_FAST_START,  /* octets: an OpenLogicalChannel */
	H323_TUNNELLED,   /* octets: a message of H.245 */
	/* H.245 */
	H323_CHANNEL,       /* an OpenLogicalChannel begins */
	H323_CHANNEL_ACK,   /* an OpenLogicalChannelAck does */
	H323_MEDIA,         /* mediaChannel */
	H323_MEDIA_CONTROL, /* mediaControlChannel */
	H323_LAN_STACK,     /* the data's protocol: separateLANStack, of T.120 */
	H323_STACK,         /* separateStack's localAreaAddress */
	/* RAS: which message, and its fields */
	H323_GRQ,
	H323_GCF,
	H323_RRQ,
	H323_RCF,
	H323_URQ,
	H323_ARQ,
	H323_ACF,
	H323_LRQ,
	H323_LCF,
	H323_IRR,
	H323_RAS,    /* rasAddress, replyAddress */
	H323_SIGNAL, /* callSignalAddress */
	H323_LIVE,   /* timeToLive */
};

/* ---- h225.c, ras_types.c, h245.c ---- */

extern const struct per_type h225_user_information; /* H.225.0 H323-UserInformation */
extern const struct per_type h225_ras_message;      /* H.225.0 RasMessage */
extern const struct per_type h245_message;          /* H.245 MultimediaSystemControlMessage */
extern const struct per_type h245_open_channel;     /* H.245 OpenLogicalChannel, in fast start */

/* H.225.0's common elements */
extern const struct per_type h225_address, h225_addresses, h225_aliases, h225_endpoint_type,
        h225_vendor, h225_non_standard, h225_object, h225_boolean, h225_null, h225_name_128,
        h225_guid, h225_u16, h225_u32, h225_qseries, h225_call_type;

/* ---- transport.c ---- */

#define H323_EXPECT_SECONDS 240 /* of every class, as in Linux */
#define H323_MESSAGE_MAX    16384

/* One message while it is worked on. */
struct h323_work {
	struct sl_help *help;
	struct sl_message *m;
	struct per_finds finds;
	struct sl_edits edits;
	struct sl_tuple own, other; /* as the message came; as answers to it come */
	bool translated;            /* by NAT */
	bool sender_moved;          /* its sender is seen at another address */
};

void h323_begin(struct h323_work *w, struct sl_help *help, struct sl_message *m);
/* Makes the edits, unless it must be refused. */
enum sl_help_result h323_end(struct h323_work *w, enum sl_reason why);
/* The first thing found with this mark; NULL: none. */
const struct per_found *h323_find(const struct h323_work *w, uint8_t mark);
/* An address as an endpoint; false: it is none, or of another family than the connection. */
bool h323_endpoint(const struct h323_work *w, const struct per_found *f, struct sl_endpoint *out);
bool h323_is_senders(const struct h323_work *w, const struct sl_endpoint *e);
bool h323_same(const struct sl_endpoint *a, const struct sl_endpoint *b);
/* Collects the edit that makes it *to, if it is another. */
void h323_write(struct h323_work *w, const struct per_found *f, const struct sl_endpoint *to);
/* The same where Linux writes something else. */
void h323_write_beyond(
        struct h323_work *w, const struct per_found *f, const struct sl_endpoint *to);
/*
 * The sender announces *e, an address of its own; *e becomes what the receiver must see. Not
 * SL_WHY_NONE: nothing is expected, and *e stays.
 */
enum sl_reason h323_announce(struct h323_work *w, struct sl_announcement a, struct sl_endpoint *e);
/* After that: an announcement that may not be followed is left alone, with a remark. */
enum sl_reason h323_unless_harmless(struct h323_work *w, enum sl_reason why, const char *what);
/* The sender sends the receiver to an endpoint that need not be its own, and is not translated. */
void h323_expect_there(
        struct h323_work *w, const struct sl_announcement *a, const struct sl_endpoint *to);

/* TPKT (RFC 1006): a helper's frame, hold and sync, and the contents of a whole one. */
size_t h323_frame(struct sl_help *help, const struct sl_text *bytes, enum sl_dir dir);
size_t h323_hold(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir);
size_t h323_sync(struct sl_help *help, const struct sl_text *bytes, enum sl_dir dir);
bool h323_contents(const struct sl_message *m, struct sl_text *out);

/* ---- control.c ---- */

/* Reads a message of H.245, or a bare OpenLogicalChannel, into w->finds. False: not understood. */
bool h245_read(struct h323_work *w, struct sl_text t);
bool h245_read_open(struct h323_work *w, struct sl_text t);
/* Expects the channels that were found. */
enum sl_reason h245_channels(struct h323_work *w);

#endif
