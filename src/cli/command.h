/* command.h -- one row per command of the command line.
 *
 * Each command is one file with one `const struct command`; main.c lists them.  The same rows parse, and
 * print --help, the manual pages, the completions and docs/reference/commands.md, so that none of these can
 * say something else.  A command may have verbs ("jobs list", "jobs cancel ID"); they share its options.
 * One thread. */
#pragma once
#include "base/base.h"

enum { /* exit codes, documented by command_exit_codes; `run` has those of what it ran */
       EXIT_DONE = 0,
       EXIT_FAILED = 1,
       EXIT_USAGE = 2,       /* the command line or the configuration */
       EXIT_UNREACHABLE = 3, /* no node answers */
       EXIT_DENIED = 4,      /* the node answers that this caller may not */
};
struct command_exit_code {
    int code;
    const char *doc; /* NULL ends the table */
};
extern const struct command_exit_code command_exit_codes[];

struct command_option {
    char letter;       /* 0: long only */
    const char *name;  /* NULL ends the table */
    const char *value; /* name of its value, NULL: none */
    const char *doc;
    const char *choices; /* "a|b": what its value may be, for completions; NULL: anything */
};
#define COMMAND_OPTIONS_MAX 24
#define COMMAND_GIVEN_MAX 64
extern const struct command_option command_common_options[]; /* accepted by every command */

struct invocation;
struct command_verb {
    const char *name; /* NULL ends the table; the first one is meant when none is given */
    const char *args; /* "ID STAGE", "[ID]", "AGENT [ARG]…", "" */
    const char *summary;
    int (*run)(const struct invocation *in);
};

struct command_example {
    const char *line; /* as typed, without the prompt; NULL ends the table */
    const char *doc;
};

struct command {
    const char *name;
    const char *args;        /* without verbs: words that it takes, as a verb's */
    const char *summary;     /* one line */
    const char *description; /* paragraphs, parted by an empty line; a line that begins with a space stands */
    const struct command_example *examples; /* NULL: none */
    const struct command_option *options;
    const struct command_verb *verbs;
    bool takes_command;                      /* options end at the first word that is none */
    bool hidden;                             /* in no list */
    int (*run)(const struct invocation *in); /* without verbs */
};

struct invocation { /* a command line that has been read */
    const struct command *command;
    const struct command_verb *verb; /* NULL without verbs */
    const char
        *values[COMMAND_OPTIONS_MAX]; /* by row of options; "" for one without value, NULL: not given */
    struct {
        const char *name, *value;
    } given[COMMAND_GIVEN_MAX]; /* every option with a value, as often as it came, in order */
    int given_count;
    char **args;             /* what is left behind the verb, NULL-terminated */
    int arg_count;           /* as many as the verb's `args` allow */
    const char *config_path; /* --config */
};

extern const struct command *const commands[]; /* main.c; ends with NULL */
const struct command *command_find(const char *name);
/* Reads argv and runs; returns the exit code. */
int command_main(int argc, char **argv);

/* -- for the commands -- */

/* Value of an option, NULL when it was not given. */
const char *command_option(const struct invocation *in, const char *name);
/* Each value of an option that may come more than once; *at starts at 0.  NULL: no more. */
const char *command_option_next(const struct invocation *in, const char *name, int *at);
/* "muster NAME: …; see muster NAME --help" on standard error, one line; returns EXIT_USAGE. */
int command_usage(const struct invocation *in, const char *format, ...) PRINTF_LIKE(2, 3);
/* "muster NAME: …" on standard error; returns EXIT_FAILED. */
int command_fail(const struct invocation *in, const char *format, ...) PRINTF_LIKE(2, 3);
/* A positive number, as ids are.  0, or EXIT_USAGE after having said so. */
MUST_CHECK int command_id(const struct invocation *in, const char *text, int64_t *ret);
/* The configuration: 0, or EXIT_USAGE after having said all that is wrong with it. */
struct config;
MUST_CHECK int command_config(const struct invocation *in, struct config **ret);
/* The smallest and largest number of words that `args` describes; SIZE_MAX: no end. */
void command_arity(const char *args, size_t *ret_least, size_t *ret_most);
void command_print_help(const struct command *c, FILE *out);
void command_print_overview(FILE *out);
