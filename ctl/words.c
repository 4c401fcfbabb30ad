/* SPDX-License-Identifier: BSD-2-Clause */
/* See words.h. */
#include "ctl/words.h"

#include <string.h>

static bool table_word(struct sl_client *client, const char *word)
{
	static const struct {
		const char *name;
		unsigned tables;
	} names[] = {{"conntrack", SL_TABLE_CONNTRACK}, {"expect", SL_TABLE_EXPECT},
	        {"log", SL_TABLE_LOG},
	        {"all", SL_TABLE_CONNTRACK | SL_TABLE_EXPECT | SL_TABLE_LOG}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, word) == 0) {
			client->tables = names[i].tables;
			return true;
		}
	return false;
}

/* conntrack -e NEW,UPDATES,DESTROY */
static bool type_words(struct sl_client *client, const char *words)
{
	static const struct {
		const char *name;
		unsigned types;
	} names[] = {{"NEW", 1u << SL_EVENT_NEW | 1u << SL_EVENT_EXPECT_NEW},
	        {"UPDATE", 1u << SL_EVENT_UPDATE}, {"UPDATES", 1u << SL_EVENT_UPDATE},
	        {"DESTROY", 1u << SL_EVENT_DESTROY | 1u << SL_EVENT_EXPECT_DESTROY}, {"ALL", ~0u}};

	client->types = 1u << SL_EVENT_LOG;
	while (*words) {
		size_t len = strcspn(words, ","), i = 0;

		while (i < sizeof(names) / sizeof(names[0]) &&
		        (strlen(names[i].name) != len || strncmp(names[i].name, words, len) != 0))
			i++;
		if (i == sizeof(names) / sizeof(names[0]))
			return false;
		client->types |= names[i].types;
		words += len + (words[len] == ',');
	}
	return true;
}

int sl__words_refuse(struct sl_client *client, const char *what, const char *word)
{
	sl__client_printf(
	        client, 'e', "sluice %s: %s%s%s\n", client->args[0], word, *word ? ": " : "", what);
	sl__client_exit(client, 1);
	return -1;
}

/* A word that is no filter. 1: taken; 0: unknown; -1: wrong, and said. */
static int other_word(struct sl_client *client, unsigned takes, unsigned *at)
{
	char **args = client->args;
	const char *word = args[*at];

	if (strcmp(word, "-j") == 0 || strcmp(word, "--json") == 0) {
		client->json = true;
	} else if (strcmp(word, "-o") == 0 && *at + 1 < client->n_args) {
		if (strcmp(args[++*at], "extended") != 0)
			return sl__words_refuse(client, "only extended is known", "-o");
		client->extended = true;
	} else if ((takes & SL_WORDS_TABLES) && strcmp(word, "-e") == 0 &&
	           *at + 1 < client->n_args) {
		if (!type_words(client, args[++*at]))
			return sl__words_refuse(
			        client, "not NEW, UPDATES, DESTROY or ALL", args[*at]);
	} else if ((takes & SL_WORDS_ALL) && strcmp(word, "--all") == 0) {
		client->all = true;
	} else if (!((takes & SL_WORDS_TABLES) && table_word(client, word)) &&
	           !(takes & SL_WORDS_FILE)) {
		return 0;
	}
	++*at;
	return 1;
}

bool sl__words_read(struct sl_client *client, unsigned takes)
{
	const char *error;

	for (unsigned at = 1; at < client->n_args;) {
		int got = takes & SL_WORDS_FILTERS
		                  ? sl__filter_option(&client->filter, client->args, client->n_args,
		                            &at, &error)
		                  : 0;

		if (got < 0)
			sl__words_refuse(client, error, "");
		else if (got == 0)
			got = other_word(client, takes, &at);
		if (got == 0)
			got = sl__words_refuse(client, "not understood", client->args[at]);
		if (got < 0)
			return false;
	}
	return true;
}
