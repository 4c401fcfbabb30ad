/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BASE_INLINE_H
#define SLUICE_BASE_INLINE_H

/*
 * For what nearly every packet passes: the compiler shall not weigh whether it is worth a call, and
 * arguments that are constants shall count as constants within.
 */
#if defined(__GNUC__)
#define SL_INLINE static inline __attribute__((always_inline))
#define SL_APART  static __attribute__((noinline)) /* and the contrary */
#else
#define SL_INLINE static inline
#define SL_APART  static
#endif

#endif
