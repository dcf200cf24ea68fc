#include "base/json.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "io/config.h"
#include "run/cgroup.h"
#include "run/launch.h"
#include "store/store.h"

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { CHECK_OK, CHECK_NOTE, CHECK_FAILED }; /* a note is worth knowing and fails nothing */
static const char *const verdicts[] = {"ok", "note", "FAILED"};

struct examination {
    struct table *table;
    struct buf json_text;
    struct json_writer json;
    int failed;
};

static void report(struct examination *x, const char *name, int verdict, const char *detail)
{
    const char *const cells[] = {name, verdicts[verdict], detail && detail[0] ? detail : NULL};
    table_add(x->table, cells);
    x->failed += verdict == CHECK_FAILED;
    json_object_begin(&x->json);
    json_kv_text(&x->json, "name", name);
    json_kv_text(&x->json, "result", verdict == CHECK_FAILED ? "failed" : verdicts[verdict]);
    json_kv_text(&x->json, "detail", detail && detail[0] ? detail : NULL);
    json_object_end(&x->json);
}

static void on_store_check(void *arg, const struct store_check *check)
{
    report(arg, check->name, check->ok ? CHECK_OK : CHECK_FAILED, check->detail);
}

static void check_shim(struct examination *x)
{
    char *path = launch_find_shim();
    report(
        x, "muster-shim", path ? CHECK_OK : CHECK_FAILED,
        path ? path
             : "neither beside muster nor in PATH: no agent can be started; install both programs together");
    free(path);
}

static void check_disk(struct examination *x, const char *dir)
{
    struct statvfs fs;
    char text[160];
    if (statvfs(dir, &fs) != 0) {
        (void)snprintf(text, sizeof(text), "%s: %s", dir, strerror(errno));
        report(x, "disk", CHECK_FAILED, text);
        return;
    }
    long long free_mib = (long long)(fs.f_bavail * (uint64_t)fs.f_frsize >> 20);
    (void)snprintf(text, sizeof(text), "%lld MiB free at %s", free_mib, dir);
    report(x, "disk", free_mib < 1 ? CHECK_FAILED : free_mib < 64 ? CHECK_NOTE : CHECK_OK, text);
}

static void check_writable(struct examination *x, const char *dir)
{
    bool ok = access(dir, W_OK | X_OK) == 0;
    char text[200];
    (void)snprintf(text, sizeof(text), "%s: %s", dir, ok ? "writable" : strerror(errno));
    report(x, "data_dir", ok ? CHECK_OK : CHECK_FAILED, text);
}

static void check_limits(struct examination *x)
{
    struct rlimit limit;
    char text[120];
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    (void)snprintf(text, sizeof(text), "%lld; about 3 per run and 1 per connection",
                   (long long)limit.rlim_max);
    report(x, "descriptors", limit.rlim_max < 1024 ? CHECK_NOTE : CHECK_OK, text);
    char parent[CGROUP_PATH_MAX];
    cgroup_find_parent(parent);
    report(x, "cgroups", parent[0] ? CHECK_OK : CHECK_NOTE,
           parent[0] ? parent
                     : "no cgroup v2 that may be written: runs are held by session and environment mark");
}

static void print(struct examination *x, bool json)
{
    json_array_end(&x->json);
    json_kv_bool(&x->json, "ok", x->failed == 0);
    json_object_end(&x->json);
    if (json)
        (void)printf("%s\n", x->json_text.p);
    else
        table_show(x->table, stdout);
}

static const struct table_column columns[] = {
    {.title = "CHECK"}, {.title = "RESULT"}, {.title = "DETAIL", .gives_way = true}};
static const struct command_option options[] = {{'j', "json", NULL, "Print JSON."}, {0}};

static int run(const struct invocation *in)
{
    struct config *config;
    struct err e = {0};
    int bad = command_config(in, &config);
    if (bad)
        return bad;
    struct examination x = {.table = table_new(columns, COUNT_OF(columns)), .json_text = BUF_INIT};
    json_init(&x.json, &x.json_text);
    json_object_begin(&x.json);
    json_key(&x.json, "checks");
    json_array_begin(&x.json);
    check_writable(&x, config->data_dir);
    check_disk(&x, config->data_dir);
    check_shim(&x);
    check_limits(&x);
    int rc = store_doctor(config->store, config->data_dir, on_store_check, &x, &e);
    if (rc < 0)
        report(&x, "store", CHECK_FAILED, e.text);
    print(&x, command_option(in, "json") != NULL);
    int failed = x.failed;
    x.table = table_free(x.table);
    buf_deinit(&x.json_text);
    (void)config_free(config);
    return failed ? EXIT_FAILED : EXIT_DONE;
}

static const struct command_example examples[] = {{"muster doctor", "Exit code 0 when all is well."}, {0}};

const struct command command_doctor = {
    .name = "doctor",
    .args = "",
    .summary = "Recounts what the store keeps, checks its integrity, the audit log and this host",
    .description = "Needs no running node, and may be run beside one: it reads only. Exit code 1 when a "
                   "check fails; each\n"
                   "failed check says what to do.",
    .options = options,
    .run = run,
    .examples = examples,
};
