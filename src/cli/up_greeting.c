#include "cli/up_greeting.h"

#include "cli/command.h"
#include "cli/fill.h"

#include <sys/stat.h>
#include <unistd.h>

/* Whether a shell that is told `name` starts `file`; with `file` NULL, whether it starts anything. */
static bool is_in_path(const char *name, const struct stat *file)
{
    struct str rest = str_of(getenv("PATH")), dir;
    while (str_split(&rest, ':', &dir)) {
        CLEANUP(buf_deinit) struct buf path = BUF_INIT;
        struct stat st;
        buf_printf(&path, "%.*s/%s", STR_ARG(dir), name);
        if (dir.n > 0 && access(path.p, X_OK) == 0 && stat(path.p, &st) == 0)
            return !file || (st.st_dev == file->st_dev && st.st_ino == file->st_ino);
    }
    return false;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("/._-+:@", c);
}

/* As one word of a shell. */
static void add_word(struct buf *out, const char *word)
{
    bool plain = true;
    for (const char *p = word; *p; p++)
        plain = plain && is_plain(*p);
    if (plain) {
        buf_add_text(out, word);
        return;
    }
    buf_add_char(out, '\'');
    for (const char *p = word; *p; p++)
        if (*p == '\'')
            buf_add_text(out, "'\\''");
        else
            buf_add_char(out, *p);
    buf_add_char(out, '\'');
}

static void add_program(struct buf *out)
{
    struct stat self;
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (n <= 0 || stat("/proc/self/exe", &self) != 0 || is_in_path("muster", &self)) {
        buf_add_text(out, "muster");
        return;
    }
    path[n] = '\0';
    add_word(out, path);
}

/* `muster WORDS …` that finds this node, whatever the other terminal's environment says. */
static void add_command(struct buf *out, const struct config *c, const char *config_path, const char *words)
{
    if (getenv("MUSTER_SOCKET") || getenv("MUSTER_DATA_DIR")) {
        buf_add_text(out, "MUSTER_SOCKET=");
        add_word(out, c->socket);
        buf_add_char(out, ' ');
    }
    add_program(out);
    buf_printf(out, " %s", words);
    char *absolute = c->path && (config_path || getenv("MUSTER_CONFIG")) ? realpath(c->path, NULL) : NULL;
    if (absolute) {
        buf_add_text(out, " --config ");
        add_word(out, absolute);
    }
    free(absolute);
}

struct lines {
    struct buf commands[5];
    const char *docs[5];
    size_t count;
};

static struct buf *add_line(struct lines *l, const char *doc)
{
    assert(l->count < COUNT_OF(l->docs));
    l->docs[l->count] = doc;
    buf_init(&l->commands[l->count]);
    return &l->commands[l->count++];
}

static void add_commands(struct lines *l, const struct config *c, const char *config_path)
{
    static const struct {
        const char *command, *words, *rest, *doc;
    } rows[] = {
        {"status", "status", "", "the node at a glance"},
        {"run", "run", " -- sleep 5", "any command as a run"},
        {"agents", "agents", "", "who may run and who runs"},
        {"jobs", "jobs add", " --help", "queue work for an agent of the configuration"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!command_find(rows[i].command))
            continue;
        struct buf *command = add_line(l, rows[i].doc);
        add_command(command, c, config_path, rows[i].words);
        buf_add_text(command, rows[i].rest);
    }
}

static void add_curl(struct lines *l, const struct config *c, const char *url)
{
    static const char doc[] = "the raw signals, as JSON";
    if (!is_in_path("curl", NULL))
        return;
    struct buf *command = add_line(l, doc);
    if (c->listen[0]) {
        buf_printf(command, "curl -s%s %smetrics", c->tls_certificate_file[0] ? "k" : "", url);
        return;
    }
    buf_add_text(command, "curl -s --unix-socket ");
    add_word(command, c->socket);
    buf_add_text(command, " http://localhost/metrics");
}

static void print_lines(struct buf *out, struct lines *l)
{
    size_t widest = 0;
    for (size_t i = 0; i < l->count; i++)
        widest = MAX(widest, fill_columns(l->commands[i].p));
    for (size_t i = 0; i < l->count; i++) {
        buf_printf(out, "  %s", l->commands[i].p);
        fill_pad(out, fill_columns(l->commands[i].p), widest + 3);
        buf_printf(out, "%s\n", l->docs[i]);
        buf_deinit(&l->commands[i]);
    }
}

void up_greeting(struct buf *out, const struct config *c, const char *config_path, struct str address)
{
    CLEANUP(buf_deinit) struct buf url = BUF_INIT;
    struct lines lines = {.count = 0};
    buf_printf(&url, "http%s://%.*s/", c->tls_certificate_file[0] ? "s" : "", STR_ARG(address));
    buf_printf(out, "\nmuster is up.\n  API        %s%s%s%s\n", c->listen[0] ? url.p : "",
               c->listen[0] && c->socket[0] ? "   and the socket " : "", c->socket,
               c->listen[0] || c->socket[0] ? "" : "none");
    buf_printf(out, "  data       %s\n  config     %s\n\nTry next, in another terminal:\n", c->data_dir,
               c->path ? c->path : "none found: defaults");
    add_commands(&lines, c, config_path);
    add_curl(&lines, c, url.p);
    print_lines(out, &lines);
    buf_add_text(out, "\nCtrl-C stops muster; agents that run go on and are taken up by the next start.\n\n");
}
