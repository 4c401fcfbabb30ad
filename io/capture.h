/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_CAPTURE_H
#define SLUICE_IO_CAPTURE_H

/*
 * Reading captures: pcap and pcapng, from a file, standard input or memory.
 *
 *	struct sl_capture cap;
 *	struct sl_frame frame;
 *	enum sl_capture_result got = SL_CAPTURE_ERROR;
 *
 *	if (sl_capture_init(&cap, path))
 *		while ((got = sl_capture_next(&cap, &frame)) == SL_CAPTURE_FRAME)
 *			...
 *	if (got != SL_CAPTURE_END)
 *		complain(cap.error);
 *	sl_capture_fini(&cap);
 *
 * One pass, bounded memory: never more than one block is held, and no block
 * may exceed SL_CAPTURE_BLOCK_MAX.  What stands before damage is delivered;
 * after END, DAMAGED or ERROR every further call gives the same answer.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest pcap record or pcapng block that is read, in bytes. */
#define SL_CAPTURE_BLOCK_MAX (16u << 20)
/* The most interfaces that one pcapng section may describe. */
#define SL_CAPTURE_INTERFACES_MAX 65536u

enum sl_capture_result {
	SL_CAPTURE_FRAME,   /* *frame is filled in */
	SL_CAPTURE_END,     /* the file ended where a file may end */
	SL_CAPTURE_DAMAGED, /* truncated or inconsistent here; what came before is good */
	SL_CAPTURE_ERROR,   /* not a capture, or reading it failed: see cap.why */
};

/* Why the last answer was DAMAGED or ERROR; the words are in cap.error. */
enum sl_capture_why {
	SL_CAPTURE_FINE,
	/* with ERROR */
	SL_CAPTURE_CANNOT_OPEN,
	SL_CAPTURE_CANNOT_READ, /* the operating system reported a read error */
	SL_CAPTURE_NOT_CAPTURE, /* neither pcap nor pcapng */
	SL_CAPTURE_COMPRESSED,  /* to be unpacked first */
	SL_CAPTURE_NO_MEMORY,
	/* with DAMAGED */
	SL_CAPTURE_TRUNCATED, /* the file ends inside a header, record or block */
	SL_CAPTURE_TOO_LARGE, /* a length beyond the caps above */
	SL_CAPTURE_MALFORMED, /* lengths, versions or interface numbers contradict */
};

enum sl_capture_format { SL_CAPTURE_PCAP, SL_CAPTURE_PCAPNG };

/*
 * One captured frame.  The pointers are lent until the next call of
 * sl_capture_next() or sl_capture_fini().
 */
struct sl_frame {
	uint64_t number; /* from 1, through all sections, as tcpdump and Wireshark count packets */
	uint64_t ts;     /* ns since 1970; 0 where the format has none (simple packet block) */
	uint64_t ticks;  /* pcapng: the time as stored, in the interface's unit; pcap: ts */
	uint32_t interface; /* pcapng: number within the section; pcap: 0 */
	uint32_t linktype;  /* LINKTYPE_ value, see link.h */
	uint32_t snaplen;   /* of the interface; 0: no limit */
	uint32_t caplen;    /* bytes at data */
	uint32_t wire_len;  /* length on the wire; a lying file may have it below caplen */
	const uint8_t *data;
	/* pcapng: the options of the packet as stored (in the section's byte order). */
	const uint8_t *options;
	uint32_t options_len;
};

/*
 * A pcapng block that is not a packet: section header, interface description,
 * name resolution, statistics, secrets, unknown ones.  The body is without the
 * lengths at both ends, a multiple of 4 bytes, and lent for the call.
 */
struct sl_capture_block {
	uint32_t type;
	bool big_endian; /* of the section, and so of all numbers in the body */
	const uint8_t *body;
	uint32_t len;
};

struct sl_capture_interface {
	uint32_t linktype;
	uint32_t snaplen; /* 0: no limit */
	uint8_t tsresol;  /* as in the option: negative power of 10, or of 2 with 0x80 set */
	int64_t tsoffset; /* seconds to add */
};

struct sl_capture {
	/*
	 * Set after init, or leave NULL: called, inside sl_capture_next(), for
	 * each block that is not a packet, in the order of the file.  pcap has
	 * none.  sl_pcapng_write_block() copies them.
	 */
	void (*on_block)(void *arg, const struct sl_capture_block *block);
	void *on_block_arg;

	/* To be read by the caller. */
	enum sl_capture_format format;
	enum sl_capture_why why;
	uint64_t frames; /* delivered so far */
	uint64_t offset; /* of the next byte to be read; after DAMAGED: of what is damaged */
	char error[240]; /* what is wrong, where (byte offset, frame number), what to do */

	/* Private. */
	void *file; /* FILE *, or NULL: memory */
	bool own_file;
	const uint8_t *mem;
	size_t mem_left;
	uint8_t peeked[4]; /* the magic number, read by init and not yet by a format */
	uint8_t n_peeked;
	uint8_t *buf; /* the current record or block */
	size_t buf_size;
	enum sl_capture_result over; /* the final answer, or SL_CAPTURE_FRAME: go on */
	bool big_endian;
	/* pcap: */
	bool nano, header_read;
	uint8_t record_header;
	/* pcap uses the first; pcapng those of the current section. */
	struct sl_capture_interface *interfaces;
	uint32_t n_interfaces, interfaces_size;
};

/*
 * Open the capture at path ("-": standard input) and look what it is.  False:
 * cap->why and cap->error say why not, and sl_capture_next() gives
 * SL_CAPTURE_ERROR.  sl_capture_fini() is due in either case.
 */
bool sl_capture_init(struct sl_capture *cap, const char *path);
/* The same with a capture in memory, which is borrowed until fini. */
bool sl_capture_init_memory(struct sl_capture *cap, const void *data, size_t len);
void sl_capture_fini(struct sl_capture *cap);

enum sl_capture_result sl_capture_next(struct sl_capture *cap, struct sl_frame *frame);

/*
 * The next comment (opt_comment) in a frame's options: *at starts at 0 and is
 * moved on; false when there is none left.  The text is UTF-8 without a final
 * NUL, as stored.
 */
bool sl_frame_comment(const struct sl_capture *cap, const struct sl_frame *frame, uint32_t *at,
        const char **text, uint32_t *len);

#endif
