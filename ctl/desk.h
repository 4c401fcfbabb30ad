/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_CTL_DESK_H
#define SLUICE_CTL_DESK_H

/*
 * Where other threads have small things done by the engine's thread. A call waits until the
 * engine's thread, between two batches of packets, has run the function; what it does must be
 * bounded (a few hundred microseconds), as packets wait meanwhile. The engine's thread waits for
 * nobody: when another has the lock at this moment, calls are served at the next look.
 */
#include <pthread.h>
#include <stdbool.h>

struct sl_desk_call;

struct sl_desk {
	pthread_mutex_t lock;
	struct sl_desk_call *first, **last;
	int wake; /* eventfd: readable when there is a call; for the engine's thread to wait for */
	bool closed;
};

bool sl__desk_init(struct sl_desk *desk);
void sl__desk_fini(struct sl_desk *desk);

/* Any thread but the engine's. False: the gateway ends, it was not done. */
bool sl__desk_call(struct sl_desk *desk, void (*work)(void *ctx), void *ctx);
/* The engine's thread: do what waits now. */
void sl__desk_serve(struct sl_desk *desk);
/* The engine's thread: nothing is done any more; waiting callers return. */
void sl__desk_close(struct sl_desk *desk);

#endif
