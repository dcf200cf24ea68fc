/* workers_internal.h -- the roll call among its own files: workers.c takes beats and time, own.c sends those
 * of our components, save.c keeps the rows, view.c shows them. */
#pragma once
#include "base/hash.h"
#include "base/heap.h"
#include "base/map.h"
#include "core/beat.h"
#include "core/observer.h"
#include "core/worker_status.h"
#include "node/workers/workers.h"

#define WORKERS_LOOK_MS 1000
#define WORKERS_SAVE_FIRST_MS 100                /* after the first change… */
#define WORKERS_SAVE_SPACING_US INT64_C(1000000) /* …but no more often than this */
#define WORKERS_UNKNOWN_NAMES_MAX 1000 /* names that nobody configured, remembered to be logged once */
#define WORKERS_BOOT_ID_BYTES_MAX 4096

struct worker {
    const char *name;
    struct worker_row row;
    char *extra; /* JSON object, NULL: {} */
    bool truncated;
    struct buf head, tail; /* its print for the API around what changes with time; tail empty: to be made */
    bool is_own, dirty;
    enum worker_status told; /* what was last published */
    bool told_flapping;
    struct heap_entry due;
};

struct own_beat {
    struct workers_own component;
    struct beat beat;
    struct worker *row; /* NULL: not in the list */
    bool was_working;
};

struct workers {
    uv_loop_t *loop;
    struct store *store;
    struct events *events;
    struct bus_port bus;
    struct bus_subscription *subscription;
    bool started, stopping;
    void (*ready)(void *);
    void *ready_arg;

    int64_t (*wall_us)(void), (*boot_us)(void);
    struct observer observer;
    uv_timer_t look_timer;
    uv_timer_t due_timer; /* the first of `due` */
    bool due_is_late;     /* the timer has fired; sockets are read once more before it counts */
    struct heap due;

    struct worker *workers; /* in the configuration's order */
    size_t count;
    struct map by_name;
    struct map unknown_names; /* value: itself */
    struct buf extra;         /* of the beat that is being read */

    struct own_beat *own;
    size_t own_count;
    char own_instance[2 * BEAT_INSTANCE_BYTES + 1]; /* of all of them: they start and end together */
    bool own_started;
    uv_timer_t own_timer;

    uv_timer_t save_timer;
    bool saving;
    int64_t saved_us;              /* monotonic: when the last save began */
    char boot_id[HASH_SHA256_HEX]; /* which boot clock that is, "" unknown */
};

/* workers.c */
int64_t workers_now(struct workers *w); /* looks: the observer's clock */
struct worker *workers_find(const struct workers *w, struct str name);
/* A payload for a row, from wherever it came. */
void workers_take(struct workers *w, struct worker *worker, struct str payload);
/* The row may read differently now: tells the world once, and when to look again. */
void workers_settle(struct workers *w, struct worker *worker, int64_t now_us);
void workers_arm(struct workers *w, int64_t now_us);

/* own.c */
void own_init(struct workers *w, const struct workers_config *config);
void own_stop(struct workers *w); /* the last words */
bool own_is(const struct workers *w, struct str name);
bool own_is_echo(const struct workers *w, struct str payload); /* what we have published ourselves */

/* save.c */
void save_load(struct workers *w); /* then workers_loaded */
void workers_loaded(struct workers *w);
void save_mark(struct workers *w, struct worker *worker);
void save_now(struct workers *w);

/* view.c */
void view_changed(struct worker *worker); /* a beat was taken */
void view_status_event(struct workers *w, const struct worker *worker, enum worker_status previous,
                       int64_t now_us, struct buf *out);
