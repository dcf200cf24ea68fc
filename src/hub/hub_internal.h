/* hub_internal.h -- the parts of the hub, for its own files only.
 *
 *   hub.c        start, signals, stop
 *   op.c         a store operation that answers a request
 *   sheet.c      rows as JSON, NDJSON and CSV, by a table of columns
 *   ingest.c     POST …/telemetry, and the import of signed reports
 *   instances.c  enrolment, keys, lists, deletion        licences.c  licences and compliance
 *   usage.c      analytics                               watch.c     silence and retention
 *   events.c     what happened, as a list and a stream   console.c   the page for a browser
 *   rate.c       how much one instance may send */
#pragma once
#include "base/json.h"
#include "base/map.h"
#include "core/licence.h"
#include "io/config.h"
#include "io/http_server.h"
#include "store/instances.h"
#include "store/store.h"

#define HUB_ADMINS HTTP_ROLE_ADMIN
#define HUB_READERS (HTTP_ROLE_ADMIN | HTTP_ROLE_OPERATOR | HTTP_ROLE_VIEWER)
#define HUB_LIMIT_DEFAULT 100
#define HUB_LIMIT_MAX 10000
#define HUB_KEY_BYTES 32
#define HUB_KEY_MIN 16 /* characters of a key that an instance brings itself */

struct rate;
struct watch;
struct followers;
struct hub {
    uv_loop_t loop;
    struct config *config;
    struct store *store;
    struct http_server *http;
    struct rate *rate;
    struct watch *watch;
    struct followers *followers;
    int64_t started_us;
    bool ready, stopping;
    int exit_code;
    uv_signal_t on_term, on_int;
    uv_timer_t watchdog, deadline;
};

/* -- op.c -- */
struct hub_op {
    struct store_op op;
    struct hub *hub;
    struct http_request *request;
    struct arena *arena; /* the request's */
    void *input;         /* the handler's, in the arena */
    int status;          /* of the answer; 200 unless work says otherwise */
    const char *content_type;
    struct buf body;
    struct json_writer json; /* over body */
    const char *next;        /* Link rel=next, in the arena; NULL for none */
    int (*work)(struct hub_op *op, struct db *db, struct err *e); /* store thread */
};
struct hub_op *hub_op_new(struct http_request *r, struct hub *h,
                          int (*work)(struct hub_op *, struct db *, struct err *));
/* An operation that several requests can share: each one's rc and err are set by `work`. */
struct hub_op *hub_op_of(struct store_op *op);
void hub_op_begin(struct hub_op *op); /* with an empty body */
void hub_write(struct hub_op *op);
void hub_read(struct hub_op *op);
/* A text of the query, or of the path, as a C string in the arena; NULL when absent. */
const char *hub_query_text(struct http_request *r, const char *name);
const char *hub_param_text(struct http_request *r, const char *name);
/* "&name=value" of a Link, escaped; nothing for NULL. */
void hub_add_query(struct buf *out, const char *name, const char *value);
/* An instant of the query, `fallback` when absent; replies 400 and returns false when it is none. */
MUST_CHECK bool hub_query_time(struct http_request *r, const char *name, int64_t fallback, int64_t *ret);
MUST_CHECK int hub_no_instance(struct err *e, const char *id);

/* -- sheet.c -- */
enum sheet_format { SHEET_JSON, SHEET_NDJSON, SHEET_CSV };
enum sheet_type {
    SHEET_TEXT,   /* const char *; NULL is null */
    SHEET_COUNT,  /* int64_t */
    SHEET_KNOWN,  /* int64_t; 0 is null */
    SHEET_LIMIT,  /* int64_t; negative is null */
    SHEET_TIME,   /* int64_t epoch µs; 0 is null */
    SHEET_MICROS, /* int64_t; printed as a decimal */
    SHEET_MEAN,   /* the same; negative is null */
    SHEET_BOOL,
};
struct sheet_column {
    const char *name; /* NULL ends the table */
    enum sheet_type type;
    size_t offset;
};
/* ?format=json|ndjson|csv, else by Accept; replies 400 and returns false for another. */
MUST_CHECK bool sheet_format_of(struct http_request *r, enum sheet_format *ret);
/* The rows, as an array in the JSON writer, or as lines of the body. */
void sheet_write(struct hub_op *op, enum sheet_format format, const struct sheet_column *columns,
                 const void *rows, size_t count, size_t size);
void sheet_put(struct json_writer *w, const struct sheet_column *columns,
               const void *row); /* the members alone */
/* A whole answer: {"key": [rows]}, or lines. */
void sheet_answer(struct hub_op *op, enum sheet_format format, const char *key,
                  const struct sheet_column *columns, const void *rows, size_t count, size_t size);

/* -- rate.c -- */
struct rate *rate_new(int64_t per_second, int64_t burst);
struct rate *rate_free(struct rate *r);
/* False: too many; *ret_wait_s is when one may come again. */
bool rate_allows(struct rate *r, struct str who, int64_t now_us, int64_t *ret_wait_s);

/* -- watch.c -- */
struct watch *watch_new(struct hub *h);
void watch_start(struct watch *w);
void watch_stop(struct watch *w);
struct watch *watch_free(struct watch *w);

/* -- events.c: who listens to the stream -- */
struct followers *followers_new(struct hub *h);
struct followers *followers_free(struct followers *f); /* once the loop has closed its handles */

/* -- instances.c -- */
void hub_new_key(char ret_key[80], char ret_hash[65]);

/* -- licences.c: the latest instant ever seen -- */
MUST_CHECK int hub_keep_latest(struct db *db, int64_t now_us, struct err *e);

/* -- routes -- */
struct hub_routes {
    const struct http_route *routes;
    size_t count;
};
extern const struct hub_routes hub_ingest_routes, hub_instance_routes, hub_licence_routes, hub_usage_routes,
    hub_status_routes, hub_event_routes, hub_console_routes;
