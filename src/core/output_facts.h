/* output_facts.h -- what an agent CLI said about how its run went (spec 20 Q6, Q14).
 *
 * Plain data: run/output fills it from the output, core/exit_class judges by it.  Never holds text of a
 * prompt or an answer. */
#pragma once
#include "core/usage.h"

#define OUTPUT_ERROR_TEXT_MAX 200
struct output_facts {
    bool final_seen;             /* its closing record came: result, turn.completed, turn.failed */
    bool is_error;               /* it says that it failed */
    bool rate_limited;           /* it failed because a limit was reached */
    int64_t rate_limit_reset_us; /* epoch; 0 when it named no time */
    bool pattern_matched; /* a text that means "limit reached" stood outside of answers: the profile's, or
                             known */
    char session_id[64];  /* "" until known, cut if longer */
    char model[USAGE_MODEL_MAX]; /* the one that it printed, "" until known */
    int64_t turns;
    int64_t api_retries;                    /* requests that it tells it repeated */
    int64_t warnings;                       /* errors that it told and went on from */
    int64_t text_lines;                     /* lines that were text */
    int64_t unparsed_lines;                 /* of these, on stdout of a format that promises JSON */
    int64_t ignored_numbers;                /* counts not believed */
    char error_text[OUTPUT_ERROR_TEXT_MAX]; /* one line of UTF-8 from a typed error record, "" for none */
};
