/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A SIP message's first line and headers (RFC 3261 7).
 *
 * A header is a name, a colon and a value, which goes on in lines that begin with a space (7.3.1).
 * Names are read in any case and in their compact form (7.3.3).
 */
#include "sip.h"

/* A line with its end; *line is without. */
static bool whole_line(struct sl_text *t, struct sl_text *line)
{
	if (!sl_text_until(t, '\n', line))
		return false;
	sl_text_trim(line);
	return true;
}

size_t sip_head_length(struct sl_text t)
{
	struct sl_text line;

	while (whole_line(&t, &line))
		if (!sl_text_left(&line))
			return sl_text_offset(&t);
	return 0;
}

static enum sip_header_id id_of(const struct sl_text *name)
{
	static const struct {
		const char *name;
		enum sip_header_id id;
	} names[] = {
	        {"Via", SIP_VIA},
	        {"v", SIP_VIA},
	        {"Contact", SIP_CONTACT},
	        {"m", SIP_CONTACT},
	        {"From", SIP_FROM},
	        {"f", SIP_FROM},
	        {"To", SIP_TO},
	        {"t", SIP_TO},
	        {"Route", SIP_ROUTE},
	        {"Record-Route", SIP_RECORD_ROUTE},
	        {"Path", SIP_RECORD_ROUTE},
	        {"Service-Route", SIP_RECORD_ROUTE},
	        {"Refer-To", SIP_RECORD_ROUTE},
	        {"r", SIP_RECORD_ROUTE},
	        {"Referred-By", SIP_RECORD_ROUTE},
	        {"b", SIP_RECORD_ROUTE},
	        {"Call-ID", SIP_CALL_ID},
	        {"i", SIP_CALL_ID},
	        {"CSeq", SIP_CSEQ},
	        {"Expires", SIP_EXPIRES},
	        {"Content-Length", SIP_CONTENT_LENGTH},
	        {"l", SIP_CONTENT_LENGTH},
	        {"Content-Type", SIP_CONTENT_TYPE},
	        {"c", SIP_CONTENT_TYPE},
	        {"Content-Encoding", SIP_CONTENT_ENCODING},
	        {"e", SIP_CONTENT_ENCODING},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (sl_text_eq_nocase(name, names[i].name))
			return names[i].id;
	return SIP_OTHER;
}

bool sip_header_next(struct sl_text *lines, enum sip_header_id *id, struct sl_text *value)
{
	struct sl_text try = *lines, line, name, more;

	if (!whole_line(&try, &line) || !sl_text_until(&line, ':', &name))
		return false;
	sl_text_trim(&name);
	if (!sl_text_left(&name))
		return false;
	while ((sl_text_peek(&try) == ' ' || sl_text_peek(&try) == '\t') && whole_line(&try, &more))
		line.end = more.end;
	sip_skip_space(&line);
	*id = id_of(&name);
	*value = line;
	*lines = try;
	return true;
}

int64_t sip_body_length(struct sl_text lines)
{
	struct sl_text value;
	enum sip_header_id id;
	int64_t length = -1;
	uint32_t n;

	while (sip_header_next(&lines, &id, &value)) {
		if (id != SIP_CONTENT_LENGTH)
			continue;
		if (length != -1 || !sl_text_uint(&value, 1u << 30, &n) || sl_text_left(&value))
			return -2;
		length = n;
	}
	return length;
}

bool sip_method_is(const struct sip_head *head, const char *method)
{
	struct sl_text t = head->method;

	return sl_text_exact(&t, method) && !sl_text_left(&t);
}

/* METHOD uri SIP/2.0, or SIP/2.0 status text */
static bool first_line(struct sl_text *t, struct sip_head *head)
{
	struct sl_text line;

	if (!whole_line(t, &line))
		return false;
	if (sl_text_prefix(&line, "SIP/2.0 "))
		return sl_text_uint(&line, 699, &head->status) && head->status >= 100 &&
		       (!sl_text_left(&line) || sl_text_peek(&line) == ' ');
	head->is_request = true;
	return sl_text_token(&line, &head->method) && sl_text_char(&line, ' ') &&
	       sl_text_token(&line, &head->uri) && sl_text_char(&line, ' ') &&
	       sl_text_eq_nocase(&line, "SIP/2.0");
}

/* FNV-1a; never 0, which would mean "any". */
static uint32_t hash(struct sl_text t)
{
	uint32_t h = 2166136261u;

	for (; sl_text_left(&t); t.at++)
		h = (h ^ (unsigned char)*t.at) * 16777619u;
	return h ? h : 1;
}

static bool read_cseq(struct sl_text value, struct sip_head *head)
{
	struct sl_text method;

	if (!sl_text_uint(&value, 0x7fffffff, &head->cseq))
		return false;
	sip_skip_space(&value);
	if (!sl_text_token(&value, &method) || sl_text_left(&value))
		return false;
	if (head->is_request)
		return sl_text_left(&method) == sl_text_left(&head->method);
	head->method = method;
	return true;
}

static void read_type(struct sl_text value, struct sip_head *head)
{
	if (sl_text_prefix(&value, "multipart/"))
		head->has_sdp = head->many_parts = true;
	else if (sl_text_word(&value, "application/sdp"))
		head->has_sdp = true;
}

/* One header. False: it cannot be read, or nothing behind it can. */
static bool take_header(
        struct sip_head *head, enum sip_header_id id, struct sl_text value, unsigned *seen)
{
	switch (id) {
	case SIP_CSEQ:
		*seen += 1;
		return read_cseq(value, head);
	case SIP_CALL_ID:
		*seen += 16;
		head->call = hash(value);
		return sl_text_left(&value) != 0;
	case SIP_EXPIRES:
		head->has_expires = sl_text_uint(&value, UINT32_MAX, &head->expires);
		return true;
	case SIP_CONTENT_LENGTH:
		head->length = value;
		return true;
	case SIP_CONTENT_TYPE:
		read_type(value, head);
		return true;
	case SIP_CONTENT_ENCODING:
		return sl_text_eq_nocase(&value, "identity");
	default:
		return true;
	}
}

bool sip_head_read(struct sl_text t, struct sip_head *head)
{
	size_t length = sip_head_length(t);
	struct sl_text lines, value;
	enum sip_header_id id;
	unsigned seen = 0;
	int64_t body;

	*head = (struct sip_head){.status = 0};
	head->body = t;
	if (!length || !first_line(&t, head))
		return false;
	head->body.at += length;
	head->lines = t;
	head->lines.end = head->body.at;
	for (lines = head->lines; sip_header_next(&lines, &id, &value);)
		if (!take_header(head, id, value, &seen))
			return false;
	sl_text_skip(&lines, "\r\n");
	if (sl_text_left(&lines) ||
	        seen != 17) /* each line is a header, one CSeq and one Call-ID */
		return false;
	body = sip_body_length(head->lines);
	if (body == -2 || body > (int64_t)sl_text_left(&head->body))
		return false;
	if (body >= 0)
		head->body.end = head->body.at + body;
	head->has_sdp = head->has_sdp && sl_text_left(&head->body);
	return true;
}
