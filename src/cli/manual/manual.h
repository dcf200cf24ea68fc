/* manual.h -- what `muster manual` prints, all of it from the tables that also work.
 *
 * Manual pages in roff, the reference in docs/reference as Markdown, and completions for shells.  Nothing
 * here is read by the program itself; the build runs it once (meson.build), and a test compares the committed
 * reference with it.  Any thread. */
#pragma once
#include "cli/command.h"

#include "base/buf.h"

/* What belongs to all commands and has no table of its own. */
struct manual_fact {
    const char *name, *doc; /* name NULL ends the table */
};
extern const struct manual_fact manual_environment[], manual_files[];
extern const char manual_introduction[], manual_conf_introduction[], manual_conf_example[];
/* What a titled block of muster.conf is; NULL when the table does not say. */
const char *manual_block_doc(const char *block);

/* -- manual pages -- */
#define MANUAL_PAGE_NAME_MAX 64
struct manual_page {
    char name[MANUAL_PAGE_NAME_MAX]; /* "muster-jobs" */
    int section;
    const struct command *command; /* of its page, else NULL */
    void (*print)(struct buf *out, const struct manual_page *page);
};
/* The page by index, false behind the last one. */
bool manual_page_at(size_t index, struct manual_page *ret);
void manual_print_command(struct buf *out, const struct manual_page *page);
void manual_print_overview(struct buf *out, const struct manual_page *page);
void manual_print_conf(struct buf *out, const struct manual_page *page);
void manual_print_shim(struct buf *out, const struct manual_page *page);
void manual_add_facts(struct buf *out, const char *title, const struct manual_fact *facts);
/* "127.0.0.1:6878, MUSTER_LISTEN": how a key of the configuration is set, and when it counts. */
struct config_key;
void manual_describe_key(struct buf *out, const struct config_key *key);

/* -- docs/reference -- */
void manual_markdown_commands(struct buf *out);
void manual_markdown_configuration(struct buf *out);
void manual_markdown_api(struct buf *out);
void manual_markdown_metrics(struct buf *out);

/* -- completions -- */
void manual_complete_bash(struct buf *out);
void manual_complete_zsh(struct buf *out);
void manual_complete_fish(struct buf *out);
