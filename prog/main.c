/* SPDX-License-Identifier: BSD-2-Clause */
/* The `sluice` program: a table of subcommands, one file each. */
#include <stdio.h>
#include <string.h>

#include "prog/helper.h"
#include "prog/helpers.h"
#include "prog/replay.h"
#include "prog/ruleset.h"
#ifdef SLUICE_LIVE
#include "prog/control.h"
#include "prog/run.h"
#include "prog/top.h"
#endif

static int version(int argc, char **argv);
static int help(int argc, char **argv);

static const struct {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand; returns the exit status */
	const char *what;
} commands[] = {
        {"replay", sl__replay_main, "put a capture through tracking, NAT and helpers, offline"},
#ifdef SLUICE_LIVE
        {"run", sl__run_main, "be a live gateway between interfaces"},
        {"list", sl__control_main, "show the gateway's connections, or expectations"},
        {"expect", sl__control_main, "show the gateway's expectations"},
        {"events", sl__control_main, "show what happens to connections, as it happens"},
        {"flush", sl__control_main, "end connections"},
        {"stats", sl__control_main, "show the gateway's numbers, with the reasons of drops"},
        {"explain", sl__control_main, "show why packets are dropped, step by step, as it happens"},
#ifdef SLUICE_TOP
        {"top", sl__top_main, "watch the gateway on a screen"},
#endif
        {"reload", sl__reload_main, "give the gateway a new ruleset"},
#endif
        {"check", sl__check_main, "read a ruleset in nft syntax, say what is wrong with it"},
#ifdef SLUICE_LIVE
        {"helpers", sl__helpers_live_main, "list the protocol helpers, and where they are attached"},
#else
        {"helpers", sl__helpers_main, "list the protocol helpers"},
#endif
        {"helper", sl__helper_main, "make a new helper, or test one on a capture"},
        {"version", version, "say which version this is"},
        {"help", help, "say this, or describe the options of a subcommand"},
};

static const char replay_help[] =
        "usage: sluice replay [options] CAPTURE\n"
        "\n"
        "Runs a pcap or pcapng capture through the engine. No privileges, no network.\n"
        "\n"
        "  -r, --rules FILE      ruleset in nft syntax; default: track everything, the safe helpers\n"
        "  -D, --define N=V      a variable for the ruleset\n"
        "  -I, --includepath DIR where the ruleset's `include` looks\n"
        "      --masquerade      translate what leaves by out0 to the public address\n"
        "      --public ADDR     that address (one per family; default 203.0.113.1,\n"
        "                        2001:db8:ffff::1)\n"
        "      --inside PREFIX   addresses on the inside (repeatable); default: who opens a flow\n"
        "      --own ADDR/LEN    an address of the gateway itself (repeatable)\n"
        "      --helper NAME[=PORT]  a helper on one more port (repeatable)\n"
        "      --module FILE.so  load a helper module (repeatable)\n"
        "      --set NAME=VALUE  a tunable, such as nf_conntrack_udp_timeout=10 (repeatable)\n"
        "      --checksum, --no-checksum  whether wrong checksums make a packet INVALID\n"
        "                        (default: no)\n"
        "      --time capture|none  the capture's time (default), or a clock that stands still\n"
        "      --limit N         only the first N frames\n"
        "      --explain [N]     every step of each packet, or of packet N\n"
        "  -o, --output DIR      write events.jsonl, packets.jsonl, final.jsonl, summary.json,\n"
        "                        annotated.pcapng, in0.pcap and out0.pcap\n"
        "      --account         the readable account on stdout also with -o\n"
        "  -q, --quiet           only the totals\n"
        "\n"
        "Exit status: 0 done; 1 a bad option or file; 2 the capture is damaged or cut short.\n";

static int version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("sluice " SLUICE_VERSION "\n");
	return 0;
}

static void usage(FILE *to)
{
	fprintf(to, "usage: sluice COMMAND [options]\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].what);
}

static int (*command_of(const char *name))(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run;
	return NULL;
}

/* They have no help of their own: this is it. */
static bool is_own(const char *name)
{
	return command_of(name) == help || command_of(name) == version;
}

static int help(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "replay") == 0)
		fputs(replay_help, stdout);
#ifdef SLUICE_LIVE
	else if (argc > 1 && strcmp(argv[1], "run") == 0)
		fputs(sl__run_help, stdout);
#endif
	else if (argc > 1 && command_of(argv[1]) && !is_own(argv[1]))
		return command_of(argv[1])(2, (char *[]){argv[1], (char[]){"--help"}, NULL});
	else
		usage(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0)
		name = "version";
	if (command_of(name))
		return command_of(name)(argc - 1, argv + 1);
	if (*name)
		fprintf(stderr, "sluice: no subcommand %s\n", name);
	usage(stderr);
	return 1;
}
