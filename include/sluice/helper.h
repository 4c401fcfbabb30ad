/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing a protocol helper. A helper teaches the tracker a protocol whose messages announce
 * further connections: it reads whole messages, says what to expect, and writes the endpoint
 * as the peer must see it. It needs no knowledge of segments, NAT or memory. It includes this
 * header and nothing else; docs/writing-a-helper.md walks through helpers/foo.c.
 *
 * A helper is one const record at the end of its file:
 *
 *	const struct sl_helper sl_helper_foo = {
 *		SL_HELPER_HEADER,
 *		.name = "foo",
 *		.match = {{.proto = SL_PROTO_TCP, .port = 111}},
 *		.classes = {{.name = "data", .max = 1, .timeout = 300}},
 *		.framing = SL_FRAME_LINE,
 *		.message = {[SL_ORIGINAL] = request},
 *	};
 *
 * Contract. Functions are called with whole messages, in order, each once, whatever the
 * segmentation. They read bytes through <sluice/text.h> only. They keep nothing but what fits
 * into data_size bytes (zeroed at first, owned by the connection). What is not understood is
 * passed: SL_PASS, nothing opened. What is understood but cannot be made true is dropped:
 * SL_REFUSE with a reason.
 */
#ifndef SLUICE_HELPER_H
#define SLUICE_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/reason.h>
#include <sluice/text.h>
#include <sluice/tuple.h>

#define SL_HELPER_ABI     1
#define SL_HELPER_MATCHES 8
#define SL_HELPER_CLASSES 4

struct sl_help; /* a helper's work on one connection; opaque */
struct sl_packet;
struct sl_conn;

/* How the byte stream, or the datagrams, fall into messages. */
enum sl_framing {
	SL_FRAME_DATAGRAM, /* each packet is one message */
	SL_FRAME_LINE,     /* up to and with LF (CR LF or a bare LF) */
	SL_FRAME_LENGTH,   /* a length field says how long: see length_* */
	SL_FRAME_OWN,      /* the helper's frame() finds the end */
};

enum sl_help_result {
	SL_PASS,   /* goes on, with what sl_replace() changed */
	SL_REFUSE, /* must not pass: sl_refuse() said why */
	SL_LEAVE,  /* goes on, and the helper is done with this connection (encrypted, ...) */
};

/* One whole message. Offsets in sl_replace() count from its first byte. */
struct sl_message {
	struct sl_text text; /* all of it, with its line end if it has one */
	enum sl_dir dir;     /* who sent it: SL_ORIGINAL is who opened the connection */
};

/* Which connections a helper takes by default: those whose original destination port fits. */
struct sl_helper_match {
	uint8_t family; /* enum sl_family; 0: both */
	uint8_t proto;  /* SL_PROTO_TCP ...; 0: end of the list */
	uint16_t port;
	uint16_t port_mask; /* 0 counts as 0xffff: exactly this port */
};

struct sl_helper_class {
	const char *name;
	uint16_t max; /* expectations of this class at a time, per connection; 0: unused class */
	uint32_t timeout; /* seconds */
};

/* An endpoint as it stands in a payload. */
struct sl_endpoint {
	struct sl_addr addr;
	uint16_t port;
	uint8_t family; /* enum sl_family */
	uint8_t proto;  /* of the connection to come */
};

/* The general form of an expectation, for what sl_expect_endpoint() cannot say. */
struct sl_expectation {
	struct sl_tuple tuple, mask;
	uint8_t class_id;
	uint8_t flags;                  /* enum sl_expect_flag */
	uint32_t timeout;               /* seconds; 0: the class's */
	const struct sl_helper *helper; /* what the related connection gets; NULL: none */
	const char *reason;             /* static text: what for */
};

struct sl_helper {
	uint32_t abi;  /* SL_HELPER_ABI ... */
	uint32_t size; /* ... and sizeof(struct sl_helper): SL_HELPER_HEADER sets both */
	const char *name;
	struct sl_helper_match match[SL_HELPER_MATCHES];
	struct sl_helper_class classes[SL_HELPER_CLASSES];
	enum sl_framing framing;
	uint32_t message_max;  /* a longer message passes unread; 0: 4096 */
	uint8_t length_offset; /* SL_FRAME_LENGTH: where the big-endian field is ... */
	uint8_t length_size;   /* ... its bytes (1, 2 or 4) ... */
	int32_t length_bias;   /* ... and what to add to its value for the whole length */
	uint32_t data_size;    /* bytes of per-connection data; sl_help_data() */
	/* A whole message of that direction's sender; NULL: its messages are not read. */
	enum sl_help_result (*message[2])(struct sl_help *help, struct sl_message *message);
	/*
	 * From which byte on might an incomplete message have to be changed once it is whole?
	 * Bytes before go on at once, the others are held. NULL: from its first byte.
	 * Return the length of `begin` when nothing of it can be.
	 */
	size_t (*hold)(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir);
	/* SL_FRAME_OWN: the length of the first message in bytes; 0: not all of it is there. */
	size_t (*frame)(struct sl_help *help, const struct sl_text *bytes, enum sl_dir dir);
	/* Export and import of the per-connection data; NULL: it is copied as bytes. */
	uint32_t data_version;
};

#define SL_HELPER_HEADER .abi = SL_HELPER_ABI, .size = sizeof(struct sl_helper)

/*
 * What a helper may call. A module is loaded with no symbols of ours: it reaches these through
 * the table that every sl_help begins with; the inline functions below hide that.
 */
struct sl_api {
	void *(*data)(struct sl_help *help);
	enum sl_reason (*expect_endpoint)(struct sl_help *help, const struct sl_message *message,
	        const struct sl_endpoint *written, uint8_t class_id, const char *reason,
	        struct sl_endpoint *seen);
	enum sl_reason (*expect_related)(struct sl_help *help, const struct sl_expectation *want);
	bool (*replace)(struct sl_help *help, struct sl_message *message, size_t offset,
	        size_t length, const void *bytes, size_t size);
	void (*conn_tuple)(struct sl_help *help, enum sl_dir dir, struct sl_tuple *out);
	enum sl_help_result (*refuse)(struct sl_help *help, enum sl_reason why);
	void (*note)(struct sl_help *help, enum sl_reason why, const char *text);
	bool (*seen_from_start)(struct sl_help *help);
	uint32_t (*option)(struct sl_help *help, const char *name);
	void (*beyond)(struct sl_help *help, enum sl_beyond beyond);
};

struct sl_help_base {
	const struct sl_api *api;
};

static inline const struct sl_api *sl_api_of(struct sl_help *help)
{
	return ((const struct sl_help_base *)(const void *)help)->api;
}

/* The connection's data_size bytes. */
static inline void *sl_help_data(struct sl_help *help)
{
	return sl_api_of(help)->data(help);
}

/*
 * The sender of `message` announces that its peer may connect to `written`. Checks that the
 * address is the sender's own and the port is not below 1024, expects the connection, and says
 * in *seen how the peer must see the endpoint: the same without NAT, else a public address and
 * a port kept for it. The same endpoint again gives the same answer. Anything but SL_WHY_NONE:
 * nothing is expected.
 */
static inline enum sl_reason sl_expect_endpoint(struct sl_help *help,
        const struct sl_message *message, const struct sl_endpoint *written, uint8_t class_id,
        const char *reason, struct sl_endpoint *seen)
{
	return sl_api_of(help)->expect_endpoint(help, message, written, class_id, reason, seen);
}

/* Expect exactly this, as Welte's ip_conntrack_expect_related(); no address is translated. */
static inline enum sl_reason sl_expect_related(
        struct sl_help *help, const struct sl_expectation *want)
{
	return sl_api_of(help)->expect_related(help, want);
}

/*
 * Put `size` bytes in the place of `length` bytes at `offset` of the message (as it was handed
 * in: several replacements must not overlap and go from front to back). Lengths, checksums and
 * sequence numbers are the core's business. False: it cannot be done; return SL_REFUSE then.
 */
static inline bool sl_replace(struct sl_help *help, struct sl_message *message, size_t offset,
        size_t length, const void *bytes, size_t size)
{
	return sl_api_of(help)->replace(help, message, offset, length, bytes, size);
}

/* The connection's tuple in that direction, as it stands in its packets there. */
static inline void sl_help_tuple(struct sl_help *help, enum sl_dir dir, struct sl_tuple *out)
{
	sl_api_of(help)->conn_tuple(help, dir, out);
}

/* return sl_refuse(help, why): the message is dropped, counted and reported under that reason. */
static inline enum sl_help_result sl_refuse(struct sl_help *help, enum sl_reason why)
{
	return sl_api_of(help)->refuse(help, why);
}

/* A remark for events and `explain`; text is static. */
static inline void sl_note(struct sl_help *help, enum sl_reason why, const char *text)
{
	sl_api_of(help)->note(help, why, text);
}

/* The message is handled knowingly otherwise than in Linux: the packet says so (docs/beyond.md). */
static inline void sl_help_beyond(struct sl_help *help, enum sl_beyond beyond)
{
	sl_api_of(help)->beyond(help, beyond);
}

/* Was the connection seen from its first packet, without a hole, so that questions were seen? */
static inline bool sl_seen_from_start(struct sl_help *help)
{
	return sl_api_of(help)->seen_from_start(help);
}

/* The value of a tunable ("sluice_ftp_loose"). */
static inline uint32_t sl_help_option(struct sl_help *help, const char *name)
{
	return sl_api_of(help)->option(help, name);
}

#endif
