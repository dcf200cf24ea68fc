/* exit_class.h -- what the end of a run means for its job (spec 20 Q6).
 *
 * In this order, the first that fits:
 *   cancelled                                    no failure, the job is cancelled
 *   the shim was lost or stopped                 retry
 *   exit code 0 and no error told                success, whatever texts were seen on the way
 *   the agent told of a limit, or a pattern      rate_limited
 *   the code is in the profile's lists           rate_limited_codes, then fail_codes, then retry_codes
 *   anything else                                retry
 *
 * Ends without an exit code have the one that a shell would give them, so that the lists can name them: 124
 * for the timeout, 128 + N for signal N, 127 for a command that is not there, 126 for one that cannot be
 * started.  Success goes before patterns: an agent that writes about limits must not be run again and again.
 * Pure.  Any thread. */
#pragma once
#include "core/job_state.h"
#include "core/output_facts.h"

enum exit_outcome {
    EXIT_OUTCOME_EXITED,
    EXIT_OUTCOME_SIGNALED,
    EXIT_OUTCOME_START_FAILED,
    EXIT_OUTCOME_LOST, /* nobody saw the end */
};

struct exit_facts {
    enum exit_outcome outcome;
    int exit_code;    /* EXITED */
    int signal;       /* SIGNALED */
    int start_errno;  /* START_FAILED */
    struct str cause; /* of a result file: "", "timeout", "cancelled", "shim stopped", "shim lost" */
    const struct output_facts *output; /* NULL: it said nothing */
};

#define EXIT_CODE_TIMEOUT 124
#define EXIT_CODE_CANNOT_START 126
#define EXIT_CODE_NOT_FOUND 127
#define EXIT_CODE_SIGNAL 128
int exit_code_of(const struct exit_facts *facts); /* as a shell would say it; -1 when there is none */

/* Of a run that was not cancelled.  `profile` may be NULL: it is not in the configuration any more. */
enum exit_class exit_classify(const struct agent_profile *profile, const struct exit_facts *facts);
/* What that is for the job: JOB_CANCEL, JOB_SUCCEED, JOB_FAIL, JOB_FAIL_FOR_GOOD or JOB_RATE_LIMITED. */
enum job_event exit_event(const struct agent_profile *profile, const struct exit_facts *facts);

const char *exit_class_name(enum exit_class class); /* "success", "retry", "fail", "rate_limited" */
bool exit_class_of(struct str name, enum exit_class *ret);
