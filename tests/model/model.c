/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/model.h"
#include <stddef.h>
struct model *model_create(const struct model_config *config)
{
	(void)config;
	return NULL;
}
void model_destroy(struct model *m)
{
	(void)m;
}
void model_before(struct model *m, const struct sl_packet *p, uint64_t now)
{
	(void)m, (void)p, (void)now;
}
const char *model_event(struct model *m, struct sl_engine *engine, const struct sl_event *event)
{
	(void)m, (void)engine, (void)event;
	return NULL;
}
const char *model_after(struct model *m, struct sl_engine *engine, const struct sl_packet *p)
{
	(void)m, (void)engine, (void)p;
	return NULL;
}
const char *model_clock(struct model *m, uint64_t now)
{
	(void)m, (void)now;
	return NULL;
}
