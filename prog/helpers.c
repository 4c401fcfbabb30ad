/* SPDX-License-Identifier: BSD-2-Clause */
/* See helpers.h: a line a helper and port, then its expectation classes. */
#include "prog/help.h"
#include "prog/helpers.h"

#include <stdio.h>
#include <string.h>

#include <sluice/helper.h>
#include <sluice/sluice.h>

#include "ctl/json.h"

static void show(const struct sl_helper *h)
{
	char proto[4];

	for (unsigned i = 0; i < SL_HELPER_MATCHES && h->match[i].proto; i++)
		printf("%-12s %-4s port %-5u %s\n", h->name, sl_proto_text(h->match[i].proto, proto),
		        h->match[i].port,
		        h->match[i].family == SL_IPV4 ? "IPv4" :
		        h->match[i].family == SL_IPV6 ? "IPv6" :
							"IPv4, IPv6");
	for (unsigned i = 0; i < SL_HELPER_CLASSES && h->classes[i].max; i++)
		printf("%-12s   expects %s: at most %u at a time, for %u s\n", "",
		        h->classes[i].name, h->classes[i].max, h->classes[i].timeout);
	for (unsigned i = 0; i < SL_HELPER_OPTIONS && h->options[i].name; i++)
		printf("%-12s   option %s=%u (at most %u): %s\n", "", h->options[i].name,
		        h->options[i].value, h->options[i].max, h->options[i].what);
	if (h->by_request)
		printf("%-12s   only on request\n", "");
}

static void put_matches(struct sl_json *j, const struct sl_helper *h)
{
	char proto[4];

	sl__json_array(j, "match");
	for (unsigned i = 0; i < SL_HELPER_MATCHES && h->match[i].proto; i++) {
		sl__json_object(j, NULL);
		sl__json_str(j, "proto", sl_proto_text(h->match[i].proto, proto));
		sl__json_uint(j, "port", h->match[i].port);
		sl__json_end(j);
	}
	sl__json_end(j);
}

static void put_classes(struct sl_json *j, const struct sl_helper *h)
{
	sl__json_array(j, "classes");
	for (unsigned i = 0; i < SL_HELPER_CLASSES && h->classes[i].max; i++) {
		sl__json_object(j, NULL);
		sl__json_str(j, "name", h->classes[i].name);
		sl__json_uint(j, "max", h->classes[i].max);
		sl__json_uint(j, "timeout", h->classes[i].timeout);
		sl__json_end(j);
	}
	sl__json_end(j);
}

static void put_options(struct sl_json *j, const struct sl_helper *h)
{
	sl__json_array(j, "options");
	for (unsigned i = 0; i < SL_HELPER_OPTIONS && h->options[i].name; i++) {
		sl__json_object(j, NULL);
		sl__json_str(j, "name", h->options[i].name);
		sl__json_uint(j, "value", h->options[i].value);
		sl__json_uint(j, "max", h->options[i].max);
		sl__json_str(j, "what", h->options[i].what);
		sl__json_end(j);
	}
	sl__json_end(j);
}

static void show_json(struct sl_json *j, const struct sl_helper *h)
{
	sl__json_object(j, NULL);
	sl__json_str(j, "helper", h->name);
	put_matches(j, h);
	put_classes(j, h);
	put_options(j, h);
	sl__json_bool(j, "by_request", h->by_request);
	sl__json_end(j);
	printf("%.*s\n", (int)j->len, j->text);
	sl__json_clear(j);
}

const struct sl_helper *sl__helper_built_in(const char *name)
{
	for (const struct sl_helper *const *h = sl_helpers_builtin(); *h; h++)
		if (strcmp((*h)->name, name) == 0)
			return *h;
	return NULL;
}

const char sl__helpers_help[] =
        "usage: sluice helpers [-j] [--control PATH]\n"
        "\n"
        "The protocol helpers: ports, families, what they expect, their options. Of a running\n"
        "gateway those that are attached; where none runs, those of this program.\n"
        "\n"
        "  -j, --json            JSON Lines\n"
        "      --control PATH    the gateway's socket (default: the one of `sluice run`)\n";

int sl__helpers_main(int argc, char **argv)
{
	bool json = argc == 2 && (strcmp(argv[1], "-j") == 0 || strcmp(argv[1], "--json") == 0);
	struct sl_json j;

	if (argc > 1 && !json) {
		fprintf(stderr, "usage: sluice helpers [-j]\n");
		return 1;
	}
	sl__json_init(&j);
	for (const struct sl_helper *const *h = sl_helpers_builtin(); *h; h++) {
		if (json)
			show_json(&j, *h);
		else
			show(*h);
	}
	sl__json_fini(&j);
	return 0;
}
