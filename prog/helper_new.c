/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sluice helper new NAME [--from CAPTURE]`: a helper's file, its text script, its table of
 * dialogues and its fuzz target, in FOO's shape, and the lines that build, test and fuzz it. A capture
 * tells protocol and port, and what both sides say first is drawn at the top.
 *
 * In the templates below stand
 *	@	the name		`	the protocol, in small letters
 *	$	the port		~	its framing
 *	%	the protocol	\f	the drawing	\v	what opens a connection in a script
 */
#include "prog/helper.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <sluice/tuple.h>

#include "base/wire.h"

#define SAYINGS 8  /* of a capture's first connection */
#define SAYING  56 /* characters of each */

/* What is to be made. */
struct plan {
	const char *name;
	uint8_t proto; /* SL_PROTO_TCP or SL_PROTO_UDP */
	uint16_t port;
	struct {
		bool by_server;
		char text[SAYING + 1];
	} saying[SAYINGS];
	unsigned sayings;
};

/* ---- templates ---------------------------------------------------------------------------- */

static const char helper_text[] =
        "/* SPDX-License-Identifier: BSD-2-Clause */\n"
        "/*\n"
        " * @: what it is for. RFC ...\n"
        " *\n"
        " *\tclient\t\t\t\t\tserver\n"
        "\f"
        " *\tHERE 10.0.0.2 4711\n"
        " *\t    <---- TCP connection to 10.0.0.2, port 4711 ----\n"
        " *\n"
        " * What is not understood passes and opens nothing.\n"
        " */\n"
        "#include <sluice/helper.h>\n"
        "\n"
        "enum { CLASS_DATA };\n"
        "\n"
        "/* One whole message of the client. */\n"
        "static enum sl_help_result request(struct sl_help *help, struct sl_message *message)\n"
        "{\n"
        "\tstruct sl_endpoint written = {.family = SL_IPV4, .proto = SL_PROTO_TCP}, seen;\n"
        "\tstruct sl_text t = message->text;\n"
        "\tuint8_t addr[4];\n"
        "\tuint32_t port;\n"
        "\tsize_t begin;\n"
        "\tchar text[32];\n"
        "\tstruct sl_out out = sl_out_of(text, sizeof(text));\n"
        "\tenum sl_reason why;\n"
        "\n"
        "\tif (!sl_text_word(&t, \"HERE\") || !sl_text_spaces(&t))\n"
        "\t\treturn SL_PASS;\n"
        "\tbegin = sl_text_offset(&t);\n"
        "\tif (!sl_text_ipv4(&t, addr) || !sl_text_spaces(&t) || !sl_text_uint(&t, 65535, &port))\n"
        "\t\treturn SL_PASS;\n"
        "\twritten.addr = sl_addr_v4(addr);\n"
        "\twritten.port = (uint16_t)port;\n"
        "\twhy = sl_expect_endpoint(help, message, &written, CLASS_DATA, \"@ data\", &seen);\n"
        "\tif (why != SL_WHY_NONE)\n"
        "\t\treturn sl_refuse(help, why);\n"
        "\tsl_text_put_ipv4(&out, seen.addr.b + 12);\n"
        "\tsl_text_put_char(&out, ' ');\n"
        "\tsl_text_put_uint(&out, seen.port);\n"
        "\tif (!sl_replace(help, message, begin, sl_text_offset(&t) - begin, text, "
        "sl_out_len(&out)))\n"
        "\t\treturn sl_refuse(help, SL_WHY_HELPER_DROP);\n"
        "\treturn SL_PASS;\n"
        "}\n"
        "\n"
        "const struct sl_helper sl_helper_@ = {\n"
        "\tSL_HELPER_HEADER,\n"
        "\t.name = \"@\",\n"
        "\t.match = {{.proto = SL_PROTO_%, .port = $}},\n"
        "\t.classes = {[CLASS_DATA] = {.name = \"data\", .max = 1, .timeout = 300}},\n"
        "\t.framing = SL_FRAME_~,\n"
        "\t.message = {[SL_ORIGINAL] = request},\n"
        "};\n";

static const char script_text[] =
        "# @: the server sees the public address and port of what the client announces.\n"
        "masquerade\n"
        "helper @\n"
        "flow c ` 10.0.0.2:40130 > 198.51.100.7:$\n"
        "\v"
        "c> \"HERE 10.0.0.2 51270\\r\\n\"\n"
        "    = \"HERE 203.0.113.1 51270\\r\\n\"\n"
        "    ! EXPECT_NEW tcp 198.51.100.7 > 203.0.113.1:51270 class 0 timeout 300 helper @\n";

static const char fuzz_text[] =
        "/* SPDX-License-Identifier: BSD-2-Clause */\n"
        "/* The helper @: what both sides say, and how it travels (fuzz/dialogue.c). */\n"
        "#include <sluice/tuple.h>\n"
        "\n"
        "#include \"fuzz/dialogue.h\"\n"
        "\n"
        "int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)\n"
        "{\n"
        "\tstatic const struct fuzz_dialogue dialogue = {.helper = \"@\", .proto = SL_PROTO_%, .port = $};\n"
        "\n"
        "\treturn fuzz_dialogue(&dialogue, data, size);\n"
        "}\n";

static const char test_text[] =
        "/* SPDX-License-Identifier: BSD-2-Clause */\n"
        "/*\n"
        " * @: what is said, what arrives, and what is expected.\n"
        " * Tests: helpers/@.c\n"
        " */\n"
        "#include \"tests/helpers/dialogue.h\"\n"
        "\n"
        "#define SAYS(said, expects_) \\\n"
        "\t{.name = said, .helper = \"@\", .proto = SL_PROTO_%, .server_port = $, .families = 4, \\\n"
        "\t .rows = (const struct row[]){{'c', said \"\\r\\n\", expects_, 0, NULL, 0}, {0}}}\n"
        "\n"
        "static const struct dialogue messages[] = {\n"
        "\tSAYS(\"HERE {c} 4711\", \"s>c tcp 4711\"),\n"
        "\tSAYS(\"HERE nobody\", NULL),\n"
        "};\n"
        "\n"
        "static void each_message(void **state)\n"
        "{\n"
        "\t(void)state;\n"
        "\tdialogues_play(messages, sizeof(messages) / sizeof(messages[0]));\n"
        "}\n"
        "\n"
        "int main(void)\n"
        "{\n"
        "\tconst struct CMUnitTest tests[] = {cmocka_unit_test(each_message)};\n"
        "\n"
        "\treturn cmocka_run_group_tests(tests, NULL, NULL);\n"
        "}\n";

static const char lines_text[] = "\n"
                                 "As a module:\n"
                                 "    cc -shared -fPIC -o @.so @.c $(pkg-config --cflags sluice)\n"
                                 "    sluice helper test ./@.so CAPTURE\n"
                                 "In sluice's own tree, from its top:\n"
                                 "    scripts/add-helper.sh @ [FOLDER]\n"
                                 "    make && meson test -C build scripts helper-@\n"
                                 "    FUZZ_SECONDS=60 scripts/fuzz.sh @\n";

/* ---- writing ------------------------------------------------------------------------------- */

static void put_sayings(FILE *file, const struct plan *plan)
{
	for (unsigned i = 0; i < plan->sayings; i++)
		fprintf(file, " *\t%s%s\n", plan->saying[i].by_server ? "\t\t\t\t\t" : "",
		        plan->saying[i].text);
	if (plan->sayings)
		fputs(" *\t...\n *\n * To be replaced, FOO's:\n *\n", file);
}

static void put_template(FILE *file, const char *text, const struct plan *plan)
{
	bool tcp = plan->proto == SL_PROTO_TCP;

	for (; *text; text++) {
		switch (*text) {
		case '@':
			fputs(plan->name, file);
			break;
		case '$':
			fprintf(file, "%u", (unsigned)plan->port);
			break;
		case '%':
			fputs(tcp ? "TCP" : "UDP", file);
			break;
		case '`':
			fputs(tcp ? "tcp" : "udp", file);
			break;
		case '~':
			fputs(tcp ? "LINE" : "DATAGRAM", file);
			break;
		case '\v':
			fputs(tcp ? "open c\n" : "", file);
			break;
		case '\f':
			put_sayings(file, plan);
			break;
		default:
			fputc(*text, file);
		}
	}
}

/* Nothing that is there is written over. */
static bool write_file(const struct plan *plan, const char *suffix, const char *text)
{
	char path[128];
	FILE *file;
	bool ok;

	snprintf(path, sizeof(path), "%s%s", plan->name, suffix);
	file = fopen(path, "wx");
	if (!file) {
		fprintf(stderr, "sluice helper new: %s: ", path);
		perror(NULL);
		return false;
	}
	put_template(file, text, plan);
	ok = !ferror(file);
	ok = fclose(file) == 0 && ok;
	printf("%s\n", path);
	return ok;
}

/* The lines have no port in them: their $ is the shell's. */
static void say_lines(const struct plan *plan)
{
	for (const char *text = lines_text; *text; text++) {
		if (*text == '@')
			fputs(plan->name, stdout);
		else
			putchar(*text);
	}
}

/* ---- the capture --------------------------------------------------------------------------- */

static bool is_syn(const struct sl_helper_packet *p)
{
	return p->proto == SL_PROTO_TCP && (p->ip[p->l4 + 13] & 0x12) == 2;
}

/* The first TCP connection seen from its SYN; without one the first datagram's. False: neither. */
static bool find_connection(const char *path, struct plan *plan, uint16_t *client)
{
	struct sl_helper_packet p = {0};
	struct sl_helper_capture *c = sl__helper_capture_open(path);

	while (c && plan->proto != SL_PROTO_TCP && sl__helper_capture_next(c, &p)) {
		if (!is_syn(&p) && (p.proto != SL_PROTO_UDP || plan->proto))
			continue;
		plan->proto = p.proto;
		*client = sl_get16(p.ip + p.l4);
		plan->port = sl_get16(p.ip + p.l4 + 2);
	}
	sl__helper_capture_close(c);
	return plan->proto != 0;
}

/* A line's worth of it, fit for a comment. */
static void note_saying(struct plan *plan, const struct sl_helper_packet *p, bool by_server)
{
	char *text = plan->saying[plan->sayings].text;
	uint32_t n = p->len - p->payload;

	for (uint32_t i = 0; i < n && i < SAYING && p->ip[p->payload + i] != '\r'; i++) {
		uint8_t c = p->ip[p->payload + i];

		*text++ = isprint(c) && c != '*' ? (char)c : '.'; /* no end of a comment */
	}
	*text = '\0';
	plan->saying[plan->sayings++].by_server = by_server;
}

static void note_sayings(const char *path, struct plan *plan, uint16_t client)
{
	struct sl_helper_packet p = {0};
	struct sl_helper_capture *c = sl__helper_capture_open(path);

	while (c && plan->sayings < SAYINGS && sl__helper_capture_next(c, &p)) {
		uint16_t from = p.l4 ? sl_get16(p.ip + p.l4) : 0,
		         to = p.l4 ? sl_get16(p.ip + p.l4 + 2) : 0;

		if (p.proto == plan->proto && p.payload < p.len &&
		        ((from == client && to == plan->port) ||
		                (to == client && from == plan->port)))
			note_saying(plan, &p, from == plan->port);
	}
	sl__helper_capture_close(c);
}

/* ---- the subcommand ------------------------------------------------------------------------ */

/* A C name that is a file name too. */
static bool is_name(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)name[i]) && name[i] != '_' &&
		        (i == 0 || !isdigit((unsigned char)name[i])))
			return false;
	return n >= 1 && n <= 32;
}

int sl__helper_new_main(int argc, char **argv)
{
	struct plan plan = {0};
	uint16_t client = 0;

	if ((argc != 2 && (argc != 4 || strcmp(argv[2], "--from") != 0)) || !is_name(argv[1])) {
		fprintf(stderr, "usage: sluice helper new NAME [--from CAPTURE]\n"
		                "NAME is a word of small letters, digits and _\n");
		return 1;
	}
	plan.name = argv[1];
	if (argc == 2) {
		plan.proto = SL_PROTO_TCP;
		plan.port = 111;
	} else if (!find_connection(argv[3], &plan, &client)) {
		fprintf(stderr,
		        "sluice helper new: %s has no TCP connection seen from its SYN, and no UDP\n",
		        argv[3]);
		return 1;
	} else {
		note_sayings(argv[3], &plan, client);
	}
	if (!write_file(&plan, ".c", helper_text) || !write_file(&plan, ".txt", script_text) ||
	        !write_file(&plan, "-test.c", test_text) ||
	        !write_file(&plan, "-fuzz.c", fuzz_text))
		return 1;
	say_lines(&plan);
	return 0;
}
