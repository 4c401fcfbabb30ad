/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Linux makes of an FTP segment. (helpers/ftp/linux.c)
 */
#ifndef HELPERS_FTP_LINUX_H
#define HELPERS_FTP_LINUX_H

#include <sluice/helper.h>

/* Where a direction's lines began, as far as Linux remembers: sequence numbers. */
struct ftp_lines {
	uint32_t at[2];
	uint8_t n;
};

void ftp_linux_look(struct ftp_lines *lines, const struct sl_segment *segment,
        const struct sl_tuple *own, struct sl_linux_view *out);

#endif
