/* SPDX-License-Identifier: BSD-2-Clause */
/* What a unit test of a whole engine includes: cmocka, a gateway, packets. */
#ifndef TESTS_LIB_UNIT_H
#define TESTS_LIB_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/checksum.h"
#include "base/wire.h"
#include "tests/lib/gateway.h"
#include "tests/lib/packets.h"

#endif
