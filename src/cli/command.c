#include "cli/command.h"

#include "base/buf.h"

#include <getopt.h>
#include <stdarg.h>

const struct command *command_find(const char *name)
{
    for (const struct command *const *c = commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

const char *command_option(const struct invocation *in, const char *name)
{
    const struct command_option *options = in->command->options;
    for (size_t i = 0; options && options[i].name; i++)
        if (strcmp(options[i].name, name) == 0)
            return in->values[i];
    assert(false); /* an option that the command's table does not have */
    return NULL;
}

int command_usage(const struct invocation *in, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fprintf(stderr, "muster %s: ", in->command->name);
    (void)vfprintf(stderr, format, args);
    (void)fprintf(stderr, "; see muster %s --help\n", in->command->name);
    va_end(args);
    return EXIT_USAGE;
}

static void print_option(FILE *out, char letter, const char *name, const char *value, const char *doc)
{
    char left[48];
    (void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s", letter ? '-' : ' ', letter ? letter : ' ',
                   letter ? ", " : "  ", name, value ? " " : "", value ? value : "");
    (void)fprintf(out, "  %-28s %s\n", left, doc);
}

void command_print_help(const struct command *c, FILE *out)
{
    (void)fprintf(out, "Usage: muster %s %s\n\n%s\n", c->name, c->synopsis, c->summary);
    if (c->description)
        (void)fprintf(out, "\n%s\n", c->description);
    (void)fprintf(out, "\nOptions:\n");
    for (size_t i = 0; c->options && c->options[i].name; i++)
        print_option(out, c->options[i].letter, c->options[i].name, c->options[i].value, c->options[i].doc);
    print_option(out, 'c', "config", "FILE", "Configuration to use instead of the one that is found.");
    print_option(out, 'h', "help", NULL, "This text.");
}

static void print_all_help(FILE *out)
{
    (void)fprintf(
        out, "muster takes the roll call of AI agents.\n\nUsage: muster COMMAND [OPTION]…\n\nCommands:\n");
    for (const struct command *const *c = commands; *c; c++)
        (void)fprintf(out, "  %-12s %s\n", (*c)->name, (*c)->summary);
    (void)fprintf(out, "\nmuster COMMAND --help tells more; so does man muster-COMMAND.\n");
}

/* -- the option table for getopt_long -- */

#define VALUE_BASE 256 /* long options are told by VALUE_BASE + row */

struct getopt_table {
    struct option longs[COMMAND_OPTIONS_MAX + 3];
    char shorts[3 * COMMAND_OPTIONS_MAX + 8];
    size_t rows;
};

static void make_table(const struct command *c, struct getopt_table *t)
{
    size_t n = 0;
    *t = (struct getopt_table){0};
    if (c->takes_command)
        t->shorts[n++] = '+';
    t->shorts[n++] = ':'; /* we say what is missing */
    t->shorts[n++] = 'h';
    t->shorts[n++] = 'c';
    t->shorts[n++] = ':';
    for (; c->options && c->options[t->rows].name; t->rows++) {
        const struct command_option *o = &c->options[t->rows];
        assert(t->rows < COMMAND_OPTIONS_MAX);
        t->longs[t->rows] = (struct option){o->name, o->value ? required_argument : no_argument, NULL,
                                            VALUE_BASE + (int)t->rows};
        if (o->letter) {
            t->shorts[n++] = o->letter;
            if (o->value)
                t->shorts[n++] = ':';
        }
    }
    t->longs[t->rows] = (struct option){"config", required_argument, NULL, 'c'};
    t->longs[t->rows + 1] = (struct option){"help", no_argument, NULL, 'h'};
}

static int row_of_letter(const struct command *c, int letter)
{
    for (int i = 0; c->options && c->options[i].name; i++)
        if (c->options[i].letter == letter)
            return i;
    return -1;
}

/* 0: run it; 1: help was asked for; 2: the command line is wrong, and that was said. */
static int read_options(struct invocation *in, int argc, char **argv)
{
    struct getopt_table table;
    int option;
    make_table(in->command, &table);
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, table.shorts, table.longs, NULL)) != -1) {
        int row = option >= VALUE_BASE ? option - VALUE_BASE : row_of_letter(in->command, option);
        if (option == 'h')
            return 1;
        if (option == 'c')
            in->config_path = optarg;
        else if (option == ':')
            return command_usage(in, "%s needs a value", argv[optind - 1]);
        else if (option == '?' || row < 0)
            return command_usage(in, "unknown option %s", argv[optind - 1]);
        else
            in->values[row] = optarg ? optarg : "";
    }
    in->args = argv + optind;
    in->arg_count = argc - optind;
    return 0;
}

/* -- a word that is no command -- */

static size_t distance(const char *a, const char *b)
{
    size_t row[32], nb = strlen(b);
    if (nb >= COUNT_OF(row) || strlen(a) >= COUNT_OF(row))
        return SIZE_MAX;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t above = row[j];
            row[j] = MIN(MIN(row[j] + 1, row[j - 1] + 1), diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[nb];
}

static int unknown(const char *name)
{
    const struct command *nearest = NULL;
    size_t least = 3;
    for (const struct command *const *c = commands; *c; c++) {
        size_t d = distance(name, (*c)->name);
        if (d < least) {
            least = d;
            nearest = *c;
        }
    }
    (void)fprintf(stderr, "muster: there is no command \"%s\"", name);
    if (nearest)
        (void)fprintf(stderr, "; did you mean \"%s\"?\n", nearest->name);
    else
        (void)fprintf(stderr, "; see muster help\n");
    return EXIT_USAGE;
}

int command_main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        (void)printf("muster %s\n", MUSTER_VERSION);
        return EXIT_DONE;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        const struct command *about = argc > 2 ? command_find(argv[2]) : NULL;
        if (argc > 2 && !about)
            return unknown(argv[2]);
        if (about)
            command_print_help(about, stdout);
        else
            print_all_help(stdout);
        return argc > 1 ? EXIT_DONE : EXIT_USAGE;
    }
    struct invocation in = {.command = command_find(name)};
    if (!in.command)
        return unknown(name);
    int rc = read_options(&in, argc - 1, argv + 1);
    if (rc == 1)
        command_print_help(in.command, stdout);
    return rc == 0 ? in.command->run(&in) : rc == 1 ? EXIT_DONE : rc;
}
