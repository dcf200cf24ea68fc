/* instances.h -- rows of the instances that a hub knows: who they are, their keys, and where their chain of
 * windows stands (spec 80 H8, H12, H14).
 *
 * A key is stored as its SHA-256.  The one before a rotation goes on until the new one has been used, or its
 * time is over.  Store threads only. */
#pragma once
#include "core/report.h"
#include "store/db.h"

struct instance {
    const char *id, *name, *group, *key_hash, *old_key_hash;         /* group, old_key_hash: NULL for none */
    const char *epoch, *process, *version, *platform;                /* NULL: nothing was reported yet */
    int64_t old_key_until, created_at, last_seen_at, last_report_at; /* 0: never */
    int64_t first_start, last_end;                                   /* of what is counted; 0: nothing */
    int64_t epoch_since, last_no, max_no, fork_no, fork_end;         /* 0: unknown */
    int64_t total_tasks, total_runs;                                 /* cumulative; valid with totals_known */
    bool totals_known;
    int64_t interval_us, expected_by, silent_since; /* 0: unknown; silent_since 0: it is not */
    int64_t uptime_s, agents_online, agents_offline, agents_total, servers_total, reports, gaps;
};
enum { INSTANCE_E_ABSENT = 1, INSTANCE_E_EXISTS };

MUST_CHECK int instance_insert(struct db *db, const struct instance *i, int64_t now_us, struct err *e);
MUST_CHECK int instance_get(struct db *db, const char *id, struct arena *a, struct instance *ret,
                            struct err *e);
/* Those of these ids that are there, in any order, for who is about to report: in an operation that writes,
 * and nobody else changes them until it ends. */
MUST_CHECK int instance_find(struct db *db, const char *const *ids, size_t count, struct arena *a,
                             struct instance **ret, size_t *ret_count, struct err *e);
struct instance_filter {
    const char *after, *group; /* after: id, "" from the start; group NULL: any */
    bool silent_only;
    int64_t limit;
};
MUST_CHECK int instance_list(struct db *db, const struct instance_filter *f, struct arena *a,
                             struct instance **ret, size_t *ret_count, struct err *e);
struct instance_counts {
    int64_t all, silent;
};
MUST_CHECK int instance_count(struct db *db, struct instance_counts *ret, struct err *e);
MUST_CHECK int instance_put_key(struct db *db, const char *id, const char *hash, int64_t old_until_us,
                                struct err *e);
MUST_CHECK int instance_delete(struct db *db, const char *id, struct err *e);

/* What reports have changed of these, which instance_find has found: the old key, the chain, what they said.
 * What is 0 or NULL is so. */
MUST_CHECK int instance_save(struct db *db, const struct instance *const *list, size_t count, struct arena *a,
                             struct err *e);
/* 0 when the next report of one is overdue and it is not marked yet, else DB_E_NONE. */
MUST_CHECK int instance_any_overdue(struct db *db, int64_t now_us, struct err *e);
/* Marks those whose next report is overdue, at most `limit`, and gives their ids. */
MUST_CHECK int instance_mark_silent(struct db *db, int64_t now_us, int64_t limit, struct arena *a,
                                    struct instance **ret, size_t *ret_count, struct err *e);

/* -- what is odd about its windows (H9, H15) -- */
struct instance_gap {
    int64_t id, start_us, end_us, first_no, last_no, found_at; /* numbers 0: unknown */
    const char *kind, *epoch, *detail;
};
MUST_CHECK int gap_insert(struct db *db, const char *instance_id, const struct instance_gap *g,
                          int64_t now_us, struct err *e);
MUST_CHECK int gap_extend(struct db *db, int64_t id, int64_t end_us, int64_t last_no, struct err *e);
MUST_CHECK int gap_delete(struct db *db, int64_t id, struct err *e);
/* The newest of this kind and epoch; DB_E_NONE. */
MUST_CHECK int gap_newest(struct db *db, const char *instance_id, const char *kind, const char *epoch,
                          struct arena *a, struct instance_gap *ret, struct err *e);
/* The gap that holds this time, and the one that holds this number; DB_E_NONE. */
MUST_CHECK int gap_around(struct db *db, const char *instance_id, int64_t start_us, int64_t end_us,
                          struct arena *a, struct instance_gap *ret, struct err *e);
MUST_CHECK int gap_numbered(struct db *db, const char *instance_id, const char *epoch, int64_t window_no,
                            struct arena *a, struct instance_gap *ret, struct err *e);
/* kind NULL: any.  Newest last. */
MUST_CHECK int gap_list(struct db *db, const char *instance_id, const char *kind, int64_t after,
                        int64_t limit, struct arena *a, struct instance_gap **ret, size_t *ret_count,
                        struct err *e);

/* Of all instances, the newest first, from behind `before`; kind NULL: any. */
struct instance_finding {
    struct instance_gap gap;
    const char *instance_id, *name;
};
MUST_CHECK int finding_list(struct db *db, const char *kind, int64_t before, int64_t limit, struct arena *a,
                            struct instance_finding **ret, size_t *ret_count, struct err *e);
/* How many of each kind, of the instances from `first` to `last`, which count too: calls `each`. */
MUST_CHECK int gap_count(struct db *db, const char *first, const char *last,
                         void (*each)(void *arg, struct str instance_id, struct str kind, int64_t count),
                         void *arg, struct err *e);

/* -- events of the hub -- */
struct hub_event {
    int64_t id, at;
    const char *instance_id, *type, *detail;
};
MUST_CHECK int hub_event_insert(struct db *db, const char *instance_id, const char *type, const char *detail,
                                int64_t now_us, struct err *e);
MUST_CHECK int hub_event_newest(struct db *db, int64_t *ret_id, struct err *e); /* 0: there was none yet */
MUST_CHECK int hub_event_list(struct db *db, int64_t after, int64_t limit, struct arena *a,
                              struct hub_event **ret, size_t *ret_count, struct err *e);
