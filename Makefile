# The front door. meson and ninja do the building; this file names the few things one does.
#
#   make         build the program and the libraries into build/
#   make demo    the main job: a recorded FTP session through tracking and NAT
#   make test    every test
#
BUILD ?= build
MESON_OPTS ?= -Dbuildtype=debugoptimized

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

deps:
	@scripts/deps.sh

$(BUILD)/build.ninja: | deps
	@meson setup $(BUILD) $(MESON_OPTS) >/dev/null

test: deps
	@scripts/test.sh

install: all
	@meson install -C $(BUILD)

format: deps
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	@rm -rf build build-*

.PHONY: all deps test install format clean
