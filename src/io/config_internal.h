/* config_internal.h -- the parts of the configuration's reader, for its own files only.
 *
 *   config.c        search, load, environment, secrets, look-ups
 *   config_keys.c   the tables
 *   config_parse.c  libconfuse: options from the tables, errors with their place
 *   config_agent.c  agent and workflow blocks into profiles and workflows
 *   config_braces.c a block that is not closed
 *   config_schedule.c  schedule, script, processor and marketplace blocks
 *   config_bus.c    bus_user blocks, and what the bus's keys must be together
 *   config_show.c   effective values, differences */
#pragma once
#include "io/config.h"

#include <confuse.h>

struct config_value { /* of one row of config_keys */
    char *text;       /* as written; NULL for a list */
    char **list;      /* NULL-terminated, for a list */
    char origin[128]; /* "default", "/etc/muster/muster.conf:12", "MUSTER_LISTEN" */
};

struct config_errors {
    struct buf *all;   /* one line each; NULL ok */
    struct err *first; /* NULL ok */
    int count;
};
void config_complain(struct config_errors *errors, const char *place, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* config_parse.c: the file's tree; NULL, with errors, when it cannot be parsed.  *ret_origins gets the line
 * of each row. */
cfg_t *config_parse_file(const char *path, struct config_errors *errors, int **ret_lines);
void config_parse_free(cfg_t *cfg, int *lines);
/* The option of a row, NULL when the file does not set it. */
cfg_opt_t *config_parse_option(cfg_t *cfg, const struct config_key *key);
/* Whether `text` fits the type; else *reason says what is expected. */
bool config_value_fits(const char *type, const char *text, int64_t min, int64_t max, const char *one_of,
                       char reason[160]);

/* config_braces.c: libconfuse takes the end of the file for the end of a block, and drops the block. */
void config_check_braces(const char *path, struct config_errors *errors);

/* config_schedule.c; after the agents, which scripts name */
void config_read_schedules(struct config *c, cfg_t *cfg, struct config_errors *errors);
void config_free_schedules(struct config *c);
/* config_bus.c; cfg NULL: no file */
void config_read_bus(struct config *c, cfg_t *cfg, struct config_errors *errors);
void config_free_bus(struct config *c);

/* config_agent.c */
void config_read_agents(struct config *c, cfg_t *cfg, struct config_errors *errors);
void config_free_agents(struct config *c);
char **config_list_copy(cfg_t *cfg, const char *name); /* NULL-terminated; NULL when not set */
char **config_list_split(const char *text);            /* at ':' that no backslash precedes */
