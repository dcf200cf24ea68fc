#include "core/exit_class.h"

static const char *const class_names[] = {[EXIT_SUCCESS_CLASS] = "success",
                                          [EXIT_RETRY] = "retry",
                                          [EXIT_FAIL] = "fail",
                                          [EXIT_RATE_LIMITED] = "rate_limited"};

static const enum job_event class_events[] = {[EXIT_SUCCESS_CLASS] = JOB_SUCCEED,
                                              [EXIT_RETRY] = JOB_FAIL,
                                              [EXIT_FAIL] = JOB_FAIL_FOR_GOOD,
                                              [EXIT_RATE_LIMITED] = JOB_RATE_LIMITED};

static bool is_timeout(const struct exit_facts *facts)
{
    return str_equal(facts->cause, STR("timeout"));
}

/* The shim's own end says nothing about the agent. */
static bool is_lost(const struct exit_facts *facts)
{
    return facts->outcome == EXIT_OUTCOME_LOST || (facts->cause.n > 0 && !is_timeout(facts));
}

int exit_code_of(const struct exit_facts *facts)
{
    if (is_lost(facts))
        return -1;
    if (is_timeout(facts))
        return EXIT_CODE_TIMEOUT;
    switch (facts->outcome) {
    case EXIT_OUTCOME_EXITED:
        return facts->exit_code;
    case EXIT_OUTCOME_SIGNALED:
        return EXIT_CODE_SIGNAL + facts->signal;
    case EXIT_OUTCOME_START_FAILED:
        return facts->start_errno == ENOENT ? EXIT_CODE_NOT_FOUND : EXIT_CODE_CANNOT_START;
    case EXIT_OUTCOME_LOST:
        break;
    }
    return -1;
}

/* Lists end at -1. */
static bool is_listed(const int *codes, int code)
{
    for (; codes && *codes != -1; codes++)
        if (*codes == code)
            return true;
    return false;
}

enum exit_class exit_classify(const struct agent_profile *profile, const struct exit_facts *facts)
{
    static const struct output_facts silence;
    static const struct agent_profile nothing_listed;
    const struct output_facts *told = facts->output ? facts->output : &silence;
    const struct agent_profile *p = profile ? profile : &nothing_listed;
    if (is_lost(facts))
        return EXIT_RETRY;
    int code = exit_code_of(facts);
    if (code == 0 && !told->is_error && !told->rate_limited)
        return EXIT_SUCCESS_CLASS;
    if (told->rate_limited || told->pattern_matched || is_listed(p->rate_limited_codes, code))
        return EXIT_RATE_LIMITED;
    if (is_listed(p->fail_codes, code))
        return EXIT_FAIL;
    return EXIT_RETRY; /* retry_codes are for the reader of a configuration: it is what is not listed too */
}

enum job_event exit_event(const struct agent_profile *profile, const struct exit_facts *facts)
{
    if (str_equal(facts->cause, STR("cancelled")))
        return JOB_CANCEL;
    return class_events[exit_classify(profile, facts)];
}

const char *exit_class_name(enum exit_class class)
{
    assert(class < COUNT_OF(class_names));
    return class_names[class];
}

bool exit_class_of(struct str name, enum exit_class *ret)
{
    for (size_t i = 0; i < COUNT_OF(class_names); i++) {
        if (str_equal(name, str_of(class_names[i]))) {
            *ret = (enum exit_class)i;
            return true;
        }
    }
    return false;
}
