#include "io/config_internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/parse.h"
#include "core/agent_matcher.h"
#include "core/beat.h"
#include "io/file.h"
#include "io/price_file.h"

#include <ctype.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_BYTES_MAX 4096
#define SCHEDULER_TOKEN_MIN 32

/* -- where it is -- */

static char *join(const char *dir, const char *rest)
{
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/%s", dir, rest);
    return buf_take(&path);
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

static char *in_home(const char *variable, const char *below_home, const char *rest)
{
    if (environment(variable))
        return join(environment(variable), rest);
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/%s/%s", environment("HOME") ? environment("HOME") : "/", below_home, rest);
    return buf_take(&path);
}

static char *find_file(void)
{
    if (environment("MUSTER_CONFIG"))
        return xstrdup(environment("MUSTER_CONFIG"));
    char *own = in_home("XDG_CONFIG_HOME", ".config", "muster/muster.conf");
    if (file_exists(own))
        return own;
    free(own);
    return file_exists("/etc/muster/muster.conf") ? xstrdup("/etc/muster/muster.conf") : NULL;
}

/* -- values: default, then file, then environment -- */

char *config_environment_name(const struct config_key *key, char ret[CONFIG_ENVIRONMENT_MAX])
{
    (void)snprintf(ret, CONFIG_ENVIRONMENT_MAX, "MUSTER_%s%s%s", key->block, key->block[0] ? "_" : "",
                   key->name);
    for (char *p = ret; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return ret;
}

static bool is_list(const struct config_key *key)
{
    return strcmp(key->type, "list") == 0;
}

static void set_value(struct config_value *v, char *text, char **list, const char *origin)
{
    free(v->text);
    free_list(v->list);
    v->text = text;
    v->list = list;
    (void)snprintf(v->origin, sizeof(v->origin), "%s", origin);
}

bool config_is_embedded(void)
{
    const char *notify = getenv("NOTIFY_SOCKET");
    return notify && strncmp(notify, "@muster-up-", 11) == 0;
}

/* Of systemd or a container, where everything starts at once; below `muster up` the node is ready first. */
static bool is_service(void)
{
    return !config_is_embedded() && (getenv("INVOCATION_ID") || getpid() == 1);
}

bool config_is_default(const struct config *c, const char *block, const char *name)
{
    for (size_t row = 0; config_keys[row].name; row++)
        if (strcmp(config_keys[row].block, block) == 0 && strcmp(config_keys[row].name, name) == 0)
            return strcmp(c->values[row].origin, "default") == 0;
    return false;
}

/* The variable may be somebody else's, as behind su, or name what no session has made. */
static bool have_runtime_dir(void)
{
    const char *dir = environment("XDG_RUNTIME_DIR");
    char *own = dir ? join(dir, "muster") : NULL;
    bool usable = dir && (access(own, W_OK | X_OK) == 0 || access(dir, W_OK | X_OK) == 0);
    free(own);
    return usable;
}

/* In the directory of the API's socket; none where that has none. */
static char *beside_socket(const struct config *c, const char *name)
{
    const char *slash = strrchr(c->socket, '/');
    struct buf path = BUF_INIT;
    if (c->socket[0])
        buf_printf(&path, "%.*s%s", slash ? (int)(slash - c->socket) + 1 : 0, c->socket, name);
    return buf_take(&path);
}

static char *worked_out(const struct config *c, const struct config_key *key)
{
    bool root = geteuid() == 0;
    if (key->offset == offsetof(struct config, scheduler_startup_grace_us))
        return xstrdup(is_service() ? "60s" : "0s");
    if (key->offset == offsetof(struct config, data_dir))
        return root ? xstrdup("/var/lib/muster") : in_home("XDG_STATE_HOME", ".local/state", "muster");
    if (key->offset == offsetof(struct config, sessions_data_root))
        return access("/data", W_OK | X_OK) == 0 ? xstrdup("/data/user_sessions")
                                                 : join(c->data_dir, "user_sessions");
    if (key->offset == offsetof(struct config, bus_socket))
        return beside_socket(c, "bus.sock");
    if (key->offset == offsetof(struct config, socket) && !root && !have_runtime_dir())
        return join(c->data_dir, "node.sock");
    if (key->offset == offsetof(struct config, socket))
        return root ? xstrdup("/run/muster/node.sock")
                    : join(environment("XDG_RUNTIME_DIR"), "muster/node.sock");
    return join(c->data_dir, "repos");
}

static void from_file(struct config_value *v, const struct config_key *key, cfg_t *cfg, const char *path,
                      int line)
{
    cfg_opt_t *opt = cfg ? config_parse_option(cfg, key) : NULL;
    char origin[128];
    if (!opt)
        return;
    (void)snprintf(origin, sizeof(origin), "%s:%d", path, line);
    if (!is_list(key)) {
        const char *text = cfg_opt_getstr(opt);
        if (text)
            set_value(v, xstrdup(text), NULL, origin);
        return;
    }
    unsigned count = cfg_opt_size(opt);
    char **list = xcalloc(count + 1, sizeof(*list));
    for (unsigned i = 0; i < count; i++)
        list[i] = xstrdup(cfg_opt_getnstr(opt, i));
    set_value(v, NULL, list, origin);
}

/* What an older service's name says; *name becomes that name. */
static const char *alias_value(const struct config_key *key, char name[CONFIG_ENVIRONMENT_MAX],
                               struct buf *out)
{
    const char *value = key->alias ? environment(key->alias) : NULL;
    int64_t number;
    if (!value)
        return NULL;
    (void)snprintf(name, CONFIG_ENVIRONMENT_MAX, "%s", key->alias);
    bool bare = key->alias_unit && parse_i64(str_of(value), &number);
    buf_printf(out, "%s%s", value, bare ? key->alias_unit : "");
    return out->p;
}

static void from_environment(struct config_value *v, const struct config_key *key,
                             struct config_errors *errors)
{
    char name[CONFIG_ENVIRONMENT_MAX], reason[160];
    CLEANUP(buf_deinit) struct buf alias = BUF_INIT;
    const char *value = getenv(config_environment_name(key, name));
    if (!value)
        value = alias_value(key, name, &alias);
    if (!value)
        return;
    if (is_list(key))
        set_value(v, NULL, config_list_split(value), name);
    else if (config_value_fits(key->type, value, key->min, key->max, key->one_of, reason))
        set_value(v, xstrdup(value), NULL, name);
    else
        config_complain(errors, name, "\"%s\": %s", value, reason);
}

/* The field of struct config that a row fills, by the row's type. */
static void fill_field(struct config *c, const struct config_key *key, const struct config_value *v)
{
    struct str text = str_of(v->text);
    if (key->offset == CONFIG_KEPT)
        return;
    void *field = (char *)c + key->offset;
    if (is_list(key))
        *(char ***)field = v->list;
    else if (strcmp(key->type, "integer") == 0)
        (void)parse_i64(text, field);
    else if (strcmp(key->type, "duration") == 0)
        (void)parse_duration(text, field);
    else if (strcmp(key->type, "size") == 0)
        (void)parse_size(text, field);
    else if (strcmp(key->type, "boolean") == 0)
        (void)parse_bool(text, field);
    else
        *(char **)field = v->text;
}

static size_t key_count(void)
{
    size_t count = 0;
    while (config_keys[count].name)
        count++;
    return count;
}

static size_t row_at(size_t offset)
{
    size_t row = 0;
    while (config_keys[row].offset != offset)
        row++;
    return row;
}

/* Rows are in an order in which data_dir, on which other defaults rest, can be looked up first. */
static void read_value(struct config *c, size_t row, cfg_t *cfg, const int *lines,
                       struct config_errors *errors)
{
    const struct config_key *key = &config_keys[row];
    struct config_value *v = &c->values[row];
    if (is_list(key))
        set_value(v, NULL, config_list_split(key->fallback), "default");
    else if (key->fallback)
        set_value(v, xstrdup(key->fallback), NULL, "default");
    from_file(v, key, cfg, c->path, lines ? lines[row] : 0);
    from_environment(v, key, errors);
    if (!v->text && !v->list)
        set_value(v, worked_out(c, key), NULL, "default");
    fill_field(c, key, v);
}

static void read_values(struct config *c, cfg_t *cfg, const int *lines, struct config_errors *errors)
{
    size_t count = key_count();
    c->values = xcalloc(count, sizeof(*c->values));
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t row = 0; row < count; row++)
            if ((config_keys[row].offset == offsetof(struct config, data_dir)) == (pass == 0))
                read_value(c, row, cfg, lines, errors);
}

/* -- secrets -- */

static void read_token_file(struct config *c, struct config_errors *errors)
{
    struct buf text = BUF_INIT;
    struct stat st;
    int rc = file_read_small(c->token_file, SECRET_BYTES_MAX, &text);
    struct str token = str_trim(buf_str(&text));
    if (rc != 0)
        config_complain(errors, c->token_file, "token_file cannot be read: %s", strerror(-rc));
    else if (token.n < 16)
        config_complain(errors, c->token_file, "the token has fewer than 16 characters");
    else
        c->token = str_dup(token);
    if (rc == 0 && stat(c->token_file, &st) == 0 && (st.st_mode & 077))
        c->warnings |= CONFIG_WARN_TOKEN_READABLE;
    buf_deinit(&text);
}

/* One that cannot be read leaves the key empty: the sender says so, and the node starts (spec 80 H1). */
static void read_hub_key(struct config *c)
{
    CLEANUP(buf_deinit) struct buf text = BUF_INIT;
    if (c->telemetry_api_key[0] || !c->telemetry_api_key_file[0])
        return;
    if (file_read_small(c->telemetry_api_key_file, SECRET_BYTES_MAX, &text) == 0)
        c->telemetry_api_key = c->telemetry_secret = str_dup(str_trim(buf_str(&text)));
}

static void read_memory_key(struct config *c, struct config_errors *errors)
{
    struct buf text = BUF_INIT;
    if (!c->memory_api_key_file[0]) {
        c->memory_key = c->memory_api_key[0] ? xstrdup(c->memory_api_key) : NULL;
        return;
    }
    int rc = file_read_small(c->memory_api_key_file, SECRET_BYTES_MAX, &text);
    struct str key = str_trim(buf_str(&text));
    if (rc != 0)
        config_complain(errors, c->memory_api_key_file, "memory.api_key_file cannot be read: %s",
                        strerror(-rc));
    else if (key.n == 0 || memchr(key.p, '\n', key.n) || memchr(key.p, '\0', key.n))
        config_complain(errors, c->memory_api_key_file,
                        "memory.api_key_file: one line with the key is expected");
    else
        c->memory_key = str_dup(key);
    buf_deinit(&text);
}

static void read_secrets(struct config *c, struct config_errors *errors)
{
    const char *token = environment("MUSTER_TOKEN"), *scheduler = getenv("SCHEDULER_API_TOKEN");
    read_hub_key(c);
    read_memory_key(c, errors);
    if (c->token_file[0])
        read_token_file(c, errors);
    else if (token)
        c->token = xstrdup(token);
    if (scheduler && strlen(scheduler) >= SCHEDULER_TOKEN_MIN)
        c->scheduler_token = xstrdup(scheduler);
    else if (scheduler && scheduler[0])
        c->warnings |= CONFIG_WARN_SCHEDULER_TOKEN_SHORT;
}

/* -- what spans several values -- */

static const char *origin_of(const struct config *c, size_t offset)
{
    for (size_t row = 0; config_keys[row].name; row++)
        if (config_keys[row].offset == offset)
            return c->values[row].origin;
    return "";
}

static void check_listen(const struct config *c, struct config_errors *errors)
{
    const char *colon = strrchr(c->listen, ':');
    int64_t port;
    if (c->listen[0] && (!colon || colon == c->listen || !parse_i64_in(str_of(colon + 1), 0, 65535, &port)))
        config_complain(errors, origin_of(c, offsetof(struct config, listen)),
                        "listen = \"%s\": an address and a port such as \"127.0.0.1:6878\" are expected",
                        c->listen);
}

/* The roll call's rows are subjects' tokens, and each is one row (spec 40 W1). */
static void check_workers(const struct config *c, struct config_errors *errors)
{
    const char *origin = origin_of(c, offsetof(struct config, workers));
    struct map seen;
    map_init(&seen);
    for (char **name = c->workers; name && *name; name++) {
        if (!beat_worker_valid(str_of(*name)))
            config_complain(errors, origin,
                            "workers: \"%s\" is no worker's name: one word without dots, * and >", *name);
        else if (map_put(&seen, str_of(*name), *name))
            config_complain(errors, origin, "workers: \"%s\" is there twice", *name);
    }
    map_deinit(&seen);
}

static void check_matchers(const struct config *c, struct config_errors *errors)
{
    for (size_t i = 0; c->fleet_matchers && c->fleet_matchers[i]; i++)
        if (c->fleet_matchers[i][0] && !agent_matcher_valid(c->fleet_matchers[i]))
            config_complain(errors, origin_of(c, offsetof(struct config, fleet_matchers)),
                            "matchers: \"%s\" has not the form NAME=WORD", c->fleet_matchers[i]);
}

/* What the collector copies is read too. */
static void add_data_root(struct config *c)
{
    size_t count = 0, row = row_at(offsetof(struct config, sessions_roots));
    char **list = c->values[row].list;
    for (; list && list[count]; count++)
        if (strcmp(list[count], c->sessions_data_root) == 0)
            return;
    list = xrealloc(list, (count + 2) * sizeof(*list));
    list[count] = xstrdup(c->sessions_data_root);
    list[count + 1] = NULL;
    c->values[row].list = c->sessions_roots = list;
}

static void read_prices(struct config *c, struct config_errors *errors)
{
    struct price_list *list;
    struct err e = {.code = ERR_NONE};
    if (!c->usage_prices[0])
        return;
    if (price_file_read(c->usage_prices, &list, &e) == 0)
        c->prices = list;
    else
        config_complain(errors, origin_of(c, offsetof(struct config, usage_prices)), "usage.prices: %s: %s",
                        e.place, e.text);
}

static void finish(struct config *c, struct config_errors *errors)
{
    read_prices(c, errors);
    check_listen(c, errors);
    add_data_root(c);
    c->bus_listen_given = strcmp(origin_of(c, offsetof(struct config, bus_listen)), "default") != 0;
    check_workers(c, errors);
    check_matchers(c, errors);
    if (!c->tls_certificate_file[0] != !c->tls_key_file[0])
        config_complain(errors, origin_of(c, offsetof(struct config, tls_certificate_file)),
                        "tls_certificate_file and tls_key_file go together");
    bool ok = log_level_of(str_of(c->log_level_name), &c->log_level);
    assert(ok || errors->count > 0);
    c->log_format = strcmp(c->log_format_name, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
    c->synchronous_normal = strcmp(c->synchronous_name, "normal") == 0;
}

int config_load(const char *path, struct config **ret, struct buf *all, struct err *e)
{
    struct config_errors errors = {.all = all, .first = e};
    struct config *c = xnew(struct config);
    int *lines = NULL;
    c->path = path ? xstrdup(path) : find_file();
    cfg_t *cfg = c->path ? config_parse_file(c->path, &errors, &lines) : NULL;
    if (errors.count == 0) {
        read_values(c, cfg, lines, &errors);
        if (cfg) {
            config_read_agents(c, cfg, &errors);
            config_read_schedules(c, cfg, &errors);
        }
        config_read_bus(c, cfg, &errors);
        read_secrets(c, &errors);
        finish(c, &errors);
    }
    config_parse_free(cfg, lines);
    if (errors.count > 0) {
        (void)config_free(c);
        return -EINVAL;
    }
    *ret = c;
    return 0;
}

static const struct config_key *key_named(const char *block, const char *name)
{
    const struct config_key *key = config_keys;
    while (key->name && (strcmp(key->block, block) != 0 || strcmp(key->name, name) != 0))
        key++;
    assert(key->name);
    return key;
}

static char *text_in_file(const char *path, const struct config_key *key)
{
    struct config_errors ignored = {.count = 0};
    int *lines = NULL;
    cfg_t *cfg = config_parse_file(path, &ignored, &lines);
    cfg_opt_t *opt = cfg ? config_parse_option(cfg, key) : NULL;
    const char *text = opt ? cfg_opt_getstr(opt) : NULL;
    char *ret = text ? xstrdup(text) : NULL;
    config_parse_free(cfg, lines);
    return ret;
}

char *config_text_alone(const char *path, const char *block, const char *name)
{
    const struct config_key *key = key_named(block, name);
    char variable[CONFIG_ENVIRONMENT_MAX];
    const char *value = getenv(config_environment_name(key, variable));
    if (value)
        return xstrdup(value);
    CLEANUP(freep) char *file = path ? xstrdup(path) : find_file();
    return file && access(file, R_OK) == 0 ? text_in_file(file, key) : NULL;
}

char **config_session_roots(const char *path)
{
    static const size_t wanted[] = {offsetof(struct config, data_dir),
                                    offsetof(struct config, sessions_roots),
                                    offsetof(struct config, sessions_data_root)};
    struct config_errors ignored = {.count = 0};
    int *lines = NULL;
    struct config *c = xnew(struct config);
    c->values = xcalloc(key_count(), sizeof(*c->values));
    c->path = path ? xstrdup(path) : find_file();
    cfg_t *cfg = c->path && access(c->path, R_OK) == 0 ? config_parse_file(c->path, &ignored, &lines) : NULL;
    for (size_t i = 0; i < COUNT_OF(wanted); i++)
        read_value(c, row_at(wanted[i]), cfg, lines, &ignored);
    add_data_root(c);
    char **ret = xstrdup_list(c->sessions_roots);
    config_parse_free(cfg, lines);
    (void)config_free(c);
    return ret;
}

struct config *config_free(struct config *c)
{
    if (!c)
        return NULL;
    for (size_t row = 0; c->values && config_keys[row].name; row++) {
        free(c->values[row].text);
        free_list(c->values[row].list);
    }
    config_free_agents(c);
    config_free_schedules(c);
    config_free_bus(c);
    free(c->values);
    free(c->path);
    free(c->token);
    free(c->scheduler_token);
    free(c->telemetry_secret);
    (void)price_list_free(c->prices);
    free(c->memory_key);
    free(c);
    return NULL;
}

const struct agent_profile *config_agent(const struct config *c, struct str name)
{
    for (size_t i = 0; i < c->agent_count; i++)
        if (str_equal(name, str_of(c->agents[i].name)))
            return &c->agents[i];
    return NULL;
}

const struct workflow *config_workflow(const struct config *c, struct str name)
{
    for (size_t i = 0; i < c->workflow_count; i++)
        if (str_equal(name, str_of(c->workflows[i].name)))
            return &c->workflows[i];
    return NULL;
}
