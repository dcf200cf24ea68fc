#include "cli/command.h"

#include "base/buf.h"
#include "base/parse.h"
#include "cli/nearest.h"
#include "io/config.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <unistd.h>

const struct command_exit_code command_exit_codes[] = {
    {EXIT_DONE, "It is done."},
    {EXIT_FAILED, "It could not be done; one line on standard error says why and what to do."},
    {EXIT_USAGE, "The command line or the configuration is wrong."},
    {EXIT_UNREACHABLE, "No node answers."},
    {EXIT_DENIED, "The node answers that this caller may not do that."},
    {0, NULL}};

const struct command_option command_common_options[] = {
    {'c', "config", "FILE", "Configuration to use instead of the one that is found."},
    {'h', "help", NULL, "Show this text."},
    {0}};

const struct command *command_find(const char *name)
{
    for (const struct command *const *c = commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

/* -- for the commands -- */

const char *command_option(const struct invocation *in, const char *name)
{
    const struct command_option *options = in->command->options;
    for (size_t i = 0; options && options[i].name; i++)
        if (strcmp(options[i].name, name) == 0)
            return in->values[i];
    assert(false); /* an option that the command's table does not have */
    return NULL;
}

const char *command_option_next(const struct invocation *in, const char *name, int *at)
{
    while (*at < in->given_count) {
        int i = (*at)++;
        if (strcmp(in->given[i].name, name) == 0)
            return in->given[i].value;
    }
    return NULL;
}

PRINTF_LIKE(2, 0)
static void complain(const struct invocation *in, const char *format, va_list args)
{
    (void)fprintf(stderr, "muster %s: ", in->command->name);
    (void)vfprintf(stderr, format, args);
}

int command_usage(const struct invocation *in, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(in, format, args);
    va_end(args);
    (void)fprintf(stderr, "; see muster %s --help\n", in->command->name);
    return EXIT_USAGE;
}

int command_fail(const struct invocation *in, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(in, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return EXIT_FAILED;
}

int command_id(const struct invocation *in, const char *text, int64_t *ret)
{
    if (parse_i64_in(str_of(text), 1, INT64_MAX, ret))
        return 0;
    return command_usage(in, "\"%s\" is no id: a number from 1 on is expected", text);
}

int command_config(const struct invocation *in, struct config **ret)
{
    struct buf errors = BUF_INIT;
    int rc = config_load(in->config_path, ret, &errors, NULL);
    if (rc != 0)
        (void)fprintf(stderr, "%s", errors.p);
    buf_deinit(&errors);
    return rc ? EXIT_USAGE : 0;
}

void command_arity(const char *args, size_t *ret_least, size_t *ret_most)
{
    struct str rest = str_of(args), word;
    size_t least = 0, most = 0;
    while (str_split(&rest, ' ', &word)) {
        if (word.n == 0)
            continue;
        least += word.p[0] != '[';
        most = str_ends_with(word, STR("…")) || most == SIZE_MAX ? SIZE_MAX : most + 1;
    }
    *ret_least = least;
    *ret_most = most;
}

/* -- the option table for getopt_long -- */

#define VALUE_BASE 256 /* long options are told by VALUE_BASE + row */

struct getopt_table {
    struct option longs[COMMAND_OPTIONS_MAX + 4];
    char shorts[3 * COMMAND_OPTIONS_MAX + 16];
    size_t rows, letters;
};

static void add_options(struct getopt_table *t, const struct command_option *options)
{
    for (size_t i = 0; options && options[i].name; i++) {
        const struct command_option *o = &options[i];
        assert(t->rows < COUNT_OF(t->longs) - 1);
        t->longs[t->rows] = (struct option){o->name, o->value ? required_argument : no_argument, NULL,
                                            VALUE_BASE + (int)t->rows};
        t->rows++;
        if (!o->letter)
            continue;
        t->shorts[t->letters++] = o->letter;
        if (o->value)
            t->shorts[t->letters++] = ':';
    }
}

/* The row of an option of the command, or of a common one behind those. */
static int row_of(const struct command *c, int option)
{
    if (option >= VALUE_BASE)
        return option - VALUE_BASE;
    int row = 0;
    const struct command_option *const tables[] = {c->options, command_common_options};
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        for (const struct command_option *o = tables[i]; o && o->name; o++, row++)
            if (o->letter == option)
                return row;
    return -1;
}

static int own_rows(const struct command *c)
{
    int count = 0;
    while (c->options && c->options[count].name)
        count++;
    return count;
}

/* An abbreviation that fits several, or nothing like any option. */
static int unknown_option(const struct invocation *in, char **argv)
{
    char letter[] = {'-', (char)optopt, '\0'};
    bool is_letter = optopt > 0 && optopt < VALUE_BASE;
    return command_usage(in, "there is no option %s", is_letter ? letter : argv[optind - 1]);
}

#define WANTS_HELP (-1)

/* 0, WANTS_HELP, or EXIT_USAGE after having said what is wrong. */
static int read_options(struct invocation *in, int argc, char **argv)
{
    struct getopt_table table = {.rows = 0};
    int option, rows = own_rows(in->command);
    if (in->command->takes_command)
        table.shorts[table.letters++] = '+';
    table.shorts[table.letters++] = ':'; /* we say what is missing */
    add_options(&table, in->command->options);
    add_options(&table, command_common_options);
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, table.shorts, table.longs, NULL)) != -1) {
        int row = row_of(in->command, option);
        if (option == ':')
            return command_usage(in, "%s needs a value", argv[optind - 1]);
        if (option == '?' || row < 0)
            return unknown_option(in, argv);
        if (optarg && in->given_count == COMMAND_GIVEN_MAX)
            return command_usage(in, "there are more than %d options", COMMAND_GIVEN_MAX);
        if (optarg && row < rows) {
            in->given[in->given_count].name = in->command->options[row].name;
            in->given[in->given_count++].value = optarg;
        }
        if (row < rows)
            in->values[row] = optarg ? optarg : "";
        else if (command_common_options[row - rows].value)
            in->config_path = optarg;
        else
            return WANTS_HELP;
    }
    in->args = argv + optind;
    in->arg_count = argc - optind;
    return 0;
}

/* -- verbs -- */

static const char *next_verb(const void *verbs, size_t i)
{
    return ((const struct command_verb *)verbs)[i].name;
}

static int find_verb(struct invocation *in)
{
    const struct command_verb *verbs = in->command->verbs;
    in->verb = &verbs[0];
    if (in->arg_count == 0)
        return 0;
    const char *word = *in->args++;
    in->arg_count--;
    for (in->verb = verbs; in->verb->name; in->verb++)
        if (strcmp(in->verb->name, word) == 0)
            return 0;
    const char *nearest = nearest_name(word, next_verb, verbs);
    if (nearest)
        return command_usage(in, "it cannot \"%s\"; did you mean \"%s\"?", word, nearest);
    return command_usage(in, "it cannot \"%s\"", word);
}

static int check_arity(const struct invocation *in)
{
    size_t least, most, given = (size_t)in->arg_count;
    const char *args = in->verb ? in->verb->args : in->command->args;
    const char *verb = in->verb ? in->verb->name : "", *space = in->verb ? " " : "";
    command_arity(args, &least, &most);
    if (given < least)
        return command_usage(in, "%s%sneeds %s", verb, space, args);
    if (given > most)
        return command_usage(in, "%s%stakes no \"%s\"", verb, space, in->args[most]);
    return 0;
}

static int run_command(struct invocation *in, int argc, char **argv)
{
    int rc = read_options(in, argc, argv);
    if (rc == WANTS_HELP) {
        command_print_help(in->command, stdout);
        return EXIT_DONE;
    }
    if (rc == 0 && in->command->verbs)
        rc = find_verb(in);
    if (rc == 0)
        rc = check_arity(in);
    if (rc != 0)
        return rc;
    rc = in->verb ? in->verb->run(in) : in->command->run(in);
    return rc;
}

/* -- muster -- */

/* A full disk behind a pipe is no success. */
static int flushed(int rc)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return rc;
    if (rc == EXIT_DONE)
        (void)fprintf(stderr, "muster: standard output cannot be written: %s\n", strerror(errno));
    return rc == EXIT_DONE ? EXIT_FAILED : rc;
}

static const char *next_command(const void *unused, size_t i)
{
    (void)unused;
    if (!commands[i])
        return NULL;
    return commands[i]->hidden ? "" : commands[i]->name; /* "" is near to nothing */
}

static int unknown(const char *name)
{
    const char *nearest = nearest_name(name, next_command, NULL);
    if (name[0] == '-')
        (void)fprintf(stderr, "muster: options stand behind the command: muster COMMAND %s\n", name);
    else if (nearest)
        (void)fprintf(stderr, "muster: there is no command \"%s\"; did you mean \"%s\"?\n", name, nearest);
    else
        (void)fprintf(stderr, "muster: there is no command \"%s\"; see muster help\n", name);
    return EXIT_USAGE;
}

static int help(const char *about)
{
    const struct command *c = about ? command_find(about) : NULL;
    if (about && !c)
        return unknown(about);
    if (c)
        command_print_help(c, stdout);
    else
        command_print_overview(stdout);
    return EXIT_DONE;
}

/* Descriptors 0 to 2 exist from here on, so that no socket and no database becomes one of them. */
static void open_standard_fds(void)
{
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDWR);
    if (fd >= 0)
        (void)close(fd);
}

int command_main(int argc, char **argv)
{
    open_standard_fds();
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        command_print_overview(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        (void)printf("muster %s\n", MUSTER_VERSION);
        return flushed(EXIT_DONE);
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return flushed(help(argc > 2 ? argv[2] : NULL));
    struct invocation in = {.command = command_find(name)};
    return in.command ? flushed(run_command(&in, argc - 1, argv + 1)) : unknown(name);
}
