#include "cli/hook_settings.h"

#include "core/hook_event.h"
#include "io/file.h"

#include <stdio.h>
#include <sys/stat.h>

#define SETTINGS_MAX ((size_t)4 << 20)
#define TIMEOUT_S 5

static const struct {
    const char *vendor, *variable, *folder, *file; /* $variable, else ~/folder */
    int timeout;                                   /* in the unit of that CLI */
} vendors[] = {
    {"claude", "CLAUDE_CONFIG_DIR", ".claude", "settings.json", TIMEOUT_S},
    {"codex", "CODEX_HOME", ".codex", "hooks.json", TIMEOUT_S},
    {"gemini", NULL, ".gemini", "settings.json", TIMEOUT_S * 1000},
};

bool hook_settings_is_ours(const char *command)
{
    const char *at = strstr(command, "muster hook ");
    return at && (at == command || at[-1] == '/');
}

static bool entry_is_ours(const json_t *entry)
{
    const char *command = json_string_value(json_object_get(entry, "command"));
    return command && hook_settings_is_ours(command);
}

static bool group_has_ours(const json_t *group)
{
    const json_t *entries = json_object_get(group, "hooks"), *entry;
    size_t i;
    json_array_foreach(entries, i, entry) if (entry_is_ours(entry)) return true;
    return false;
}

static bool event_has_ours(const json_t *groups)
{
    const json_t *group;
    size_t i;
    json_array_foreach(groups, i, group) if (group_has_ours(group)) return true;
    return false;
}

static json_t *child(json_t *object, const char *key, json_t *(*make)(void))
{
    json_t *value = json_object_get(object, key);
    if (!value) {
        value = make();
        (void)json_object_set_new(object, key, value);
    }
    return value;
}

size_t hook_settings_add(json_t *settings, const char *vendor, const char *command)
{
    const char *const *names = hook_event_names(vendor);
    json_t *hooks = child(settings, "hooks", json_object);
    size_t added = 0;
    int timeout = TIMEOUT_S;
    for (size_t i = 0; i < COUNT_OF(vendors); i++)
        if (strcmp(vendors[i].vendor, vendor) == 0)
            timeout = vendors[i].timeout;
    for (; names && *names && json_is_object(hooks); names++) {
        json_t *groups = child(hooks, *names, json_array);
        if (!json_is_array(groups) || event_has_ours(groups))
            continue;
        added += json_array_append_new(groups, json_pack("{s:[{s:s,s:s,s:i}]}", "hooks", "type", "command",
                                                         "command", command, "timeout", timeout)) == 0;
    }
    return added;
}

static size_t remove_from_group(json_t *group)
{
    json_t *entries = json_object_get(group, "hooks");
    size_t removed = 0;
    for (size_t i = json_array_size(entries); i-- > 0;)
        if (entry_is_ours(json_array_get(entries, i)))
            removed += json_array_remove(entries, i) == 0;
    return removed;
}

static size_t remove_from_event(json_t *groups)
{
    size_t removed = 0;
    for (size_t i = json_array_size(groups); i-- > 0;) {
        json_t *group = json_array_get(groups, i);
        size_t here = remove_from_group(group);
        removed += here;
        if (here > 0 && json_array_size(json_object_get(group, "hooks")) == 0)
            (void)json_array_remove(groups, i);
    }
    return removed;
}

size_t hook_settings_remove(json_t *settings)
{
    json_t *hooks = json_object_get(settings, "hooks"), *groups;
    const char *name;
    void *next;
    size_t removed = 0;
    json_object_foreach_safe(hooks, next, name, groups)
    {
        size_t here = remove_from_event(groups);
        removed += here;
        if (here > 0 && json_array_size(groups) == 0)
            (void)json_object_del(hooks, name);
    }
    if (removed > 0 && json_object_size(hooks) == 0)
        (void)json_object_del(settings, "hooks");
    return removed;
}

size_t hook_settings_count(const json_t *settings)
{
    json_t *copy = json_deep_copy(settings);
    size_t count = hook_settings_remove(copy);
    json_decref(copy);
    return count;
}

/* -- the file -- */

char *hook_settings_path(const char *vendor)
{
    const char *home = getenv("HOME");
    for (size_t i = 0; i < COUNT_OF(vendors); i++) {
        if (strcmp(vendors[i].vendor, vendor) != 0)
            continue;
        const char *folder = vendors[i].variable ? getenv(vendors[i].variable) : NULL;
        struct buf path = BUF_INIT;
        if (folder && folder[0])
            buf_printf(&path, "%s/%s", folder, vendors[i].file);
        else
            buf_printf(&path, "%s/%s/%s", home ? home : "", vendors[i].folder, vendors[i].file);
        return buf_take(&path);
    }
    return NULL;
}

int hook_settings_load(const char *path, json_t **ret, struct err *e)
{
    struct buf text = BUF_INIT;
    json_error_t error;
    int rc = file_read_small(path, SETTINGS_MAX, &text);
    if (rc == -ENOENT) {
        *ret = json_object();
        return 0;
    }
    if (rc != 0) {
        buf_deinit(&text);
        return err_set(e, ERR_INTERNAL, rc, "%s: %s", path, strerror(-rc));
    }
    json_t *settings = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &error);
    buf_deinit(&text);
    if (json_is_object(settings) &&
        (!json_object_get(settings, "hooks") || json_is_object(json_object_get(settings, "hooks")))) {
        *ret = settings;
        return 0;
    }
    bool is_json = settings != NULL;
    json_decref(settings);
    return err_set(e, ERR_INVALID, -EINVAL, "%s is left as it is: %s", path,
                   is_json ? "\"hooks\" in it is no object" : error.text);
}

int hook_settings_save(const char *path, const json_t *settings, struct err *e)
{
    struct stat st;
    struct buf bytes = BUF_INIT, folder = BUF_INIT;
    char *real = realpath(path, NULL), *text = json_dumps(settings, JSON_INDENT(2));
    const char *target = real ? real : path;
    mode_t mode = stat(target, &st) == 0 ? st.st_mode & 07777 : 0600;
    const char *slash = strrchr(target, '/');
    buf_add(&folder, target, slash ? (size_t)(slash - target) : 0);
    buf_printf(&bytes, "%s\n", text ? text : "{}");
    int rc = folder.n ? file_mkdirs(folder.p, 0700) : 0;
    if (rc == 0)
        rc = file_write_atomic(target, buf_str(&bytes), mode, true);
    if (rc != 0)
        rc = err_set(e, ERR_INTERNAL, rc, "%s: %s", target, strerror(-rc));
    free(real);
    free(text);
    buf_deinit(&bytes);
    buf_deinit(&folder);
    return rc;
}
