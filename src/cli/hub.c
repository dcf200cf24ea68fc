#include "base/sign.h"
#include "cli/commands.h"
#include "cli/rows.h"
#include "hub/hub.h"
#include "hub/licence_file.h"
#include "io/config.h"
#include "io/file.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)

/* -- the program -- */

static int serve(const struct invocation *in)
{
    return hub_main(in->config_path);
}

/* -- asking a hub -- */

static const struct row_column instance_columns[] = {{"INSTANCE", "instance_id"},
                                                     {"NAME", "name", .gives_way = true},
                                                     {"GROUP", "group"},
                                                     {"REPORTED", "last_report_at", ROW_AGE},
                                                     {"SILENT", "silent_since", ROW_AGE},
                                                     {"AGENTS", "agents_total", ROW_NUMBER},
                                                     {"SERVERS", "servers_total", ROW_NUMBER},
                                                     {"REPORTS", "reports", ROW_NUMBER},
                                                     {"GAPS", "gaps", ROW_NUMBER},
                                                     {"VERSION", "version"},
                                                     {0}};
static const struct row_column gap_columns[] = {{"KIND", "kind"},
                                                {"FROM", "window_start"},
                                                {"TO", "window_end"},
                                                {"FIRST", "first_no", ROW_NUMBER},
                                                {"LAST", "last_no", ROW_NUMBER},
                                                {"FOUND", "found_at", ROW_AGE},
                                                {"DETAIL", "detail", .gives_way = true},
                                                {0}};
static const struct row_column compliance_columns[] = {{"INSTANCE", "instance_id"},
                                                       {"NAME", "name", .gives_way = true},
                                                       {"STATE", "state"},
                                                       {"OF", "figure_of"},
                                                       {"FIGURE", "figure", ROW_NUMBER},
                                                       {"LIMIT", "limit", ROW_NUMBER},
                                                       {"SINCE", "since", ROW_AGE},
                                                       {"GRACE", "grace_for"},
                                                       {0}};

/* --url, else the address of the configuration: the hub has no socket of its own. */
static int ask(const struct invocation *in, const char *method, const char *path, const json_t *body,
               struct reply *ret)
{
    struct config *config;
    if (command_option(in, "url"))
        return client_call(in, method, path, body, ret);
    int rc = command_config(in, &config);
    if (rc)
        return rc;
    struct buf url = BUF_INIT;
    struct invocation there = *in;
    buf_printf(&url, "%s://%s", config->tls_certificate_file[0] ? "https" : "http", config->hub_listen);
    for (size_t i = 0; in->command->options[i].name; i++)
        if (strcmp(in->command->options[i].name, "url") == 0)
            there.values[i] = url.p;
    rc = client_call(&there, method, path, body, ret);
    buf_deinit(&url);
    (void)config_free(config);
    return rc;
}

static int show_list(const struct invocation *in, const char *path, const char *key,
                     const struct row_column *columns)
{
    struct reply r;
    int rc = ask(in, "GET", path, NULL, &r);
    if (rc)
        return rc;
    if (rows_want_json(in))
        rows_print_raw(&r);
    else
        rows_print(json_object_get(r.json, key), columns);
    reply_deinit(&r);
    return EXIT_DONE;
}

static int list(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    buf_add_text(&path, "/api/v1/instances?limit=10000");
    client_add_query(&path, in, "group");
    int rc = show_list(in, path.p, "instances", instance_columns);
    buf_deinit(&path);
    return rc;
}

static int compliance(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    buf_add_text(&path, "/api/v1/compliance?limit=10000");
    client_add_query(&path, in, "group");
    int rc = show_list(in, path.p, "instances", compliance_columns);
    buf_deinit(&path);
    return rc;
}

static void add_instance(struct buf *path, const char *id, const char *rest)
{
    buf_add_text(path, "/api/v1/instances/");
    client_add_escaped(path, id);
    buf_add_text(path, rest);
}

static int gaps(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    add_instance(&path, in->args[0], "/gaps?limit=10000");
    int rc = show_list(in, path.p, "gaps", gap_columns);
    buf_deinit(&path);
    return rc;
}

/* The key alone on standard output, so that a script can catch it. */
static void print_key(const struct invocation *in, const struct reply *r)
{
    if (rows_want_json(in)) {
        rows_print_raw(r);
        return;
    }
    (void)fprintf(stderr, "instance %s; this is the only time that its key is shown:\n",
                  json_string_value(json_object_get(r->json, "instance_id")));
    (void)printf("%s\n", json_string_value(json_object_get(r->json, "api_key")));
}

static int call_for_key(const struct invocation *in, const char *path, const json_t *body)
{
    struct reply r;
    int rc = ask(in, "POST", path, body, &r);
    if (rc)
        return rc;
    print_key(in, &r);
    reply_deinit(&r);
    return EXIT_DONE;
}

static int enroll(const struct invocation *in)
{
    json_t *body = json_pack("{s:s s:s* s:s*}", "name", in->args[0], "group", command_option(in, "group"),
                             "instance_id", command_option(in, "instance"));
    if (!body)
        return command_usage(in, "name, group and instance must be UTF-8");
    int rc = call_for_key(in, "/api/v1/instances", body);
    json_decref(body);
    return rc;
}

static int rotate(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    add_instance(&path, in->args[0], "/key");
    int rc = call_for_key(in, path.p, NULL);
    buf_deinit(&path);
    return rc;
}

static int delete_instance(const struct invocation *in)
{
    struct buf path = BUF_INIT;
    struct reply r;
    add_instance(&path, in->args[0], "");
    int rc = ask(in, "DELETE", path.p, NULL, &r);
    buf_deinit(&path);
    if (rc == 0)
        reply_deinit(&r);
    return rc;
}

/* -- files that nodes have exported -- */

struct import_count {
    int taken, had, refused;
};

static int import_line(const struct invocation *in, struct str line, struct import_count *count)
{
    json_error_t error;
    struct reply r;
    json_t *body = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
    if (!body)
        return command_fail(in, "a line of the file is not JSON: %s", error.text);
    int rc = ask(in, "POST", "/api/v1/import", body, &r);
    json_decref(body);
    if (rc == EXIT_UNREACHABLE || rc == EXIT_DENIED || rc == EXIT_USAGE)
        return rc;
    if (rc != 0) {
        count->refused++; /* the reason has been said; the other lines are for themselves */
        return 0;
    }
    bool duplicate = json_is_true(json_object_get(r.json, "duplicate"));
    count->had += duplicate;
    count->taken += !duplicate;
    reply_deinit(&r);
    return 0;
}

static int import_file(const struct invocation *in)
{
    struct buf text = BUF_INIT;
    struct import_count count = {0};
    int rc = file_read_small(in->args[0], (size_t)1 << 30, &text);
    if (rc != 0) {
        buf_deinit(&text);
        return command_fail(in, "%s cannot be read: %s", in->args[0], strerror(-rc));
    }
    struct str rest = buf_str(&text), line;
    while (rc == 0 && str_split(&rest, '\n', &line))
        if (str_trim(line).n)
            rc = import_line(in, line, &count);
    buf_deinit(&text);
    if (rc == 0)
        (void)printf("%d taken, %d there already, %d refused\n", count.taken, count.had, count.refused);
    return rc ? rc : count.refused ? EXIT_FAILED : EXIT_DONE;
}

/* -- licences -- */

static int read_file(const struct invocation *in, const char *path, struct buf *ret)
{
    int rc = file_read_small(path, FILE_BYTES_MAX, ret);
    return rc ? command_fail(in, "%s cannot be read: %s", path, strerror(-rc)) : 0;
}

static char *key_of(const struct invocation *in)
{
    struct buf text = BUF_INIT;
    const char *path = command_option(in, "key");
    char *key = NULL;
    if (!path)
        (void)command_usage(in, "licence needs --key FILE");
    else if (read_file(in, path, &text) == 0)
        key = str_dup(str_trim(buf_str(&text)));
    buf_deinit(&text);
    return key;
}

static int licence_new_key(const struct invocation *in, const char *path)
{
    char private_key[SIGN_KEY_HEX], public_key[SIGN_KEY_HEX];
    if (file_exists(path))
        return command_fail(in, "%s is there already; a key that is lost cannot be made again", path);
    sign_new_key(private_key);
    if (!sign_public_of(str_of(private_key), public_key))
        return command_fail(in, "a key cannot be made");
    struct buf text = BUF_INIT;
    buf_printf(&text, "%s\n", private_key);
    int rc = file_write_atomic(path, buf_str(&text), 0600, true);
    buf_deinit(&text);
    if (rc)
        return command_fail(in, "%s cannot be written: %s", path, strerror(-rc));
    (void)fprintf(stderr, "the private key is in %s; hub.licence_key is:\n", path);
    (void)printf("%s\n", public_key);
    return EXIT_DONE;
}

static int licence_sign(const struct invocation *in, const char *path)
{
    struct buf text = BUF_INIT, out = BUF_INIT;
    struct err e = {0};
    char *key = key_of(in);
    int rc = key ? read_file(in, path, &text) : EXIT_FAILED;
    if (rc == 0 && licence_file_sign(str_trim(buf_str(&text)), key, &out, &e) != 0)
        rc = command_fail(in, "%s%s%s%s", e.text, e.place[0] ? " (" : "", e.place, e.place[0] ? ")" : "");
    else if (rc == 0)
        (void)fwrite(out.p, 1, out.n, stdout);
    free(key);
    buf_deinit(&text);
    buf_deinit(&out);
    return rc;
}

/* --key is the public key here, or the private one that it belongs to. */
static int verify_with(const struct invocation *in, struct str document, const char *key)
{
    char public_key[SIGN_KEY_HEX];
    struct licence l;
    struct err e = {0};
    int rc = licence_file_open(document, key, &l, &e);
    if (rc != 0 && sign_public_of(str_of(key), public_key))
        rc = licence_file_open(document, public_key, &l, &e);
    if (rc != 0)
        return command_fail(in, "%s", e.text);
    (void)printf("the licence is good: made out to %s %s\n", l.instance_id[0] ? "instance" : "group",
                 l.instance_id[0] ? l.instance_id : l.group);
    return EXIT_DONE;
}

static int licence_verify(const struct invocation *in, const char *path)
{
    struct buf text = BUF_INIT;
    char *key = key_of(in);
    int rc = key ? read_file(in, path, &text) : EXIT_FAILED;
    if (rc == 0)
        rc = verify_with(in, buf_str(&text), key);
    free(key);
    buf_deinit(&text);
    return rc;
}

static int licence_put_file(const struct invocation *in, const char *path)
{
    const char *id = command_option(in, "instance"), *group = command_option(in, "group");
    struct buf text = BUF_INIT, where = BUF_INIT;
    struct reply r;
    if (!id == !group)
        return command_usage(in, "licence put needs --instance ID or --group G");
    int rc = read_file(in, path, &text);
    json_t *body = rc == 0 ? json_loadb(text.p, text.n, 0, NULL) : NULL;
    if (rc == 0 && !body)
        rc = command_fail(in, "%s is no licence file", path);
    buf_add_text(&where, id ? "/api/v1/instances/" : "/api/v1/groups/");
    client_add_escaped(&where, id ? id : group);
    buf_add_text(&where, "/licence");
    if (rc == 0)
        rc = ask(in, "PUT", where.p, body, &r);
    if (rc == 0)
        reply_deinit(&r);
    json_decref(body);
    buf_deinit(&text);
    buf_deinit(&where);
    return rc;
}

static int licence(const struct invocation *in)
{
    static const struct {
        const char *name;
        int (*run)(const struct invocation *in, const char *path);
    } actions[] = {{"key", licence_new_key},
                   {"sign", licence_sign},
                   {"verify", licence_verify},
                   {"put", licence_put_file}};
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        if (strcmp(in->args[0], actions[i].name) == 0)
            return actions[i].run(in, in->args[1]);
    return command_usage(in, "licence takes key, sign, verify or put");
}

static const struct command_option options[] = {
    {'g', "group", "GROUP", "The group of the instance, or of those to be shown."},
    {'i', "instance", "ID", "What the instance calls itself; one is drawn without it."},
    {'k', "key", "FILE", "Private key to sign with, public key to verify with."},
    CLIENT_JSON_OPTION,
    {0, "url", "URL", "Ask the hub there instead of at hub.listen; MUSTER_TOKEN is sent."},
    {0}};
static const struct command_verb verbs[] = {
    {"serve", "", "Run the hub, in the foreground", serve},
    {"list", "", "The instances, and whether they report", list},
    {"enroll", "NAME", "Make an instance known; its key is printed once", enroll},
    {"rotate", "ID", "Make it a new key; the old one goes on until the new one is used", rotate},
    {"delete", "ID", "Remove an instance and all that it sent", delete_instance},
    {"gaps", "ID", "What is missing or odd in its reports", gaps},
    {"compliance", "", "How the instances stand to their licences", compliance},
    {"import", "FILE", "Take a file that muster telemetry export has written", import_file},
    {"licence", "ACTION FILE", "key, sign, verify or put: make a key pair, and licences with it", licence},
    {0}};
static const struct command_example examples[] = {
    {"muster hub", "Run it, on hub.listen."},
    {"muster hub enroll build-7 --group ci", "Prints the key for telemetry.api_key of that node."},
    {"muster hub licence sign licence.json --key vendor.key > build-7.licence", "Sign a licence."},
    {0}};

const struct command command_hub = {
    .name = "hub",
    .summary = "Takes the reports of many nodes, and answers for all of them",
    .description = "Runs the hub: nodes with telemetry send it one report per window, each is durable before "
                   "it is acknowledged\n"
                   "and counts once, whatever the network does. What is missing is listed. The other verbs "
                   "ask a hub that runs.\n"
                   "\n"
                   "It is configured in the block hub of muster.conf, and listens on 127.0.0.1:6879 unless "
                   "told otherwise.",
    .options = options,
    .verbs = verbs,
    .examples = examples,
};
