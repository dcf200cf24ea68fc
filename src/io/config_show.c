#include "io/config_internal.h"

#include "base/json.h"

#define MASK "********"

static bool same_list(char *const *a, char *const *b)
{
    for (; *a && *b; a++, b++)
        if (strcmp(*a, *b) != 0)
            return false;
    return !*a && !*b;
}

static bool same(const struct config_value *a, const struct config_value *b)
{
    return a->list ? b->list && same_list(a->list, b->list) : strcmp(a->text, b->text) == 0;
}

static void add_name(struct buf *out, const struct config_key *key)
{
    buf_printf(out, "%s%s%s%s", out->n ? " " : "", key->block, key->block[0] ? "." : "", key->name);
}

void config_diff(const struct config *old, const struct config *fresh, struct buf *reloaded,
                 struct buf *needs_restart)
{
    for (size_t row = 0; config_keys[row].name; row++)
        if (!same(&old->values[row], &fresh->values[row]))
            add_name(config_keys[row].reloads ? reloaded : needs_restart, &config_keys[row]);
}

static bool hidden(const struct config_key *key, const struct config_value *v)
{
    return key->secret && v->text && v->text[0];
}

/* As libconfuse reads it back: it knows no \u, and fills in ${NAME} from the environment. */
static void add_quoted(struct buf *out, const char *text)
{
    bool utf8 = str_is_utf8(str_of(text));
    buf_add_char(out, '"');
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\' || (c == '$' && p[1] == '{'))
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8))
            buf_printf(out, "\\x%02x", c);
        else
            buf_add_char(out, *p);
    }
    buf_add_char(out, '"');
}

static void show_text_value(const struct config_key *key, const struct config_value *v, struct buf *out)
{
    bool bare = strcmp(key->type, "integer") == 0 || strcmp(key->type, "boolean") == 0;
    if (v->list) {
        buf_add_text(out, "{");
        for (size_t i = 0; v->list[i]; i++) {
            buf_add_text(out, i ? ", " : " ");
            add_quoted(out, v->list[i]);
        }
        buf_add_text(out, " }");
    } else if (bare) {
        buf_add_text(out, v->text);
    } else {
        add_quoted(out, hidden(key, v) ? MASK : v->text);
    }
}

static void show_agent(const struct agent_profile *p, struct buf *out)
{
    buf_add_text(out, "# agent ");
    add_quoted(out, p->name);
    buf_add_text(out, p->command ? "\n" : " (external workers)\n");
}

static void show_workflow(const struct workflow *w, struct buf *out)
{
    buf_add_text(out, "# workflow ");
    add_quoted(out, w->name);
    buf_printf(out, ", %zu stages\n", w->stage_count);
}

/* In the file's own syntax, so that it can be saved as one. */
static void show_text(const struct config *c, struct buf *out)
{
    const char *block = "";
    for (size_t row = 0; config_keys[row].name; row++) {
        const struct config_key *key = &config_keys[row];
        if (strcmp(block, key->block) != 0)
            buf_printf(out, "%s%s {\n", block[0] ? "}\n" : "", key->block);
        block = key->block;
        size_t start = out->n;
        buf_printf(out, "%s%s = ", block[0] ? "  " : "", key->name);
        show_text_value(key, &c->values[row], out);
        size_t width = out->n - start;
        buf_printf(out, "%*s # %s\n", (int)(width < 48 ? 48 - width : 0), "", c->values[row].origin);
    }
    buf_add_text(out, block[0] ? "}\n" : "");
    for (size_t i = 0; i < c->agent_count; i++)
        show_agent(&c->agents[i], out);
    for (size_t i = 0; i < c->workflow_count; i++)
        show_workflow(&c->workflows[i], out);
}

static void show_json_value(struct json_writer *w, const struct config_key *key, const struct config_value *v)
{
    json_key(w, "value");
    if (!v->list) {
        json_text(w, hidden(key, v) ? MASK : v->text);
        return;
    }
    json_array_begin(w);
    for (size_t i = 0; v->list[i]; i++)
        json_text(w, v->list[i]);
    json_array_end(w);
}

static void show_json(const struct config *c, struct buf *out)
{
    struct json_writer w;
    json_init(&w, out);
    json_object_begin(&w);
    json_kv_text(&w, "path", c->path);
    json_key(&w, "values");
    json_object_begin(&w);
    for (size_t row = 0; config_keys[row].name; row++) {
        char name[CONFIG_ENVIRONMENT_MAX];
        (void)snprintf(name, sizeof(name), "%s%s%s", config_keys[row].block,
                       config_keys[row].block[0] ? "." : "", config_keys[row].name);
        json_key(&w, name);
        json_object_begin(&w);
        show_json_value(&w, &config_keys[row], &c->values[row]);
        json_kv_text(&w, "origin", c->values[row].origin);
        json_kv_bool(&w, "reloads", config_keys[row].reloads);
        json_object_end(&w);
    }
    json_object_end(&w);
    json_key(&w, "agents");
    json_array_begin(&w);
    for (size_t i = 0; i < c->agent_count; i++)
        json_text(&w, c->agents[i].name);
    json_array_end(&w);
    json_key(&w, "workflows");
    json_array_begin(&w);
    for (size_t i = 0; i < c->workflow_count; i++)
        json_text(&w, c->workflows[i].name);
    json_array_end(&w);
    json_object_end(&w);
    buf_add_char(out, '\n');
}

void config_show(const struct config *c, bool json, struct buf *out)
{
    if (json)
        show_json(c, out);
    else
        show_text(c, out);
}
