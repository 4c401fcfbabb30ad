/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two modules of FOO share: the port, and what the first remembers for the second. */
#ifndef FOO_H
#define FOO_H

#include <stdint.h>

#define FOO_PORT 111

struct ip_ct_foo {
	uint32_t ip; /* where the client listens, network byte order; 0: it did not say yet */
	uint16_t port;
	uint16_t seen;   /* the port that the server was told */
	uint16_t offset; /* of what the client said, in the payload ... */
	uint16_t len;    /* ... and its length; 0: not in this message */
};

#define IP_CONNTRACK_HELP_INFO struct ip_ct_foo ct_foo_info;

#endif
