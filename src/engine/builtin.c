/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The helpers that are part of the library.
 */
#include <sluice/helper.h>
#include <sluice/sluice.h>

extern const struct sl_helper sl_helper_foo, sl_helper_ftp;

const struct sl_helper *const *sl_helpers_builtin(void)
{
	static const struct sl_helper *const all[] = {&sl_helper_ftp, &sl_helper_foo, NULL};

	return all;
}
