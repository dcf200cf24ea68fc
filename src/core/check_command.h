/* check_command.h -- which commands are checks: tests, linters, type checks, builds (spec 60 V1).
 *
 * One table of the common ecosystems; what wraps a command (env, timeout, npx, `uv run`, …) is taken off
 * first.  Listing, watching and asking for help are no checks.  Pure.  Any thread. */
#pragma once
#include "core/shell_words.h"

enum check_kind { CHECK_TEST, CHECK_LINT, CHECK_TYPES, CHECK_BUILD };
#define CHECK_KINDS 4
extern const char *const check_kind_names[CHECK_KINDS];

/* True when it is a check. */
MUST_CHECK bool check_command_kind(const struct shell_command *c, enum check_kind *ret);
/* cd, export, echo and the like: they succeed, and say nothing of the work. */
bool check_command_is_aside(const struct shell_command *c);
/* sed -i, patch, git apply or revert, a redirection into a file, …: it changes files. */
bool check_command_edits(const struct shell_command *c);
