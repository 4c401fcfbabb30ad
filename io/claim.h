/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_CLAIM_H
#define SLUICE_IO_CLAIM_H

/*
 * One gateway for an interface. Whoever manages eth0 gives its TAP device a second name, "sluice@eth0"
 * (`ip link` shows it): names are unique in a network namespace, only CAP_NET_ADMIN gives them, and it is gone with
 * the device, which goes with its process, however that ends.
 */
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

/* False: another one has it, or it cannot be told; said on stderr. */
bool sl_claim(uint32_t tap, const char *interface);
/* The name of the TAP device of the gateway that has it; false: nobody does. */
bool sl_claim_holder(const char *interface, char name[IFNAMSIZ]);

#endif
