/* conf.c -- muster.conf(5) and muster-shim(8). */
#include "cli/manual/manual.h"
#include "cli/manual/roff.h"
#include "io/config.h"

static void add_range(struct buf *out, const struct config_key *k)
{
    if (k->one_of) {
        struct str rest = str_of(k->one_of), word;
        for (bool first = true; str_split(&rest, '|', &word); first = false)
            buf_printf(out, "%s%.*s", first ? " One of " : ", ", STR_ARG(word));
        buf_add_char(out, '.');
    }
    if (strcmp(k->type, "integer") == 0 && (k->min || k->max))
        buf_printf(out, " From %lld to %lld.", (long long)k->min, (long long)k->max);
}

void manual_describe_key(struct buf *out, const struct config_key *key)
{
    buf_add_text(out, key->doc);
    add_range(out, key);
    if (key->secret)
        buf_add_text(out, " Never shown.");
}

static void add_key(struct buf *out, const struct config_key *k)
{
    CLEANUP(buf_deinit) struct buf text = BUF_INIT;
    char name[CONFIG_ENVIRONMENT_MAX];
    manual_describe_key(&text, k);
    if (k->fallback && k->fallback[0])
        buf_printf(&text, " Default: %s.", k->fallback);
    buf_printf(&text, " %s. %s", config_environment_name(k, name),
               k->reloads ? "Reloaded by SIGHUP." : "Needs a restart.");
    roff_entry(out, k->name, k->type, text.p);
}

static void add_keys(struct buf *out)
{
    const char *block = "";
    roff_section(out, "KEYS");
    roff_text(out, "At the top level:");
    for (const struct config_key *k = config_keys; k->name; k++) {
        if (strcmp(k->block, block) != 0)
            roff_subsection(out, k->block);
        block = k->block;
        add_key(out, k);
    }
}

static void add_titled_blocks(struct buf *out)
{
    const char *block = "";
    roff_section(out, "BLOCKS WITH A TITLE");
    for (const struct config_block_key *k = config_block_keys; k->name; k++) {
        CLEANUP(buf_deinit) struct buf text = BUF_INIT;
        const char *doc = manual_block_doc(k->block);
        if (strcmp(k->block, block) != 0)
            roff_subsection(out, k->block);
        if (strcmp(k->block, block) != 0 && doc)
            roff_text(out, doc);
        block = k->block;
        buf_add_text(&text, k->doc);
        if (k->fallback && k->fallback[0])
            buf_printf(&text, " Default: %s.", k->fallback);
        roff_entry(out, k->name, k->type, text.p);
    }
}

void manual_print_conf(struct buf *out, const struct manual_page *page)
{
    roff_title(out, page->name, page->section);
    buf_add_text(out, ".SH NAME\nmuster.conf \\- configuration of muster\n");
    roff_section(out, "SYNOPSIS");
    buf_add_text(out, "\\fI/etc/muster/muster.conf\\fR\n");
    roff_section(out, "DESCRIPTION");
    roff_text(out, manual_conf_introduction);
    add_keys(out);
    add_titled_blocks(out);
    manual_add_facts(out, "ENVIRONMENT", manual_environment);
    manual_add_facts(out, "FILES", manual_files);
    roff_section(out, "EXAMPLES");
    roff_text(out, "A profile, and a workflow of two stages that drives itself:");
    roff_verbatim(out, manual_conf_example);
    buf_add_text(out,
                 ".SH SEE ALSO\n\\fBmuster\\fR(1), \\fBmuster\\-config\\fR(1), \\fBmuster\\-serve\\fR(1)\n");
}

static const struct manual_fact shim_files[] = {
    {"spec", "What to run, with its whole environment. Written by the node before it starts the shim."},
    {"lock", "Locked as long as the shim lives."},
    {"shim", "Made by the shim before anything else. It may exist only once, so that a run is started once."},
    {"agent", "The agent's pid and start time."},
    {"output, output.1", "Lines of both streams with their time, bounded; the older half is output.1."},
    {"result", "How it ended. Written when no process of the run is left."},
    {"booked", "Written by the node: the result is in the store."},
    {NULL, NULL}};

static const struct manual_fact shim_exits[] = {
    {"0", "The run has ended and its result is written."},
    {"64", "The command line or DIR/spec is wrong."},
    {"74", "The directory cannot be read or written."},
    {"75", "Another shim has started this run; nothing was touched."},
    {"with --foreground", "That of the command; 128 and the signal's number when a signal ended it, 127 when "
                          "it does not exist, 126 "
                          "when it cannot be started."},
    {NULL, NULL}};

void manual_print_shim(struct buf *out, const struct manual_page *page)
{
    roff_title(out, page->name, page->section);
    buf_add_text(out, ".SH NAME\nmuster\\-shim \\- owns one run of an agent\n");
    roff_section(out, "SYNOPSIS");
    buf_add_text(out, "\\fBmuster\\-shim\\fR [\\fB\\-\\-foreground\\fR] \\fIDIR\\fR\n");
    roff_section(out, "DESCRIPTION");
    roff_text(out,
              "One such process per run starts the command that DIR/spec describes, reads what it "
              "prints, enforces its timeout, adopts and in the end kills all that it has started, and "
              "writes down how it ended. It needs no node: a node may end and come back meanwhile, and "
              "books the result when it finds it.\n\n"
              "muster starts it; people rarely do. It is found beside the program muster, else in PATH.\n\n"
              "Killing a shim loses what only it knows: the node then kills what is left of the run and "
              "books it as failed with the cause `shim lost`. To end a run use `muster jobs cancel`.");
    roff_section(out, "OPTIONS");
    roff_entry(out, "--foreground", NULL,
               "Stay in the session and on the terminal of the caller, as `muster run` needs it.");
    manual_add_facts(out, "EXIT STATUS", shim_exits);
    roff_section(out, "ENVIRONMENT");
    roff_text(out, "None is read. The command gets the variables of DIR/spec and no others.");
    manual_add_facts(out, "FILES", shim_files);
    roff_section(out, "EXAMPLES");
    roff_text(out, "The shims of this host and their runs:");
    roff_verbatim(out, "pgrep -a muster-shim");
    buf_add_text(out, ".SH SEE ALSO\n\\fBmuster\\fR(1), \\fBmuster\\-serve\\fR(1)\n");
}
