/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_CTL_WORDS_H
#define SLUICE_CTL_WORDS_H

/* The words of a request: tables, filters, options (conntrack's), into the client's members. */
#include "ctl/server.h"

/* What a command takes besides -j and -o. */
enum sl_words { SL_WORDS_TABLES = 1, SL_WORDS_FILTERS = 2, SL_WORDS_ALL = 4, SL_WORDS_FILE = 8 };

/* False: it was refused. */
bool sl__words_read(struct sl_client *client, unsigned takes);
/* Say on its standard error what is wrong with a word ("": with all), and end with status 1. Returns -1. */
int sl__words_refuse(struct sl_client *client, const char *what, const char *word);

#endif
