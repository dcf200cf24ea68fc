#include "io/config_internal.h"

#include "core/subject.h"
#include "io/file.h"

#define PASSWORD_BYTES_MAX 4096

static void complain(cfg_t *cfg, const char *key, const char *text, struct config_errors *errors)
{
    char place[ERR_PLACE_MAX];
    (void)snprintf(place, sizeof(place), "%s:%d", cfg->filename ? cfg->filename : "muster.conf", cfg->line);
    config_complain(errors, place, "bus_user \"%s\": %s: %s", cfg_title(cfg), key, text);
}

static void check_patterns(char *const *patterns, const char *key, const char *place,
                           struct config_errors *errors)
{
    for (size_t i = 0; patterns && patterns[i]; i++)
        if (!subject_pattern_valid(str_of(patterns[i])))
            config_complain(
                errors, place,
                "%s: \"%s\" is no subject pattern: tokens separated by dots, * for one, > at the end", key,
                patterns[i]);
}

static char *password_of(cfg_t *cfg, struct config_errors *errors)
{
    const char *path = cfg_getstr(cfg, "password_file"), *given = cfg_getstr(cfg, "password");
    struct buf text = BUF_INIT;
    char *password = NULL;
    if (!path)
        password = given ? xstrdup(given) : NULL;
    else if (file_read_small(path, PASSWORD_BYTES_MAX, &text) == 0)
        password = str_dup(str_trim(buf_str(&text)));
    else
        complain(cfg, "password_file", "cannot be read", errors);
    buf_deinit(&text);
    if (password ? !password[0] : !path)
        complain(cfg, "password", "a password or a password_file is needed", errors);
    return password;
}

static void read_user(cfg_t *cfg, struct bus_user *u, struct config_errors *errors)
{
    u->name = xstrdup(cfg_title(cfg));
    u->password = password_of(cfg, errors);
    u->publish = config_list_copy(cfg, "publish");
    u->subscribe = config_list_copy(cfg, "subscribe");
    check_patterns(u->publish, "publish", cfg_title(cfg), errors);
    check_patterns(u->subscribe, "subscribe", cfg_title(cfg), errors);
}

void config_read_bus(struct config *c, cfg_t *cfg, struct config_errors *errors)
{
    unsigned count = cfg ? cfg_size(cfg, "bus_user") : 0;
    c->bus_users = xcalloc(count, sizeof(*c->bus_users));
    for (unsigned i = 0; i < count; i++)
        read_user(cfg_getnsec(cfg, "bus_user", i), &c->bus_users[i], errors);
    c->bus_user_count = count;
    check_patterns(c->bus_local_publish, "bus.local_publish", "bus", errors);
    check_patterns(c->bus_local_subscribe, "bus.local_subscribe", "bus", errors);
    if (c->bus_url[0] && strncmp(c->bus_url, "nats://", 7) != 0 && strncmp(c->bus_url, "tls://", 6) != 0)
        config_complain(errors, "bus.url", "\"%s\": nats://HOST:PORT or tls://HOST:PORT is expected",
                        c->bus_url);
}

void config_free_bus(struct config *c)
{
    for (size_t i = 0; i < c->bus_user_count; i++) {
        struct bus_user *u = &c->bus_users[i];
        if (u->password)
            explicit_bzero(u->password, strlen(u->password));
        free(u->name);
        free(u->password);
        free_list(u->publish);
        free_list(u->subscribe);
    }
    free(c->bus_users);
}
