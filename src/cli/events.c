/* events.c -- `muster events`: what happens on the node, as it happens. */
#include "base/json.h"
#include "cli/client.h"
#include "cli/commands.h"

#include <unistd.h>

#define EVENT_BYTES_MAX ((size_t)4 << 20) /* of one event; nothing comes near it */
#define PAUSE_FIRST_US 200000
#define PAUSE_LAST_US 2000000

struct follower {
    bool json, gone; /* gone: nobody reads what is printed */
    struct buf rest; /* of the stream: an event that has not ended */
    struct buf id;   /* of the last one */
};

/* The value of the line "name: value" of one event, the empty slice when there is none. */
static struct str field(struct str event, const char *name)
{
    struct str line;
    size_t n = strlen(name);
    while (str_split(&event, '\n', &line))
        if (line.n > n + 1 && memcmp(line.p, name, n) == 0 && line.p[n] == ':')
            return str_trim((struct str){line.p + n + 1, line.n - n - 1});
    return (struct str){0};
}

static void print_json(struct str id, struct str subject, struct str data)
{
    struct buf line = BUF_INIT;
    struct json_writer w;
    json_init(&w, &line);
    json_object_begin(&w);
    if (id.n)
        json_kv_str(&w, "id", id);
    json_kv_str(&w, "subject", subject);
    json_key(&w, "data");
    json_raw(&w, data);
    json_object_end(&w);
    (void)printf("%s\n", line.p);
    buf_deinit(&line);
}

static void on_event(struct follower *f, struct str event)
{
    struct str id = field(event, "id"), subject = field(event, "event"), data = field(event, "data");
    if (data.n == 0)
        return; /* a comment that keeps the connection alive */
    if (id.n) {
        buf_clear(&f->id);
        buf_add_str(&f->id, id);
    }
    if (f->json)
        print_json(id, subject, data);
    else
        (void)printf("%.*s %.*s\n", STR_ARG(subject), STR_ARG(data));
    f->gone |= fflush(stdout) != 0;
}

static bool on_part(void *arg, struct str bytes)
{
    struct follower *f = arg;
    ptrdiff_t end;
    buf_add_str(&f->rest, bytes);
    while ((end = str_find(buf_str(&f->rest), STR("\n\n"))) >= 0) {
        on_event(f, (struct str){f->rest.p, (size_t)end});
        buf_consume(&f->rest, (size_t)end + 2);
    }
    return !f->gone && f->rest.n <= EVENT_BYTES_MAX;
}

static int follow(const struct invocation *in, struct follower *f, const char *path)
{
    useconds_t pause_us = PAUSE_FIRST_US;
    for (bool first = true;; first = false) {
        bool opened;
        int rc = client_stream(in, path, f->id.n ? f->id.p : NULL, first, on_part, f, &opened);
        if (rc != 0 || f->gone)
            return rc;
        if (opened)
            (void)fprintf(stderr, "muster events: the stream ended; going on when the node is back\n");
        pause_us = opened ? PAUSE_FIRST_US : MIN(pause_us * 2, (useconds_t)PAUSE_LAST_US);
        buf_clear(&f->rest);
        (void)usleep(pause_us);
    }
}

static int run(const struct invocation *in)
{
    struct follower f = {.json = command_option(in, "json") != NULL, .rest = BUF_INIT, .id = BUF_INIT};
    struct buf path = BUF_INIT;
    buf_add_text(&path, "/api/v1/events");
    client_add_query(&path, in, "subject");
    int rc = follow(in, &f, path.p);
    buf_deinit(&path);
    buf_deinit(&f.rest);
    buf_deinit(&f.id);
    return rc;
}

static const struct command_option options[] = {
    {'s', "subject", "PATTERN",
     "Only subjects that match: * is one token, > is what follows, as in event.job.>"},
    {'j', "json", NULL, "One JSON object per line: id, subject, data."},
    CLIENT_URL_OPTION,
    {0}};

const struct command command_events = {
    .name = "events",
    .args = "",
    .summary = "Follow what happens: states of jobs, ends of runs, stages of tasks",
    .description = "Prints each event as it happens, its subject and its JSON object, until it is "
                   "interrupted. A stream that "
                   "breaks goes on where it stopped once the node is back; a line `gap` says that events in "
                   "between are gone. "
                   "Events are the node's own words: what clients publish on the bus under the same subjects "
                   "is not among "
                   "them.",
    .options = options,
    .run = run,
};
