/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The helper runtime: connects packets, streams and helpers. (src/help/runtime.c, api.c)
 */
#ifndef SL_HELP_RUNTIME_H
#define SL_HELP_RUNTIME_H

#include <stdalign.h>

#include "help/registry.h"
#include "help/segment.h"
#include "help/stream.h"
#include "track/track.h"

/* The engine's helper part. */
struct sl_helping {
	struct sl_track *t;
	struct sl_registry registry;
	struct sl_help_env env;
	const struct sl_route *route; /* of the packet being looked at */
	/* Where a packet like this one, but to tuple->dst, would go. NULL: nobody knows. */
	void (*lookup)(struct sl_track *t, const struct sl_packet *p, const struct sl_tuple *tuple,
		struct sl_route *answer);
	struct sl_stream_pool pool; /* memory of streams and of what helpers keep */
	struct sl_list all;	    /* struct sl_help.link */
	struct sl_list due;	    /* struct sl_stream.due_link, the longest waiting first */
	uint8_t *scratch;	    /* what a segment becomes */
	uint32_t scratch_size;
};

/* An announcement that was answered: the endpoint as written, and the port that was said for it. */
struct sl_said {
	struct sl_addr addr;
	uint16_t port, seen; /* seen 0: empty */
	uint8_t dir, proto, ports;
};
#define SL_SAID_MAX 16 /* per conn; the oldest is forgotten */

/* A helper's work on one conn. Opaque to helpers, except that `api` is first. */
struct sl_help {
	const struct sl_api *api;
	struct sl_helping *owner;
	struct sl_list link;
	struct sl_conn *conn;
	const struct sl_helper *helper; /* NULL: gone, only the edit logs are left */
	bool left;			/* the helper is done with this conn */
	struct sl_stream stream[2];	/* TCP only */
	/* the message being looked at */
	struct sl_packet *packet;	/* NULL: none, the clock or a call is the cause */
	const struct sl_parsed *parsed; /* of packet */
	struct sl_editlog *log;		/* where its edits go */
	uint32_t at;			/* number of the message's first byte */
	enum sl_reason refusal;
	bool effective;			/* it expected or changed something */
	uint8_t beyond;			/* enum sl_beyond: Linux would not have read it so */
	bool linux_known;		/* linux_view is what Linux makes of this segment (linux.c) */
	struct sl_linux_view linux_view;
	unsigned made;			/* announcements of this segment that were expected ... */
	struct sl_endpoint made_last;	/* ... and the last of them */
	uint16_t new_dport;		/* not 0: the datagram is to go to this port */
	struct sl_said *said;		/* SL_SAID_MAX of them; NULL: nothing was said yet */
	unsigned said_next;
	size_t data_size;
	alignas(max_align_t) uint8_t data[];
};

/* stream_max: bytes for all streams together. The operations of env may be NULL. */
void sl__helping_init(struct sl_helping *h, struct sl_track *t, const struct sl_help_env *env, size_t stream_max);
/* After the last conn has ended. */
void sl__helping_fini(struct sl_helping *h);

/* Give conn this helper. False: no memory, or it has one. */
bool sl__help_attach(struct sl_helping *h, struct sl_conn *conn, const struct sl_helper *helper);
/* The conn is ending: sl_upper.conn_end. */
void sl__help_conn_end(struct sl_ext *ext);
/* Nothing of the helper is called or named afterwards; what it made stays translated. */
void sl__help_forget(struct sl_helping *h, const struct sl_helper *helper);

enum sl_help_outcome {
	SL_HELP_ACCEPT, /* goes on, perhaps changed; more may have been emitted */
	SL_HELP_DROP,	/* reason in p->reason */
	SL_HELP_HELD,	/* its bytes are kept and p was taken and given back: set its verdict, no more */
};

/*
 * A packet of conn, as it is about to leave (translated). For conns with SL_CONN_WATCHED or
 * SL_CONN_EDITED. p->reason and p->beyond may carry a remark.
 */
enum sl_help_outcome sl__help_packet(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir,
	struct sl_packet *p, struct sl_parsed *parsed);

/* Acknowledge what has been held too long; at most budget streams (0: all). True: more is due. */
bool sl__help_clock(struct sl_helping *h, unsigned budget);
/* When that is due next, ns; UINT64_MAX: never. */
uint64_t sl__help_deadline(const struct sl_helping *h);
/* For sl_upper.seq_offset. */
int32_t sl__help_seq_offset(const struct sl_track *t, const struct sl_conn *conn, enum sl_dir dir, uint32_t seq);

extern const struct sl_api sl__help_api;

#endif
