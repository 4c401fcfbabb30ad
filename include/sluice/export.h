/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_EXPORT_H
#define SLUICE_EXPORT_H

/*
 * SL_EXPORT marks what the shared library shows to the outside; everything else is compiled with
 * hidden visibility.
 */
#if defined(__GNUC__)
#define SL_EXPORT __attribute__((visibility("default")))
#else
#define SL_EXPORT
#endif

#endif
