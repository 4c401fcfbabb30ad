/* SPDX-License-Identifier: BSD-2-Clause */
/* The `sluice` program: a table of subcommands, one file each. */
#include <stdio.h>
#include <string.h>

#include "prog/help.h"
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

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand; returns the exit status */
	const char *what;
	const char *help; /* NULL: `what` says all */
};

static const struct command commands[] = {
        {"replay", sl__replay_main, "put a capture through tracking, NAT and helpers, offline",
                sl__replay_help},
#ifdef SLUICE_LIVE
        {"run", sl__run_main, "be a live gateway between interfaces", sl__run_help},
        {"list", sl__control_main, "show the gateway's connections, or expectations",
                sl__control_help},
        {"expect", sl__control_main, "show the gateway's expectations", sl__control_help},
        {"events", sl__control_main, "show what happens to connections, as it happens",
                sl__control_help},
        {"flush", sl__control_main, "end connections", sl__control_help},
        {"stats", sl__control_main, "show the gateway's numbers, with the reasons of drops",
                sl__control_help},
        {"explain", sl__control_main, "show why packets are dropped, step by step, as it happens",
                sl__control_help},
#ifdef SLUICE_TOP
        {"top", sl__top_main, "watch the gateway on a screen", sl__top_help},
#endif
        {"reload", sl__reload_main, "give the gateway a new ruleset", sl__control_help},
#endif
        {"check", sl__check_main, "read a ruleset in nft syntax, say what is wrong with it",
                sl__check_help},
#ifdef SLUICE_LIVE
        {"helpers", sl__helpers_live_main, "list the protocol helpers, and where they are attached",
                sl__helpers_help},
#else
        {"helpers", sl__helpers_main, "list the protocol helpers", sl__helpers_help},
#endif
        {"helper", sl__helper_main, "make a new helper, or test one on a capture", sl__helper_help},
        {"version", version, "say which version this is", NULL},
        {"help", help, "say this, or describe the options of a subcommand, or the tunables", NULL},
};

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
	fprintf(to,
	        "\n`sluice help COMMAND` describes its options, `sluice help tunables` what --set takes.\n");
}

static const struct command *command_of(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

static int no_command(const char *name)
{
	fprintf(stderr, "sluice: no subcommand %s\n", name);
	usage(stderr);
	return 1;
}

static int help(int argc, char **argv)
{
	const struct command *command = argc > 1 ? command_of(argv[1]) : NULL;

	if (argc > 1 && strcmp(argv[1], "tunables") == 0)
		return sl__tunables_show();
	if (argc > 1 && !command)
		return no_command(argv[1]);
	if (command && command->help)
		fputs(command->help, stdout);
	else if (command && command->run != help)
		printf("sluice %s: %s\n", command->name, command->what);
	else
		usage(stdout);
	return 0;
}

/* Wherever it stands: who is at a loss adds it to what is on the line already. */
static bool asks_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0)
		name = "version";
	if (command_of(name) && asks_help(argc - 2, argv + 2))
		return help(2, (char *[]){argv[0], argv[1], NULL});
	if (command_of(name))
		return command_of(name)->run(argc - 1, argv + 1);
	if (*name)
		return no_command(name);
	usage(stderr);
	return 1;
}
