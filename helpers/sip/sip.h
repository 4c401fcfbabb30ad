/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SIP: what its files share. Read sip.c first.
 *
 *	sip.c		the record, framing, one message's way
 *	message.c	first line and headers
 *	uri.c		addresses in them: hosts, ports, URIs, parameters
 *	headers.c	translating them
 *	sdp.c		the session description: reading, expecting its media, translating it
 *	call.c		INVITE, UPDATE, ACK, PRACK, BYE: which descriptions count, when media end
 *	register.c	REGISTER: where a phone can be called
 *
 * Everything read is a sl_text into the message, and a place in it (offset and length), so that
 * it can be replaced. Readers have the text cursor's contract: false, and nothing was taken.
 */
#ifndef HELPERS_SIP_SIP_H
#define HELPERS_SIP_SIP_H

#include <sluice/helper.h>

#define SIP_PORT 5060

/* Classes of expectations, as Linux counts them. */
enum { SIP_SIGNALLING, SIP_AUDIO, SIP_VIDEO, SIP_IMAGE };
#define SIP_MEDIA (1u << SIP_AUDIO | 1u << SIP_VIDEO | 1u << SIP_IMAGE)

#define SIP_CONTACTS 8
#define SIP_STREAMS  8
#define SIP_LISTENS  4

/* What is kept of a connection. */
struct sip {
	uint32_t invite_cseq, register_cseq;
	uint32_t call;                    /* the last one that expected media ... */
	bool many_calls;                  /* ... and there were others */
	uint16_t listens[2][SIP_LISTENS]; /* other ports that [dir] named as its own; 0: none */
	uint8_t listens_next[2];
	uint16_t forced_port; /* answers go to this port of the client, not where it sends from */
	bool linux_forces;    /* Linux would lead answers to another port */
	struct sl_endpoint contact; /* of the last registration, as its sender wrote it ... */
	struct sl_endpoint seen;    /* ... and as the registrar sees it; port 0: none */
	uint8_t contact_dir;        /* who registered */
};

/* "host:port" in a message. */
struct sip_place {
	size_t offset, length;
	struct sl_endpoint endpoint; /* port 0: none is written */
	bool is_addr;                /* else a name, or nothing: not to be translated */
	bool brackets;               /* an IPv6 address in brackets */
};

/* A URI and what follows it in its header. */
struct sip_address {
	struct sip_place host, maddr;
	uint8_t proto; /* of transport=, enum sl_proto_number; 0: not said */
	bool has_expires;
	uint32_t expires; /* the header's parameter */
};

struct sip_via {
	struct sip_place host, maddr, received;
	bool wants_rport;                  /* it has that parameter */
	size_t rport_offset, rport_length; /* its digits; length 0: none */
	uint32_t rport;
};

enum sip_header_id {
	SIP_OTHER,
	SIP_VIA,
	SIP_CONTACT,
	SIP_FROM,
	SIP_TO,
	SIP_ROUTE,
	SIP_RECORD_ROUTE, /* and Path, Service-Route, Refer-To, Referred-By */
	SIP_CALL_ID,
	SIP_CSEQ,
	SIP_EXPIRES,
	SIP_CONTENT_LENGTH,
	SIP_CONTENT_TYPE,
	SIP_CONTENT_ENCODING,
};

/* What a message's first line and headers say. */
struct sip_head {
	bool is_request;
	struct sl_text method; /* of a request; of what an answer answers, from its CSeq */
	struct sl_text uri;    /* of a request */
	uint32_t status;       /* of an answer */
	uint32_t cseq, call;   /* call: a hash of Call-ID */
	bool has_expires;
	uint32_t expires;
	struct sl_text lines;  /* the header lines */
	struct sl_text length; /* the digits of Content-Length; empty: there is none */
	struct sl_text body;
	bool has_sdp, many_parts;
};

/* One m= line and what belongs to it. */
struct sip_stream {
	uint8_t class_id;            /* SIP_SIGNALLING: not one that is looked at */
	struct sip_place port;       /* endpoint.port only */
	uint8_t pairs;               /* m=audio 5000/2: two pairs of ports */
	struct sip_place connection; /* its own c= */
	struct sip_place rtcp;       /* a=rtcp: endpoint.port only; length 0: none */
	struct sip_place rtcp_addr;
	bool mux; /* a=rtcp-mux */
};

struct sip_sdp {
	struct sip_place owner, connection; /* o=, c= of the whole session */
	struct sip_stream stream[SIP_STREAMS];
	unsigned count;
	bool ice; /* it has candidates (RFC 8839) */
};

/* One message while it is worked on. */
struct sip_work {
	struct sl_help *help;
	struct sl_message *m;
	struct sip *sip;
	struct sip_head head;
	struct sip_sdp sdp;
	struct sip_address contact[SIP_CONTACTS];
	unsigned contacts;
	bool translated; /* by NAT */
	uint8_t beyond;  /* enum sl_beyond: where Linux would do otherwise */
	struct sl_edits edits;
};

/* ---- message.c ---- */

/* Bytes up to and with the empty line; 0: it is not there yet. */
size_t sip_head_length(struct sl_text t);
/* First line and headers of a whole message. False: not understood. */
bool sip_head_read(struct sl_text t, struct sip_head *head);
/* The next header line, unfolded in place: *value may hold line ends with a space behind them. */
bool sip_header_next(struct sl_text *lines, enum sip_header_id *id, struct sl_text *value);
/* The body's length that the header lines tell; -1: they do not, -2: it is no number. */
int64_t sip_body_length(struct sl_text lines);
bool sip_method_is(const struct sip_head *head, const char *method);

/* ---- uri.c ---- */

/* Spaces and folded lines. */
void sip_skip_space(struct sl_text *t);
/* host[:port]; a name is read too, but is no address. */
bool sip_host_read(struct sl_text *t, struct sip_place *place);
/* A bare address without port, with or without brackets; else *place is no address. */
void sip_addr_read(struct sl_text t, struct sip_place *place);
/* A request's URI. */
bool sip_uri_read(struct sl_text uri, struct sip_address *address);
/* One element of a header like Contact, with its parameters, up to a comma or the end. */
bool sip_address_read(struct sl_text *t, struct sip_address *address);
/* One element of Via. */
bool sip_via_read(struct sl_text *t, struct sip_via *via);
/* Writes the endpoint in the place's form. */
void sip_place_write(
        struct sl_edits *edits, const struct sip_place *place, const struct sl_endpoint *to);
bool sip_endpoint_eq(const struct sl_endpoint *a, const struct sl_endpoint *b);

/* ---- headers.c ---- */

/* Reads every header that names an endpoint. False: one is not understood. */
bool sip_headers_read(struct sip_work *w);
/* Linux would do otherwise. */
void sip_tell(struct sip_work *w, enum sl_beyond beyond);
/* Collects the edits that translation asks for; contacts after what register.c decided. */
void sip_headers_translate(struct sip_work *w);
/* The address that the receiver must see; false: it is neither end's. */
bool sip_seen_as(const struct sip_work *w, struct sl_endpoint *endpoint, bool any_port);

/* ---- sdp.c ---- */

bool sip_sdp_read(struct sl_text body, bool many_parts, struct sip_sdp *sdp);
/* Expects the media and collects the edits. Not SL_WHY_NONE: the message must be refused. */
enum sl_reason sip_sdp_expect(struct sip_work *w);

/* ---- call.c, register.c: what a message leads to ---- */

enum sl_reason sip_call(struct sip_work *w);
enum sl_reason sip_register(struct sip_work *w);

#endif
