/* agent_matcher.h -- which processes are agent CLIs (spec 20 Q16).
 *
 * A matcher is a row: the CLI's name, and what its process shows: the name of the program itself, or the
 * script that an interpreter runs.  The built-in rows are those of the CLIs that exist; the configuration
 * adds more ("NAME=WORD": a program or script of that name).  Pure. */
#pragma once
#include "base/str.h"

#define AGENT_ARGS_MAX 32

struct agent_process {
    struct str comm;
    struct str exe; /* path of the program, empty when it cannot be read */
    struct str args[AGENT_ARGS_MAX];
    size_t arg_count;
};

/* Splits a command line as the kernel keeps it: arguments ended by NUL. */
void agent_process_args(struct agent_process *p, struct str cmdline);
/* The CLI that this process is, "claude" or "codex", in static memory or that of `more`; p == NULL for none.
 * `more` is NULL-terminated, or NULL. */
struct str agent_match(const struct agent_process *p, const char *const *more);
/* "NAME=WORD" with two words that are not empty. */
bool agent_matcher_valid(const char *text);
