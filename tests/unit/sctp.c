/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SCTP: a story a row, chunk by chunk; then what is damaged. Packets end where their memory ends,
 * and each is also put in cut short at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "track/proto.h"
#include "base/wire.h"
#include "track_lib.h"

#define O SL_ORIGINAL
#define R SL_REPLY

/* Chunks in hexadecimal. INIT and INIT ACK announce the tag that their sender wants to read. */
#define INIT(tag)     "01000014" tag "0000ffff0001000100000001"
#define INIT_ACK(tag) "02000014" tag "0000ffff0001000100000001"
#define DATA          "000300100000000100000000000000ff"
#define SACK                                                                                       \
	"030000100000000100010000"                                                                 \
	"00000000"
#define HEARTBEAT     "0400000800010004"
#define HEARTBEAT_ACK "0500000800010004"
#define ABORT         "06000004"
#define ABORT_T       "06010004" /* with the receiver's tag */
#define SHUTDOWN      "0700000800000001"
#define SHUTDOWN_ACK  "08000004"
#define ERROR         "09000004"
#define COOKIE_ECHO   "0a000008c00c1e00"
#define COOKIE_ACK    "0b000004"
#define COMPLETE      "0e000004"
#define COMPLETE_T    "0e010004"
#define UNKNOWN       "40000004"
#define A             0x11111111u /* what the opener reads */
#define B             0x22222222u /* what its peer reads */
#define TAG_A         "11111111"
#define TAG_B         "22222222"

struct line {
	enum sl_dir dir;
	uint32_t tag;
	const char *chunks;
	int result;
	uint8_t state;
	enum sl_reason why;
};

#define OK      SL_TRACK_OK
#define IGNORE  SL_TRACK_IGNORE
#define INVALID SL_TRACK_INVALID
#define ASSOCIATED                                                                                 \
	{O, 0, INIT(TAG_A), OK, SL_SCTP_CLOSED}, {R, A, INIT_ACK(TAG_B), OK, SL_SCTP_COOKIE_WAIT}, \
	        {O, B, COOKIE_ECHO, OK, SL_SCTP_COOKIE_ECHOED},                                    \
	{                                                                                          \
		R, A, COOKIE_ACK, OK, SL_SCTP_ESTABLISHED                                          \
	}

static const struct story {
	const char *name;
	struct line lines[12];
} stories[] = {
        {"from INIT to SHUTDOWN COMPLETE",
                {ASSOCIATED, {O, B, DATA, OK, SL_SCTP_ESTABLISHED},
                        {R, A, SACK, OK, SL_SCTP_ESTABLISHED},
                        {O, B, SHUTDOWN, OK, SL_SCTP_SHUTDOWN_SENT},
                        {R, A, SHUTDOWN_ACK, OK, SL_SCTP_SHUTDOWN_ACK_SENT},
                        {O, B, COMPLETE, OK, SL_SCTP_CLOSED}}},
        {"shut down by the peer", {ASSOCIATED, {R, A, SHUTDOWN, OK, SL_SCTP_SHUTDOWN_RECD},
                                          {O, B, SHUTDOWN_ACK, OK, SL_SCTP_SHUTDOWN_ACK_SENT},
                                          {R, A, COMPLETE, OK, SL_SCTP_CLOSED}}},
        {"cookie and data in one packet",
                {{O, 0, INIT(TAG_A), OK, SL_SCTP_CLOSED},
                        {R, A, INIT_ACK(TAG_B), OK, SL_SCTP_COOKIE_WAIT},
                        {O, B, COOKIE_ECHO DATA, OK, SL_SCTP_COOKIE_ECHOED},
                        {R, A, COOKIE_ACK SACK, OK, SL_SCTP_ESTABLISHED}}},
        {"aborted", {ASSOCIATED, {R, A, ABORT, OK, SL_SCTP_CLOSED}}},
        {"aborted with the tag reflected", {ASSOCIATED, {R, B, ABORT_T, OK, SL_SCTP_CLOSED}}},
        {"aborted by a guess",
                {ASSOCIATED, {R, 1, ABORT, INVALID, SL_SCTP_ESTABLISHED, SL_WHY_SCTP_VTAG},
                        {R, B, ABORT, INVALID, SL_SCTP_ESTABLISHED, SL_WHY_SCTP_VTAG},
                        {R, A, ABORT_T, INVALID, SL_SCTP_ESTABLISHED, SL_WHY_SCTP_VTAG}}},
        {"completed with the tag reflected",
                {ASSOCIATED, {O, B, SHUTDOWN, OK, SL_SCTP_SHUTDOWN_SENT},
                        {R, A, SHUTDOWN_ACK, OK, SL_SCTP_SHUTDOWN_ACK_SENT},
                        {O, A, COMPLETE_T, OK, SL_SCTP_CLOSED}}},
        {"data with another tag",
                {ASSOCIATED, {O, A, DATA, INVALID, SL_SCTP_ESTABLISHED, SL_WHY_SCTP_VTAG}}},
        {"INIT again before an answer", {{O, 0, INIT(TAG_A), OK, SL_SCTP_CLOSED},
                                                {O, 0, INIT(TAG_A), IGNORE, SL_SCTP_CLOSED}}},
        {"INIT with a tag",
                {ASSOCIATED, {O, B, INIT(TAG_A), INVALID, SL_SCTP_ESTABLISHED, SL_WHY_SCTP_VTAG}}},
        {"answered twice: the last counts",
                {{O, 0, INIT(TAG_A), OK, SL_SCTP_CLOSED},
                        {R, A, INIT_ACK("33333333"), OK, SL_SCTP_COOKIE_WAIT},
                        {R, A, INIT_ACK(TAG_B), OK, SL_SCTP_COOKIE_WAIT},
                        {O, B, COOKIE_ECHO, OK, SL_SCTP_COOKIE_ECHOED}}},
        {"opened by both: the answer is to the INIT that we saw",
                {{O, 0, INIT(TAG_A), OK, SL_SCTP_CLOSED},
                        {R, 0, INIT(TAG_B), IGNORE, SL_SCTP_CLOSED},
                        {R, A, INIT_ACK("33333333"), INVALID, SL_SCTP_CLOSED, SL_WHY_SCTP_VTAG},
                        {R, A, INIT_ACK(TAG_B), OK, SL_SCTP_COOKIE_WAIT}}},
        {"answered when all is agreed",
                {ASSOCIATED, {R, A, INIT_ACK("33333333"), INVALID, SL_SCTP_ESTABLISHED,
                                     SL_WHY_SCTP_VTAG}}},
        {"met on a second path", {{O, B, HEARTBEAT, OK, SL_SCTP_HEARTBEAT_SENT},
                                         {R, A, HEARTBEAT_ACK, OK, SL_SCTP_ESTABLISHED},
                                         {O, B, DATA, OK, SL_SCTP_ESTABLISHED}}},
        {"met on a second path, answered by an INIT",
                {{O, B, HEARTBEAT, OK, SL_SCTP_HEARTBEAT_SENT},
                        {R, 0, INIT(TAG_A), INVALID, SL_SCTP_HEARTBEAT_SENT, SL_WHY_SCTP_STATE}}},
        {"begun anew behind our back",
                {ASSOCIATED, {O, 0x44, HEARTBEAT, IGNORE, SL_SCTP_ESTABLISHED},
                        {R, 0x55, HEARTBEAT_ACK, OK, SL_SCTP_ESTABLISHED},
                        {O, 0x44, HEARTBEAT, OK, SL_SCTP_ESTABLISHED},
                        {O, 0x44, DATA, OK, SL_SCTP_ESTABLISHED}}},
        {"acknowledged without having been asked",
                {ASSOCIATED,
                        {R, 0x55, HEARTBEAT_ACK, INVALID, SL_SCTP_ESTABLISHED, SL_WHY_SCTP_VTAG}}},
        {"chunks of a kind that nobody knows",
                {ASSOCIATED, {O, B, UNKNOWN, OK, SL_SCTP_ESTABLISHED}}},
        {"chunks that must stand alone",
                {ASSOCIATED,
                        {O, B, DATA COOKIE_ECHO, INVALID, SL_SCTP_ESTABLISHED, SL_WHY_SCTP_CHUNKS},
                        {O, B, COMPLETE DATA, INVALID, SL_SCTP_ESTABLISHED, SL_WHY_SCTP_CHUNKS},
                        {O, 0, DATA INIT(TAG_A), INVALID, SL_SCTP_ESTABLISHED,
                                SL_WHY_SCTP_CHUNKS}}},
        {"a chunk of length 0",
                {ASSOCIATED, {O, B, "00000000", INVALID, SL_SCTP_ESTABLISHED, SL_WHY_SCTP_CHUNKS}}},
        {"no chunk", {ASSOCIATED, {O, B, "", INVALID, SL_SCTP_ESTABLISHED, SL_WHY_SCTP_CHUNKS}}},
        {"half a chunk's header",
                {ASSOCIATED, {O, B, "0003", INVALID, SL_SCTP_ESTABLISHED, SL_WHY_SCTP_CHUNKS}}},
        {"a chunk that is longer than its packet",
                {ASSOCIATED, {O, B, "0003ffff", OK, SL_SCTP_ESTABLISHED}}},
};

static const struct {
	const char *chunks;
	enum sl_reason why;
} first[] = {
        {INIT(TAG_A), SL_WHY_NONE},
        {HEARTBEAT, SL_WHY_NONE},
        {SHUTDOWN_ACK, SL_WHY_NONE}, /* its association is forgotten: RFC 9260 8.4 */
        {ABORT, SL_WHY_NOT_NEW},
        {COMPLETE, SL_WHY_NOT_NEW},
        {COOKIE_ACK, SL_WHY_NOT_NEW},
        {DATA, SL_WHY_NOT_NEW},
        {UNKNOWN, SL_WHY_NOT_NEW},
        {INIT(TAG_A) DATA, SL_WHY_SCTP_CHUNKS},
        {"01000008" TAG_A, SL_WHY_NOT_NEW}, /* ends within its header */
        {"", SL_WHY_SCTP_CHUNKS},
};

/* A packet whose memory ends where it ends, cut to at most `most` bytes of chunks. */
static void make(uint32_t tag, const char *chunks, uint32_t most, struct sl_packet *p,
        struct sl_parsed *parsed)
{
	uint32_t n = (uint32_t)strlen(chunks) / 2;

	n = n < most ? n : most;
	*p = (struct sl_packet){.data = calloc(1, 32 + n), .len = 32 + n};
	sl_put32(p->data + 24, tag);
	for (uint32_t i = 0; i < n; i++) {
		char two[3] = {chunks[2 * i], chunks[2 * i + 1], 0};

		p->data[32 + i] = (uint8_t)strtoul(two, NULL, 16);
	}
	*parsed = (struct sl_parsed){.l4 = 20, .payload = 32, .len = 32 + n};
}

static struct sl_conn *open_with(
        struct track_world *w, uint32_t tag, const char *chunks, uint32_t most, enum sl_reason *why)
{
	struct sl_tuple tuple = host_tuple(SL_PROTO_SCTP, 2, 4000, 9, 2905);
	struct sl_conn *conn = sl__conn_new(&w->t, &tuple, 0, 0, why);
	struct sl_parsed parsed;
	struct sl_packet p;
	bool opened;

	*why = SL_WHY_NONE;
	make(tag, chunks, most, &p, &parsed);
	opened = sl__proto_sctp.open(&w->t, conn, &p, &parsed, why);
	if (opened)
		sl__proto_sctp.packet(&w->t, conn, SL_ORIGINAL, &p, &parsed, why);
	free(p.data);
	if (opened && sl__conn_confirm(&w->t, conn) == SL_WHY_NONE)
		return conn;
	sl__conn_drop(&w->t, conn);
	return NULL;
}

static enum sl_track_result put(struct track_world *w, struct sl_conn *conn, const struct line *l,
        uint32_t most, enum sl_reason *why)
{
	struct sl_parsed parsed;
	struct sl_packet p;
	enum sl_track_result result;

	*why = SL_WHY_NONE;
	make(l->tag, l->chunks, most, &p, &parsed);
	result = sl__proto_sctp.packet(&w->t, conn, l->dir, &p, &parsed, why);
	if (l->dir == R && result != SL_TRACK_INVALID)
		sl__conn_replied(&w->t, conn);
	free(p.data);
	return result;
}

static void each_story(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		const struct line *l = stories[i].lines;
		enum sl_reason why;
		struct track_world w;
		struct sl_conn *conn;

		track_begin(&w, &(struct track_options){0});
		conn = open_with(&w, l->tag, l->chunks, UINT32_MAX, &why);
		assert_non_null(conn);
		for (unsigned n = 0; l[n].chunks; n++) {
			enum sl_track_result result =
			        n ? put(&w, conn, &l[n], UINT32_MAX, &why) : SL_TRACK_OK;

			if ((int)result != l[n].result || conn->state != l[n].state ||
			        why != l[n].why)
				fail_msg("%s: line %u: verdict %d, state %s, %s", stories[i].name,
				        n + 1, (int)result, sl__proto_sctp.state_text(conn),
				        sl_reason_name(why));
			assert_int_equal(!!(conn->status & SL_ASSURED),
			        conn->state >= SL_SCTP_ESTABLISHED || conn->status & SL_ASSURED
			                ? conn->state != SL_SCTP_HEARTBEAT_SENT
			                : 0);
			if (result == SL_TRACK_OK)
				assert_int_equal(conn->deadline - w.t.now_ms,
				        w.t.set.timeout.sctp[conn->state] * 1000);
		}
		track_end(&w);
	}
}

static void each_first_packet(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		enum sl_reason why;
		struct track_world w;

		track_begin(&w, &(struct track_options){0});
		if ((open_with(&w, 0, first[i].chunks, UINT32_MAX, &why) != NULL) !=
		                (first[i].why == SL_WHY_NONE) ||
		        why != first[i].why)
			fail_msg("first packet %s: %s", first[i].chunks, sl_reason_name(why));
		track_end(&w);
	}
}

/* Any prefix of any packet, at any point of a story: judged, and no byte behind it is read. */
static void cut_anywhere(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		const struct line *l = stories[i].lines;
		enum sl_reason why;
		struct track_world w;
		struct sl_conn *conn;

		track_begin(&w, &(struct track_options){0});
		for (uint32_t most = 0; most < strlen(l->chunks) / 2; most++) {
			conn = open_with(&w, l->tag, l->chunks, most, &why);
			assert_int_equal(conn != NULL, why == SL_WHY_NONE);
			if (conn)
				sl__conn_kill(&w.t, conn, SL_WHY_FLUSHED);
		}
		conn = open_with(&w, l->tag, l->chunks, UINT32_MAX, &why);
		for (unsigned n = 1; l[n].chunks; n++) {
			struct sl_conn was = *conn;

			for (uint32_t most = 0; most < strlen(l[n].chunks) / 2; most++) {
				put(&w, conn, &l[n], most, &why);
				assert_in_range(conn->state, 0, SL_SCTP_STATE_COUNT - 1);
				conn->l4 = was.l4;
				conn->state = was.state;
			}
			put(&w, conn, &l[n], UINT32_MAX, &why);
		}
		track_end(&w);
	}
}

/* Closing ones may be thrown away for room; each state has the name `conntrack` gives it. */
static void states_are_named_and_judged(void **unused)
{
	static const struct {
		const char *name;
		bool can_evict;
	} of[SL_SCTP_STATE_COUNT] = {{"NONE", false}, {"CLOSED", false}, {"COOKIE_WAIT", false},
	        {"COOKIE_ECHOED", false}, {"ESTABLISHED", false}, {"SHUTDOWN_SENT", true},
	        {"SHUTDOWN_RECD", true}, {"SHUTDOWN_ACK_SENT", true}, {"HEARTBEAT_SENT", false}};

	(void)unused;
	for (uint8_t state = 0; state < SL_SCTP_STATE_COUNT; state++) {
		struct sl_conn conn = {.state = state};

		assert_string_equal(sl__proto_sctp.state_text(&conn), of[state].name);
		assert_int_equal(sl__proto_sctp.can_evict(&conn), of[state].can_evict);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_story),
	        cmocka_unit_test(each_first_packet),
	        cmocka_unit_test(cut_anywhere),
	        cmocka_unit_test(states_are_named_and_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
