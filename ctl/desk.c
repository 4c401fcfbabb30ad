/* SPDX-License-Identifier: BSD-2-Clause */
/* See desk.h. Calls live on their callers' stacks, each with a semaphore that its caller waits for. */
#include "ctl/desk.h"

#include <errno.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct sl_desk_call {
	struct sl_desk_call *next;
	void (*work)(void *ctx);
	void *ctx;
	sem_t over;
	bool done;
};

bool sl__desk_init(struct sl_desk *desk)
{
	*desk = (struct sl_desk){.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	desk->last = &desk->first;
	pthread_mutex_init(&desk->lock, NULL);
	return desk->wake >= 0;
}

void sl__desk_fini(struct sl_desk *desk)
{
	if (desk->wake >= 0)
		close(desk->wake);
	pthread_mutex_destroy(&desk->lock);
}

static void wake(struct sl_desk *desk)
{
	uint64_t one = 1;

	if (write(desk->wake, &one, sizeof(one)) < 0) {
		/* full: it is readable already */
	}
}

bool sl__desk_call(struct sl_desk *desk, void (*work)(void *ctx), void *ctx)
{
	struct sl_desk_call call = {.work = work, .ctx = ctx};
	bool closed;

	sem_init(&call.over, 0, 0);
	pthread_mutex_lock(&desk->lock);
	closed = desk->closed;
	if (!closed) {
		*desk->last = &call;
		desk->last = &call.next;
	}
	pthread_mutex_unlock(&desk->lock);
	if (!closed) {
		wake(desk);
		while (sem_wait(&call.over) != 0 && errno == EINTR)
			;
	}
	sem_destroy(&call.over);
	return call.done;
}

/* With the lock. */
static struct sl_desk_call *take(struct sl_desk *desk)
{
	struct sl_desk_call *all = desk->first;

	desk->first = NULL;
	desk->last = &desk->first;
	pthread_mutex_unlock(&desk->lock);
	return all;
}

static void finish(struct sl_desk_call *call, bool done)
{
	call->done = done;
	sem_post(&call->over); /* from here on it may be gone */
}

void sl__desk_serve(struct sl_desk *desk)
{
	struct sl_desk_call *call, *next;
	uint64_t n;

	if (read(desk->wake, &n, sizeof(n)) < 0)
		return; /* nobody called */
	if (pthread_mutex_trylock(&desk->lock) != 0) {
		wake(desk); /* packets first */
		return;
	}
	for (call = take(desk); call; call = next) {
		next = call->next;
		call->work(call->ctx);
		finish(call, true);
	}
}

void sl__desk_close(struct sl_desk *desk)
{
	struct sl_desk_call *call, *next;

	pthread_mutex_lock(&desk->lock);
	desk->closed = true;
	for (call = take(desk); call; call = next) {
		next = call->next;
		finish(call, false);
	}
}
