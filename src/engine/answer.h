/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gateway's own ICMP errors and resets. (src/engine/answer.c)
 */
#ifndef SL_ENGINE_ANSWER_H
#define SL_ENGINE_ANSWER_H

#include "engine/engine.h"

/* w->p is about to be dropped for that reason: tell its sender, where that is the custom. */
void sl__answer(struct sl_work *w, enum sl_reason why);

#endif
