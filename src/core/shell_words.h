/* shell_words.h -- what a shell command line runs, as far as that can be told without running it.
 *
 * Takes a command apart into simple commands with the operator behind each: quotes, escapes, comments and
 * here-documents are known; substitutions and compound commands are not entered, their words are read as they
 * stand, but for `bash -c '…'`, ssh and eval, whose commands take its place.  It decides nothing:
 * core/check_command.h does.  Pure.  Any thread. */
#pragma once
#include "base/arena.h"

enum shell_operator { SHELL_END, SHELL_AND, SHELL_OR, SHELL_SEQUENCE, SHELL_PIPE, SHELL_BACKGROUND };
#define SHELL_COMMANDS_MAX 64
#define SHELL_WORDS_MAX 64

struct shell_command {
    struct str words[SHELL_WORDS_MAX]; /* without their quotes; what is over is dropped */
    size_t count;
    enum shell_operator behind;
    bool writes_file; /* > or >> to a file that is neither below /tmp nor a log */
};
struct shell_line {
    struct shell_command *commands; /* in the arena; none is without words */
    size_t count;                   /* the first SHELL_COMMANDS_MAX */
    bool has_pipefail;
};
void shell_line_parse(struct str text, struct arena *a, struct shell_line *ret);
