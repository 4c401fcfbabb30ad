/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The subcommands that a running gateway answers: their words go to its control socket as they
 * are, but for --control, and a file's name, which it must find wherever it was started.
 */
#include "prog/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/server.h"
#include "prog/help.h"
#include "prog/helpers.h"

enum { WORDS = 250 };

/* Takes --control PATH out of the words. */
static bool take_words(int argc, char **argv, const char **words, unsigned *n, const char **path)
{
	*path = SL_CONTROL_PATH;
	*n = 0;
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "--control=", 10) == 0) {
			*path = argv[i] + 10;
		} else if (strcmp(argv[i], "--control") == 0 && i + 1 < argc) {
			*path = argv[++i];
		} else if (*n < WORDS) {
			words[(*n)++] = argv[i];
		} else {
			fprintf(stderr, "sluice %s: too many words\n", argv[0]);
			return false;
		}
	}
	return true;
}

const char sl__control_help[] =
        "usage: sluice list [conntrack|expect] [options] [filters]\n"
        "       sluice expect [options]\n"
        "       sluice events [conntrack|expect|log|all] [options] [filters]\n"
        "       sluice flush [conntrack|expect] [filters]\n"
        "       sluice stats [options]\n"
        "       sluice explain [--all] [filters]\n"
        "       sluice reload [FILE]\n"
        "\n"
        "Questions to a running gateway (`sluice run`), at its control socket.\n"
        "\n"
        "      --control PATH    the socket (default /run/sluice/control.sock)\n"
        "  -j, --json            JSON Lines; else as conntrack(8) prints\n"
        "  -o extended           with the family and its number before each connection\n"
        "  -e NEW,UPDATES,DESTROY  events of these kinds only\n"
        "      --all             explain: every packet, not only what is dropped\n"
        "\n"
        "Filters, those of conntrack(8); an address may be a prefix:\n"
        "\n"
        "  -s, -d ADDR           source, destination of the original direction\n"
        "  -r, -q ADDR           source, destination of the replies\n"
        "  -p, --proto NAME      tcp, udp, ... or a number\n"
        "      --sport, --dport PORT, --reply-port-src, --reply-port-dst PORT\n"
        "  -f, --family NAME     ipv4, ipv6\n"
        "  -m MARK[/MASK], -w ZONE, --state NAME, -u STATUS\n"
        "  -n, -g, --any-nat     translated at the source, at the destination, anywhere\n"
        "\n"
        "reload without FILE reads the file again that the gateway was started with.\n"
        "Exit status: 0 done; 1 no gateway answers, or it refused.\n";

int sl__control_main(int argc, char **argv)
{
	const char *words[WORDS], *path;
	unsigned n;

	if (!take_words(argc, argv, words, &n, &path))
		return 1;
	return sl__client_run(path, words, n);
}

int sl__reload_main(int argc, char **argv)
{
	const char *words[WORDS], *path;
	char *file = NULL;
	unsigned n;
	int status;

	if (!take_words(argc, argv, words, &n, &path) || n > 2) {
		fprintf(stderr, "usage: sluice reload [--control PATH] [FILE]\n");
		return 1;
	}
	if (n == 2) {
		file = realpath(words[1], NULL);
		if (!file) {
			perror(words[1]);
			return 1;
		}
		words[1] = file;
	}
	status = sl__client_run(path, words, n);
	free(file);
	return status;
}

int sl__helpers_live_main(int argc, char **argv)
{
	const char *words[WORDS], *path;
	unsigned n;
	int fd;

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--control", 9) == 0)
			return sl__control_main(argc, argv);
	if (!take_words(argc, argv, words, &n, &path))
		return 1;
	fd = sl__client_ask(path, words, n);
	return fd < 0 ? sl__helpers_main(argc, argv) : sl__client_copy(fd, 1, 2);
}
