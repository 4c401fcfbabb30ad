/* SPDX-License-Identifier: BSD-2-Clause */
/* See metrics.h. */
#include "ctl/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/mem.h"
#include "ctl/snapshot.h"

struct sl_metrics {
	struct MHD_Daemon *daemon;
	struct sl_server *server;
};

static enum MHD_Result answer_text(struct MHD_Connection *c, unsigned status, struct sl_print *text)
{
	struct MHD_Response *r =
	        MHD_create_response_from_buffer(text->len, text->bytes, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result done;

	if (!r) {
		sl__print_fini(text);
		return MHD_NO;
	}
	MHD_add_response_header(r, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
	done = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result answer(void *ctx, struct MHD_Connection *c, const char *url,
        const char *method, const char *version, const char *upload, size_t *upload_len,
        void **state)
{
	const struct sl_metrics *metrics = ctx;
	struct sl_print text = {0};
	struct sl_snapshot s;

	(void)version, (void)upload, (void)upload_len, (void)state;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		sl__print_printf(&text, "GET /metrics\n");
		return answer_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, &text);
	}
	if (strcmp(url, "/metrics") != 0) {
		sl__print_printf(&text, "see /metrics\n");
		return answer_text(c, MHD_HTTP_NOT_FOUND, &text);
	}
	if (!sl__snapshot_take(&s, metrics->server))
		return MHD_NO;
	sl__snapshot_metrics(&s, &text);
	return answer_text(c, MHD_HTTP_OK, &text);
}

/* ---- where ---------------------------------------------------------------------------------- */

union where {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool read_where(const char *text, union where *out)
{
	const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
	char address[64] = "127.0.0.1", *end;
	unsigned long number = strtoul(port, &end, 10);
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (!*port || *end || number == 0 || number > 65535 || len >= sizeof(address))
		return false;
	if (colon && text[0] == '[' && len > 2 && text[len - 1] == ']') {
		memcpy(address, text + 1, len - 2);
		address[len - 2] = '\0';
	} else if (colon) {
		memcpy(address, text, len);
		address[len] = '\0';
	}
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, address, &out->v4.sin_addr) == 1) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons((uint16_t)number);
		return true;
	}
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = htons((uint16_t)number);
	return inet_pton(AF_INET6, address, &out->v6.sin6_addr) == 1;
}

static struct MHD_Daemon *start(struct sl_metrics *metrics, const union where *where)
{
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC |
	                 (where->any.sa_family == AF_INET6 ? MHD_USE_IPv6 : 0);

	return MHD_start_daemon(flags, 0, NULL, NULL, answer, metrics, MHD_OPTION_SOCK_ADDR,
	        &where->any, MHD_OPTION_CONNECTION_LIMIT, 16u, MHD_OPTION_CONNECTION_TIMEOUT, 10u,
	        MHD_OPTION_END);
}

struct sl_metrics *sl__metrics_create(const char *where, struct sl_server *server)
{
	struct sl_metrics *metrics = sl__must_alloc(sizeof(*metrics));
	sigset_t all, before;
	union where address;

	*metrics = (struct sl_metrics){.server = server};
	if (read_where(where, &address)) {
		sigfillset(&all); /* signals are the engine thread's */
		pthread_sigmask(SIG_SETMASK, &all, &before);
		metrics->daemon = start(metrics, &address);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (metrics->daemon)
			return metrics;
		fprintf(stderr, "sluice: metrics on %s: %s\n", where, strerror(errno));
	} else {
		fprintf(stderr, "sluice: metrics: %s: not ADDRESS:PORT\n", where);
	}
	free(metrics);
	return NULL;
}

void sl__metrics_destroy(struct sl_metrics *metrics)
{
	if (!metrics)
		return;
	MHD_stop_daemon(metrics->daemon);
	free(metrics);
}
