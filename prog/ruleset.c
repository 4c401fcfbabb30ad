/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ruleset files from disk. `include` is looked for as nft does: a name with a slash at its
 * beginning or "./" as it is, others in the directories of -I, and beside the including file;
 * a name with wildcards stands for all that fit, in alphabetical order, hidden files and
 * directories excepted, and may fit nothing. An included directory is an error.
 */
#include "prog/ruleset.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct loader {
	const struct sl_ruleset_options *options;
	struct sl_rules_env caller; /* what the caller gave */
	char *text;                 /* lent to the reader */
	char name[4096];
};

static void *get(void *ctx, size_t size, size_t align)
{
	(void)ctx, (void)align;
	return malloc(size);
}

static void give(void *ctx, void *p, size_t size)
{
	(void)ctx, (void)size;
	free(p);
}

static char *read_stream(FILE *f, size_t *len)
{
	size_t room = 0, got;
	char *text = NULL, *more;

	*len = 0;
	do {
		if (room - *len < 65536) {
			room = room * 2 + 65536 * 2;
			more = realloc(text, room);
			if (!more) {
				free(text);
				return NULL;
			}
			text = more;
		}
		got = fread(text + *len, 1, room - *len, f);
		*len += got;
	} while (got);
	return text;
}

static char *read_file(const char *name, size_t *len)
{
	struct stat st;
	FILE *f;
	char *text = NULL;

	if (stat(name, &st))
		return NULL;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return NULL;
	}
	f = fopen(name, "rb");
	if (f) {
		text = read_stream(f, len);
		if (ferror(f)) {
			free(text);
			text = NULL;
		}
		fclose(f);
	}
	return text;
}

static enum sl_rules_open open_nth(
        struct loader *l, const char *pattern, unsigned nth, struct sl_rules_text *out)
{
	bool wild = strpbrk(pattern, "*?[");
	enum sl_rules_open result = nth || wild ? SL_RULES_NO_MORE : SL_RULES_NO_FILE;
	glob_t found;
	size_t i;

	if (glob(pattern, 0, NULL, &found))
		return result;
	for (i = 0; i < found.gl_pathc; i++) {
		size_t len;

		free(l->text);
		l->text = read_file(found.gl_pathv[i], &len);
		if (!l->text || nth--)
			continue;
		snprintf(l->name, sizeof l->name, "%s", found.gl_pathv[i]);
		*out = (struct sl_rules_text){l->name, l->text, len};
		result = SL_RULES_OPENED;
		break;
	}
	globfree(&found);
	return result;
}

static enum sl_rules_open open_in(struct loader *l, const char *dir, size_t dir_len,
        const char *pattern, unsigned nth, struct sl_rules_text *out)
{
	char path[4096];
	int n = snprintf(path, sizeof path, "%.*s/%s", (int)dir_len, dir, pattern);

	return n > 0 && (size_t)n < sizeof path ? open_nth(l, path, nth, out) : SL_RULES_NO_FILE;
}

/* The first place that has a file decides. */
static enum sl_rules_open open_text(
        void *ctx, const char *pattern, const char *from, unsigned nth, struct sl_rules_text *out)
{
	struct loader *l = ctx;
	const char *slash = strrchr(from, '/');
	enum sl_rules_open got;
	unsigned i;

	if (pattern[0] == '/' || !strncmp(pattern, "./", 2))
		return open_nth(l, pattern, nth, out);
	for (i = 0; i < l->options->n_includes; i++) {
		got = open_in(l, l->options->includes[i], strlen(l->options->includes[i]), pattern,
		        nth, out);
		if (got == SL_RULES_OPENED)
			return got;
	}
	got = slash ? open_in(l, from, (size_t)(slash - from), pattern, nth, out)
	            : open_nth(l, pattern, nth, out);
	return nth && got == SL_RULES_NO_FILE ? SL_RULES_NO_MORE : got;
}

static FILE *to(const struct sl_ruleset_options *o)
{
	return o->errors ? o->errors : stderr;
}

static void report(void *ctx, const char *text)
{
	const struct loader *l = ctx;

	fputs(text, to(l->options));
}

static char *read_first(const struct sl_ruleset_options *o, const char *file, size_t *len)
{
	char *text = strcmp(file, "-") ? read_file(file, len) : read_stream(stdin, len);

	if (!text)
		fprintf(to(o), "%s: %s\n", file, errno ? strerror(errno) : "cannot be read");
	return text;
}

/* NAME=VALUE into pieces; the names are copied, NULL: said. */
static struct sl_rules_define *cut_defines(const struct sl_ruleset_options *o)
{
	struct sl_rules_define *d = calloc(o->n_defines + 1, sizeof *d);
	unsigned i;

	for (i = 0; d && i < o->n_defines; i++) {
		const char *equals = strchr(o->defines[i], '=');

		if (!equals || equals == o->defines[i]) {
			fprintf(to(o), "-D %s: expected NAME=VALUE\n", o->defines[i]);
			while (i--)
				free((char *)(uintptr_t)d[i].name);
			free(d);
			return NULL;
		}
		d[i].name = strndup(o->defines[i], (size_t)(equals - o->defines[i]));
		d[i].value = equals + 1;
	}
	return d;
}

/* While reading, the ctx is the loader's: callbacks that ask for the caller's get it here. */
static bool ask_helper(void *ctx, const char *name)
{
	struct loader *l = ctx;

	return !l->caller.has_helper || l->caller.has_helper(l->caller.ctx, name);
}

struct sl_rules *sl__ruleset_load(const char *file, const struct sl_ruleset_options *options,
        const struct sl_rules_env *given)
{
	struct loader *l = calloc(1, sizeof *l);
	struct sl_rules_define *defines = cut_defines(options);
	struct sl_rules_env env = {
	        .mem = {get, give, NULL}, .ctx = l, .open = open_text, .report = report};
	struct sl_rules *rules = NULL;
	char *text = NULL;
	size_t len = 0;
	unsigned i;

	if (l && defines && file)
		text = read_first(options, file, &len);
	if (l && defines && (text || !file)) {
		l->options = options;
		l->caller = *given;
		env.has_helper = given->has_helper ? ask_helper : NULL;
		env.defines = defines;
		env.define_count = options->n_defines;
		rules = file ? sl_rules_read(&env, file, text, len)
		             : sl_rules_read(&env, "default.nft", sl_rules_default,
		                       strlen(sl_rules_default));
	}
	if (rules)
		sl_rules_attach(rules, given);
	for (i = 0; defines && i < options->n_defines; i++)
		free((char *)(uintptr_t)defines[i].name);
	free(defines);
	free(text);
	if (l)
		free(l->text);
	free(l);
	return rules;
}

struct sl_rules *sl__ruleset_share(
        struct sl_rules *rules, const struct sl_rules_env *given, const struct sl_rules_lock *lock)
{
	struct sl_rules_env env = *given;

	env.mem = (struct sl_mem){get, give, NULL};
	return sl_rules_share(rules, &env, lock);
}
