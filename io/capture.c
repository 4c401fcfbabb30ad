/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Captures: what the readers of both formats stand on.
 *
 * Here are the source of bytes (a file, standard input, memory), the buffer for
 * the current record, the telling apart of formats, and the one place where a
 * capture ends: `over` holds the final answer, is set once, and is given again
 * by every later call.
 *
 * Why not libpcap? It refuses a pcapng file whose interfaces differ in link type
 * or snap length, which is what one gets from capturing on "any" two interfaces
 * in Wireshark; it hides the blocks and options that the annotated copy has to
 * keep; it cannot write pcapng at all. The formats are small; reading them here
 * also makes them fuzzable from memory, with every byte accounted for.
 *
 * Ownership: the capture owns its file (not standard input), its buffer and its
 * interface table; frames and blocks lend pieces of the buffer until the next
 * call. Memory in use is bounded by the largest record really present, at most
 * SL_CAPTURE_BLOCK_MAX, and by the interface table.
 *
 * Limits: compressed captures are named as such and not read; other formats
 * (snoop, ERF, ...) are not captures here: `editcap` turns them into one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/capture_inner.h"
#include "io/pcapng.h"

/* The buffer grows by at least this much. */
#define BUF_STEP 65536u

static const struct {
	uint8_t magic[4];
	uint8_t len;
	const char *name, *tool;
} compressions[] = {
        {{0x1F, 0x8B}, 2, "gzip", "gunzip"},
        {{0x28, 0xB5, 0x2F, 0xFD}, 4, "zstd", "unzstd"},
        {{0xFD, '7', 'z', 'X'}, 4, "xz", "unxz"},
        {{'B', 'Z', 'h'}, 3, "bzip2", "bunzip2"},
        {{0x04, 0x22, 0x4D, 0x18}, 4, "lz4", "unlz4"},
};

static enum sl_capture_result over(
        struct sl_capture *cap, enum sl_capture_result result, enum sl_capture_why why)
{
	cap->over = result;
	cap->why = why;
	return result;
}

enum sl_capture_result sl__capture_error(
        struct sl_capture *cap, enum sl_capture_why why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(cap->error, sizeof(cap->error), format, args);
	va_end(args);
	return over(cap, SL_CAPTURE_ERROR, why);
}

enum sl_capture_result sl__capture_damaged(
        struct sl_capture *cap, enum sl_capture_why why, const char *format, ...)
{
	va_list args;
	int n;

	if (cap->over != SL_CAPTURE_FRAME)
		return cap->over;
	n = snprintf(cap->error, sizeof(cap->error),
	        "damaged at byte %" PRIu64 " (frame %" PRIu64 "): ", cap->offset, cap->frames + 1);
	va_start(args, format);
	vsnprintf(cap->error + n, sizeof(cap->error) - (size_t)n, format, args);
	va_end(args);
	return over(cap, SL_CAPTURE_DAMAGED, why);
}

static size_t read_memory(struct sl_capture *cap, uint8_t *to, size_t len)
{
	if (len > cap->mem_left)
		len = cap->mem_left;
	if (len) {
		memcpy(to, cap->mem, len);
		cap->mem += len;
		cap->mem_left -= len;
	}
	return len;
}

static size_t read_file(struct sl_capture *cap, uint8_t *to, size_t len)
{
	size_t n = fread(to, 1, len, cap->file);

	if (n < len && ferror((FILE *)cap->file))
		sl__capture_error(cap, SL_CAPTURE_CANNOT_READ,
		        "reading failed behind byte %" PRIu64 " (frame %" PRIu64 "): %s",
		        cap->offset, cap->frames + 1, strerror(errno));
	return n;
}

size_t sl__capture_read(struct sl_capture *cap, void *to, size_t len)
{
	uint8_t *p = to;
	size_t n = len < cap->n_peeked ? len : cap->n_peeked;

	if (n) {
		memcpy(p, cap->peeked, n);
		cap->n_peeked = (uint8_t)(cap->n_peeked - n);
		memmove(cap->peeked, cap->peeked + n, cap->n_peeked);
	}
	if (n == len)
		return n;
	return n + (cap->file ? read_file(cap, p + n, len - n) : read_memory(cap, p + n, len - n));
}

/* Room for need bytes in cap->buf. */
static bool grow_buf(struct sl_capture *cap, size_t need)
{
	uint8_t *buf;

	if (need <= cap->buf_size)
		return true;
	buf = realloc(cap->buf, need);
	if (!buf) {
		sl__capture_error(
		        cap, SL_CAPTURE_NO_MEMORY, "no memory for a block of %zu bytes", need);
		return false;
	}
	cap->buf = buf;
	cap->buf_size = need;
	return true;
}

size_t sl__capture_read_buf(struct sl_capture *cap, size_t at, size_t len)
{
	size_t got = 0, step, n;

	/* Each step at most doubles what has really been there. */
	for (; got < len; got += n) {
		step = got > BUF_STEP ? got : BUF_STEP;
		if (step > len - got)
			step = len - got;
		if (!grow_buf(cap, at + got + step))
			return got;
		n = sl__capture_read(cap, cap->buf + at + got, step);
		if (n < step)
			return got + n;
	}
	return got;
}

bool sl__capture_add_interface(struct sl_capture *cap, const struct sl_capture_interface *new)
{
	struct sl_capture_interface *bigger;
	uint32_t size;

	if (cap->n_interfaces == cap->interfaces_size) {
		size = cap->interfaces_size ? 2 * cap->interfaces_size : 4;
		bigger = realloc(cap->interfaces, size * sizeof(*bigger));
		if (!bigger) {
			sl__capture_error(
			        cap, SL_CAPTURE_NO_MEMORY, "no memory for %u interfaces", size);
			return false;
		}
		cap->interfaces = bigger;
		cap->interfaces_size = size;
	}
	cap->interfaces[cap->n_interfaces++] = *new;
	return true;
}

/* What the file is, if it is no capture. */
static void not_capture(struct sl_capture *cap, size_t len)
{
	if (cap->over != SL_CAPTURE_FRAME)
		return; /* it could not even be read */
	for (size_t i = 0; i < sizeof(compressions) / sizeof(*compressions); i++) {
		if (len < compressions[i].len ||
		        memcmp(cap->peeked, compressions[i].magic, compressions[i].len) != 0)
			continue;
		sl__capture_error(cap, SL_CAPTURE_COMPRESSED,
		        "compressed with %s: unpack it first, with %s", compressions[i].name,
		        compressions[i].tool);
		return;
	}
	sl__capture_error(cap, SL_CAPTURE_NOT_CAPTURE, "%s",
	        len ? "neither pcap nor pcapng" : "empty: neither pcap nor pcapng");
}

/* Looks at the first four bytes. */
static bool recognise(struct sl_capture *cap)
{
	size_t n = sl__capture_read(cap, cap->peeked, sizeof(cap->peeked));

	if (n == sizeof(cap->peeked)) {
		cap->n_peeked = sizeof(cap->peeked);
		if (sl__pcap_is(cap, cap->peeked))
			return true;
		cap->format = SL_CAPTURE_PCAPNG;
		if (sl_get32(cap->peeked) == SL__PCAPNG_SECTION)
			return true;
	}
	not_capture(cap, n);
	return false;
}

bool sl_capture_init(struct sl_capture *cap, const char *path)
{
	*cap = (struct sl_capture){0};
	if (strcmp(path, "-") == 0) {
		cap->file = stdin;
	} else {
		cap->file = fopen(path, "rb");
		cap->own_file = true;
	}
	if (!cap->file) {
		sl__capture_error(
		        cap, SL_CAPTURE_CANNOT_OPEN, "cannot be opened: %s", strerror(errno));
		return false;
	}
	return recognise(cap);
}

bool sl_capture_init_memory(struct sl_capture *cap, const void *data, size_t len)
{
	*cap = (struct sl_capture){.mem = data, .mem_left = len};
	return recognise(cap);
}

void sl_capture_fini(struct sl_capture *cap)
{
	if (cap->own_file && cap->file)
		fclose(cap->file);
	free(cap->buf);
	free(cap->interfaces);
	*cap = (struct sl_capture){.over = SL_CAPTURE_END};
}

enum sl_capture_result sl_capture_next(struct sl_capture *cap, struct sl_frame *frame)
{
	enum sl_capture_result got;

	if (cap->over != SL_CAPTURE_FRAME)
		return cap->over;
	*frame = (struct sl_frame){.number = cap->frames + 1};
	got = cap->format == SL_CAPTURE_PCAP ? sl__pcap_next(cap, frame)
	                                     : sl__pcapng_next(cap, frame);
	if (got == SL_CAPTURE_FRAME)
		cap->frames++;
	else
		cap->over = got;
	return got;
}

bool sl_frame_comment(const struct sl_capture *cap, const struct sl_frame *frame, uint32_t *at,
        const char **text, uint32_t *len)
{
	struct sl__pcapng_option option;

	while (sl__pcapng_option(
	        cap->big_endian, frame->options, frame->options_len, at, &option)) {
		if (option.code != SL__PCAPNG_COMMENT)
			continue;
		*text = (const char *)option.value;
		*len = option.len;
		return true;
	}
	return false;
}
