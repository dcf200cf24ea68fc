#include "scheduler/firing.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/parse.h"
#include "core/backoff.h"

#include <curl/curl.h>
#include <jansson.h>

#define ANSWER_BYTES_MAX ((size_t)1024 * 1024)
#define RETRY_AFTER_MAX_US (3600 * USEC_PER_SEC) /* longer: the next instant comes first */
#define FOLLOW_FIRST_MS 200
#define FOLLOW_MAX_MS 10000
#define FOLLOW_TIMEOUT_US (30 * USEC_PER_SEC)
#define FOLLOW_MAX_US (INT64_C(86400) * USEC_PER_SEC)

struct firing {
    struct firing_target target;
    char *method, *url, *body, *authorization, *key, *schedule;
    char *follow_url; /* of the run that was answered with 202 */
    int64_t timeout_us, started_us, follow_ms;
    struct schedule_retry retry;
    struct firing_result result;
    uv_timer_t timer;
    void (*on_done)(void *arg, const struct firing_result *result);
    void *arg;
    bool sending, closing;
};

void firing_key(const char *job, int64_t due_us, struct buf *out)
{
    char text[CLOCK_TEXT_MAX];
    buf_printf(out, "%s/%s", job,
               due_us % USEC_PER_SEC ? clock_format_us(due_us, text) : clock_format_seconds(due_us, text));
}

/* -- the end -- */

static void on_closed(uv_handle_t *handle)
{
    struct firing *f = CONTAINER_OF((uv_timer_t *)handle, struct firing, timer);
    char *const texts[] = {f->method, f->url, f->body, f->authorization, f->key, f->schedule, f->follow_url};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        free(texts[i]);
    free(f);
}

static void close_when_idle(struct firing *f)
{
    if (f->closing && !f->sending)
        uv_close((uv_handle_t *)&f->timer, on_closed);
}

static void finish(struct firing *f, enum schedule_outcome outcome, bool ok, const char *error)
{
    f->result.outcome = outcome;
    f->result.ok = ok;
    f->result.duration_us = clock_monotonic_us() - f->started_us;
    (void)snprintf(f->result.error, sizeof(f->result.error), "%s", error);
    f->closing = true;
    f->on_done(f->arg, &f->result);
}

void firing_abandon(struct firing *f)
{
    f->closing = true;
    close_when_idle(f);
}

bool firing_is_followed(const struct firing *f)
{
    return f->follow_url != NULL;
}

/* -- the answer -- */

static bool text_at(const json_t *object, const char *key, char ret[FIRING_TEXT_MAX])
{
    const json_t *value = json_object_get(object, key);
    if (json_is_string(value))
        (void)snprintf(ret, FIRING_TEXT_MAX, "%s", json_string_value(value));
    else if (json_is_integer(value))
        (void)snprintf(ret, FIRING_TEXT_MAX, "%lld", (long long)json_integer_value(value));
    else
        return false;
    return true;
}

static json_t *answer_json(const struct http_client_response *r)
{
    return r->body.n ? json_loadb(r->body.p, r->body.n, 0, NULL) : NULL;
}

/* "HTTP 422: schedule: there is no agent": of a problem its detail. */
static void describe(const struct http_client_response *r, char ret[FIRING_TEXT_MAX])
{
    char detail[FIRING_TEXT_MAX] = "";
    json_t *json = answer_json(r);
    if (json && !text_at(json, "detail", detail))
        (void)text_at(json, "error", detail);
    json_decref(json);
    (void)snprintf(ret, FIRING_TEXT_MAX, "HTTP %d%s%.200s", r->status, detail[0] ? ": " : "", detail);
}

/* -- following a run -- */

static void follow_later(struct firing *f);

enum run_state { RUN_UNDER_WAY, RUN_OK, RUN_FAILED };

/* By the words that this node and its like use: "outcome" or "state" or "status". */
static enum run_state run_state_of(const json_t *json)
{
    static const char *const under_way[] = {"running",  "queued",   "pending",
                                            "accepted", "starting", "started"};
    static const char *const fine[] = {"done", "ok", "success", "succeeded", "completed", "finished"};
    static const char *const keys[] = {"outcome", "state", "status"};
    char word[FIRING_TEXT_MAX];
    for (size_t k = 0; k < COUNT_OF(keys); k++) {
        if (!text_at(json, keys[k], word))
            continue;
        for (size_t i = 0; i < COUNT_OF(under_way); i++)
            if (strcmp(word, under_way[i]) == 0)
                return RUN_UNDER_WAY;
        for (size_t i = 0; i < COUNT_OF(fine); i++)
            if (strcmp(word, fine[i]) == 0)
                return RUN_OK;
        return RUN_FAILED;
    }
    return RUN_UNDER_WAY;
}

static void run_ended(struct firing *f, enum run_state state, const json_t *json)
{
    char error[FIRING_TEXT_MAX] = "";
    if (state == RUN_FAILED && !text_at(json, "error", error) && !text_at(json, "cause", error))
        (void)snprintf(error, sizeof(error), "the run has failed");
    finish(f, SCHEDULE_FIRED, state == RUN_OK, error);
}

static void on_followed(void *arg, const struct http_client_response *r)
{
    struct firing *f = arg;
    f->sending = false;
    if (!f->closing) {
        json_t *json = r->status == 200 ? answer_json(r) : NULL;
        enum run_state state = json ? run_state_of(json) : RUN_UNDER_WAY;
        if (r->status == 404 || r->status == 410)
            finish(f, SCHEDULE_FIRED, false, "the node knows nothing of the run that it began");
        else if (state != RUN_UNDER_WAY)
            run_ended(f, state, json);
        else if (clock_monotonic_us() - f->started_us > FOLLOW_MAX_US)
            finish(f, SCHEDULE_FIRED, false, "the run has not ended in a day");
        else
            follow_later(f);
        json_decref(json);
    }
    close_when_idle(f);
}

static void on_follow_timer(uv_timer_t *timer)
{
    struct firing *f = CONTAINER_OF(timer, struct firing, timer);
    const char *headers[] = {f->authorization, NULL};
    const struct http_client_request request = {.url = f->follow_url,
                                                .headers = f->authorization ? headers : NULL,
                                                .timeout_us = FOLLOW_TIMEOUT_US,
                                                .max_body_bytes = ANSWER_BYTES_MAX,
                                                .unix_socket = f->target.unix_socket};
    f->sending = true;
    http_client_send(f->target.client, &request, on_followed, f);
}

static void follow_later(struct firing *f)
{
    (void)uv_timer_start(&f->timer, on_follow_timer, (uint64_t)f->follow_ms, 0);
    f->follow_ms = MIN(f->follow_ms * 3 / 2, FOLLOW_MAX_MS);
}

/* Where the run can be asked about: Location, or what its id says.  Only at the node: the token goes along.
 */
static char *follow_url(const struct firing *f, const struct http_client_response *r)
{
    struct str location = http_client_header(r, "Location"), node = str_of(f->target.node_url);
    struct buf url = BUF_INIT;
    if (location.n > node.n && str_starts_with(location, node) && location.p[node.n] == '/')
        location = (struct str){location.p + node.n, location.n - node.n};
    if (location.n > 1 && location.p[0] == '/' && location.p[1] != '/')
        buf_printf(&url, "%s%.*s", f->target.node_url, STR_ARG(location));
    else if (f->result.run_id[0] && !strpbrk(f->result.run_id, "/?# \r\n"))
        buf_printf(&url, "%s/api/v1/runs/%s", f->target.node_url, f->result.run_id);
    return url.n ? buf_take(&url) : NULL;
}

static void accepted(struct firing *f, const struct http_client_response *r)
{
    f->follow_url = follow_url(f, r);
    f->follow_ms = FOLLOW_FIRST_MS;
    if (f->follow_url)
        follow_later(f);
    else
        finish(f, SCHEDULE_FIRED, true, "");
}

/* -- the request -- */

static void send_request(struct firing *f);

static void on_retry_timer(uv_timer_t *timer)
{
    send_request(CONTAINER_OF(timer, struct firing, timer));
}

/* Seconds, or a date. */
static int64_t retry_after_us(const struct http_client_response *r)
{
    struct str text = http_client_header(r, "Retry-After");
    int64_t seconds;
    if (text.n == 0 || parse_i64_in(text, 0, INT32_MAX, &seconds))
        return text.n ? seconds * USEC_PER_SEC : 0;
    char *copy = str_dup(text);
    int64_t at_s = (int64_t)curl_getdate(copy, NULL);
    free(copy);
    return at_s > 0 ? MAX(at_s * USEC_PER_SEC - clock_wall_us(), 0) : 0;
}

static bool may_retry(const struct firing *f, const struct http_client_response *r)
{
    bool network = r->curl_code != 0 && r->curl_code != CURLE_OPERATION_TIMEDOUT &&
                   r->curl_code != CURLE_ABORTED_BY_CALLBACK;
    bool asked = r->status == 429 || (r->status >= 500 && r->status <= 599);
    return f->result.attempts <= f->retry.max && (network || asked) &&
           retry_after_us(r) <= RETRY_AFTER_MAX_US;
}

static void retry_later(struct firing *f, const struct http_client_response *r)
{
    int64_t delay_us = backoff_delay_us(&f->retry.backoff, f->result.attempts, hash_random_unit());
    delay_us = MAX(delay_us, retry_after_us(r));
    (void)uv_timer_start(&f->timer, on_retry_timer, (uint64_t)(delay_us / USEC_PER_MSEC), 0);
}

static void judge(struct firing *f, const struct http_client_response *r)
{
    char error[FIRING_TEXT_MAX] = "";
    json_t *json = answer_json(r);
    if (json && !text_at(json, "run_id", f->result.run_id))
        (void)text_at(json, "id", f->result.run_id);
    json_decref(json);
    if (r->status / 100 != 2)
        describe(r, error);
    if (r->status == 202)
        accepted(f, r);
    else if (r->status == 409)
        finish(f, SCHEDULE_REFUSED_BUSY, false, error);
    else if (r->status == 402)
        finish(f, SCHEDULE_REFUSED_BUDGET, false, error);
    else
        finish(f, SCHEDULE_FIRED, r->status / 100 == 2, error);
}

static void on_answer(void *arg, const struct http_client_response *r)
{
    struct firing *f = arg;
    f->sending = false;
    f->result.status = r->status;
    if (!f->closing) {
        if (may_retry(f, r))
            retry_later(f, r);
        else if (r->curl_code == CURLE_OPERATION_TIMEDOUT)
            finish(f, SCHEDULE_FIRED, false, "no answer within the timeout; what was asked for may go on");
        else if (r->curl_code != 0)
            finish(f, SCHEDULE_FIRED, false, r->error);
        else
            judge(f, r);
    }
    close_when_idle(f);
}

static void send_request(struct firing *f)
{
    const char *headers[] = {f->key, f->schedule, "Content-Type: application/json", f->authorization, NULL};
    const struct http_client_request request = {.method = f->method,
                                                .url = f->url,
                                                .headers = headers,
                                                .body = str_of(f->body),
                                                .timeout_us = f->timeout_us,
                                                .max_body_bytes = ANSWER_BYTES_MAX,
                                                .unix_socket = f->target.unix_socket};
    f->result.attempts++;
    f->sending = true;
    http_client_send(f->target.client, &request, on_answer, f);
}

static char *joined(const char *before, const char *text)
{
    struct buf out = BUF_INIT;
    buf_printf(&out, "%s%s", before, text);
    return buf_take(&out);
}

struct firing *firing_start(const struct firing_target *target, const struct schedule_job *job,
                            int64_t due_us, void (*on_done)(void *arg, const struct firing_result *result),
                            void *arg)
{
    struct firing *f = xnew(struct firing);
    struct buf key = BUF_INIT;
    bool post = strcmp(job->method, "POST") == 0;
    firing_key(job->name, due_us, &key);
    *f = (struct firing){.target = *target,
                         .method = xstrdup(job->method),
                         .url = joined(target->node_url, job->path),
                         .body = job->body ? xstrdup(job->body)
                                 : post    ? xstrdup("{}")
                                           : NULL,
                         .authorization =
                             target->token ? joined("Authorization: Bearer ", target->token) : NULL,
                         .key = joined("Idempotency-Key: ", key.p),
                         .schedule = joined("X-Muster-Schedule: ", job->name),
                         .timeout_us = job->timeout_us,
                         .retry = job->retry,
                         .started_us = clock_monotonic_us(),
                         .on_done = on_done,
                         .arg = arg};
    buf_deinit(&key);
    f->result.started_us = clock_wall_us();
    (void)uv_timer_init(target->loop, &f->timer);
    send_request(f);
    return f;
}
