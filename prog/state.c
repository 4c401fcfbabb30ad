/* SPDX-License-Identifier: BSD-2-Clause */
/* The file of connections that outlive their gateway (state.h). */
#include "prog/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctl/mem.h"

#define MAGIC "sluicestate\1\0\0\0" /* 16 bytes with its NUL */

enum { ORDER = 0x01020304, LONGEST = 1 << 24 };

static uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* For nobody's eyes but ours: it tells who speaks with whom. */
static FILE *make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "wb") : NULL;

	if (fd >= 0 && !f)
		close(fd);
	return f;
}

bool sl__state_create(struct sl_state_writer *w, const char *path, uint32_t engines)
{
	struct sl_state_head head = {
	        .magic = MAGIC, .order = ORDER, .engines = engines, .saved_ms = clock_ms()};
	int n;

	*w = (struct sl_state_writer){.path = path};
	n = snprintf(w->beside, sizeof(w->beside), "%s.new", path);
	if (n < 0 || (size_t)n >= sizeof(w->beside)) {
		errno = ENAMETOOLONG;
		return false;
	}
	w->f = make(w->beside);
	if (w->f)
		fwrite(&head, sizeof(head), 1, w->f);
	return w->f != NULL;
}

void sl__state_put(struct sl_state_writer *w, enum sl_state_kind kind, unsigned engine,
        const void *bytes, size_t len)
{
	struct sl_state_record record = {(uint16_t)kind, (uint16_t)engine, (uint32_t)len};

	fwrite(&record, sizeof(record), 1, w->f);
	fwrite(bytes, len, 1, w->f);
}

bool sl__state_finish(struct sl_state_writer *w, bool whole)
{
	bool good = !ferror(w->f) && fflush(w->f) == 0 && fsync(fileno(w->f)) == 0;
	int error = errno;

	fclose(w->f);
	if (good && whole && rename(w->beside, w->path) == 0)
		return true;
	error = good ? errno : error;
	unlink(w->beside);
	errno = error;
	return good && !whole;
}

/* ---- reading --------------------------------------------------------------------------------- */

enum sl_state_open sl__state_open(struct sl_state_reader *r, const char *path)
{
	struct stat st;

	*r = (struct sl_state_reader){.f = fopen(path, "rbe")};
	if (!r->f)
		return errno == ENOENT ? SL_STATE_NONE : SL_STATE_UNREADABLE;
	if (fstat(fileno(r->f), &st) != 0 || !S_ISREG(st.st_mode))
		return SL_STATE_FOREIGN;
	if (fread(&r->head, sizeof(r->head), 1, r->f) != 1 ||
	        memcmp(r->head.magic, MAGIC, sizeof(r->head.magic)) != 0 || r->head.order != ORDER)
		return SL_STATE_FOREIGN;
	return SL_STATE_OPEN;
}

bool sl__state_next(struct sl_state_reader *r)
{
	r->at = ftell(r->f);
	if (fread(&r->record, sizeof(r->record), 1, r->f) != 1 || r->record.len > LONGEST)
		return false;
	if (r->record.len > r->size) {
		r->size = r->record.len * 2;
		r->bytes = sl__must_grow(r->bytes, r->size);
	}
	return r->record.len == 0 || fread(r->bytes, r->record.len, 1, r->f) == 1;
}

void sl__state_close(struct sl_state_reader *r)
{
	if (r->f)
		fclose(r->f);
	free(r->bytes);
}

uint64_t sl__state_age(const struct sl_state_reader *r)
{
	uint64_t now = clock_ms();

	return now > r->head.saved_ms ? now - r->head.saved_ms : 0;
}
