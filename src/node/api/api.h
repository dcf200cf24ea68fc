/* api.h -- what the resources of the API share: a store operation that answers a request, and lists.
 *
 * A handler checks its input on the loop thread, fills an api_op and posts it; `run` works on a store thread
 * and writes the answer's body; back on the loop thread it is sent, and `after` tells the services.  One file
 * per resource, its route table on top; routes.c joins the tables. */
#pragma once
#include "base/clock.h"
#include "base/json.h"
#include "node/node.h"

#define API_VIEWERS (HTTP_ROLE_ADMIN | HTTP_ROLE_OPERATOR | HTTP_ROLE_VIEWER)
#define API_READERS (API_VIEWERS | HTTP_ROLE_AGENT | HTTP_ROLE_SCHEDULER)
#define API_OPERATORS (HTTP_ROLE_ADMIN | HTTP_ROLE_OPERATOR)
#define API_RUNNERS (API_OPERATORS | HTTP_ROLE_SCHEDULER)
#define API_WORKERS (API_OPERATORS | HTTP_ROLE_AGENT)
#define API_LIMIT_DEFAULT 100
#define API_LIMIT_MAX 1000

struct api_op {
    struct store_op op;
    struct node *node;
    struct http_request *request;
    const struct config
        *config;         /* as it was when the request came; for `work`, which may not look at node->config */
    struct arena *arena; /* the request's */
    void *input;         /* the handler's, in the arena */
    int status;          /* of the answer; 200 unless run says otherwise */
    struct buf body;
    struct json_writer json; /* over body */
    const char *location;    /* header, in the arena; NULL for none */
    const char *next;        /* Link rel=next, in the arena; NULL for none */
    bool replayed;           /* an answer kept by its Idempotency-Key */
    /* Loop thread, after the commit and before the answer.  NULL: nothing to do. */
    void (*after)(struct api_op *op);
    int (*work)(struct api_op *op, struct db *db, struct err *e);
};

/* Allocated; freed once answered. */
struct api_op *api_op_new(struct http_request *r, struct node *n,
                          int (*work)(struct api_op *, struct db *, struct err *));
void api_write(struct api_op *op);
void api_read(struct api_op *op);

/* Decodes the body; replies and returns false when it is refused. */
MUST_CHECK bool api_body(struct http_request *r, void *ret);
/* "?limit=&after=" of a list; replies and returns false when they are refused. */
MUST_CHECK bool api_page(struct http_request *r, int64_t *ret_limit, int64_t *ret_after);
/* Sets op->next when the page was full: the same request from there on, filters and all. */
void api_next_page(struct api_op *op, int64_t limit, size_t count, int64_t last_id);
/* "?NAME=true|false", false when absent, and "?order=newest|oldest"; reply 400 and return false otherwise. */
MUST_CHECK bool api_query_flag(struct http_request *r, const char *name, bool *ret);
MUST_CHECK bool api_query_newest(struct http_request *r, bool *ret);
/* A text of the query as a C string in the arena; NULL when absent. */
const char *api_query_text(struct http_request *r, const char *name);
const char *api_text(struct api_op *op, struct str s); /* copy in the arena; NULL for an absent one */

/* Idempotency-Key (spec 20 Q4): api_replay returns 1 when the answer was found and filled, 0 when the work is
 * to be done, negative or positive error otherwise; api_remember keeps the answer, in the same operation. */
MUST_CHECK int api_replay(struct api_op *op, struct db *db, struct err *e);
MUST_CHECK int api_remember(struct api_op *op, struct db *db, struct err *e);

/* -- route tables, one per resource -- */
struct api_routes {
    const struct http_route *routes;
    size_t count;
};
/* clang-format off */
extern const struct api_routes
    api_tasks_routes,
    api_jobs_routes,
    api_leases_routes,
    api_runs_routes,
    api_agents_routes,
    api_profiles_routes,
    api_sessions_routes,
    api_words_routes,
    api_queue_routes,
    api_tokens_routes,
    api_status_routes,
    api_health_routes,
    api_audit_routes,
    api_bus_routes,
    api_workers_routes,
    api_schedules_routes,
    api_verification_routes, api_processors_routes,
    api_scripts_routes,
    api_usage_routes,
    api_session_event_routes,
    api_session_admin_routes, api_knowledge_routes,
    api_console_routes,
    api_telemetry_routes;
/* clang-format on */
/* All of them in one array; the caller frees. */
struct http_route *api_all_routes(size_t *ret_count);
/* http_config.after_reply: the audit log (spec 10 D8). */
void api_audit_reply(void *node, const struct http_request *r, int status, int64_t duration_us);
struct operation_told;
void api_audit_operation(void *node, const struct operation_told *t); /* the end of what nobody waited for */

/* -- shapes -- */
struct job;
struct task;
struct run;
void api_put_job(struct json_writer *w, const struct job *job,
                 bool whole); /* whole: with prompt, args and env */
void api_put_task(struct json_writer *w, const struct task *task);
void api_put_run(struct json_writer *w, const struct run *run);
void api_put_profiles(struct json_writer *w, const struct node *n); /* the key too */
void api_put_usage(struct json_writer *w, const struct usage *u);
