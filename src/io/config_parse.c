#include "io/config_internal.h"

#include "base/clock.h"
#include "base/parse.h"

#include <stdarg.h>

/* libconfuse calls back without context, and while one file is read there is one reader. */
static _Thread_local struct config_errors *current_errors;
static _Thread_local int *current_lines;

void config_complain(struct config_errors *errors, const char *place, const char *format, ...)
{
    va_list args;
    char text[ERR_TEXT_MAX];
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?'; /* one error is one line, whatever the file holds */
    if (errors->count++ == 0)
        (void)err_set_at(errors->first, ERR_INVALID, 0, place, "%s", text);
    if (errors->all)
        buf_printf(errors->all, "%s: %s\n", place, text);
}

PRINTF_LIKE(2, 0)
static void on_error(cfg_t *cfg, const char *format, va_list args)
{
    char text[ERR_TEXT_MAX], place[ERR_PLACE_MAX];
    (void)vsnprintf(text, sizeof(text), format, args);
    (void)snprintf(place, sizeof(place), "%s:%d", cfg && cfg->filename ? cfg->filename : "muster.conf",
                   cfg ? cfg->line : 0);
    config_complain(current_errors, place, "%s", text);
}

bool config_value_fits(const char *type, const char *text, int64_t min, int64_t max, const char *one_of,
                       char reason[160])
{
    struct str s = str_of(text);
    int64_t n;
    bool b, bounded = min != 0 || max != 0;
    if (strcmp(type, "integer") == 0) {
        (void)snprintf(reason, 160, "a whole number from %lld to %lld is expected", (long long)min,
                       (long long)(bounded ? max : INT64_MAX));
        return parse_i64(s, &n) && (!bounded || (n >= min && n <= max));
    }
    if (strcmp(type, "size") == 0) {
        (void)snprintf(reason, 160, "a size such as 64K or 16M is expected, from %lld to %lld bytes",
                       (long long)min, (long long)(bounded ? max : INT64_MAX));
        return parse_size(s, &n) && (!bounded || (n >= min && n <= max));
    }
    if (strcmp(type, "duration") == 0) {
        char low[PARSE_DURATION_MAX], high[PARSE_DURATION_MAX];
        (void)snprintf(reason, 160, "a duration such as \"90s\", \"15m\" or \"24h\" is expected%s%s%s%s",
                       bounded ? ", from " : "", bounded ? format_duration(min, low) : "",
                       bounded ? " to " : "", bounded ? format_duration(max, high) : "");
        return parse_duration(s, &n) && (!bounded || (n >= min && n <= max));
    }
    if (strcmp(type, "boolean") == 0) {
        (void)snprintf(reason, 160, "true or false is expected");
        return parse_bool(s, &b);
    }
    if (strcmp(type, "choice") == 0) {
        (void)snprintf(reason, 160, "one of %s is expected", one_of);
        struct str rest = str_of(one_of), word;
        while (str_split(&rest, '|', &word))
            if (str_equal(word, s))
                return true;
        return false;
    }
    return true;
}

/* -- validation while parsing, when the line is known -- */

static const struct config_key *key_of(const char *block, const char *name)
{
    for (const struct config_key *k = config_keys; k->name; k++)
        if (strcmp(k->block, block) == 0 && strcmp(k->name, name) == 0)
            return k;
    return NULL;
}

static const struct config_block_key *block_key_of(const char *block, const char *name)
{
    for (const struct config_block_key *k = config_block_keys; k->name; k++)
        if (strcmp(k->block, block) == 0 && strcmp(k->name, name) == 0)
            return k;
    return NULL;
}

static int refuse(cfg_t *cfg, const char *name, const char *value, const char *reason)
{
    cfg_error(cfg, "%s = \"%s\": %s", name, value, reason);
    return -1;
}

static int check_plain(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *block = strcmp(cfg_name(cfg), "root") == 0 ? "" : cfg_name(cfg);
    const struct config_key *k = key_of(block, opt->name);
    char reason[160];
    assert(k);
    current_lines[k - config_keys] = cfg->line;
    const char *value = strcmp(k->type, "list") == 0 ? "" : cfg_opt_getstr(opt);
    if (value && !config_value_fits(k->type, value, k->min, k->max, k->one_of, reason))
        return refuse(cfg, opt->name, value, reason);
    return 0;
}

/* The numbers of a titled block are positive or zero; what else they must be, config_agent.c says. */
static int check_titled(const char *block, cfg_t *cfg, cfg_opt_t *opt)
{
    const struct config_block_key *k = block_key_of(block, opt->name);
    char reason[160];
    const char *value = k && strcmp(k->type, "list") != 0 ? cfg_opt_getstr(opt) : NULL;
    if (value && !config_value_fits(k->type, value, 0, INT64_MAX, NULL, reason))
        return refuse(cfg, opt->name, value, reason);
    return 0;
}

static int check_block(cfg_t *cfg, cfg_opt_t *opt)
{
    return check_titled(cfg_name(cfg), cfg, opt);
}

/* -- options from the tables -- */

#define OPTIONS_MAX 64

struct options { /* an array that libconfuse reads while it lives */
    cfg_opt_t items[OPTIONS_MAX + 1];
    size_t count;
};

static void add(struct options *o, cfg_opt_t opt)
{
    assert(o->count < OPTIONS_MAX);
    o->items[o->count++] = opt;
    o->items[o->count] = (cfg_opt_t)CFG_END();
}

static void add_value(struct options *o, const char *name, const char *type, cfg_validate_callback_t check)
{
    cfg_opt_t scalar = CFG_STR((char *)(uintptr_t)name, NULL, CFGF_NODEFAULT);
    cfg_opt_t list = CFG_STR_LIST((char *)(uintptr_t)name, NULL, CFGF_NODEFAULT);
    cfg_opt_t opt = strcmp(type, "list") == 0 ? list : scalar;
    opt.validcb = check;
    add(o, opt);
}

static void add_section(struct options *o, const char *name, struct options *inner, cfg_flag_t flags)
{
    cfg_opt_t section = CFG_SEC((char *)(uintptr_t)name, inner->items, flags);
    add(o, section);
}

static void add_block_keys(struct options *o, const char *block)
{
    for (const struct config_block_key *k = config_block_keys; k->name; k++)
        if (strcmp(k->block, block) == 0)
            add_value(o, k->name, k->type, check_block);
}

struct all_options {
    struct options root, plain[16], agent, stop, breaker, backoff, exits, workflow, stage, bus_user, schedule,
        retry, later[6];
};

static void add_plain_blocks(struct all_options *a)
{
    size_t used = 0;
    const char *last = "";
    for (const struct config_key *k = config_keys; k->name; k++) {
        if (k->block[0] == '\0') {
            add_value(&a->root, k->name, k->type, check_plain);
            continue;
        }
        if (strcmp(k->block, last) != 0)
            used++;
        last = k->block;
        add_value(&a->plain[used - 1], k->name, k->type, check_plain);
        bool ends = !k[1].name || strcmp(k[1].block, k->block) != 0;
        if (ends)
            add_section(&a->root, k->block, &a->plain[used - 1], CFGF_NODEFAULT);
    }
}

#define TITLED (CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES)

static void add_titled_blocks(struct all_options *a)
{
    static const char *const later[] = {"alert", "receiver", "processor", "script", "marketplace"};
    add_block_keys(&a->agent, "agent");
    add_block_keys(&a->stop, "agent.stop");
    add_block_keys(&a->breaker, "agent.breaker");
    add_block_keys(&a->backoff, "agent.backoff");
    add_block_keys(&a->exits, "agent.exit");
    add_section(&a->agent, "stop", &a->stop, CFGF_NODEFAULT);
    add_section(&a->agent, "breaker", &a->breaker, CFGF_NODEFAULT);
    add_section(&a->agent, "backoff", &a->backoff, CFGF_NODEFAULT);
    add_section(&a->agent, "exit", &a->exits, CFGF_NODEFAULT);
    add_section(&a->root, "agent", &a->agent, TITLED);
    add_block_keys(&a->workflow, "workflow");
    add_block_keys(&a->stage, "workflow.stage");
    add_section(&a->workflow, "stage", &a->stage, TITLED);
    add_section(&a->root, "workflow", &a->workflow, TITLED);
    add_block_keys(&a->bus_user, "bus_user");
    add_section(&a->root, "bus_user", &a->bus_user, TITLED);
    add_block_keys(&a->schedule, "schedule");
    add_block_keys(&a->retry, "schedule.retry");
    add_section(&a->schedule, "retry", &a->retry, CFGF_NODEFAULT);
    add_section(&a->root, "schedule", &a->schedule, TITLED);
    for (size_t i = 0; i < COUNT_OF(later); i++) {
        add_block_keys(&a->later[i], later[i]);
        add_section(&a->root, later[i], &a->later[i], TITLED);
    }
}

cfg_t *config_parse_file(const char *path, struct config_errors *errors, int **ret_lines)
{
    struct all_options *options = xnew(struct all_options);
    size_t rows = 0;
    while (config_keys[rows].name)
        rows++;
    *ret_lines = xcalloc(rows, sizeof(**ret_lines));
    add_plain_blocks(options);
    add_titled_blocks(options);
    cfg_t *cfg = cfg_init(options->root.items, CFGF_NONE); /* copies the options */
    (void)cfg_set_error_function(cfg, on_error);
    current_errors = errors;
    current_lines = *ret_lines;
    int before = errors->count;
    int rc = cfg_parse(cfg, path);
    if (rc == CFG_FILE_ERROR)
        config_complain(errors, path, "cannot be read: %s", strerror(errno));
    else if (rc != CFG_SUCCESS && errors->count == before)
        config_complain(errors, path, "is not a configuration file");
    free(options);
    if (rc == CFG_SUCCESS)
        config_check_braces(path, errors);
    if (rc == CFG_SUCCESS && errors->count == before)
        return cfg;
    cfg_free(cfg);
    return NULL;
}

void config_parse_free(cfg_t *cfg, int *lines)
{
    if (cfg)
        cfg_free(cfg);
    free(lines);
}

cfg_opt_t *config_parse_option(cfg_t *cfg, const struct config_key *key)
{
    cfg_t *section = key->block[0] && cfg_size(cfg, key->block) ? cfg_getsec(cfg, key->block)
                     : key->block[0]                            ? NULL
                                                                : cfg;
    cfg_opt_t *opt = section ? cfg_getopt(section, key->name) : NULL;
    return opt && cfg_opt_size(opt) > 0 ? opt : NULL;
}
