#include "io/config_internal.h"

#include "base/clock.h"
#include "base/parse.h"
#include "io/zoneinfo.h"

#include <signal.h>

#define RETRIES_MAX 100
#define PROCESSOR_NAME_MAX 40 /* its schedule has a longer name */

struct block { /* where values are read, and what is said when one is wrong */
    cfg_t *cfg;
    const char *title;
    struct config_errors *errors;
};

static void complain(const struct block *b, const char *key, const char *text)
{
    char place[ERR_PLACE_MAX];
    (void)snprintf(place, sizeof(place), "%s:%d", b->cfg->filename ? b->cfg->filename : "muster.conf",
                   b->cfg->line);
    config_complain(b->errors, place, "\"%s\": %s: %s", b->title, key, text);
}

static const char *text_of(const struct block *b, const char *key, const char *fallback)
{
    const char *value = b->cfg ? cfg_getstr(b->cfg, key) : NULL;
    return value ? value : fallback;
}

static char *copy_of(const struct block *b, const char *key, const char *fallback)
{
    const char *value = text_of(b, key, fallback);
    return value ? xstrdup(value) : NULL;
}

/* The types were checked while parsing; the fallbacks are literals of ours. */
static int64_t duration_of(const struct block *b, const char *key, const char *fallback)
{
    int64_t us = 0;
    bool ok = parse_duration(str_of(text_of(b, key, fallback)), &us);
    assert(ok);
    return us;
}

static bool boolean_of(const struct block *b, const char *key, bool fallback)
{
    bool value = fallback;
    if (text_of(b, key, NULL))
        (void)parse_bool(str_of(text_of(b, key, NULL)), &value);
    return value;
}

/* -- schedule -- */

static void read_when(const struct block *b, const char *key, struct schedule_job *job)
{
    struct err e = {0};
    job->when_text = copy_of(b, key, NULL);
    if (job->when_text && schedule_parse(str_of(job->when_text), &job->when, &e) != 0)
        complain(b, key, e.text);
}

static void read_zone(const struct block *b, struct schedule_job *job)
{
    struct err e = {0};
    job->zone_name = copy_of(b, "zone", "UTC");
    if (zoneinfo_get(job->zone_name, &job->zone, &e) != 0)
        complain(b, "zone", e.text);
}

static void read_request(const struct block *b, struct schedule_job *job)
{
    const char *post = text_of(b, "post", NULL), *get = text_of(b, "get", NULL);
    if (post && get)
        complain(b, "get", "a job has post or get, not both");
    job->method = post || get ? xstrdup(post ? "POST" : "GET") : NULL;
    job->path = copy_of(b, post ? "post" : "get", NULL);
    job->body = copy_of(b, "body", NULL);
    if (job->path && job->path[0] != '/')
        complain(b, post ? "post" : "get", "a path of the node is expected, such as \"/api/v1/jobs\"");
    if (job->body && get)
        complain(b, "body", "a GET has no body");
    for (const char *p = job->path; p && *p; p++)
        if (*p <= ' ' || *p == 0x7F) {
            complain(b, post ? "post" : "get", "a path has no spaces or control characters");
            break;
        }
}

static void read_policy(const struct block *b, struct schedule_job *job)
{
    const char *anchor = text_of(b, "anchor", "none");
    if (strcmp(anchor, "creation") != 0 && strcmp(anchor, "none") != 0)
        complain(b, "anchor", "creation or none is expected");
    job->anchor_creation = strcmp(anchor, "creation") == 0;
    if (!schedule_catchup_of(str_of(text_of(b, "catchup", "once")), &job->catchup))
        complain(b, "catchup", "once, none or all is expected");
    if (!schedule_overlap_of(str_of(text_of(b, "overlap", "skip")), &job->overlap))
        complain(b, "overlap", "skip or queue is expected");
    if (!schedule_jitter_parse(str_of(text_of(b, "jitter", "0s")), &job->jitter_us, &job->jitter_percent))
        complain(b, "jitter", "a duration such as \"90s\" or a percentage such as \"10%\" is expected");
    job->catchup_window_us = duration_of(b, "catchup_window", "0s");
    job->starting_deadline_us = duration_of(b, "starting_deadline", "0s");
    job->timeout_us = duration_of(b, "timeout", "0s");
    if (text_of(b, "timeout", NULL) && job->timeout_us == 0)
        complain(b, "timeout", "it must be longer than 0s");
    job->enabled = boolean_of(b, "enabled", true);
}

static void read_retry(const struct block *b, struct schedule_job *job)
{
    struct block retry = {cfg_size(b->cfg, "retry") ? cfg_getsec(b->cfg, "retry") : NULL, b->title,
                          b->errors};
    if (!parse_i64_in(str_of(text_of(&retry, "max", "0")), 0, RETRIES_MAX, &job->retry.max))
        complain(b, "retry.max", "a whole number from 0 to 100 is expected");
    job->retry.backoff.base_us = duration_of(&retry, "base", "1s");
    job->retry.backoff.cap_us = duration_of(&retry, "cap", "60s");
}

static void read_job(const struct block *b, struct schedule_job *job)
{
    job->name = xstrdup(b->title);
    if (!schedule_name_is_valid(str_of(b->title)))
        complain(b, "name", "1 to 64 letters, digits, '.', '_', ':' or '-' are expected");
    read_when(b, "when", job);
    read_zone(b, job);
    read_request(b, job);
    read_policy(b, job);
    read_retry(b, job);
}

/* -- script, marketplace -- */

const char *script_agent_name(const struct script *s)
{
    return s->agent_name;
}

static int *no_codes(void)
{
    int *codes = xcalloc(1, sizeof(*codes));
    codes[0] = -1;
    return codes;
}

/* A command is run as everything else is: by a profile, which the API cannot change. */
static void add_profile(struct config *c, const struct script *s)
{
    struct buf name = BUF_INIT;
    char **passed = xcalloc(3, sizeof(*passed));
    passed[0] = xstrdup("PATH");
    passed[1] = xstrdup("HOME");
    buf_add_text(&name, s->agent_name);
    c->agents = xrealloc(c->agents, (c->agent_count + 1) * sizeof(*c->agents));
    c->agents[c->agent_count++] =
        (struct agent_profile){.name = buf_take(&name),
                               .command = xstrdup_list(s->command),
                               .env_pass = passed,
                               .stop_signal = SIGTERM,
                               .grace_us = 20 * USEC_PER_SEC,
                               .timeout_us = s->timeout_us,
                               .max_attempts = 1,
                               .output_max_bytes = 1 << 20,
                               .fail_codes = no_codes(),
                               .retry_codes = no_codes(),
                               .rate_limited_codes = no_codes(),
                               .breaker = {32, 600 * USEC_PER_SEC, 60 * USEC_PER_SEC},
                               .backoff = {10 * USEC_PER_SEC, 900 * USEC_PER_SEC}};
}

static void read_script(const struct block *b, struct config *c, struct script *s)
{
    struct schedule_job when = {0};
    *s = (struct script){.name = xstrdup(b->title),
                         .agent = copy_of(b, "agent", NULL),
                         .prompt = copy_of(b, "prompt", NULL),
                         .command = config_list_copy(b->cfg, "command"),
                         .timeout_us = duration_of(b, "timeout", "10m")};
    read_when(b, "schedule", &when);
    if (!when.when_text)
        complain(b, "schedule", "it is missing: when does the script run?");
    s->schedule_text = when.when_text;
    s->schedule = when.when;
    if (!schedule_name_is_valid(str_of(b->title)))
        complain(b, "name", "1 to 64 letters, digits, '.', '_', ':' or '-' are expected");
    if (!s->agent == !s->command)
        complain(b, "agent", "a script has either an agent or a command");
    if (s->agent && !config_agent(c, str_of(s->agent)))
        complain(b, "agent", "there is no such agent");
    struct buf name = BUF_INIT;
    buf_printf(&name, "script:%s", s->name);
    s->agent_name = buf_take(&name);
    if (s->command)
        add_profile(c, s);
}

static void read_marketplace(const struct block *b, struct marketplace *m)
{
    *m = (struct marketplace){.name = xstrdup(b->title),
                              .url = copy_of(b, "url", NULL),
                              .directory = copy_of(b, "directory", NULL)};
    if (!schedule_name_is_valid(str_of(b->title)))
        complain(b, "name", "1 to 64 letters, digits, '.', '_', ':' or '-' are expected");
    if (!m->url || !m->url[0])
        complain(b, "url", "the URL of a git repository is missing");
    else if (m->url[0] == '-')
        complain(b, "url", "it must not begin with \"-\"");
}

static const char *const own_processors[] = {"usage", "verification"};

static void read_processor(const struct block *b, struct session_processor *p)
{
    *p = (struct session_processor){.name = xstrdup(b->title),
                                    .command = config_list_copy(b->cfg, "command"),
                                    .cadence_us = duration_of(b, "cadence", "15m"),
                                    .timeout_us = duration_of(b, "timeout", "60s")};
    const char *turns = text_of(b, "turns", "all");
    p->wants_new_turns = strcmp(turns, "new") == 0;
    if (!p->wants_new_turns && strcmp(turns, "all") != 0)
        complain(b, "turns", "all or new is expected");
    if (!schedule_name_is_valid(str_of(b->title)))
        complain(b, "name", "1 to 64 letters, digits, '.', '_', ':' or '-' are expected");
    if (strlen(b->title) > PROCESSOR_NAME_MAX)
        complain(b, "name", "it is longer than 40 characters");
    for (size_t i = 0; i < COUNT_OF(own_processors); i++)
        if (strcmp(b->title, own_processors[i]) == 0)
            complain(b, "name", "this is the name of a processor of muster itself");
    if (!p->command || !p->command[0] || !p->command[0][0])
        complain(b, "command", "it is missing: what is to be run?");
    if (p->timeout_us < USEC_PER_MSEC)
        complain(b, "timeout", "it must be longer than 0s");
    if (p->cadence_us < 60 * USEC_PER_SEC)
        complain(b, "cadence", "a minute or more is expected");
    if (!parse_i64_in(str_of(text_of(b, "version", "1")), 1, INT32_MAX, &p->version))
        complain(b, "version", "a whole number from 1 on is expected");
}

void config_read_schedules(struct config *c, cfg_t *cfg, struct config_errors *errors)
{
    c->schedules = xcalloc(cfg_size(cfg, "schedule"), sizeof(*c->schedules));
    for (; c->schedule_count < cfg_size(cfg, "schedule"); c->schedule_count++) {
        cfg_t *section = cfg_getnsec(cfg, "schedule", (unsigned)c->schedule_count);
        struct block b = {section, cfg_title(section), errors};
        read_job(&b, &c->schedules[c->schedule_count]);
    }
    c->scripts = xcalloc(cfg_size(cfg, "script"), sizeof(*c->scripts));
    for (; c->script_count < cfg_size(cfg, "script"); c->script_count++) {
        cfg_t *section = cfg_getnsec(cfg, "script", (unsigned)c->script_count);
        struct block b = {section, cfg_title(section), errors};
        read_script(&b, c, &c->scripts[c->script_count]);
    }
    c->processors = xcalloc(cfg_size(cfg, "processor"), sizeof(*c->processors));
    for (; c->processor_count < cfg_size(cfg, "processor"); c->processor_count++) {
        cfg_t *section = cfg_getnsec(cfg, "processor", (unsigned)c->processor_count);
        struct block b = {section, cfg_title(section), errors};
        read_processor(&b, &c->processors[c->processor_count]);
    }
    c->marketplaces = xcalloc(cfg_size(cfg, "marketplace"), sizeof(*c->marketplaces));
    for (; c->marketplace_count < cfg_size(cfg, "marketplace"); c->marketplace_count++) {
        cfg_t *section = cfg_getnsec(cfg, "marketplace", (unsigned)c->marketplace_count);
        struct block b = {section, cfg_title(section), errors};
        read_marketplace(&b, &c->marketplaces[c->marketplace_count]);
    }
}

void config_free_schedules(struct config *c)
{
    for (size_t i = 0; i < c->schedule_count; i++)
        schedule_job_deinit(&c->schedules[i]);
    for (size_t i = 0; i < c->script_count; i++) {
        struct script *s = &c->scripts[i];
        char *const texts[] = {s->name, s->schedule_text, s->agent, s->prompt, s->agent_name};
        for (size_t k = 0; k < COUNT_OF(texts); k++)
            free(texts[k]);
        free_list(s->command);
    }
    for (size_t i = 0; i < c->marketplace_count; i++) {
        free(c->marketplaces[i].name);
        free(c->marketplaces[i].url);
        free(c->marketplaces[i].directory);
    }
    for (size_t i = 0; i < c->processor_count; i++) {
        free(c->processors[i].name);
        free_list(c->processors[i].command);
    }
    free(c->processors);
    free(c->schedules);
    free(c->scripts);
    free(c->marketplaces);
}
