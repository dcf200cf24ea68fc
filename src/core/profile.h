/* profile.h -- an agent profile: a named way to start an agent CLI (spec 20 Q10), and a workflow (Q1).
 *
 * Plain data, filled from the configuration and owned by it.  A profile without a command is served by
 * external workers alone (Q9). */
#pragma once
#include "base/base.h"

enum output_format {
    OUTPUT_TEXT,
    OUTPUT_CLAUDE_STREAM_JSON,
    OUTPUT_CLAUDE_JSON,
    OUTPUT_CODEX_JSONL,
    OUTPUT_GEMINI_JSON,
};

struct breaker_policy { /* spec 20 Q7 */
    int64_t failures;   /* consecutive, that open it */
    int64_t window_us;  /* within which they must fall */
    int64_t open_us;    /* until half-open */
};

struct backoff_policy { /* spec 20 Q6 */
    int64_t base_us, cap_us;
};

/* Exit code or pattern -> what it means.  Rows are tried in order, first match wins. */
enum exit_class { EXIT_SUCCESS_CLASS, EXIT_RETRY, EXIT_FAIL, EXIT_RATE_LIMITED };

struct agent_profile {
    const char *name;
    char **command; /* NULL-terminated argv with placeholders; NULL: external workers only */
    enum output_format output;
    const char *workdir;        /* template, NULL for the data directory's work folder */
    char **env_pass;            /* names taken from the node's environment */
    char **env;                 /* NAME=VALUE */
    const char *stdin_path;     /* "null" or a file */
    const char *model, *effort; /* defaults, NULL for none */
    int stop_signal;
    int64_t grace_us;
    int64_t timeout_us; /* 0: none */
    int64_t max_attempts;
    int64_t max_concurrency; /* 0: no own limit */
    int64_t output_max_bytes;
    int *fail_codes, *retry_codes, *rate_limited_codes; /* -1 terminated; not listed and not 0: retry */
    char **rate_limited_patterns; /* substrings of the output that mean "limit reached" */
    struct breaker_policy breaker;
    struct backoff_policy backoff;
};

struct workflow_stage {
    const char *name;
    const char *agent;  /* NULL: moved by the API only */
    const char *prompt; /* template for the stage's job: {work_item} {repo} {title} {stage} */
};
struct workflow {
    const char *name;
    struct workflow_stage *stages;
    size_t stage_count;
};
