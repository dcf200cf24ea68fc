/* markdown.c -- the pages of docs/reference.
 *
 * A table of Markdown has one line per row, so nothing is filled here. */
#include "cli/manual/manual.h"
#include "io/config.h"
#include "io/counters.h"
#include "node/api/api.h"
#include "node/metrics/render.h"

static void add_head(struct buf *out, const char *title, const char *source)
{
    buf_printf(out,
               "# %s\n\nPrinted by `muster manual markdown %s` from the tables that the program itself "
               "works by;\n`tools/check-reference -i` writes it anew.\n",
               title, source);
}

/* A cell of a table: what would end it, or begin markup, is escaped. */
static void add_cell(struct buf *out, const char *text)
{
    bool code = false;
    for (const char *p = text ? text : ""; *p; p++) {
        code ^= *p == '`';
        if (*p == '|' || (!code && strchr("<>*", *p)))
            buf_add_char(out, '\\');
        buf_add_char(out, *p == '\n' ? ' ' : *p);
    }
}

static void add_row(struct buf *out, const char *code, const char *const *cells, size_t count)
{
    buf_add_text(out, "| ");
    buf_printf(out, code[0] ? "`%s`" : "%s", code);
    for (size_t i = 0; i < count; i++) {
        buf_add_text(out, " | ");
        add_cell(out, cells[i]);
    }
    buf_add_text(out, " |\n");
}

/* As code, or nothing. */
static const char *as_code(struct buf *scratch, const char *text)
{
    buf_clear(scratch);
    if (text && text[0])
        buf_printf(scratch, "`%s`", text);
    return scratch->p;
}

/* -- commands -- */

static void add_options(struct buf *out, const struct command_option *options)
{
    for (const struct command_option *o = options; o && o->name; o++) {
        CLEANUP(buf_deinit) struct buf name = BUF_INIT;
        if (o->letter)
            buf_printf(&name, "-%c, ", o->letter);
        buf_printf(&name, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        add_row(out, name.p, (const char *const[]){o->doc}, 1);
    }
}

static void add_command(struct buf *out, const struct command *c)
{
    buf_printf(out, "\n## muster %s\n\n%s.\n", c->name, c->summary);
    if (c->description)
        buf_printf(out, "\n%s\n", c->description);
    buf_add_text(out, "\n| Usage | |\n|---|---|\n");
    for (const struct command_verb *v = c->verbs; v && v->name; v++) {
        CLEANUP(buf_deinit) struct buf name = BUF_INIT;
        buf_printf(&name, "muster %s %s%s%s", c->name, v->name, v->args[0] ? " " : "", v->args);
        add_row(out, name.p, (const char *const[]){v->summary}, 1);
    }
    if (!c->verbs)
        buf_printf(out, "| `muster %s%s%s` | |\n", c->name, c->args[0] ? " " : "", c->args);
    if (c->options) {
        buf_add_text(out, "\n| Option | |\n|---|---|\n");
        add_options(out, c->options);
    }
    if (c->examples)
        buf_add_text(out, "\n| Example | |\n|---|---|\n");
    for (const struct command_example *e = c->examples; e && e->line; e++)
        add_row(out, e->line, (const char *const[]){e->doc}, 1);
}

static void add_facts(struct buf *out, const char *title, const struct manual_fact *facts)
{
    buf_printf(out, "\n## %s\n\n| | |\n|---|---|\n", title);
    for (; facts->name; facts++)
        add_row(out, facts->name, (const char *const[]){facts->doc}, 1);
}

void manual_markdown_commands(struct buf *out)
{
    add_head(out, "Commands", "commands");
    buf_printf(out, "\n%s\n\n| Option of every command | |\n|---|---|\n", manual_introduction);
    add_options(out, command_common_options);
    buf_add_text(out, "\n| Exit code | |\n|---|---|\n");
    for (const struct command_exit_code *e = command_exit_codes; e->doc; e++) {
        char code[16];
        (void)snprintf(code, sizeof(code), "%d", e->code);
        add_row(out, code, (const char *const[]){e->doc}, 1);
    }
    for (const struct command *const *c = commands; *c; c++)
        if (!(*c)->hidden)
            add_command(out, *c);
    add_facts(out, "Environment", manual_environment);
    add_facts(out, "Files", manual_files);
}

/* -- configuration -- */

static void add_plain_keys(struct buf *out)
{
    static const char head[] =
        "\n| Key | Type | Default | Environment | SIGHUP | |\n|---|---|---|---|---|---|\n";
    const char *block = NULL;
    for (const struct config_key *k = config_keys; k->name; k++) {
        CLEANUP(buf_deinit) struct buf doc = BUF_INIT, fallback = BUF_INIT, variable = BUF_INIT;
        char name[CONFIG_ENVIRONMENT_MAX];
        if (!block || strcmp(k->block, block) != 0)
            buf_printf(out, k->block[0] ? "\n## %s\n%s" : "\n## Top level\n%.0s%s", k->block, head);
        block = k->block;
        manual_describe_key(&doc, k);
        add_row(out, k->name,
                (const char *const[]){k->type, as_code(&fallback, k->fallback),
                                      as_code(&variable, config_environment_name(k, name)),
                                      k->reloads ? "reloads" : "restart", doc.p},
                5);
    }
}

static void add_titled_blocks(struct buf *out)
{
    const char *block = "";
    for (const struct config_block_key *k = config_block_keys; k->name; k++) {
        CLEANUP(buf_deinit) struct buf fallback = BUF_INIT;
        const char *doc = manual_block_doc(k->block);
        if (strcmp(k->block, block) != 0) {
            buf_printf(out, "\n## %s\n", k->block);
            buf_printf(out, doc ? "\n%s\n" : "%s", doc ? doc : "");
            buf_add_text(out, "\n| Key | Type | Default | |\n|---|---|---|---|\n");
        }
        block = k->block;
        add_row(out, k->name, (const char *const[]){k->type, as_code(&fallback, k->fallback), k->doc}, 3);
    }
}

void manual_markdown_configuration(struct buf *out)
{
    add_head(out, "muster.conf", "configuration");
    buf_printf(out, "\n%s\n\n```\n%s\n```\n", manual_conf_introduction, manual_conf_example);
    add_plain_keys(out);
    add_titled_blocks(out);
}

/* -- HTTP -- */

static const char *type_name(enum json_field_type type)
{
    static const char *const names[] = {
        [JSON_FIELD_TEXT] = "text",    [JSON_FIELD_INT] = "integer",
        [JSON_FIELD_BOOL] = "boolean", [JSON_FIELD_NUMBER] = "number",
        [JSON_FIELD_TEXTS] = "texts",  [JSON_FIELD_TEXT_MAP] = "object of texts",
        [JSON_FIELD_TIME] = "time",    [JSON_FIELD_RAW] = "any",
    };
    assert((size_t)type < COUNT_OF(names) && names[type]);
    return names[type];
}

static void add_body(struct buf *out, const struct http_route *r)
{
    if (!r->body || !r->body->name)
        return;
    buf_add_text(out, "\n| Field | Type | |\n|---|---|---|\n");
    for (const struct json_field *f = r->body; f->name; f++) {
        CLEANUP(buf_deinit) struct buf doc = BUF_INIT;
        buf_printf(&doc, "%s%s", f->required ? "Required. " : "", f->doc ? f->doc : "");
        if (f->one_of)
            buf_printf(&doc, " One of `%s`.", f->one_of);
        add_row(out, f->name, (const char *const[]){type_name(f->type), doc.p}, 2);
    }
}

/* "limit:integer:At most this many;after:…" */
static void add_query(struct buf *out, const char *query)
{
    struct str rest = str_of(query), row, name, type;
    if (query)
        buf_add_text(out, "\n| Query | Type | |\n|---|---|---|\n");
    while (query && str_split(&rest, ';', &row))
        if (str_split(&row, ':', &name) && str_split(&row, ':', &type))
            buf_printf(out, "| `%.*s` | %.*s | %.*s |\n", STR_ARG(name), STR_ARG(type), STR_ARG(row));
}

static void add_answers(struct buf *out, const char *responses)
{
    struct str rest = str_of(responses), row, status;
    if (responses)
        buf_add_text(out, "\n| Answer | |\n|---|---|\n");
    while (responses && str_split(&rest, ';', &row))
        if (str_split(&row, ':', &status))
            buf_printf(out, "| %.*s | %.*s |\n", STR_ARG(status), STR_ARG(row));
}

static void add_roles(struct buf *out, unsigned roles)
{
    const char *between = "";
    buf_add_text(out, " Roles: ");
    for (unsigned role = HTTP_ROLE_ADMIN; role <= HTTP_ROLE_ANYBODY; role <<= 1) {
        if (!(roles & role))
            continue;
        buf_printf(out, "%s%s", between,
                   role == HTTP_ROLE_ANYBODY ? "anybody" : http_role_name((enum http_role)role));
        between = ", ";
    }
    buf_add_text(out, ".\n");
}

static const char api_introduction[] =
    "The node serves this on `listen` and on its Unix socket; `GET /openapi.json` says the same for "
    "programs.\n\n"
    "Bodies are JSON and are sent as `application/json`; an unknown field is refused. Times are RFC 3339 in "
    "UTC; what is not known is null. A list takes `limit` and `after`, and names its next page in a `Link` "
    "header. Every GET carries an `ETag`.\n\n"
    "An error is `application/problem+json` (RFC 9457) with `type`, `title`, `status`, `detail`, "
    "`request_id` and, where a field is wrong, its `pointer`. Besides the answers below each call can give "
    "401 without credentials, 403 without the role, 400 and 422 for what is sent, 408, 413, 415, 429 and 431 "
    "for how, 503 while the node cannot, and 507 while the disk is full.\n\n"
    "Over the Unix socket the caller is known by uid, over loopback by the uid that owns the other end; from "
    "elsewhere a bearer token says who calls. See [tokens and roles](../how-to/tokens-and-roles.md).";

void manual_markdown_api(struct buf *out)
{
    size_t count;
    struct http_route *routes = api_all_routes(&count);
    add_head(out, "HTTP API", "api");
    buf_printf(out, "\n%s\n", api_introduction);
    for (size_t i = 0; i < count; i++) {
        const struct http_route *r = &routes[i];
        buf_printf(out, "\n## %s %s\n\n%s.", http_method_name(r->method), r->pattern, r->summary);
        add_roles(out, r->roles);
        add_query(out, r->query);
        add_body(out, r);
        add_answers(out, r->responses);
    }
    free(routes);
}

/* -- metrics -- */

static void add_family(void *arg, const char *type, const char *name, const char *help)
{
    struct buf *out = arg;
    add_row(out, name, (const char *const[]){type, help}, 2);
}

static void add_counters(struct buf *out)
{
    const char *name = "";
    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        const struct counter_row *row = &counter_rows[i];
        if (strcmp(row->name, name) != 0)
            buf_printf(out, "%s| `muster_%s_total` | %s | ", i ? " |\n" : "", row->name, row->help);
        else
            buf_add_text(out, ", ");
        name = row->name;
        if (row->label[0])
            buf_printf(out, "`%s=\"%s\"`", row->label, row->label_value);
    }
    buf_add_text(out, " |\n");
}

void manual_markdown_metrics(struct buf *out)
{
    add_head(out, "Metrics", "metrics");
    buf_add_text(
        out,
        "\n`GET /metrics` gives JSON, or OpenMetrics and Prometheus' text format to whoever asks for them by "
        "`Accept`. Counters end in `_total` there. What is not known has no sample. See "
        "[Prometheus](../how-to/prometheus.md).\n"
        "\n## Series\n\n| Name | Type | |\n|---|---|---|\n");
    render_text_families(add_family, out);
    buf_add_text(out, "\n## Counters since the start of the node\n\n| Name | | Labels |\n|---|---|---|\n");
    add_counters(out);
}
