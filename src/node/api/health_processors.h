/* health_processors.h -- the sections of GET /api/health for the processors of transcripts (spec 60 Health).
 *
 * Degraded is a processor whose oldest file has waited for more than twice its cadence, which is that of its
 * schedule.  Nothing waiting is ok however long ago the last run was; what was set apart is told and degrades
 * nothing.  As struct health_part. */
#pragma once
#include "node/api/health.h"

int health_read_processors(struct api_op *op, struct db *db, void **ret_facts, struct err *e);
void health_show_processors(const struct node *n, const void *facts, struct health_report *h);
