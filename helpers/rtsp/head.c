/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First line and headers of an RTSP message (RFC 2326 4, RFC 7826 5): only what this helper needs.
 */
#include "rtsp.h"

bool rtsp_whole_line(struct sl_text *t, struct sl_text *line)
{
	if (!sl_text_until(t, '\n', line))
		return false;
	sl_text_trim(line);
	return true;
}

size_t rtsp_head_length(struct sl_text t)
{
	struct sl_text line;

	while (rtsp_whole_line(&t, &line))
		if (!sl_text_left(&line))
			return sl_text_offset(&t);
	return 0;
}

bool rtsp_is_header(struct sl_text *line, const char *name)
{
	struct sl_text try = *line;

	if (!sl_text_word(&try, name))
		return false;
	sl_text_spaces(&try);
	if (!sl_text_char(&try, ':'))
		return false;
	sl_text_spaces(&try);
	*line = try;
	return true;
}

static bool read_first_line(struct sl_text line, struct rtsp_head *h)
{
	struct sl_text version;

	if (sl_text_exact(&line, "RTSP/"))
		return sl_text_token(&line, &version) && sl_text_spaces(&line) &&
		       sl_text_uint(&line, 999, &h->status) && h->status >= 100;
	return sl_text_token(&line, &h->method) && sl_text_spaces(&line) &&
	       sl_text_token(&line, &h->url) && sl_text_spaces(&line) &&
	       sl_text_exact(&line, "RTSP/");
}

/* A value goes on in lines that begin with a space (RFC 2326 4.2, from RFC 2068). */
static void unfold(struct sl_text *t, struct sl_text *value)
{
	struct sl_text more;

	while ((sl_text_peek(t) == ' ' || sl_text_peek(t) == '\t') && rtsp_whole_line(t, &more))
		value->end = more.end;
}

/* One header. False: nothing behind it can be relied on. */
static bool take_header(struct sl_text *t, struct sl_text line, struct rtsp_head *h)
{
	if (rtsp_is_header(&line, "CSeq")) {
		sl_text_uint(&line, UINT32_MAX, &h->cseq);
	} else if (rtsp_is_header(&line, "Content-Length")) {
		return sl_text_uint(&line, UINT32_MAX, &h->body);
	} else if (rtsp_is_header(&line, "Session")) {
		h->session = line;
		sl_text_skip_to(&line, "; \t");
		h->session.end = line.at;
	} else if (rtsp_is_header(&line, "Transport")) {
		if (sl_text_left(&h->transport))
			return false;
		unfold(t, &line);
		h->transport = line;
	}
	return true;
}

void rtsp_head_read(struct sl_text t, struct rtsp_head *h)
{
	struct sl_text line;

	*h = (struct rtsp_head){.cseq = 0};
	if (!rtsp_whole_line(&t, &line) || !read_first_line(line, h))
		return;
	h->understood = true;
	while (rtsp_whole_line(&t, &line) && sl_text_left(&line))
		if (!take_header(&t, line, h))
			h->understood = false;
}
