/* page.c -- muster(1) and muster-COMMAND(1). */
#include "cli/manual/manual.h"
#include "cli/manual/roff.h"

static void add_name(struct buf *out, const char *name, const char *summary)
{
    roff_section(out, "NAME");
    roff_inline(out, str_of(name), false);
    buf_add_text(out, " \\- ");
    roff_inline(out, str_of(summary), false);
    buf_add_char(out, '\n');
}

static void add_usage(struct buf *out, const char *command, const char *verb, const char *args)
{
    roff_inline(out, STR("muster"), true);
    const char *const words[] = {command, verb};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (words[i]) {
            buf_add_char(out, ' ');
            roff_inline(out, str_of(words[i]), true);
        }
    buf_add_text(out, " [\\fIOPTION\\fR\\[u2026]]");
    if (args && args[0]) {
        buf_add_text(out, " \\fI");
        roff_inline(out, str_of(args), false);
        buf_add_text(out, "\\fR");
    }
    buf_add_char(out, '\n');
}

static void add_synopsis(struct buf *out, const struct command *c)
{
    roff_section(out, "SYNOPSIS");
    if (!c->verbs)
        add_usage(out, c->name, NULL, c->args);
    for (const struct command_verb *v = c->verbs; v && v->name; v++) {
        buf_add_text(out, v == c->verbs ? "" : ".br\n");
        add_usage(out, c->name, v->name, v->args);
    }
}

static void add_verbs(struct buf *out, const struct command *c)
{
    if (!c->verbs)
        return;
    roff_section(out, "VERBS");
    for (const struct command_verb *v = c->verbs; v->name; v++) {
        CLEANUP(buf_deinit) struct buf text = BUF_INIT;
        buf_printf(&text, "%s%s.", v->summary, v == c->verbs ? "; meant when no verb is given" : "");
        roff_entry(out, v->name, v->args, text.p);
    }
}

static void add_options(struct buf *out, const struct command_option *options)
{
    for (const struct command_option *o = options; o && o->name; o++) {
        CLEANUP(buf_deinit) struct buf head = BUF_INIT;
        if (o->letter)
            buf_printf(&head, "-%c, ", o->letter);
        buf_printf(&head, "--%s", o->name);
        roff_entry(out, head.p, o->value, o->doc);
    }
}

static void add_exit_status(struct buf *out)
{
    roff_section(out, "EXIT STATUS");
    for (const struct command_exit_code *e = command_exit_codes; e->doc; e++) {
        char code[16];
        (void)snprintf(code, sizeof(code), "%d", e->code);
        roff_entry(out, code, NULL, e->doc);
    }
}

void manual_add_facts(struct buf *out, const char *title, const struct manual_fact *facts)
{
    roff_section(out, title);
    for (; facts->name; facts++)
        roff_entry(out, facts->name, NULL, facts->doc);
}

static void add_examples(struct buf *out, const struct command_example *examples)
{
    if (!examples)
        return;
    roff_section(out, "EXAMPLES");
    for (; examples->line; examples++) {
        roff_text(out, examples->doc);
        roff_verbatim(out, examples->line);
    }
}

void manual_print_command(struct buf *out, const struct manual_page *page)
{
    const struct command *c = page->command;
    CLEANUP(buf_deinit) struct buf summary = BUF_INIT;
    buf_printf(&summary, "%s.", c->summary);
    roff_title(out, page->name, page->section);
    add_name(out, page->name, c->summary);
    add_synopsis(out, c);
    roff_section(out, "DESCRIPTION");
    roff_text(out, c->description ? c->description : summary.p);
    add_verbs(out, c);
    roff_section(out, "OPTIONS");
    add_options(out, c->options);
    add_options(out, command_common_options);
    add_exit_status(out);
    manual_add_facts(out, "ENVIRONMENT", manual_environment);
    manual_add_facts(out, "FILES", manual_files);
    add_examples(out, c->examples);
    roff_section(out, "SEE ALSO");
    buf_add_text(out, "\\fBmuster\\fR(1), \\fBmuster.conf\\fR(5)\n");
}

static void add_see_also(struct buf *out)
{
    roff_section(out, "SEE ALSO");
    for (const struct command *const *c = commands; *c; c++)
        if (!(*c)->hidden)
            buf_printf(out, "\\fBmuster\\-%s\\fR(1),\n", (*c)->name);
    buf_add_text(out, "\\fBmuster.conf\\fR(5),\n\\fBmuster\\-shim\\fR(8)\n");
}

void manual_print_overview(struct buf *out, const struct manual_page *page)
{
    static const struct command_example examples[] = {
        {"muster up", "Everything on this host, in the foreground; Ctrl-C ends it and leaves agents alone:"},
        {"muster status", "In another terminal, the node at a glance:"},
        {"muster jobs add codex --prompt \"make the tests pass\"",
         "Queue a job for the profile `codex` of the configuration:"},
        {NULL, NULL}};
    roff_title(out, page->name, page->section);
    add_name(out, page->name, "the roll call of AI agents");
    roff_section(out, "SYNOPSIS");
    buf_add_text(out, "\\fBmuster\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR\\[u2026]]\n.br\n"
                      "\\fBmuster help\\fR [\\fICOMMAND\\fR]\n.br\n\\fBmuster \\-\\-version\\fR\n");
    roff_section(out, "DESCRIPTION");
    roff_text(out, manual_introduction);
    roff_section(out, "COMMANDS");
    for (const struct command *const *c = commands; *c; c++) {
        CLEANUP(buf_deinit) struct buf text = BUF_INIT;
        buf_printf(&text, "%s.", (*c)->summary);
        if (!(*c)->hidden)
            roff_entry(out, (*c)->name, NULL, text.p);
    }
    roff_section(out, "OPTIONS");
    roff_text(out, "Every command has its own, and these:");
    add_options(out, command_common_options);
    add_exit_status(out);
    manual_add_facts(out, "ENVIRONMENT", manual_environment);
    manual_add_facts(out, "FILES", manual_files);
    add_examples(out, examples);
    add_see_also(out);
}

bool manual_page_at(size_t index, struct manual_page *ret)
{
    static const struct manual_page fixed[] = {{"muster", 1, NULL, manual_print_overview},
                                               {"muster.conf", 5, NULL, manual_print_conf},
                                               {"muster-shim", 8, NULL, manual_print_shim}};
    if (index < COUNT_OF(fixed)) {
        *ret = fixed[index];
        return true;
    }
    index -= COUNT_OF(fixed);
    for (const struct command *const *c = commands; *c; c++) {
        if ((*c)->hidden || index-- > 0)
            continue;
        *ret = (struct manual_page){.section = 1, .command = *c, .print = manual_print_command};
        (void)snprintf(ret->name, sizeof(ret->name), "muster-%s", (*c)->name);
        return true;
    }
    return false;
}
