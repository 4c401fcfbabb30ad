/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why a packet was not accepted, a connection ended, or a helper refused.
 *
 * Every reason has a stable short name ("tcp-seq-under"), which scripts and
 * metrics may rely on, and a sentence for people. Both are in src/track/reason.c.
 */
#ifndef SLUICE_REASON_H
#define SLUICE_REASON_H

#include <sluice/export.h>

enum sl_reason {
	SL_WHY_NONE = 0, /* accepted */

	/* the packet itself: it cannot be tracked (src/track/parse.c, fragment.c) */
	SL_WHY_SHORT_IP,        /* shorter than its IP header says */
	SL_WHY_BAD_IP_HEADER,   /* version, header length or total length are impossible */
	SL_WHY_BAD_IP_CHECKSUM, /* IPv4 header checksum */
	SL_WHY_BAD_IP_OPTIONS,  /* malformed, or such that a router must not pass them */
	SL_WHY_SOURCE_ROUTE,    /* it names its own way, which is not followed */
	SL_WHY_BAD_EXTENSIONS,  /* IPv6 extension header chain broken or too long */
	SL_WHY_SHORT_L4,        /* too short for its transport header */
	SL_WHY_BAD_L4_LENGTH,   /* UDP length, TCP data offset ... contradict the packet */
	SL_WHY_BAD_CHECKSUM,    /* TCP, UDP, ICMP ... checksum */
	SL_WHY_FRAG_OVERLAP,    /* fragments overlap: the whole datagram is dropped (RFC 5722) */
	SL_WHY_FRAG_TOO_LONG,   /* reassembled, it would exceed 65,535 bytes */
	SL_WHY_FRAG_MALFORMED,  /* length not a multiple of 8, or lengths contradict each other */
	SL_WHY_FRAG_TIMEOUT,    /* not all fragments came in time */
	SL_WHY_FRAG_LIMIT,      /* fragment memory (of this source or in all) is used up */
	SL_WHY_FRAG_DUPLICATE,  /* this fragment came before */
	SL_WHY_FRAG_ECN,        /* fragments with and without ECN are mixed (RFC 3168 5.3) */

	/* no connection (src/track/conn.c, proto files) */
	SL_WHY_TABLE_FULL,  /* nf_conntrack_max reached and nothing may be evicted */
	SL_WHY_NO_MEMORY,   /* the embedder's allocator said no */
	SL_WHY_TUPLE_CLASH, /* another connection took the tuple meanwhile */
	SL_WHY_NOT_NEW,     /* protocol state does not allow this packet to open a connection */
	SL_WHY_ZERO_PORT,
	SL_WHY_ICMP_TYPE,          /* ICMP type unknown */
	SL_WHY_ICMP_NO_QUERY,      /* an ICMP reply nobody asked for */
	SL_WHY_ICMP_QUOTE_SHORT,   /* ICMP error: too little of the packet that caused it */
	SL_WHY_ICMP_QUOTE_UNKNOWN, /* ICMP error about no connection that we know */
	SL_WHY_ICMP_QUOTE_ADDRESS, /* ICMP error: sent to somebody else than the quoted sender */

	/* TCP (src/track/tcp*.c) */
	SL_WHY_TCP_FLAGS,         /* impossible combination of flags */
	SL_WHY_TCP_STATE,         /* this packet may not come in this state */
	SL_WHY_TCP_SEQ_OVER,      /* SEQ is over the upper bound (beyond the receiver's window) */
	SL_WHY_TCP_SEQ_UNDER,     /* SEQ is under the lower bound (already acknowledged data) */
	SL_WHY_TCP_ACK_OVER,      /* ACK is over the upper bound (ACKed data not seen yet) */
	SL_WHY_TCP_ACK_UNDER,     /* ACK is under the lower bound (possible overly delayed ACK) */
	SL_WHY_TCP_RST_SEQ,       /* RST that is not exactly what the receiver expects */
	SL_WHY_TCP_SYN_IN_SYNC,   /* SYN within a live connection (challenge ACK expected) */
	SL_WHY_TCP_CHALLENGE_ACK, /* challenge ACK: passes, changes nothing */

	/* other protocols */
	SL_WHY_SCTP_CHUNKS,
	SL_WHY_SCTP_STATE,
	SL_WHY_SCTP_VTAG,
	SL_WHY_DCCP_STATE,
	SL_WHY_DCCP_TYPE,

	/* NAT (src/nat) */
	SL_WHY_NAT_NO_PORT,    /* every port or id of the range is taken for this remote */
	SL_WHY_NAT_NO_ADDRESS, /* masquerade: the interface has no usable address */
	SL_WHY_NAT_SHORT,      /* the packet is too short to be translated */
	SL_WHY_NAT_REDIRECT,   /* an ICMP redirect would lead around the translation */
	SL_WHY_NAT_CHECKSUM,   /* an ICMP error whose checksum is wrong, where there is NAT */

	/* rules and the engine */
	SL_WHY_POLICY_DROP, /* a rule or a chain's policy said drop */
	SL_WHY_POLICY_REJECT,
	SL_WHY_NO_ROUTE,
	SL_WHY_TTL_EXCEEDED,
	SL_WHY_BEYOND_SCOPE, /* an IPv6 source that nobody knows where the packet would go: link-local */
	SL_WHY_TOO_BIG,     /* longer than the MTU and may not be fragmented */
	SL_WHY_KEEP_FAILED, /* the embedder could not keep, grow or make contiguous */
	SL_WHY_OTHER_SHARD, /* not dropped: to be handed to sl_packet.shard */

	/* helpers and streams (src/help, helpers) */
	SL_WHY_STREAM_HELD,    /* held until the rest of the message comes */
	SL_WHY_STREAM_MEMORY,  /* stream memory used up: the sender will repeat it */
	SL_WHY_HELPER_DROP,    /* a helper understood the message but cannot make it true */
	SL_WHY_HELPER_ADDRESS, /* announces an address that is not the announcer's own */
	SL_WHY_HELPER_PORT,    /* announces a port below 1024, or 0 */
	SL_WHY_HELPER_RANGE,   /* a number out of its range */
	SL_WHY_HELPER_UNASKED, /* an answer to a question nobody asked */
	SL_WHY_HELPER_SYNTAX, /* a message of its protocol that it does not understand: passes as it is */
	SL_WHY_HELPER_ENCRYPTED, /* encrypted from here on: the helper steps aside */
	SL_WHY_HELPER_UNKNOWN,   /* a message of a kind that the helper leaves alone */
	SL_WHY_EXPECT_LIMIT,     /* expectation limit of the class or of all reached */
	SL_WHY_EXPECT_CLASH,     /* another master expects the same */

	/* why a connection or an expectation ended */
	SL_WHY_TIMEOUT,
	SL_WHY_EVICTED,      /* the table was full and it was the least worth keeping */
	SL_WHY_TCP_RESET,    /* answered by a reset before anything else */
	SL_WHY_TCP_REOPENED, /* a new SYN took the place of a finished connection */
	SL_WHY_FLUSHED,
	SL_WHY_MET, /* the expectation was met */
	SL_WHY_MASTER_GONE,
	SL_WHY_REPLACED,     /* a newer expectation took its place */
	SL_WHY_HELPER_GONE,  /* its helper was unregistered */
	SL_WHY_ADDRESS_GONE, /* the translated address is no longer the gateway's */
	SL_WHY_CALL_ENDED,   /* its control connection ended the call */
	SL_WHY_PORT_REUSED,  /* it was over, and a new connection needed its translated port */

	SL_WHY_COUNT
};

/* Stable names of where sluice knowingly differs from Linux (docs/beyond.md). */
enum sl_beyond {
	SL_BEYOND_NONE = 0,
	SL_BEYOND_SPLIT_MESSAGE, /* "split-message": a message over several segments was translated */
	SL_BEYOND_MANY_MESSAGES, /* "many-messages": more than one message in a segment was */
	SL_BEYOND_SYNTAX,        /* "syntax": a valid spelling that Linux does not read */
	SL_BEYOND_EVICTION,      /* "eviction": unreplied first, at constant cost */
	SL_BEYOND_PORT_SEARCH,   /* "port-search": a free port was found where Linux gives up */
	SL_BEYOND_REFUSED,       /* "refused": Linux would have opened a hole that is not safe */
	SL_BEYOND_ADDRESS_TEXT, /* "address-text": an address is written otherwise than Linux writes it */
	SL_BEYOND_LINE_START, /* "line-start": Linux does not look at a segment that follows no line end */
	SL_BEYOND_PASSED,      /* "passed": not understood, so it passes; Linux drops it */
	SL_BEYOND_REPEATED,    /* "repeated": the same bytes again open nothing anew */
	SL_BEYOND_OTHER_CALLS, /* "other-calls": a SIP call's end is not the end of others */
	SL_BEYOND_EXPECT_TIME, /* "expect-time": `ct expectation` lives as long as it says, not 1000 times as long */
	SL_BEYOND_SIGNED,      /* "signed": segments with a signature are not edited */
	SL_BEYOND_SOURCE_KEPT, /* "source-kept": who answers an offer keeps its address; Linux gives it another's */
	SL_BEYOND_CALL_ID, /* "call-id": a PPTP call id stays unless it is taken; Linux gives it a port */
	SL_BEYOND_BROADCAST, /* "broadcast": answers to another host's broadcast; Linux sees only its own */
	SL_BEYOND_FIRST_SEEN, /* "first-seen": bytes sent twice, and differently, leave as they were seen first */
	SL_BEYOND_PORT_IN_USE, /* "port-in-use": a port where a live related connection arrives is not given again */
	SL_BEYOND_ENCRYPTED, /* "encrypted": the helper has stepped aside; Linux's reads on */
	SL_BEYOND_TRANSPORT_ADDRESS, /* "transport-address": H.323 names an endpoint otherwise than Linux writes it */
	SL_BEYOND_COUNT
};

SL_EXPORT const char *sl_reason_name(enum sl_reason why);
SL_EXPORT const char *sl_reason_text(enum sl_reason why);

#endif
