/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UPnP's helper: searches over UDP (ssdp.c), subscriptions to events over TCP (gena.c).
 */
#ifndef HELPERS_SSDP_H
#define HELPERS_SSDP_H

#include <sluice/helper.h>

#define GENA_PORT     2869 /* Windows'; others' is in what they tell */
#define GENA_REQUESTS 32   /* that wait for their answers */

enum { SSDP_ANSWER, GENA_EVENT }; /* classes of expectations */

/* What is known of a TCP connection. */
struct gena {
	uint32_t skip[2]; /* bytes of a body that are yet to come */
	uint64_t
	        kinds; /* enum gena_kind of the requests that wait, the first lowest, two bits each */
	uint8_t waiting;          /* how many they are */
	uint32_t asked, answered; /* subscriptions: their numbers are cookies */
};

enum sl_help_result gena_request(struct sl_help *help, struct sl_message *m);
enum sl_help_result gena_answer(struct sl_help *help, struct sl_message *m);
size_t gena_frame(struct sl_help *help, const struct sl_text *bytes, enum sl_dir dir);
size_t gena_hold(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir);

#endif
