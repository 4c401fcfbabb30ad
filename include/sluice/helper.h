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

#define SL_HELPER_ABI     2
#define SL_HELPER_MATCHES 8
#define SL_HELPER_CLASSES 4
#define SL_HELPER_OPTIONS 8
#define SL_ANNOUNCE_PORTS 8

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

/* The payload of one TCP segment, as it came. */
struct sl_segment {
	struct sl_text text;
	uint32_t seq; /* of its first byte, as its sender counts */
	enum sl_dir dir;
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
	uint16_t all; /* not 0: `max` counts those with one cookie, and this all of a connection */
};

/*
 * What an operator may set, engine by engine: sl_tunable_set(), `--set NAME=VALUE`. Names begin
 * with the helper's ("sip_direct_media").
 */
struct sl_helper_option {
	const char *name;    /* NULL: end of the list */
	uint32_t value, max; /* default; greatest value allowed */
	const char *what;    /* a line for people */
};

/* An endpoint as it stands in a payload. */
struct sl_endpoint {
	struct sl_addr addr;
	uint16_t port;
	uint8_t family; /* enum sl_family */
	uint8_t proto;  /* of the connection to come */
};

/* What Linux's own helper makes of a segment; zero-filled: nothing. */
struct sl_linux_view {
	bool looks; /* its place is such that Linux reads it at all */
	bool drops, expects;
	struct sl_endpoint endpoint; /* expects: what it read */
};

/* Whom an announcement invites. */
enum sl_invited {
	SL_FROM_PEER,    /* the other end of this connection, from any port */
	SL_FROM_ANYONE,  /* any host */
	SL_FROM_PREFIX,  /* any host of the peer's prefix, which the route told: answers to
	                   broadcasts */
	SL_FROM_SEGMENT, /* any host of the announcer's own network: the connected prefix that its
	                    address lies in, as routes tell; or anybody, if it is link-local, because
	                    then nobody else can come: answers to groups */
};

/* What sl_expect_announced() refuses unless it is said that it is meant. */
enum sl_allow {
	SL_ALLOW_OTHER_HOST = 1, /* an address that is not the announcer's own */
	SL_ALLOW_LOW_PORT = 2,   /* ports below 1024 */
	SL_ALLOW_SHARED = 4,     /* that another connection of this helper expects the very same: then
	                            that will do, and nothing new is expected */
};

/*
 * "Connect to me there": what a message announces. Zero-filled members are the usual case:
 * one port, for the peer, the class's timeout, no helper on the related connection.
 */
struct sl_announcement {
	struct sl_endpoint
	        written; /* as it stands in the payload; port: a GRE key for SL_PROTO_GRE */
	uint8_t class_id;
	uint8_t ports;      /* how many in a row, at most SL_ANNOUNCE_PORTS: RTP and RTCP are 2 */
	uint8_t from;       /* enum sl_invited */
	uint8_t allow;      /* enum sl_allow bits */
	uint8_t flags;      /* enum sl_expect_flag bits: see there */
	uint8_t beyond;     /* enum sl_beyond: what comes is treated otherwise than in Linux */
	uint16_t from_port; /* its source port must be this one; 0: any */
	uint32_t timeout;   /* seconds; 0: the class's */
	uint32_t cookie;    /* the helper's own: comes back in sl_related, and names it later */
	const struct sl_helper *helper; /* what the related connection gets; NULL: none */
	const char *reason;             /* static text: what for */
};

/*
 * The general form of an expectation, for what an announcement cannot say. tuple: as the first
 * packet will come in; of the mask only the source (address and port) may be loose.
 */
struct sl_expectation {
	struct sl_tuple tuple, mask;
	uint8_t class_id;
	uint8_t flags;                  /* enum sl_expect_flag */
	uint32_t timeout;               /* seconds; 0: the class's */
	const struct sl_helper *helper; /* what the related connection gets; NULL: none */
	const char *reason;             /* static text: what for */
	uint32_t cookie;
	uint32_t group; /* not 0: when one of a group is met, the others are removed */
	/* Translation; without `nat` there is none. */
	bool nat;
	enum sl_dir from; /* it comes from where the master's packets of this direction come from */
	struct sl_endpoint to; /* where it really goes */
	uint16_t from_seen;    /* the source port that it gets; 0: its own, if that is free. GRE: its key,
	                          whatever it is */
};

/* Which of this connection's expectations are meant. Zero-filled: all of them. */
struct sl_which {
	const struct sl_endpoint *written; /* only what announced this endpoint; port 0: any port */
	uint8_t classes;                   /* only these classes: bits 1 << class_id; 0: all */
	bool inactive;                     /* only those with SL_EXPECT_INACTIVE */
	uint32_t cookie;                   /* only these; 0: all */
	uint8_t beyond; /* enum sl_beyond: Linux does not refresh those that are meant */
};

/* A connection that was expected, at its first packet: how shall it be translated? */
struct sl_related {
	struct sl_tuple tuple;        /* as the packet came */
	struct sl_endpoint announced; /* the endpoint as it was written */
	enum sl_dir from;             /* whose side of the master opens it */
	uint8_t class_id;
	uint32_t cookie;
	/* What follows the master is filled in; `expected` may change it. */
	bool src_nat, dst_nat;
	struct sl_endpoint
	        src; /* where it shall seem to come from; port 0: its own, if that is free */
	struct sl_endpoint dst; /* where it really goes */
};

/* The way of the packet that is being looked at. */
struct sl_help_route {
	bool broadcast; /* to every host of a network */
	bool local;     /* made by the gateway itself */
	uint8_t prefix; /* length of the connected prefix that the destination lies in; 0: none */
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
	/*
	 * For SL_FRAME_LENGTH and SL_FRAME_OWN when the beginning of a message is not known (picked
	 * up in mid-stream, or behind a hole): how many bytes to pass over until one surely begins;
	 * all of them when none does. NULL: nothing is read any more then.
	 */
	size_t (*sync)(struct sl_help *help, const struct sl_text *bytes, enum sl_dir dir);
	/*
	 * The first packet of a connection that this helper expected came (`help` is the master's):
	 * decide how it is translated. Anything but SL_WHY_NONE: the packet is dropped. NULL: it
	 * follows its master, which is nearly always right.
	 */
	enum sl_reason (*expected)(struct sl_help *help, struct sl_related *related);
	struct sl_helper_option options[SL_HELPER_OPTIONS];
	bool by_request; /* never attached without an operator's word */
	/*
	 * Export and import of the per-connection data, which is one version of it. save() writes
	 * at most `size` bytes and returns how many it needs; load() reads what any version wrote,
	 * or returns false. NULL: the data is copied as bytes, between equal versions.
	 */
	uint32_t data_version;
	size_t (*save)(struct sl_help *help, void *out, size_t size);
	bool (*load)(struct sl_help *help, const void *in, size_t size, uint32_t version);
	/*
	 * What Linux's helper of that name would make of a segment, so that packets and events can say
	 * where we decide otherwise (docs/beyond.md). Called for each one with bytes, before they
	 * are read. NULL: Linux reads whole messages, but only at the beginning of a segment.
	 */
	void (*linux_view)(
	        struct sl_help *help, const struct sl_segment *segment, struct sl_linux_view *out);
	bool linux_many; /* Linux's helper reads all messages of a segment that begins with one */
};

#define SL_HELPER_HEADER .abi = SL_HELPER_ABI, .size = sizeof(struct sl_helper)

/*
 * What a helper may call. A module is loaded with no symbols of ours: it reaches these through
 * the table that every sl_help begins with; the inline functions below hide that.
 */
struct sl_api {
	void *(*data)(struct sl_help *help);
	enum sl_reason (*expect_announced)(struct sl_help *help, const struct sl_message *message,
	        const struct sl_announcement *announced, struct sl_endpoint *seen);
	enum sl_reason (*expect_related)(struct sl_help *help, const struct sl_expectation *want);
	unsigned (*expect_remove)(struct sl_help *help, const struct sl_which *which);
	unsigned (*expect_refresh)(
	        struct sl_help *help, const struct sl_which *which, uint32_t timeout);
	bool (*replace)(struct sl_help *help, struct sl_message *message, size_t offset,
	        size_t length, const void *bytes, size_t size);
	void (*conn_tuple)(struct sl_help *help, enum sl_dir dir, struct sl_tuple *out);
	bool (*seen_as)(struct sl_help *help, enum sl_dir dir, struct sl_endpoint *endpoint);
	enum sl_help_result (*refuse)(struct sl_help *help, enum sl_reason why);
	void (*note)(struct sl_help *help, enum sl_reason why, const char *text);
	bool (*seen_from_start)(struct sl_help *help);
	uint32_t (*option)(struct sl_help *help, const char *name);
	void (*beyond)(struct sl_help *help, enum sl_beyond beyond);
	bool (*packet_tuple)(struct sl_help *help, struct sl_tuple *out);
	bool (*packet_set_dport)(struct sl_help *help, uint16_t port);
	void (*route)(struct sl_help *help, struct sl_help_route *out);
	bool (*same_way)(struct sl_help *help, const struct sl_addr *addr);
	void (*keep_alive)(struct sl_help *help, uint32_t seconds);
	enum sl_reason (*gre_key)(
	        struct sl_help *help, enum sl_dir dir, uint16_t key, uint16_t *seen);
	bool (*gre_find)(
	        struct sl_help *help, enum sl_dir dir, bool as_seen, uint16_t is, uint16_t *other);
	enum sl_reason (*gre_call)(
	        struct sl_help *help, const uint16_t key[2], uint8_t class_id, const char *reason);
	void (*gre_end)(struct sl_help *help, enum sl_dir dir, uint16_t key);
	const struct sl_helper *(*record)(struct sl_help *help);
	bool (*expected_behind)(struct sl_help *help, uint8_t class_id,
	        const struct sl_endpoint *seen, struct sl_endpoint *behind);
	unsigned (*expect_prolong)(struct sl_help *help, uint8_t class_id, uint32_t timeout);
};

struct sl_help_base {
	const struct sl_api *api;
};

static inline const struct sl_api *sl_api_of(struct sl_help *help)
{
	return ((const struct sl_help_base *)(const void *)help)->api;
}

/* The record whose function is being called, for functions that serve several. */
static inline const struct sl_helper *sl_help_record(struct sl_help *help)
{
	return sl_api_of(help)->record(help);
}

/* The connection's data_size bytes. */
static inline void *sl_help_data(struct sl_help *help)
{
	return sl_api_of(help)->data(help);
}

/*
 * The sender of `message` announces where others may connect to. Checks that the address is the
 * sender's own and the port is not below 1024 (unless `allow` says otherwise), expects the
 * connection (for a pair of ports: two), and says in *seen how the peer must see the endpoint:
 * the same without NAT, else a public address and ports kept for it. The same endpoint again
 * gives the same answer, also when the first was met meanwhile; the sender's own end of this
 * connection is seen as it is translated. Anything but SL_WHY_NONE: nothing is expected.
 */
static inline enum sl_reason sl_expect_announced(struct sl_help *help,
        const struct sl_message *message, const struct sl_announcement *announced,
        struct sl_endpoint *seen)
{
	return sl_api_of(help)->expect_announced(help, message, announced, seen);
}

/* The usual announcement: one port, for the peer. */
static inline enum sl_reason sl_expect_endpoint(struct sl_help *help,
        const struct sl_message *message, const struct sl_endpoint *written, uint8_t class_id,
        const char *reason, struct sl_endpoint *seen)
{
	struct sl_announcement a = {.written = *written, .class_id = class_id, .reason = reason};

	return sl_api_of(help)->expect_announced(help, message, &a, seen);
}

/* Expect exactly this, as Welte's ip_conntrack_expect_related(). */
static inline enum sl_reason sl_expect_related(
        struct sl_help *help, const struct sl_expectation *want)
{
	return sl_api_of(help)->expect_related(help, want);
}

/*
 * What sl_expect_related() takes for exactly this: from the tuple's source (any port, if its sport
 * is 0) to its destination, untranslated. The caller adds class and reason.
 */
static inline struct sl_expectation sl_expectation_of(const struct sl_tuple *tuple)
{
	struct sl_expectation e = {.tuple = *tuple};

	e.mask.family = tuple->family;
	e.mask.proto = 0xff;
	e.mask.sport = tuple->sport ? 0xffff : 0;
	e.mask.dport = 0xffff;
	for (unsigned i = 0; i < sizeof(e.mask.src.b); i++)
		e.mask.src.b[i] = e.mask.dst.b[i] = 0xff;
	return e;
}

/* Expect these no more (BYE, TEARDOWN); returns how many there were. */
static inline unsigned sl_expect_remove(struct sl_help *help, const struct sl_which *which)
{
	return sl_api_of(help)->expect_remove(help, which);
}

/* From now on these live `timeout` seconds, and the inactive ones are active; returns how many. */
static inline unsigned sl_expect_refresh(
        struct sl_help *help, const struct sl_which *which, uint32_t timeout)
{
	return sl_api_of(help)->expect_refresh(help, which, timeout);
}

/*
 * What this connection expects in that class, and what other connections of this helper between the same
 * two hosts and to the same port expect, lives at least `timeout` seconds (up to a day) from now on; and so do the
 * connections that expect it, be they closed or not: a subscription outlives the connection that made it, and is
 * renewed by another. Returns how many there were.
 */
static inline unsigned sl_expect_prolong(struct sl_help *help, uint8_t class_id, uint32_t timeout)
{
	return sl_api_of(help)->expect_prolong(help, class_id, timeout);
}

/*
 * Is `seen` an endpoint that the gateway keeps for another connection of this helper, in that class?
 * Then *behind is what that connection's announcer wrote: two hosts behind one address can be told
 * of each other.
 */
static inline bool sl_expected_behind(struct sl_help *help, uint8_t class_id,
        const struct sl_endpoint *seen, struct sl_endpoint *behind)
{
	return sl_api_of(help)->expected_behind(help, class_id, seen, behind);
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

/*
 * An endpoint of this connection (either end's address and port; port 0: any) in a message that
 * goes in direction dir: *endpoint becomes what the receiver must see. False: it is neither end's.
 */
static inline bool sl_seen_as(struct sl_help *help, enum sl_dir dir, struct sl_endpoint *endpoint)
{
	return sl_api_of(help)->seen_as(help, dir, endpoint);
}

/* The packet's own tuple, as it leaves. False: no packet is at hand. */
static inline bool sl_packet_tuple(struct sl_help *help, struct sl_tuple *out)
{
	return sl_api_of(help)->packet_tuple(help, out);
}

/* Send this datagram to another port of its receiver. False: it is not a datagram. */
static inline bool sl_packet_set_dport(struct sl_help *help, uint16_t port)
{
	return sl_api_of(help)->packet_set_dport(help, port);
}

/* Where the packet goes. */
static inline void sl_help_route(struct sl_help *help, struct sl_help_route *out)
{
	sl_api_of(help)->route(help, out);
}

/* Would a packet to that address leave by the interface that this one leaves by? */
static inline bool sl_help_same_way(struct sl_help *help, const struct sl_addr *addr)
{
	return sl_api_of(help)->same_way(help, addr);
}

/* This connection ends after so many seconds, unless a packet sets its protocol's own timeout again. */
static inline void sl_keep_alive(struct sl_help *help, uint32_t seconds)
{
	sl_api_of(help)->keep_alive(help, seconds);
}

/*
 * GRE keys (PPTP call ids, RFC 2637). The side that sends in direction dir chose `key` for what is
 * sent to it; *seen is what the other side must be told: the same, or one that nobody else uses
 * between these two addresses. Kept until sl_gre_end() or the end of this connection.
 */
static inline enum sl_reason sl_gre_key(
        struct sl_help *help, enum sl_dir dir, uint16_t key, uint16_t *seen)
{
	return sl_api_of(help)->gre_key(help, dir, key, seen);
}

/* Such a key as the other side was told; false: none. */
static inline bool sl_gre_seen(struct sl_help *help, enum sl_dir dir, uint16_t key, uint16_t *seen)
{
	return sl_api_of(help)->gre_find(help, dir, false, key, seen);
}

/* And back: as it was chosen by the side that sends in direction dir. */
static inline bool sl_gre_own(struct sl_help *help, enum sl_dir dir, uint16_t seen, uint16_t *key)
{
	return sl_api_of(help)->gre_find(help, dir, true, seen, key);
}

/* Both keys of a call are known, [dir] as that side chose it: expect its packets, both ways. */
static inline enum sl_reason sl_gre_call(
        struct sl_help *help, const uint16_t key[2], uint8_t class_id, const char *reason)
{
	return sl_api_of(help)->gre_call(help, key, class_id, reason);
}

/* The call for which that side chose `key` is over: its packets are not expected any more, its
 * connection ends. */
static inline void sl_gre_end(struct sl_help *help, enum sl_dir dir, uint16_t key)
{
	sl_api_of(help)->gre_end(help, dir, key);
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

/* Does NAT change the addresses or ports of this connection's packets? */
static inline bool sl_help_translated(struct sl_help *help)
{
	struct sl_tuple there, back;

	sl_help_tuple(help, SL_ORIGINAL, &there);
	sl_help_tuple(help, SL_REPLY, &back);
	return !sl_addr_eq(&there.src, &back.dst) || !sl_addr_eq(&there.dst, &back.src) ||
	       there.sport != back.dport || there.dport != back.sport;
}

/*
 * `question` goes to a whole network. Its answers come from addresses that it was not sent to, so
 * that they belong to no connection: they are expected from `port` of any host of that network,
 * which the route tells, any number of them, for as long as the class says. This is for questions
 * of the gateway itself (Linux too) and of hosts on a segment that it bridges: broadcasts do not
 * cross routers. A packet to a single host: nothing is expected.
 */
static inline void sl_expect_answers(struct sl_help *help, const struct sl_message *question,
        uint8_t class_id, uint16_t port, const char *reason)
{
	struct sl_announcement a = {.class_id = class_id,
	        .from = SL_FROM_PREFIX,
	        .from_port = port,
	        .allow = SL_ALLOW_LOW_PORT,
	        .flags = SL_EXPECT_PERMANENT,
	        .reason = reason};
	struct sl_help_route route;
	struct sl_endpoint seen;
	struct sl_tuple own;
	enum sl_reason why;

	sl_help_route(help, &route);
	if (!route.broadcast)
		return;
	sl_help_tuple(help, question->dir, &own);
	a.written = (struct sl_endpoint){
	        .addr = own.src, .port = own.sport, .family = own.family, .proto = own.proto};
	if (!route.local)
		sl_help_beyond(help, SL_BEYOND_BROADCAST);
	why = sl_expect_announced(help, question, &a, &seen);
	if (why != SL_WHY_NONE)
		sl_note(help, why, reason);
	sl_keep_alive(help, sl_help_record(help)->classes[class_id].timeout);
}

/* A question to many hosts, each of which answers from its own address. */
struct sl_question {
	uint8_t class_id;
	bool anyone; /* hosts of other networks may answer, too, if the group is wider than a link */
	uint16_t from_port; /* of the answers; 0: any */
	uint32_t timeout;   /* seconds; 0: the class's */
	const char *reason; /* static text */
};

/*
 * The message asks a multicast group, or all hosts of a network. Answers come to the very port that
 * asked, from addresses that it was not sent to: they are expected from any host of the asker's own
 * network, any number of them, for as long as it is said. For questions of the gateway itself,
 * and of hosts whose segment it bridges; where groups are routed, for those with `anyone`.
 * A message to a single host: nothing is expected.
 */
static inline void sl_expect_from_group(
        struct sl_help *help, const struct sl_message *m, const struct sl_question *question)
{
	struct sl_announcement a = {.class_id = question->class_id,
	        .from = SL_FROM_SEGMENT,
	        .from_port = question->from_port,
	        .allow = SL_ALLOW_LOW_PORT | SL_ALLOW_SHARED,
	        .flags = SL_EXPECT_PERMANENT,
	        .timeout = question->timeout,
	        .reason = question->reason};
	struct sl_help_route route;
	struct sl_endpoint seen;
	enum sl_family family;
	struct sl_tuple own;
	enum sl_reason why;

	sl_help_tuple(help, m->dir, &own);
	sl_help_route(help, &route);
	family = (enum sl_family)own.family;
	if (!route.broadcast && !sl_addr_is_group(&own.dst, family))
		return;
	if (question->anyone && sl_addr_is_group(&own.dst, family) &&
	        !sl_addr_is_link_group(&own.dst, family))
		a.from = SL_FROM_ANYONE;
	a.written = (struct sl_endpoint){
	        .addr = own.src, .port = own.sport, .family = own.family, .proto = own.proto};
	why = sl_expect_announced(help, m, &a, &seen);
	if (why != SL_WHY_NONE)
		sl_note(help, why, question->reason);
	sl_keep_alive(
	        help, a.timeout ? a.timeout : sl_help_record(help)->classes[a.class_id].timeout);
}

/* The value of one of the record's options, or of a tunable. */
static inline uint32_t sl_help_option(struct sl_help *help, const char *name)
{
	return sl_api_of(help)->option(help, name);
}

#include <sluice/edits.h>

#endif
