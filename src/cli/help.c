/* help.c -- `muster help` and `muster COMMAND --help`, from the tables. */
#include "cli/command.h"
#include "cli/fill.h"

#define LEFT_MAX 44 /* columns of what is explained; what is longer has its text below it */

static void add_option_name(struct buf *out, const struct command_option *o)
{
    if (o->letter)
        buf_printf(out, "-%c, ", o->letter);
    else
        buf_add_text(out, "    ");
    buf_printf(out, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
}

static void add_verb_name(struct buf *out, const struct command *c, const struct command_verb *v)
{
    buf_printf(out, "muster %s %s%s%s", c->name, v->name, v->args[0] ? " " : "", v->args);
}

/* The column in which the explanations of all rows begin. */
static size_t column_for(size_t widest)
{
    return MIN(widest, (size_t)LEFT_MAX) + 4;
}

static void add_options(struct buf *out, const struct command *c)
{
    const struct command_option *const tables[] = {c->options, command_common_options};
    CLEANUP(buf_deinit) struct buf name = BUF_INIT;
    size_t widest = 0;
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < COUNT_OF(tables); i++)
            for (const struct command_option *o = tables[i]; o && o->name; o++) {
                buf_clear(&name);
                add_option_name(&name, o);
                widest = MAX(widest, fill_columns(name.p));
                if (pass == 1)
                    fill_row(out, name.p, o->doc, column_for(widest), FILL_WIDTH);
            }
}

static void add_verbs(struct buf *out, const struct command *c)
{
    CLEANUP(buf_deinit) struct buf name = BUF_INIT, text = BUF_INIT;
    size_t widest = 0;
    for (size_t pass = 0; pass < 2; pass++)
        for (const struct command_verb *v = c->verbs; v->name; v++) {
            buf_clear(&name);
            buf_clear(&text);
            add_verb_name(&name, c, v);
            widest = MAX(widest, fill_columns(name.p));
            buf_printf(&text, "%s%s", v->summary, v == c->verbs ? " (when none is given)" : "");
            if (pass == 1)
                fill_row(out, name.p, text.p, column_for(widest), FILL_WIDTH);
        }
}

static void add_examples(struct buf *out, const struct command *c)
{
    if (!c->examples)
        return;
    buf_add_text(out, "\nExamples:\n");
    for (const struct command_example *e = c->examples; e->line; e++) {
        fill_row(out, e->line, e->doc, LEFT_MAX + 4, FILL_WIDTH);
    }
}

void command_print_help(const struct command *c, FILE *out)
{
    CLEANUP(buf_deinit) struct buf text = BUF_INIT;
    if (c->verbs) {
        buf_add_text(&text, "Usage:\n");
        add_verbs(&text, c);
    } else {
        buf_printf(&text, "Usage: muster %s [OPTION]…%s%s\n", c->name, c->args[0] ? " " : "", c->args);
    }
    buf_printf(&text, "\n%s.\n", c->summary);
    if (c->description) {
        buf_add_char(&text, '\n');
        fill_text(&text, c->description, 0, 0, FILL_WIDTH);
    }
    buf_add_text(&text, "\nOptions:\n");
    add_options(&text, c);
    add_examples(&text, c);
    (void)fwrite(text.p, 1, text.n, out);
}

void command_print_overview(FILE *out)
{
    CLEANUP(buf_deinit) struct buf text = BUF_INIT;
    char code[16];
    buf_add_text(
        &text, "muster takes the roll call of AI agents.\n\nUsage: muster COMMAND [OPTION]…\n\nCommands:\n");
    for (const struct command *const *c = commands; *c; c++)
        if (!(*c)->hidden)
            fill_row(&text, (*c)->name, (*c)->summary, 14, FILL_WIDTH);
    buf_add_text(&text,
                 "\nmuster COMMAND --help tells more, and so does man muster-COMMAND.\n\nExit codes:\n");
    for (const struct command_exit_code *e = command_exit_codes; e->doc; e++) {
        (void)snprintf(code, sizeof(code), "%d", e->code);
        fill_row(&text, code, e->doc, 14, FILL_WIDTH);
    }
    (void)fwrite(text.p, 1, text.n, out);
}
