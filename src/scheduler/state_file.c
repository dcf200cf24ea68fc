#include "scheduler/state_file.h"

#include "base/clock.h"
#include "base/hash.h"
#include "io/file.h"
#include "io/worker.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#define FILE_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define SMALL_JOBS 512 /* up to so many are one file */
#define SHARDS 256

struct waiting {
    struct waiting *next;
    size_t job;
    void (*on_written)(void *arg, size_t job);
    void *arg;
};

/* A write ahead waits for nobody: it has a file and a worker of its own, since the other's fsync may take
 * long. */
enum writing { WRITING_DURABLY, WRITING_AHEAD };
#define WRITINGS 2

struct shard {
    size_t *jobs;
    size_t count;
    bool dirty, writing[WRITINGS];
    struct waiting *waiting; /* for the next write ahead */
};

struct state_file {
    uv_loop_t *loop;
    char *directory;
    const struct state_file_ops *ops;
    void *arg;
    struct worker *workers[WRITINGS];
    struct shard *shards;
    size_t shard_count;
    int64_t sequence; /* of the last write: of two files that name a job, the one with the greater counts */
};

struct write_job {
    struct worker_job job;
    struct state_file *owner;
    size_t shard; /* what it is now, as the shards change only when nothing is being written */
    enum writing kind;
    char *path;
    struct buf bytes;
    int rc;
    struct waiting *waiting;
};

/* -- reading -- */

bool state_file_parse(struct str text, void (*found)(void *arg, struct str name, const json_t *value),
                      void *arg, int64_t *ret_sequence)
{
    json_t *json = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    json_t *jobs = json_object_get(json, "jobs"), *value;
    const char *name;
    bool ok = json_is_object(jobs) && json_integer_value(json_object_get(json, "version")) == 1;
    if (ok)
        json_object_foreach(jobs, name, value) ok = ok && json_is_object(value);
    if (ok && found)
        json_object_foreach(jobs, name, value) found(arg, str_of(name), value);
    if (ok) /* files of older versions have none */
        *ret_sequence = json_integer_value(json_object_get(json, "sequence"));
    json_decref(json);
    return ok;
}

static void set_aside(struct state_file *s, const char *path)
{
    struct buf aside = BUF_INIT, what = BUF_INIT;
    buf_printf(&aside, "%s.corrupt-%lld", path, (long long)(clock_wall_us() / USEC_PER_SEC));
    int rc = rename(path, aside.p) == 0 ? 0 : errno;
    buf_printf(&what, "%s is not a state file and counts as empty; %s %s", path,
               rc ? "it cannot be set aside:" : "it is kept as", rc ? strerror(rc) : aside.p);
    s->ops->trouble(s->arg, what.p);
    buf_deinit(&aside);
    buf_deinit(&what);
}

struct loaded { /* one file's text, until all have been looked at */
    char *name;
    struct buf text;
    int64_t sequence;
};
struct loading {
    struct state_file *owner;
    struct loaded *files;
    size_t count;
};

static void load_one(struct loading *l, const char *name)
{
    struct buf path = BUF_INIT;
    struct loaded f = {.text = BUF_INIT};
    buf_printf(&path, "%s/%s", l->owner->directory, name);
    int rc = file_read_small(path.p, FILE_BYTES_MAX, &f.text);
    if (rc != 0 || !state_file_parse(buf_str(&f.text), NULL, NULL, &f.sequence)) {
        set_aside(l->owner, path.p);
        buf_deinit(&f.text);
    } else {
        f.name = xstrdup(name);
        l->files = xrealloc(l->files, (l->count + 1) * sizeof(*l->files));
        l->files[l->count++] = f;
    }
    buf_deinit(&path);
}

static int by_sequence(const void *a, const void *b)
{
    const struct loaded *x = a, *y = b;
    return x->sequence != y->sequence ? (x->sequence > y->sequence) - (x->sequence < y->sequence)
                                      : strcmp(x->name, y->name);
}

/* The older first: what a later file says of a job replaces it. */
static void take_up(struct loading *l)
{
    struct state_file *s = l->owner;
    if (l->count)
        qsort(l->files, l->count, sizeof(*l->files), by_sequence);
    for (size_t i = 0; i < l->count; i++) {
        bool ok = state_file_parse(buf_str(&l->files[i].text), s->ops->found, s->arg, &s->sequence);
        assert(ok); /* it was looked at before */
        free(l->files[i].name);
        buf_deinit(&l->files[i].text);
    }
    free(l->files);
}

static bool is_state(const char *name)
{
    return str_starts_with(str_of(name), STR("state")) && str_ends_with(str_of(name), STR(".json"));
}

static void each_file(const struct state_file *s, void (*each)(void *arg, const char *name), void *arg)
{
    DIR *dir = opendir(s->directory);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (is_state(entry->d_name) || strncmp(entry->d_name, FILE_TEMPORARY, strlen(FILE_TEMPORARY)) == 0)
            each(arg, entry->d_name);
    if (dir)
        (void)closedir(dir);
}

static void load_or_remove(void *arg, const char *name)
{
    struct loading *l = arg;
    if (is_state(name)) {
        load_one(l, name);
        return;
    }
    struct buf path = BUF_INIT; /* what a crash left of a write */
    buf_printf(&path, "%s/%s", l->owner->directory, name);
    (void)unlink(path.p);
    buf_deinit(&path);
}

int state_file_load(struct state_file *s)
{
    int rc = file_mkdirs(s->directory, 0700);
    struct loading l = {.owner = s};
    if (rc == 0)
        each_file(s, load_or_remove, &l);
    take_up(&l);
    return rc;
}

/* -- writing -- */

static void file_name(const struct state_file *s, size_t shard, enum writing kind, struct buf *out)
{
    static const char *const ends[WRITINGS] = {".json", ".ahead.json"};
    if (s->shard_count == 1)
        buf_printf(out, "state%s", ends[kind]);
    else
        buf_printf(out, "state-%02zx%s", shard, ends[kind]);
}

static void render(struct state_file *s, size_t shard, struct buf *out)
{
    struct json_writer w;
    json_init(&w, out);
    json_object_begin(&w);
    json_kv_i64(&w, "version", 1);
    json_kv_i64(&w, "sequence", ++s->sequence);
    json_key(&w, "jobs");
    json_object_begin(&w);
    for (size_t i = 0; i < s->shards[shard].count; i++) {
        size_t job = s->shards[shard].jobs[i];
        json_key_str(&w, str_of(s->ops->name(s->arg, job)));
        s->ops->render(s->arg, job, &w);
    }
    json_object_end(&w);
    json_object_end(&w);
    buf_add_char(out, '\n');
}

static void run_batch(void *context, struct worker_job *first)
{
    (void)context;
    for (struct worker_job *j = first; j; j = j->next) {
        struct write_job *w = CONTAINER_OF(j, struct write_job, job);
        w->rc = file_write_atomic(w->path, buf_str(&w->bytes), 0600, w->kind == WRITING_DURABLY);
    }
}

static void write_shard(struct state_file *s, size_t shard, enum writing kind);

static void tell_waiting(struct waiting *list)
{
    while (list) {
        struct waiting *next = list->next;
        list->on_written(list->arg, list->job);
        free(list);
        list = next;
    }
}

static void on_written(struct worker_job *job)
{
    struct write_job *w = CONTAINER_OF(job, struct write_job, job);
    struct state_file *s = w->owner;
    if (w->rc != 0) {
        struct buf what = BUF_INIT;
        buf_printf(&what, "%s cannot be written: %s", w->path, strerror(-w->rc));
        s->ops->trouble(s->arg, what.p);
        buf_deinit(&what);
    }
    size_t shard = w->shard;
    enum writing kind = w->kind;
    struct waiting *waiting = w->waiting;
    free(w->path);
    buf_deinit(&w->bytes);
    free(w);
    if (shard < s->shard_count)
        s->shards[shard].writing[kind] = false;
    tell_waiting(waiting);
    if (shard < s->shard_count)
        write_shard(s, shard, kind);
}

/* If there is a reason to.  What is written ahead stays dirty, for a durable write with its end. */
static void write_shard(struct state_file *s, size_t shard, enum writing kind)
{
    struct shard *h = &s->shards[shard];
    bool ahead = kind == WRITING_AHEAD;
    if (h->writing[kind] || !(ahead ? h->waiting != NULL : h->dirty))
        return;
    struct buf name = BUF_INIT, path = BUF_INIT;
    struct write_job *w = xnew(struct write_job);
    file_name(s, shard, kind, &name);
    buf_printf(&path, "%s/%s", s->directory, name.p);
    *w = (struct write_job){.job = {.done = on_written},
                            .owner = s,
                            .shard = shard,
                            .kind = kind,
                            .path = buf_take(&path),
                            .waiting = ahead ? h->waiting : NULL};
    buf_init(&w->bytes);
    render(s, shard, &w->bytes);
    if (ahead)
        h->waiting = NULL;
    else
        h->dirty = false;
    h->writing[kind] = true;
    worker_post(s->workers[kind], &w->job);
    buf_deinit(&name);
}

/* -- for the scheduler -- */

static size_t shard_of(const struct state_file *s, size_t job)
{
    return s->shard_count == 1 ? 0 : hash_xx(str_of(s->ops->name(s->arg, job))) % s->shard_count;
}

static void start_workers(struct state_file *s)
{
    s->workers[WRITING_DURABLY] = worker_new(s->loop, "state", run_batch, NULL);
    s->workers[WRITING_AHEAD] = worker_new(s->loop, "state-ahead", run_batch, NULL);
}

static void end_workers(struct state_file *s)
{
    /* Who was told that it is written ahead may ask for a durable write: that one ends last. */
    s->workers[WRITING_AHEAD] = worker_free(s->workers[WRITING_AHEAD]);
    s->workers[WRITING_DURABLY] = worker_free(s->workers[WRITING_DURABLY]);
}

struct state_file *state_file_new(uv_loop_t *loop, const char *directory, const struct state_file_ops *ops,
                                  void *arg)
{
    struct state_file *s = xnew(struct state_file);
    s->loop = loop;
    s->directory = xstrdup(directory);
    s->ops = ops;
    s->arg = arg;
    start_workers(s);
    return s;
}

static void free_shards(struct state_file *s)
{
    for (size_t i = 0; i < s->shard_count; i++) {
        free(s->shards[i].jobs);
        tell_waiting(s->shards[i].waiting);
    }
    free(s->shards);
    s->shards = NULL;
    s->shard_count = 0;
}

static void remove_stale(void *arg, const char *found)
{
    const struct state_file *s = arg;
    struct buf name = BUF_INIT, path = BUF_INIT;
    bool known = false;
    for (size_t i = 0; i < s->shard_count && !known; i++) {
        buf_clear(&name);
        file_name(s, i, WRITING_DURABLY, &name);
        known = strcmp(name.p, found) == 0;
    }
    buf_printf(&path, "%s/%s", s->directory, found);
    if (!known)
        (void)unlink(path.p);
    buf_deinit(&name);
    buf_deinit(&path);
}

/* Blocks until the worker has nothing left: the `done`s of its jobs have run, those that they posted too. */
void state_file_finish(struct state_file *s)
{
    state_file_flush(s);
    end_workers(s);
    start_workers(s);
}

static void write_all_now(struct state_file *s)
{
    for (size_t i = 0; i < s->shard_count; i++) {
        struct buf name = BUF_INIT, path = BUF_INIT, bytes = BUF_INIT;
        file_name(s, i, WRITING_DURABLY, &name);
        buf_printf(&path, "%s/%s", s->directory, name.p);
        render(s, i, &bytes);
        int rc = file_write_atomic(path.p, buf_str(&bytes), 0600, true);
        if (rc != 0) {
            buf_printf(&path, " cannot be written: %s", strerror(-rc));
            s->ops->trouble(s->arg, path.p);
        }
        buf_deinit(&name);
        buf_deinit(&path);
        buf_deinit(&bytes);
    }
}

void state_file_set_jobs(struct state_file *s, size_t count)
{
    state_file_finish(s);
    free_shards(s);
    s->shard_count = count <= SMALL_JOBS ? 1 : SHARDS;
    s->shards = xcalloc(s->shard_count, sizeof(*s->shards));
    size_t *sizes = xcalloc(s->shard_count, sizeof(*sizes));
    for (size_t i = 0; i < count; i++)
        sizes[shard_of(s, i)]++;
    for (size_t i = 0; i < s->shard_count; i++)
        s->shards[i].jobs = xcalloc(sizes[i], sizeof(size_t));
    for (size_t i = 0; i < count; i++) {
        struct shard *h = &s->shards[shard_of(s, i)];
        h->jobs[h->count++] = i;
    }
    free(sizes);
    write_all_now(s);
    each_file(s, remove_stale, s);
}

void state_file_touch(struct state_file *s, size_t job)
{
    s->shards[shard_of(s, job)].dirty = true;
}

void state_file_ahead(struct state_file *s, size_t job, void (*on_ahead)(void *arg, size_t job), void *arg)
{
    struct shard *h = &s->shards[shard_of(s, job)];
    struct waiting *w = xnew(struct waiting);
    *w = (struct waiting){.next = h->waiting, .job = job, .on_written = on_ahead, .arg = arg};
    h->waiting = w;
    h->dirty = true;
}

void state_file_flush(struct state_file *s)
{
    for (size_t i = 0; i < s->shard_count; i++) {
        write_shard(s, i, WRITING_AHEAD);
        write_shard(s, i, WRITING_DURABLY);
    }
}

struct state_file *state_file_free(struct state_file *s)
{
    if (!s)
        return NULL;
    state_file_finish(s);
    end_workers(s);
    write_all_now(s);
    free_shards(s);
    free(s->directory);
    free(s);
    return NULL;
}
