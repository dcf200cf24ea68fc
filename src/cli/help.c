/* help.c -- `muster help` and `muster COMMAND --help`, from the tables. */
#include "cli/command.h"

static void print_option(FILE *out, const struct command_option *o)
{
    char left[48];
    (void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                   o->letter ? ", " : "  ", o->name, o->value ? " " : "", o->value ? o->value : "");
    (void)fprintf(out, "  %-28s %s\n", left, o->doc);
}

static void print_verbs(const struct command *c, FILE *out)
{
    (void)fprintf(out, "Usage:\n");
    for (const struct command_verb *v = c->verbs; v->name; v++) {
        char left[96];
        (void)snprintf(left, sizeof(left), "muster %s %s %s", c->name, v->name, v->args);
        (void)fprintf(out, "  %-40s %s%s\n", left, v->summary, v == c->verbs ? " (when none is given)" : "");
    }
}

void command_print_help(const struct command *c, FILE *out)
{
    if (c->verbs)
        print_verbs(c, out);
    else
        (void)fprintf(out, "Usage: muster %s [OPTION]… %s\n", c->name, c->args);
    (void)fprintf(out, "\n%s.\n", c->summary);
    if (c->description)
        (void)fprintf(out, "\n%s\n", c->description);
    (void)fprintf(out, "\nOptions:\n");
    const struct command_option *const tables[] = {c->options, command_common_options};
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        for (const struct command_option *o = tables[i]; o && o->name; o++)
            print_option(out, o);
}

void command_print_overview(FILE *out)
{
    (void)fprintf(
        out, "muster takes the roll call of AI agents.\n\nUsage: muster COMMAND [OPTION]…\n\nCommands:\n");
    for (const struct command *const *c = commands; *c; c++)
        if (!(*c)->hidden)
            (void)fprintf(out, "  %-12s %s\n", (*c)->name, (*c)->summary);
    (void)fprintf(out, "\nmuster COMMAND --help tells more, and so does man muster-COMMAND.\nExit codes:\n");
    for (const struct command_exit_code *e = command_exit_codes; e->doc; e++)
        (void)fprintf(out, "  %-12d %s\n", e->code, e->doc);
}
