/* job_add.h -- the options of `muster jobs add`, and the body that they make (spec 20 Q4).  One thread. */
#pragma once
#include "cli/client.h"

#define JOB_ADD_OPTIONS                                                                                      \
    {'p', "prompt", "TEXT", "add: fills {prompt}; \"-\" reads it from standard input."},                     \
        {'m', "model", "NAME", "add: instead of the profile's."},                                            \
        {'e', "effort", "WORD", "add: instead of the profile's."},                                           \
        {'P', "priority", "NUMBER", "add: higher goes first; 0 without it."},                                \
        {0, "max-attempts", "COUNT", "add: instead of the profile's."},                                      \
        {0, "timeout", "DURATION", "add: of one attempt, such as 30m."},                                     \
        {0, "run-after", "WHEN", "add: not before this instant, or so long from now: 10m."},                 \
    {                                                                                                        \
        'k', "unique-key", "KEY", "add: while a job with this key is queued or running, that one is meant."  \
    }

/* 0 and a body that the caller gives up, or an exit code after having said what is wrong. */
MUST_CHECK int job_add_body(const struct invocation *in, json_t **ret);
