/* command.h -- one row per command of the command line.
 *
 * Each command is one file with one `const struct command`; main.c lists them.  The rows parse, and print
 * --help, the manual pages and the completions. */
#pragma once
#include "base/base.h"

enum { /* exit codes, documented in muster(1) */
       EXIT_DONE = 0,
       EXIT_FAILED = 1,
       EXIT_USAGE = 2,
       EXIT_UNREACHABLE = 3, /* no node answers */
};

struct command_option {
    char letter;       /* 0: long only */
    const char *name;  /* NULL ends the table */
    const char *value; /* name of its value, NULL: none */
    const char *doc;
};
#define COMMAND_OPTIONS_MAX 24

struct command;
struct invocation { /* a command line that has been read */
    const struct command *command;
    const char
        *values[COMMAND_OPTIONS_MAX]; /* by row of options; "" for one without value, NULL: not given */
    char **args;                      /* what is left, NULL-terminated */
    int arg_count;
    const char *config_path; /* --config, accepted by every command */
};

struct command {
    const char *name;
    const char *synopsis;    /* after the name: "[list|show ID]" */
    const char *summary;     /* one line */
    const char *description; /* paragraphs, for the manual */
    const struct command_option *options;
    bool takes_command; /* options end at the first word that is none */
    int (*run)(const struct invocation *in);
};

extern const struct command *const commands[]; /* main.c; ends with NULL */
const struct command *command_find(const char *name);
/* Reads argv and runs; returns the exit code. */
int command_main(int argc, char **argv);
/* Value of an option, NULL when it was not given. */
const char *command_option(const struct invocation *in, const char *name);
/* "muster: …" on standard error, one line; returns EXIT_USAGE. */
int command_usage(const struct invocation *in, const char *format, ...) PRINTF_LIKE(2, 3);
void command_print_help(const struct command *c, FILE *out);
