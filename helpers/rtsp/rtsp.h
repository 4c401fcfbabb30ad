/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RTSP: what its files share. rtsp.c has the dialogue and what it leads to; head.c reads first
 * lines and headers, transport.c the Transport header, which it also rewrites.
 *
 * Texts point into the message; offsets count from its first byte.
 */
#ifndef HELPERS_RTSP_RTSP_H
#define HELPERS_RTSP_RTSP_H

#include <sluice/helper.h>

/* What is read of a message's first line and headers. */
struct rtsp_head {
	struct sl_text method, url; /* of a request */
	uint32_t status;            /* of an answer; 0: a request */
	uint32_t cseq, body;
	struct sl_text session;   /* its identifier, without parameters */
	struct sl_text transport; /* empty: none */
	bool understood;
};

/* Ports in a Transport header, and where they stand. */
struct rtsp_ports {
	size_t offset, length;
	uint16_t first;
	uint8_t count;           /* 0: not there */
	struct sl_text host[2];  /* 2.0: the hosts beside them ... */
	size_t part[2], size[2]; /* ... and each quoted "host:port" */
	bool quoted;
};

/* An address parameter and where it stands. */
struct rtsp_place {
	size_t offset, length;
	struct sl_text text;
};

/* One transport of those that the header lists. */
struct rtsp_transport {
	struct rtsp_ports client, server;
	struct rtsp_place destination, source;
	bool unicast_udp;
	bool wrong;
};

/* ---- head.c ---- */

/* A line that has its end, without it. */
bool rtsp_whole_line(struct sl_text *t, struct sl_text *line);
/* Bytes up to and with the empty line; 0: it is not there. */
size_t rtsp_head_length(struct sl_text t);
/* "Name:" at the beginning of the line; *line is then its value. */
bool rtsp_is_header(struct sl_text *line, const char *name);
/* head->understood says whether the rest may be relied on. */
void rtsp_head_read(struct sl_text t, struct rtsp_head *head);

/* ---- transport.c ---- */

/* One transport of the header's list, up to the comma behind it or the end. False: no more. */
bool rtsp_transport_read(struct sl_text *t, struct rtsp_transport *transport);
/* Is that, if it says anything, the address of this side as the message's sender knows it? */
bool rtsp_is_side(
        struct sl_help *help, const struct sl_message *m, struct sl_text text, bool senders);
bool rtsp_ports_at_side(struct sl_help *help, const struct sl_message *m,
        const struct rtsp_ports *ports, bool senders);
/* The ports as they must be seen, at the address `at` where one is written. */
void rtsp_ports_write(
        struct sl_edits *edits, const struct rtsp_ports *ports, const struct sl_endpoint *at);
/* An address of one of the two ends, as the receiver must see it. */
void rtsp_place_write(struct sl_help *help, const struct sl_message *m, struct sl_edits *edits,
        const struct rtsp_place *place);

#endif
