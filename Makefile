# The front door. meson and ninja do the building; this file names the few things one does.
#
#   make         build the program and the libraries into build/
#   make demo    the main job: a recorded FTP session through tracking and NAT
#   make test    every test
#   make demo-live, bench-live   the gateway between namespaces, and against the kernel (root)
#   make soak    long live tests (root)
#   make coverage  line coverage of parsers, the stream service and helpers: 90 per cent at least
#   make format, format-check  clang-format; is the tree as it leaves it?
#   make fuzz    each fuzz target for FUZZ_SECONDS (60), and a proof that they find bugs
#
BUILD ?= build
MESON_OPTS ?= -Dbuildtype=debugoptimized

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

deps:
	@scripts/deps.sh

$(BUILD)/build.ninja: | deps
	@meson setup $(BUILD) $(MESON_OPTS) >/dev/null

# The main job on a recorded FTP session. Needs no privileges and no network.
demo: all
	@$(BUILD)/prog/sluice replay --masquerade --account -o demo-out tests/captures/ftp-demo.pcapng

# The same live (root): three namespaces, an FTP server, a client, sluice between them.
demo-live: all
	@SLUICE=$(BUILD)/prog/sluice scripts/demo-live.py

test: deps
	@scripts/test.sh

bench: deps
	@[ -f build-bench/build.ninja ] || meson setup build-bench -Dbuildtype=release >/dev/null
	@ninja -C build-bench bench/bench >/dev/null
	@build-bench/bench/bench $(BENCH_ARGS)

fuzz: deps
	@scripts/fuzz.sh
	@scripts/fuzz-planted.sh

# The live gateway against the kernel's own masquerade (root).
bench-live: deps
	@[ -f build-bench/build.ninja ] || meson setup build-bench -Dbuildtype=release >/dev/null
	@ninja -C build-bench prog/sluice bench/live-load >/dev/null
	@SLUICE=build-bench/prog/sluice LIVE_LOAD=build-bench/bench/live-load bench/live.py

# The long forms of the live tests (root): all servers and clients, all loss rates, a minute of malice, with offloads
# on and off. SOAK_TESTS="fast soak" chooses.
soak: all
	@SLUICE=$(BUILD)/prog/sluice scripts/soak.sh $(SOAK_TESTS)

coverage: deps
	@scripts/coverage.sh

install: all
	@meson install -C $(BUILD)

format: deps
	@git ls-files '*.c' '*.h' | xargs clang-format -i

format-check: deps
	@git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror

clean:
	@rm -rf build build-* demo-out

.PHONY: all bench coverage bench-live deps demo demo-live soak test fuzz install format format-check clean
