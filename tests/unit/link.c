/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/capture_bytes.h"

/* Hex; spaces are for the reader. An IPv4 packet of 24 bytes, an IPv6 packet of 44. */
#define V4 "45000018 00010000 40110000 0a000001 0a000002 61626364"
#define V6                                                                                         \
	"60000000 0004 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002 "   \
	"61626364"
#define MACS   "020000000001 020000000002"
#define ZEROS4 "00000000"

static const struct {
	uint32_t linktype;
	const char *frame;
	const char *ip; /* NULL: none */
	const char *note_or_reason;
} rows[] = {
        /* Ethernet, tags in any mixture */
        {1, MACS "0800" V4, V4, ""},
        {1, MACS "86dd" V6, V6, ""},
        {1, MACS "8100 0064 0800" V4, V4, ""},
        {1, MACS "88a8 0001 8100 0064 86dd" V6, V6, ""},
        {1, MACS "9100 0001 9200 0002 8100 0003 0800" V4, V4, ""},
        {1, MACS "0806 0001", NULL, "ethertype 0x0806"},
        {1, MACS "8100 0064 0806 0001", NULL, "ethertype 0x0806"},
        {1, MACS "0026 4242 03", NULL, "ethertype 0x0026"}, /* 802.3 length: LLC */
        {1, MACS "08", NULL, "short frame"},
        {1, MACS "8100 0064", NULL, "short frame"},
        {1, MACS "8100 0064 08", NULL, "short frame"},
        {1, "", NULL, "short frame"},
        /* MPLS: one label, three, inner by version nibble; a stack without bottom */
        {1, MACS "8847 00010140" V4, V4, ""},
        {1, MACS "8848 00010040 00020040 00030140" V6, V6, ""},
        {1, MACS "8847 00010040 00020040", NULL, "no IP header"},
        {1, MACS "8847 00", NULL, "no IP header"},
        /* PPPoE session, in a VLAN too; discovery is not IP */
        {1, MACS "8864 11000001001a 0021" V4, V4, ""},
        {1, MACS "8100 0007 8864 11000001002e 0057" V6, V6, ""},
        {1, MACS "8864 110000010006 c021 0101", NULL, "ppp 0xc021"},
        {1, MACS "8864 1100", NULL, "ppp 0x0000"},
        {1, MACS "8863 11090000000c", NULL, "ethertype 0x8863"},
        /* raw */
        {101, V4, V4, ""},
        {101, V6, V6, ""},
        {12, V4, V4, ""},
        {14, V6, V6, ""},
        {228, V4, V4, ""},
        {229, V6, V6, ""},
        /* null and loop, whatever the family's byte order */
        {0, "02000000" V4, V4, ""},
        {0, "0000001e" V6, V6, ""},
        {108, "00000002" V4, V4, ""},
        {0, "0200", NULL, "no IP header"},
        /* Linux cooked 1 and 2, with a VLAN tag */
        {113, "0000 0001 0006 0200000000010000 0800" V4, V4, ""},
        {113, "0000 0001 0006 0200000000010000 8100 0005 0800" V4, V4, ""},
        {113, "0000 0001 0006 0200000000010000 88cc", NULL, "ethertype 0x88cc"},
        {276, "86dd 0000 00000002 0001 00 06 0200000000010000" V6, V6, ""},
        {276, "0806 0000", NULL, "ethertype 0x0806"},
        {276, "0800 0000", NULL, "no IP header"},
        /* PPP: with address and control or not, protocol of one byte or two */
        {9, "ff03 0021" V4, V4, ""},
        {9, "21" V4, V4, ""},
        {50, "ff03 57" V6, V6, ""},
        {50, "0057" V6, V6, ""},
        {204, "01 ff03 0021" V4, V4, ""},
        {204, "00 0021" V4, V4, ""},
        {51, "110000010000 0021" V4, V4, ""},
        {9, "ff03 8021 0101", NULL, "ppp 0x8021"},
        {9, "fd 1234", NULL, "ppp 0x00fd"},
        /* Cisco HDLC */
        {104, "0f00 0800" V4, V4, ""},
        {104, "8f00 2000 0000", NULL, "ethertype 0x2000"},
        /* not known */
        {105, "0800" V4, NULL, "linktype 105"},
        /* padding, check sequence */
        {1, MACS "0800" V4 "0000000000000000 deadbeef", V4, ""},
        {1, MACS "86dd" V6 "deadbeef", V6, ""},
        /* cut by the snap length */
        {101, "4500001c 00010000 40110000 0a000001 0a000002 61626364",
                "4500001c 00010000 40110000 0a000001 0a000002 61626364" ZEROS4, "cut short"},
        {101,
                "60000000 0008 11 40 20010db8000000000000000000000001 "
                "20010db8000000000000000000000002 61626364",
                "60000000 0008 11 40 20010db8000000000000000000000001 "
                "20010db8000000000000000000000002 61626364" ZEROS4,
                "cut short"},
        {101, "4500001c 00010000 40110000 0a000001 0a0000", NULL, "no IP header"},
        {101, "60000000 0008 11 40 20010db8", NULL, "no IP header"},
        /* segmentation offload: no length yet */
        {101, "45000000 00010000 40060000 0a000001 0a000002 61626364",
                "45000018 00010000 40060000 0a000001 0a000002 61626364", ""},
        {101,
                "60000000 0000 06 40 20010db8000000000000000000000001 "
                "20010db8000000000000000000000002 61626364",
                "60000000 0004 06 40 20010db8000000000000000000000001 "
                "20010db8000000000000000000000002 61626364",
                ""},
        /* ... but hop-by-hop (a jumbogram) and "no next header" mean it */
        {101,
                "60000000 0000 00 40 20010db8000000000000000000000001 "
                "20010db8000000000000000000000002 61626364",
                "60000000 0000 00 40 20010db8000000000000000000000001 "
                "20010db8000000000000000000000002",
                ""},
        {101,
                "60000000 0000 3b 40 20010db8000000000000000000000001 "
                "20010db8000000000000000000000002 61626364",
                "60000000 0000 3b 40 20010db8000000000000000000000001 "
                "20010db8000000000000000000000002",
                ""},
        /* a length below the header's own is left for the engine to judge */
        {101, "4500000a 00010000 40110000 0a000001 0a000002 61626364", "4500000a 00010000 4011",
                ""},
        /* neither version */
        {101, "55000018 00010000 40110000 0a000001 0a000002 61626364", NULL, "no IP header"},
        {1, MACS "0800", NULL, "no IP header"},
};
#define N_ROWS (sizeof(rows) / sizeof(*rows))

static uint8_t buf[SL_LINK_BUFFER_SIZE];

static unsigned nibble(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static uint32_t unhex(const char *hex, uint8_t *to)
{
	uint32_t n = 0;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		to[n++] = (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1]));
		hex++;
	}
	return n;
}

static void every_row(void **state)
{
	uint8_t frame[256], ip[256], *copy;
	struct sl_link_packet p;
	uint32_t len, ip_len;

	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		len = unhex(rows[i].frame, frame);
		copy = exact_copy(frame, len);
		assert_int_equal(
		        sl_link_packet(rows[i].linktype, copy, len, buf, &p), !!rows[i].ip);
		if (rows[i].ip) {
			ip_len = unhex(rows[i].ip, ip);
			assert_int_equal(p.len, ip_len);
			assert_memory_equal(p.data, ip, ip_len);
			assert_string_equal(p.note, rows[i].note_or_reason);
			assert_string_equal(p.reason, "");
			assert_ptr_equal(p.data - p.headroom, buf);
			assert_ptr_equal(p.data + p.len + p.tailroom, buf + sizeof(buf));
		} else {
			assert_null(p.data);
			assert_string_equal(p.reason, rows[i].note_or_reason);
		}
		free(copy);
	}
}

/* Cut anywhere: never a byte too far, and always an answer. */
static void every_length(void **state)
{
	struct sl_link_packet p;
	uint8_t frame[256], *copy;
	uint32_t len;

	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		len = unhex(rows[i].frame, frame);
		for (uint32_t cut = 0; cut <= len; cut++) {
			copy = exact_copy(frame, cut);
			if (sl_link_packet(rows[i].linktype, copy, cut, buf, &p))
				assert_non_null(p.data);
			else
				assert_true(p.reason[0]);
			free(copy);
		}
	}
}

/* The longest packets there are fit; what is longer is not one. */
static void longest(void **state)
{
	static const struct {
		uint8_t version, next;
		uint16_t length;
		uint32_t caplen, len; /* len 0: too long */
	} sizes[] = {
	        {4, 0, 0xFFFF, 20, 65535},
	        {4, 0, 0, 65535, 65535},
	        {4, 0, 0, 65536, 0},
	        {4, 0, 0, 200000, 0},
	        {6, 6, 0xFFFF, 40, 65575},
	        {6, 6, 0, 65575, 65575},
	        {6, 6, 0, 65576, 0},
	};
	static uint8_t frame[200000];
	struct sl_link_packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		frame[0] = (uint8_t)(sizes[i].version << 4);
		sl_put16(frame + (sizes[i].version == 4 ? 2 : 4), sizes[i].length);
		frame[6] = sizes[i].next;
		assert_int_equal(
		        sl_link_packet(101, frame, sizes[i].caplen, buf, &p), sizes[i].len != 0);
		assert_int_equal(p.len, sizes[i].len);
		assert_string_equal(p.reason, sizes[i].len ? "" : "longer than an IP packet");
		memset(frame, 0, 40);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_row),
	        cmocka_unit_test(every_length),
	        cmocka_unit_test(longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
