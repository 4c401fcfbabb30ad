/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_FUZZ_DIALOGUE_H
#define SLUICE_FUZZ_DIALOGUE_H

/*
 * The common part of the fuzz targets of helpers: a target names a helper, and the input is what
 * both sides say and how it travels. (fuzz/dialogue.c)
 */
#include "fuzz/fuzz.h"

struct fuzz_dialogue {
	const char *helper;   /* of those that are part of the library */
	uint8_t proto;        /* SL_PROTO_TCP, SL_PROTO_UDP */
	uint16_t port;        /* the server's */
	uint16_t client_port; /* 0: any */
};

int fuzz_dialogue(const struct fuzz_dialogue *d, const uint8_t *data, size_t size);

#endif
