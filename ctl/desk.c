/* SPDX-License-Identifier: BSD-2-Clause */
/* See desk.h. Calls live on their callers' stacks. */
#include "ctl/desk.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct sl_desk_call {
	struct sl_desk_call *next;
	void (*work)(void *ctx);
	void *ctx;
	bool over, done;
};

bool sl__desk_init(struct sl_desk *desk)
{
	*desk = (struct sl_desk){.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	desk->last = &desk->first;
	pthread_mutex_init(&desk->lock, NULL);
	pthread_cond_init(&desk->done, NULL);
	return desk->wake >= 0;
}

void sl__desk_fini(struct sl_desk *desk)
{
	if (desk->wake >= 0)
		close(desk->wake);
	pthread_cond_destroy(&desk->done);
	pthread_mutex_destroy(&desk->lock);
}

bool sl__desk_call(struct sl_desk *desk, void (*work)(void *ctx), void *ctx)
{
	struct sl_desk_call call = {.work = work, .ctx = ctx};
	uint64_t one = 1;

	pthread_mutex_lock(&desk->lock);
	if (!desk->closed) {
		*desk->last = &call;
		desk->last = &call.next;
		if (write(desk->wake, &one, sizeof(one)) < 0) {
			/* full: it is readable already */
		}
		while (!call.over)
			pthread_cond_wait(&desk->done, &desk->lock);
	}
	pthread_mutex_unlock(&desk->lock);
	return call.done;
}

static struct sl_desk_call *take(struct sl_desk *desk)
{
	struct sl_desk_call *all;

	pthread_mutex_lock(&desk->lock);
	all = desk->first;
	desk->first = NULL;
	desk->last = &desk->first;
	pthread_mutex_unlock(&desk->lock);
	return all;
}

static void finish(struct sl_desk *desk, struct sl_desk_call *call, bool done)
{
	pthread_mutex_lock(&desk->lock);
	call->done = done;
	call->over = true; /* from here on it may be gone */
	pthread_cond_broadcast(&desk->done);
	pthread_mutex_unlock(&desk->lock);
}

void sl__desk_serve(struct sl_desk *desk)
{
	struct sl_desk_call *call, *next;
	uint64_t n;

	if (read(desk->wake, &n, sizeof(n)) < 0)
		return; /* nobody called */
	for (call = take(desk); call; call = next) {
		next = call->next;
		call->work(call->ctx);
		finish(desk, call, true);
	}
}

void sl__desk_close(struct sl_desk *desk)
{
	struct sl_desk_call *call, *next;

	pthread_mutex_lock(&desk->lock);
	desk->closed = true;
	pthread_mutex_unlock(&desk->lock);
	for (call = take(desk); call; call = next) {
		next = call->next;
		finish(desk, call, false);
	}
}
