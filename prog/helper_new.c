/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sluice helper new NAME [--from CAPTURE]`: a helper's file, its text script and its fuzz target,
 * in FOO's shape. The templates below have @ for the name and $ for the port.
 */
#include "prog/helper.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char helper_text[] =
        "/* SPDX-License-Identifier: BSD-2-Clause */\n"
        "/*\n"
        " * @: what it is for. RFC ...\n"
        " *\n"
        " *\tclient\t\t\t\t\tserver\n"
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
        "\t.match = {{.proto = SL_PROTO_TCP, .port = $}},\n"
        "\t.classes = {[CLASS_DATA] = {.name = \"data\", .max = 1, .timeout = 300}},\n"
        "\t.framing = SL_FRAME_LINE,\n"
        "\t.message = {[SL_ORIGINAL] = request},\n"
        "};\n";

static const char script_text[] =
        "# @: the server sees the public address and port of what the client announces.\n"
        "masquerade\n"
        "helper @\n"
        "flow c tcp 10.0.0.2:40130 > 198.51.100.7:$\n"
        "open c\n"
        "c> \"HERE 10.0.0.2 4711\\r\\n\"\n"
        "    = \"HERE 203.0.113.1 4711\\r\\n\"\n"
        "    ! EXPECT_NEW tcp 198.51.100.7 > 203.0.113.1:4711 class 0 timeout 300 helper @\n";

static const char fuzz_text[] =
        "/* SPDX-License-Identifier: BSD-2-Clause */\n"
        "/* The helper @: what both sides say, and how it travels (fuzz/dialogue.c). */\n"
        "#include <sluice/tuple.h>\n"
        "\n"
        "#include \"fuzz/dialogue.h\"\n"
        "\n"
        "int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)\n"
        "{\n"
        "\tstatic const struct fuzz_dialogue dialogue = {\"@\", SL_PROTO_TCP, $};\n"
        "\n"
        "\treturn fuzz_dialogue(&dialogue, data, size);\n"
        "}\n";

/* Nothing that is there is written over. */
static bool write_file(const char *name, const char *suffix, const char *text, unsigned port)
{
	char path[128];
	FILE *file;
	bool ok;

	snprintf(path, sizeof(path), "%s%s", name, suffix);
	file = fopen(path, "wx");
	if (!file) {
		fprintf(stderr, "sluice helper new: %s: ", path);
		perror(NULL);
		return false;
	}
	for (; *text; text++) {
		if (*text == '@')
			fputs(name, file);
		else if (*text == '$')
			fprintf(file, "%u", port);
		else
			fputc(*text, file);
	}
	ok = !ferror(file);
	ok = fclose(file) == 0 && ok;
	printf("%s\n", path);
	return ok;
}

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

/* Where the capture's first TCP connection goes; 0: it has none. */
static unsigned port_of(const char *path)
{
	struct sl_helper_packet p = {0};
	struct sl_helper_capture *c = sl__helper_capture_open(path);
	unsigned port = 0;

	while (c && !port && sl__helper_capture_next(c, &p))
		if (p.l4 && p.ip[p.l4 + 13] & 2)
			port = (unsigned)p.ip[p.l4 + 2] << 8 | p.ip[p.l4 + 3];
	sl__helper_capture_close(c);
	return port;
}

int sl__helper_new_main(int argc, char **argv)
{
	unsigned port = 111;

	if ((argc != 2 && (argc != 4 || strcmp(argv[2], "--from") != 0)) || !is_name(argv[1])) {
		fprintf(stderr, "usage: sluice helper new NAME [--from CAPTURE]\n"
		                "NAME is a word of small letters, digits and _\n");
		return 1;
	}
	if (argc == 4) {
		port = port_of(argv[3]);
		if (!port) {
			fprintf(stderr,
			        "sluice helper new: %s has no TCP connection seen from its SYN\n",
			        argv[3]);
			return 1;
		}
	}
	return write_file(argv[1], ".c", helper_text, port) &&
	                       write_file(argv[1], ".txt", script_text, port) &&
	                       write_file(argv[1], "-fuzz.c", fuzz_text, port)
	               ? 0
	               : 1;
}
