/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SANE, scanning over a network: the standard's chapter 5, "Network Protocol" (version 3).
 *
 *	client (SL_ORIGINAL)			saned (SL_REPLY), TCP 6566
 *
 *	INIT, GET_DEVICES, OPEN, ...		(an answer to each)
 *	START (7), handle			status 0, port 50000, byte order, resource ""
 *	    ---- a TCP connection to that port: the image ---->
 *
 * Everything is made of 32-bit words, most significant byte first. A string is its length as a
 * word (with the NUL that ends it) and its bytes. The client waits for each answer before it
 * asks again.
 *
 * Requests are framed one by one. Of the answers only that to START is: as the others are not
 * needed, all that comes before the next request counts as one. If a resource is named in it,
 * the client must first AUTHORIZE itself; then comes a word, and the same answer again.
 *
 * The answer counts if the question was seen, no other was open then, the status is "good", the
 * port fits into 16 bits and the byte order is one of the two that exist. A client that does
 * not wait for its answers opens nothing. A request that is not known ends the reading.
 */
#include <sluice/helper.h>

#define WORD       4
#define STRING_MAX 4096

enum { CLASS_DATA };

enum request {
	INIT,
	GET_DEVICES,
	OPEN,
	CLOSE,
	GET_OPTION_DESCRIPTORS,
	CONTROL_OPTION,
	GET_PARAMETERS,
	START,
	CANCEL,
	AUTHORIZE,
	EXIT,
	REQUESTS
};

/* What follows a request's number: w a word, s a string, v a control option's value. */
static const char *const arguments[REQUESTS] = {
        [INIT] = "ws",
        [GET_DEVICES] = "",
        [OPEN] = "s",
        [CLOSE] = "w",
        [GET_OPTION_DESCRIPTORS] = "w",
        [CONTROL_OPTION] = "wwv",
        [GET_PARAMETERS] = "w",
        [START] = "w",
        [CANCEL] = "w",
        [AUTHORIZE] = "sss",
        [EXIT] = "",
};

/* A control option's action, and types of value; other types are words. */
enum { SET_AUTO = 2 };
enum { STRING = 3, BUTTON = 4, GROUP = 5 };

struct sane {
	uint8_t open;     /* requests without an answer, 255 at most */
	bool started;     /* START is one of them, and was the only one */
	bool resource;    /* ... its answer was that the client must authorize itself */
	bool authorizing; /* AUTHORIZE came: one word, then START's answer */
	bool linux_asked; /* the client's last segment of a request's length was a START */
};

/* ---- strings and values ---------------------------------------------------------------------- */

static bool string(struct sl_text *t)
{
	uint32_t n;

	return sl_text_u32(t, &n) && sl_text_bytes(t, n, NULL);
}

/*
 * What to do; then, unless that is "set automatically", type, size, and the value: an array of
 * bytes (STRING) or words, with its length before it. Buttons and groups have none.
 */
static bool value(struct sl_text *t)
{
	uint32_t action, type, size, n;

	if (!sl_text_u32(t, &action))
		return false;
	if (action == SET_AUTO)
		return true;
	if (!sl_text_u32(t, &type) || !sl_text_u32(t, &size))
		return false;
	if (type == BUTTON || type == GROUP)
		return true;
	if (!sl_text_u32(t, &n))
		return false;
	return type == STRING ? sl_text_bytes(t, n, NULL)
	                      : n <= STRING_MAX && sl_text_bytes(t, n * WORD, NULL);
}

static bool argument(struct sl_text *t, char kind)
{
	uint32_t v;

	return kind == 'w' ? sl_text_u32(t, &v) : kind == 's' ? string(t) : value(t);
}

/* ---- framing --------------------------------------------------------------------------------- */

static size_t frame_request(struct sl_text t)
{
	uint32_t number;

	if (!sl_text_u32(&t, &number))
		return 0;
	if (number >= REQUESTS)
		return sl_text_offset(&t) + sl_text_left(&t);
	for (const char *kind = arguments[number]; *kind; kind++)
		if (!argument(&t, *kind))
			return 0;
	return sl_text_offset(&t);
}

/* START's answer: status, port, byte order, resource. */
static size_t frame_started(struct sl_text t)
{
	return sl_text_bytes(&t, 3 * WORD, NULL) && string(&t) ? sl_text_offset(&t) : 0;
}

static size_t frame(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir)
{
	const struct sane *sane = sl_help_data(help);

	if (dir == SL_ORIGINAL)
		return frame_request(*begin);
	if (sane->authorizing)
		return sl_text_left(begin) < WORD ? 0 : WORD;
	if (sane->started)
		return frame_started(*begin);
	return sl_text_left(begin);
}

/* Only the port in START's answer may have to be changed: the word before it goes on. */
static size_t hold(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir)
{
	const struct sane *sane = sl_help_data(help);

	if (dir == SL_REPLY && sane->started && !sane->authorizing)
		return WORD + 2;
	return sl_text_left(begin);
}

/* In mid-stream: a request that fills what came exactly is one. Answers are not framed anyway. */
static size_t sync(struct sl_help *help, const struct sl_text *stream, enum sl_dir dir)
{
	(void)help;
	if (dir == SL_REPLY || frame_request(*stream) == sl_text_left(stream))
		return 0;
	return sl_text_left(stream);
}

/* ---- messages -------------------------------------------------------------------------------- */

static enum sl_help_result request(struct sl_help *help, struct sl_message *m)
{
	struct sane *sane = sl_help_data(help);
	struct sl_text t = m->text;
	uint32_t number = REQUESTS;

	if (!sl_text_u32(&t, &number) || number >= REQUESTS)
		return SL_LEAVE;
	if (number == AUTHORIZE && sane->resource) {
		sane->resource = false;
		sane->started = sane->authorizing = true;
		return SL_PASS;
	}
	sane->resource = sane->authorizing = false;
	sane->started = number == START && sane->open == 0;
	if (number == START && sane->open)
		sl_note(help, SL_WHY_HELPER_UNASKED, "START before the last answer");
	if (sane->open < 255 && number != EXIT)
		sane->open++;
	return SL_PASS;
}

/* The server's address is not translated: what the client opens is translated by the rules, as in
 * Linux. */
static enum sl_reason expect_as_it_stands(
        struct sl_help *help, const struct sl_tuple *client, uint16_t port)
{
	struct sl_tuple image = *client;
	struct sl_expectation e;

	if (port < 1024)
		return SL_WHY_HELPER_PORT;
	image.sport = 0;
	image.dport = port;
	e = sl_expectation_of(&image);
	e.class_id = CLASS_DATA;
	e.reason = "SANE image";
	return sl_expect_related(help, &e);
}

/* Its address is: the port is announced, and may become another. */
static enum sl_reason expect_translated(
        struct sl_help *help, struct sl_message *m, const struct sl_tuple *server, uint16_t port)
{
	struct sl_endpoint written = {
	        .addr = server->src, .port = port, .family = server->family, .proto = SL_PROTO_TCP};
	struct sl_endpoint seen;
	enum sl_reason why = sl_expect_endpoint(help, m, &written, CLASS_DATA, "SANE image", &seen);
	uint8_t two[2];

	if (why != SL_WHY_NONE)
		return why;
	two[0] = (uint8_t)(seen.port >> 8);
	two[1] = (uint8_t)seen.port;
	return sl_replace(help, m, WORD + 2, 2, two, 2) ? SL_WHY_NONE : SL_WHY_HELPER_DROP;
}

static enum sl_help_result expect(struct sl_help *help, struct sl_message *m, uint16_t port)
{
	struct sl_tuple server, client;
	enum sl_reason why;

	sl_help_tuple(help, SL_REPLY, &server);
	sl_help_tuple(help, SL_ORIGINAL, &client);
	if (sl_addr_eq(&server.src, &client.dst))
		why = expect_as_it_stands(help, &client, port);
	else
		why = expect_translated(help, m, &server, port);
	if (why == SL_WHY_HELPER_PORT) {
		sl_note(help, why, "SANE image");
		return SL_PASS;
	}
	return why == SL_WHY_NONE ? SL_PASS : sl_refuse(help, why);
}

static enum sl_help_result answer(struct sl_help *help, struct sl_message *m)
{
	struct sane *sane = sl_help_data(help);
	uint32_t status, port, order, resource;
	struct sl_text t = m->text;

	if (sane->authorizing) {
		sane->authorizing = false;
		return SL_PASS;
	}
	sane->open = 0;
	if (!sane->started)
		return SL_PASS;
	sane->started = false;
	if (!sl_text_u32(&t, &status) || !sl_text_u32(&t, &port) || !sl_text_u32(&t, &order) ||
	        !sl_text_u32(&t, &resource))
		return SL_PASS;
	if (status != 0 || port > 65535 || (order != 0x1234 && order != 0x4321))
		return SL_PASS;
	if (resource > 1) { /* a NUL alone is the empty string */
		sane->resource = true;
		return SL_PASS;
	}
	return port ? expect(help, m, (uint16_t)port) : SL_PASS;
}

/* Linux looks at segments alone: one that is START and no more, and the first one that comes back. */
static void linux_view(
        struct sl_help *help, const struct sl_segment *segment, struct sl_linux_view *out)
{
	struct sane *sane = sl_help_data(help);
	struct sl_text t = segment->text;
	uint32_t first, port;
	struct sl_tuple server;

	out->looks = true;
	if (segment->dir == SL_ORIGINAL) {
		if (sl_text_left(&t) == 2 * WORD && sl_text_u32(&t, &first))
			sane->linux_asked = first == START;
		return;
	}
	if (!sane->linux_asked)
		return;
	sane->linux_asked = false;
	if (!sl_text_u32(&t, &first) || !sl_text_u32(&t, &port) || first != 0 || port > 65535)
		return;
	sl_help_tuple(help, SL_REPLY, &server);
	out->expects = true;
	out->endpoint = (struct sl_endpoint){.addr = server.src,
	        .port = (uint16_t)port,
	        .family = server.family,
	        .proto = SL_PROTO_TCP};
}

const struct sl_helper sl_helper_sane = {
        SL_HELPER_HEADER,
        .name = "sane",
        .match = {{.proto = SL_PROTO_TCP, .port = 6566}},
        .classes = {[CLASS_DATA] = {.name = "data", .max = 1, .timeout = 300}},
        .framing = SL_FRAME_OWN,
        .message_max = 3 * STRING_MAX,
        .data_size = sizeof(struct sane),
        .data_version = 1,
        .linux_view = linux_view,
        .message = {[SL_ORIGINAL] = request, [SL_REPLY] = answer},
        .frame = frame,
        .hold = hold,
        .sync = sync,
};
