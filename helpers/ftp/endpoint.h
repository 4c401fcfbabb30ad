/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Endpoints in FTP lines. (helpers/ftp/endpoint.c)
 *
 * Readers have the text cursor's contract: false, and nothing was taken.
 */
#ifndef HELPERS_FTP_ENDPOINT_H
#define HELPERS_FTP_ENDPOINT_H

#include <sluice/helper.h>

/* An endpoint in a line, and which bytes of the line say so. */
struct ftp_announced {
	struct sl_endpoint endpoint;
	size_t offset, length;
	enum { AS_COMMAS, AS_LONG, AS_EXTENDED, AS_PORT } form;
	char delimiter;
	enum sl_reason wrong; /* it is readable, but a number is out of range */
};

/* Telnet commands before a line's text. */
void ftp_telnet_skip(struct sl_text *t);

/* h1,h2,h3,h4,p1,p2 */
bool ftp_commas_read(struct sl_text *t, struct ftp_announced *a);
/* af,hal,h1..hal,pal,p1..pal: IPv4 is 4,4 and IPv6 is 6,16; ports are 2 bytes. */
bool ftp_long_read(struct sl_text *t, struct ftp_announced *a);
/* |1|192.0.2.1|port| or |2|2001:db8::1|port|, with any delimiter */
bool ftp_extended_read(struct sl_text *t, struct ftp_announced *a);
/* (|||port|): the address is the sender's own, and is filled in already. */
bool ftp_passive_read(struct sl_text *t, struct ftp_announced *a);
/* The first place in the text where `read` finds what it reads, beginning at a number. */
bool ftp_announced_find(struct sl_text *t, struct ftp_announced *a,
        bool (*read)(struct sl_text *, struct ftp_announced *));

/* `seen`, in the form that the announcement has. */
void ftp_announced_put(
        struct sl_out *o, const struct ftp_announced *a, const struct sl_endpoint *seen);
/* Any delimiter may be chosen. It is kept; Linux writes its own. */
bool ftp_has_own_delimiter(const struct ftp_announced *a);
/* Is the endpoint spelled like this (NUL-terminated), as we and Linux would write it? */
bool ftp_is_spelled(const struct sl_message *m, const struct ftp_announced *a, const char *usual);

#endif
