/* output.h -- what an agent CLI says about itself while it runs: tokens, cost, how it went (spec 20 Q14).
 *
 * A parser is fed with the lines of a run's output as they come and always has an answer: usage() after any
 * line is what is known so far, facts() is how it ended, once it did.  Nothing that an agent prints is an
 * error here: a line that is not one JSON object of the format, or is longer than OUTPUT_LINE_MAX, is text,
 * and counted.  A count that is negative, not a whole number or not to be believed is passed over, and
 * counted.  Text of prompts and answers is never kept. Reads no file and no clock: the caller joins partial
 * lines (line_joiner.h) and passes the time at which a line was written, which is also what prices and clock
 * times in messages refer to.  One thread at a time. */
#pragma once
#include "core/output_facts.h"
#include "core/profile.h"

struct price_list;
struct output_setup {
    enum output_format format;
    const struct price_list *prices; /* the operator's own; NULL: none; outlives the parser */
    const char *model;               /* the profile's or the job's; NULL when neither says; copied */
    char **rate_limited_patterns;    /* the profile's, NULL-terminated or NULL; copied */
    int64_t utc_offset_us; /* local time minus UTC where the agent runs, for "try again at 5:19 AM" */
};

struct output_parser;
struct output_parser *output_parser_new(const struct output_setup *setup);
struct output_parser *output_parser_free(struct output_parser *p); /* NULL ok; returns NULL */
DEFINE_CLEANUP(struct output_parser *, output_parser_free)

/* One whole line without its line feed; a CR at its end is dropped. */
void output_parser_feed(struct output_parser *p, struct str line, bool is_stderr, int64_t at_us);

/* Valid until the next call with this parser.  usage->model is what costs are computed for: the printed one,
 * else the setup's. */
const struct usage *output_usage(const struct output_parser *p);
const struct output_facts *output_facts(const struct output_parser *p);

const char *output_format_name(enum output_format format); /* "claude-stream-json", … */
bool output_format_of(struct str name, enum output_format *ret);
const char *output_format_names(void); /* all of them, "a|b|c", for messages and documentation */
