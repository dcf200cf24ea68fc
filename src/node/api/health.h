/* health.h -- GET /api/health, section by section (spec 60 Health): what a section has to say.
 *
 * A section is one function in the table of health.c.  It is called on the loop thread, after the store has
 * told what it knows (`read`, on the reader thread, before; either may be NULL).  Info and unknown never
 * degrade the whole. */
#pragma once
#include "node/api/api.h"

enum health { HEALTH_OK, HEALTH_INFO, HEALTH_UNKNOWN, HEALTH_DEGRADED, HEALTH_UNHEALTHY };
#define HEALTH_STATES 5

struct health_report {
    struct json_writer *json; /* inside the object of sections */
    enum health worst;        /* so far: HEALTH_OK, HEALTH_DEGRADED or HEALTH_UNHEALTHY */
};
/* `detail` says what was found and what to do; "" for nothing to say. */
void health_section(struct health_report *h, const char *name, enum health health, const char *detail);

struct health_part {
    /* Reader thread: what `show` needs of the store, in the request's arena. */
    int (*read)(struct api_op *op, struct db *db, void **ret_facts, struct err *e);
    /* Loop thread.  `facts` is what read gave; NULL when there is no read, or the store could not be read. */
    void (*show)(const struct node *n, const void *facts, struct health_report *h);
};
