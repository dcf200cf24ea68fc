#include "io/config_internal.h"

#include "base/clock.h"
#include "base/parse.h"
#include "core/placeholder.h"
#include "core/workflow.h"

#include <signal.h>

#define ATTEMPTS_MAX 1000

/* -- lists -- */

char **config_list_copy(cfg_t *cfg, const char *name)
{
    unsigned count = cfg_size(cfg, name);
    if (count == 0)
        return NULL;
    char **list = xcalloc(count + 1, sizeof(*list));
    for (unsigned i = 0; i < count; i++)
        list[i] = xstrdup(cfg_getnstr(cfg, name, i));
    return list;
}

char **config_list_split(const char *text)
{
    char **list = xcalloc(strlen(text) + 2, sizeof(*list));
    size_t count = 0;
    struct buf item = BUF_INIT;
    for (const char *p = text; text[0]; p++) {
        if (p[0] == '\\' && p[1] == ':') {
            buf_add_char(&item, ':');
            p++;
        } else if (p[0] == ':' || p[0] == '\0') {
            list[count++] = buf_take(&item);
            if (!p[0])
                break;
        } else {
            buf_add_char(&item, p[0]);
        }
    }
    buf_deinit(&item);
    return list;
}

/* -- values of one block -- */

struct block {       /* where values are read, and what is said when one is wrong */
    cfg_t *cfg;      /* NULL: the file does not have this block */
    const cfg_t *at; /* the line that a complaint names */
    const char *title;
    struct config_errors *errors;
};

static struct block block_of(cfg_t *cfg, struct config_errors *errors)
{
    return (struct block){.cfg = cfg, .at = cfg, .title = cfg_title(cfg), .errors = errors};
}

static void complain(const struct block *b, const char *key, const char *text)
{
    char place[ERR_PLACE_MAX];
    (void)snprintf(place, sizeof(place), "%s:%d", b->at->filename ? b->at->filename : "muster.conf",
                   b->at->line);
    config_complain(b->errors, place, "\"%s\": %s: %s", b->title, key, text);
}

static const char *text_of(const struct block *b, const char *key, const char *fallback)
{
    const char *value = b->cfg ? cfg_getstr(b->cfg, key) : NULL;
    return value ? value : fallback;
}

static char *copy_of(const struct block *b, const char *key)
{
    const char *value = text_of(b, key, NULL);
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

static int64_t integer_of(const struct block *b, const char *key, const char *fallback, int64_t min,
                          int64_t max)
{
    int64_t n = 0;
    if (!parse_i64_in(str_of(text_of(b, key, fallback)), min, max, &n)) {
        char text[80];
        (void)snprintf(text, sizeof(text), "a whole number from %lld to %lld is expected", (long long)min,
                       (long long)max);
        complain(b, key, text);
    }
    return n;
}

static struct block inner(const struct block *b, const char *name)
{
    cfg_t *cfg = cfg_size(b->cfg, name) ? cfg_getsec(b->cfg, name) : NULL;
    return (struct block){.cfg = cfg, .at = cfg ? cfg : b->at, .title = b->title, .errors = b->errors};
}

static int *codes_of(const struct block *b, const char *key)
{
    unsigned count = b->cfg ? cfg_size(b->cfg, key) : 0;
    int *codes = xcalloc(count + 1, sizeof(*codes));
    for (unsigned i = 0; i < count; i++) {
        int64_t code = 0;
        if (!parse_i64_in(str_of(cfg_getnstr(b->cfg, key, i)), 0, 255, &code))
            complain(b, key, "exit codes are numbers from 0 to 255");
        codes[i] = (int)code;
    }
    codes[count] = -1;
    return codes;
}

static int signal_of(const struct block *b)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"TERM", SIGTERM}, {"INT", SIGINT},   {"HUP", SIGHUP},   {"QUIT", SIGQUIT},
                   {"KILL", SIGKILL}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"ABRT", SIGABRT}};
    const char *name = text_of(b, "signal", "TERM");
    if (strncmp(name, "SIG", 3) == 0)
        name += 3;
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        if (strcmp(name, signals[i].name) == 0)
            return signals[i].number;
    complain(b, "signal", "one of TERM, INT, HUP, QUIT, KILL, USR1, USR2, ABRT is expected");
    return SIGTERM;
}

static enum output_format format_of(const struct block *b)
{
    static const char *const names[] = {[OUTPUT_TEXT] = "text",
                                        [OUTPUT_CLAUDE_STREAM_JSON] = "claude-stream-json",
                                        [OUTPUT_CLAUDE_JSON] = "claude-json",
                                        [OUTPUT_CODEX_JSONL] = "codex-jsonl",
                                        [OUTPUT_GEMINI_JSON] = "gemini-json"};
    const char *name = text_of(b, "output", "text");
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(name, names[i]) == 0)
            return (enum output_format)i;
    complain(b, "output",
             "one of claude-stream-json, claude-json, codex-jsonl, gemini-json, text is expected");
    return OUTPUT_TEXT;
}

/* -- agent -- */

static void check_templates(const struct block *b, const struct agent_profile *p)
{
    struct err e = {0};
    if (p->command && placeholder_check_argv(p->command, &e) != 0)
        complain(b, "command", e.text);
    if (p->workdir && placeholder_check(p->workdir, &e) != 0)
        complain(b, "workdir", e.text);
    for (size_t i = 0; p->env && p->env[i]; i++)
        if (p->env[i][0] == '=' || !strchr(p->env[i], '='))
            complain(b, "env", "settings have the form NAME=VALUE");
    if (p->command && !p->command[0][0])
        complain(b, "command", "the program's name is empty");
}

static void read_agent(const struct block *b, struct agent_profile *p)
{
    struct block stop = inner(b, "stop"), breaker = inner(b, "breaker"), backoff = inner(b, "backoff"),
                 exits = inner(b, "exit");
    int64_t output_max = 0;
    bool ok = parse_size(str_of(text_of(b, "output_max", "16M")), &output_max);
    assert(ok);
    *p = (struct agent_profile){
        .name = xstrdup(b->title),
        .command = config_list_copy(b->cfg, "command"),
        .output = format_of(b),
        .workdir = copy_of(b, "workdir"),
        .env_pass = config_list_copy(b->cfg, "env_pass"),
        .env = config_list_copy(b->cfg, "env"),
        .stdin_path = copy_of(b, "stdin"),
        .model = copy_of(b, "model"),
        .effort = copy_of(b, "effort"),
        .stop_signal = signal_of(&stop),
        .grace_us = duration_of(&stop, "grace", "20s"),
        .timeout_us = duration_of(b, "timeout", "0s"),
        .max_attempts = integer_of(b, "max_attempts", "3", 1, ATTEMPTS_MAX),
        .max_concurrency = integer_of(b, "max_concurrency", "0", 0, 10000),
        .output_max_bytes = MAX(output_max, 4096),
        .fail_codes = codes_of(&exits, "fail"),
        .retry_codes = codes_of(&exits, "retry"),
        .rate_limited_codes = codes_of(&exits, "rate_limited"),
        .rate_limited_patterns = config_list_copy(b->cfg, "rate_limited_patterns"),
        .breaker = {.failures = integer_of(&breaker, "failures", "5", 1, 32),
                    .window_us = duration_of(&breaker, "window", "10m"),
                    .open_us = duration_of(&breaker, "open", "60s")},
        .backoff = {.base_us = duration_of(&backoff, "base", "10s"),
                    .cap_us = duration_of(&backoff, "cap", "15m")},
    };
    check_templates(b, p);
}

/* -- workflow -- */

static void add_stage(const struct block *b, struct workflow *w, const char *name, const char *agent,
                      const char *prompt)
{
    if (workflow_stage_is_terminal(name))
        complain(b, name, "this stage ends every workflow and is not listed");
    if (workflow_stage(w, name))
        complain(b, name, "this stage is listed twice");
    w->stages[w->stage_count++] = (struct workflow_stage){xstrdup(name), agent ? xstrdup(agent) : NULL,
                                                          prompt ? xstrdup(prompt) : NULL};
}

static void read_workflow(const struct block *b, const struct config *c, struct workflow *w)
{
    unsigned listed = cfg_size(b->cfg, "stages"), blocks = cfg_size(b->cfg, "stage");
    *w = (struct workflow){.name = xstrdup(b->title), .stages = xcalloc(listed + blocks, sizeof(*w->stages))};
    for (unsigned i = 0; i < listed; i++)
        add_stage(b, w, cfg_getnstr(b->cfg, "stages", i), NULL, NULL);
    for (unsigned i = 0; i < blocks; i++) {
        cfg_t *stage = cfg_getnsec(b->cfg, "stage", i);
        struct block sb = block_of(stage, b->errors);
        const char *agent = text_of(&sb, "agent", NULL), *prompt = text_of(&sb, "prompt", NULL);
        struct err e = {0};
        if (agent && !config_agent(c, str_of(agent)))
            complain(&sb, "agent", "there is no such agent");
        if (prompt && placeholder_check(prompt, &e) != 0)
            complain(&sb, "prompt", e.text);
        add_stage(&sb, w, cfg_title(stage), agent, prompt);
    }
    if (w->stage_count == 0)
        complain(b, "stage", "a workflow has at least one stage");
}

void config_read_agents(struct config *c, cfg_t *cfg, struct config_errors *errors)
{
    unsigned agents = cfg_size(cfg, "agent"), workflows = cfg_size(cfg, "workflow");
    c->agents = xcalloc(agents, sizeof(*c->agents));
    for (unsigned i = 0; i < agents; i++) {
        cfg_t *section = cfg_getnsec(cfg, "agent", i);
        struct block b = block_of(section, errors);
        read_agent(&b, &c->agents[i]);
        c->agent_count = i + 1;
    }
    c->workflows = xcalloc(workflows, sizeof(*c->workflows));
    for (unsigned i = 0; i < workflows; i++) {
        cfg_t *section = cfg_getnsec(cfg, "workflow", i);
        struct block b = block_of(section, errors);
        read_workflow(&b, c, &c->workflows[i]);
        c->workflow_count = i + 1;
    }
}

static void free_text(const char *text)
{
    free((char *)(uintptr_t)text);
}

void config_free_agents(struct config *c)
{
    for (size_t i = 0; i < c->agent_count; i++) {
        struct agent_profile *p = &c->agents[i];
        const char *const texts[] = {p->name, p->workdir, p->stdin_path, p->model, p->effort};
        for (size_t k = 0; k < COUNT_OF(texts); k++)
            free_text(texts[k]);
        free_list(p->command);
        free_list(p->env_pass);
        free_list(p->env);
        free_list(p->rate_limited_patterns);
        free(p->fail_codes);
        free(p->retry_codes);
        free(p->rate_limited_codes);
    }
    free(c->agents);
    for (size_t i = 0; i < c->workflow_count; i++) {
        for (size_t k = 0; k < c->workflows[i].stage_count; k++) {
            free_text(c->workflows[i].stages[k].name);
            free_text(c->workflows[i].stages[k].agent);
            free_text(c->workflows[i].stages[k].prompt);
        }
        free(c->workflows[i].stages);
        free_text(c->workflows[i].name);
    }
    free(c->workflows);
}
