#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "io/counters.h"
#include "io/gzip.h"
#include "node/telemetry/telemetry_internal.h"

#include <jansson.h>

#define TIMEOUT_US (30 * USEC_PER_SEC)
#define ANSWER_BYTES_MAX ((size_t)256 * 1024)
#define GZIP_MIN_BYTES 1024

/* -- the answer -- */

/* RFC 9110 §10.2.3, in seconds; a date is taken for no more than "later". */
static int64_t retry_after_us(const struct http_client_response *r)
{
    int64_t seconds;
    struct str value = http_client_header(r, "Retry-After");
    return parse_i64_in(value, 0, 30 * 86400, &seconds) ? seconds * USEC_PER_SEC : -1;
}

static bool lists_gzip(struct str accept_encoding)
{
    struct str item;
    while (!str_empty(accept_encoding) && str_split(&accept_encoding, ',', &item))
        if (str_equal_nocase(str_trim(item), STR("gzip")))
            return true;
    return false;
}

static void read_missing(const json_t *list, struct telemetry_answer *a)
{
    size_t i;
    json_t *no;
    json_array_foreach(list, i, no)
    {
        if (a->missing_count < TELEMETRY_MISSING_MAX && json_is_integer(no))
            a->missing[a->missing_count++] = json_integer_value(no);
    }
}

/* An acknowledgement names its window (H15); what does not is not held against the hub. */
static int64_t acked_no(struct str body, const char *epoch, struct telemetry_answer *a)
{
    json_t *json = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
    const char *of = json_string_value(json_object_get(json, "epoch"));
    int64_t no = json_integer_value(json_object_get(json, "window_no"));
    if (of && strcmp(of, epoch) != 0)
        no = -1;
    if (no > 0)
        read_missing(json_object_get(json, "missing"), a);
    json_decref(json);
    return no;
}

static void note_error(struct telemetry_answer *a, const struct http_client_response *r)
{
    if (r->curl_code)
        (void)snprintf(a->error, sizeof(a->error), "%s", r->error);
    else if (a->outcome == WINDOW_RETRY && r->status >= 200 && r->status < 300)
        (void)snprintf(a->error, sizeof(a->error), "the hub acknowledged another window");
    else if (a->outcome != WINDOW_ACKED && a->outcome != WINDOW_TAKEN)
        (void)snprintf(a->error, sizeof(a->error), "the hub answered %d", r->status);
}

static struct telemetry_answer judge(const struct telemetry *t, const struct http_client_response *r)
{
    struct telemetry_answer a = {.status = r->status, .retry_after_us = -1};
    struct window_answer w = {.status = r->status, .retry_after_us = -1};
    if (r->curl_code == 0) {
        a.retry_after_us = w.retry_after_us = retry_after_us(r);
        a.takes_gzip = lists_gzip(http_client_header(r, "Accept-Encoding"));
    }
    if (r->status >= 200 && r->status < 300)
        w.window_no = acked_no(r->body, t->sent.epoch, &a);
    a.names_window = w.window_no == t->sent.window_no;
    a.outcome = window_judge(&w, t->sent.window_no, t->sent.refusals + 1);
    note_error(&a, r);
    return a;
}

static void on_answer(void *arg, const struct http_client_response *r)
{
    struct telemetry *t = arg;
    t->sent.under_way = false;
    if (t->stopped)
        return;
    struct telemetry_answer a = judge(t, r);
    if (r->curl_code == 0)
        t->hub_takes_gzip = a.takes_gzip && r->status != 415;
    counter_add(a.outcome == WINDOW_ACKED || a.outcome == WINDOW_TAKEN ? COUNTER_TELEMETRY_SENT
                                                                       : COUNTER_TELEMETRY_FAILED,
                1);
    telemetry_book(t, &a);
}

/* -- the request -- */

#define HEADERS_MAX 6
struct headers {
    struct buf lines[HEADERS_MAX];
    const char *list[HEADERS_MAX + 1];
    size_t count;
};

static void add_header(struct headers *h, const char *name, const char *value)
{
    struct buf *line = &h->lines[h->count];
    buf_init(line);
    buf_printf(line, "%s: %s", name, value);
    h->list[h->count++] = line->p;
}

static void free_headers(struct headers *h)
{
    for (size_t i = 0; i < h->count; i++)
        buf_deinit(&h->lines[i]);
}

void telemetry_send(struct telemetry *t, struct str payload)
{
    CLEANUP(buf_deinit) struct buf packed = BUF_INIT;
    CLEANUP(buf_deinit) struct buf url = BUF_INIT;
    struct headers h = {0};
    bool gzip = t->hub_takes_gzip && payload.n > GZIP_MIN_BYTES && gzip_pack(payload, &packed);
    buf_printf(&url, "%s/api/v1/instances/%s/telemetry", t->url, t->instance_id);
    add_header(&h, "X-Hub-Api-Key", t->config->telemetry_api_key);
    add_header(&h, "Content-Type", "application/json");
    add_header(&h, "User-Agent", "muster/" MUSTER_VERSION);
    if (gzip)
        add_header(&h, "Content-Encoding", "gzip");
    if (t->config->telemetry_join_token[0])
        add_header(&h, "X-Hub-Join-Token", t->config->telemetry_join_token);
    const char *ca = t->config->telemetry_ca_file;
    struct http_client_request request = {.method = "POST",
                                          .url = url.p,
                                          .headers = h.list,
                                          .body = gzip ? buf_str(&packed) : payload,
                                          .timeout_us = TIMEOUT_US,
                                          .max_body_bytes = ANSWER_BYTES_MAX,
                                          .ca_file = ca[0] ? ca : NULL};
    t->sent.under_way = true;
    http_client_send(t->client, &request, on_answer, t);
    free_headers(&h);
}
