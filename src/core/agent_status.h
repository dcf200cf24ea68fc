/* agent_status.h -- what an agent's status may be, and what each counts as (spec 70).
 *
 * One table: its word in the API, and how A4 to A6 count an agent of that status.  Pure. */
#pragma once
#include "base/str.h"

enum agent_status {
    AGENT_STARTING,
    AGENT_ACTIVE,
    AGENT_IDLE,
    AGENT_DEGRADED,
    AGENT_FAILED,
    AGENT_OFFLINE,
    AGENT_INVALID,
};
#define AGENT_STATUS_COUNT 7
#define AGENT_STATUS_WORDS "starting|active|idle|degraded|failed|offline|invalid" /* for tables of fields */

const char *agent_status_name(enum agent_status status);
MUST_CHECK bool agent_status_of(struct str name, enum agent_status *ret);
