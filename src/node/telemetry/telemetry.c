#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "core/licence.h"
#include "io/file.h"
#include "node/telemetry/telemetry_internal.h"

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LICENCE_BYTES_MAX 65536

/* -- configuration -- */

static bool usage_is_refused(void)
{
    const char *value = getenv("DO_NOT_TRACK");
    return value && value[0] && strcmp(value, "0") != 0;
}

/* The node believes its own file: a forged one makes it send less, to a hub that checks. */
static bool licence_asks(const struct config *config)
{
    CLEANUP(buf_deinit) struct buf text = BUF_INIT;
    CLEANUP(buf_deinit) struct buf payload = BUF_INIT;
    CLEANUP(buf_deinit) struct buf signature = BUF_INIT;
    struct licence l;
    struct err e;
    return config->telemetry_licence_file[0] &&
           file_read_small(config->telemetry_licence_file, LICENCE_BYTES_MAX, &text) == 0 &&
           licence_unwrap(buf_str(&text), &payload, &signature, &e) == 0 &&
           licence_parse(buf_str(&payload), &l, &e) == 0 && l.report;
}

static bool is_http(const char *url)
{
    return strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
}

/* What is not there, in the words of the configuration; NULL: it is complete. */
static const char *missing(const struct config *c)
{
    if (!c->telemetry_hub_url[0])
        return "telemetry.hub_url (HUB_URL) is not set";
    if (!is_http(c->telemetry_hub_url))
        return "telemetry.hub_url (HUB_URL) is no http or https URL";
    if (c->telemetry_api_key_file[0] && !c->telemetry_api_key[0])
        return "telemetry.api_key_file cannot be read or is empty";
    if (!c->telemetry_api_key[0])
        return "telemetry.api_key (HUB_API_KEY) is not set";
    return NULL;
}

/* A path segment and a header's value: nothing that would mean more there. */
static bool is_plain(const char *text)
{
    for (const char *p = text; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              strchr("-._~", *p)))
            return false;
    return true;
}

static bool is_header_text(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x21 || *p == 0x7f)
            return false;
    return true;
}

static const char *unusable(const struct config *c)
{
    if (!is_plain(c->telemetry_instance_id) || strlen(c->telemetry_instance_id) >= TELEMETRY_ID_MAX)
        return "telemetry.instance_id (INSTANCE_ID) has characters that are not letters, digits or -._~";
    if (!is_header_text(c->telemetry_api_key))
        return "telemetry.api_key (HUB_API_KEY) holds white space or control characters";
    return is_header_text(c->telemetry_join_token) ? NULL : "telemetry.join_token holds white space";
}

static bool decide(struct telemetry *t)
{
    const struct config *c = t->config;
    t->licence_only = usage_is_refused();
    if (!c->telemetry_enabled) {
        t->why_off = xstrdup("telemetry.enabled (HUB_TELEMETRY_ENABLED) is false");
        log_info("telemetry", "nothing is reported", LOG_TEXT("reason", t->why_off));
        return false;
    }
    if (t->licence_only && !licence_asks(c)) {
        t->why_off = xstrdup("DO_NOT_TRACK is set");
        log_info("telemetry", "nothing is reported", LOG_TEXT("reason", t->why_off));
        return false;
    }
    const char *why = missing(c);
    why = why ? why : unusable(c);
    if (why) {
        t->why_off = xstrdup(why);
        log_warn("telemetry", "enabled, but nothing is reported", LOG_TEXT("reason", why));
    }
    return !why;
}

/* -- who we are -- */

static char *without_slash(const char *url)
{
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/')
        n--;
    return xstrndup(url, n);
}

/* Which copy of the store this is: the machine, the place of the data, and the directory's own number.
 * Another place is another epoch, so that a copy does not go on under its original's name (H15). */
static char *place_of(const struct config *c, const char *host)
{
    struct buf text = BUF_INIT, machine = BUF_INIT;
    char hex[HASH_SHA256_HEX];
    struct stat st = {0};
    if (file_read_small("/etc/machine-id", 4096, &machine) != 0)
        buf_clear(&machine); /* a container may have none */
    (void)stat(c->data_dir, &st);
    buf_printf(&text, "%s\n%s\n%s\n%s\n%lld", machine.p, host, c->data_dir, c->store, (long long)st.st_ino);
    hash_sha256_hex(buf_str(&text), hex);
    buf_deinit(&text);
    buf_deinit(&machine);
    return xstrdup(hex);
}

static void describe_platform(struct telemetry *t)
{
    struct utsname u;
    (void)gethostname(t->host, sizeof(t->host) - 1);
    if (uname(&u) == 0)
        (void)snprintf(t->platform, sizeof(t->platform), "%s %s %s", u.sysname, u.release, u.machine);
}

/* -- the timer -- */

static void on_timer(uv_timer_t *timer)
{
    telemetry_step(timer->data);
}

void telemetry_after(struct telemetry *t, int64_t delay_us)
{
    if (t->timer)
        (void)uv_timer_start(t->timer, on_timer, (uint64_t)(MAX(delay_us, 0) / USEC_PER_MSEC), 0);
}

/* What waits goes out at once; then the next window is due an interval after the last one's end. */
static int64_t after_success_us(const struct telemetry *t)
{
    int64_t interval_us = window_interval_us(t->rules.interval_us, hash_random_unit());
    if (t->position.pending > 0)
        return 0;
    int64_t due_us = t->position.last_end_us + interval_us - clock_wall_us();
    return MIN(MAX(due_us, 0), interval_us);
}

static void say_fault(struct telemetry *t, int status)
{
    if (!t->fault_said)
        log_warn("telemetry", "the hub refuses the key: check telemetry.api_key and instance_id",
                 LOG_INT("status", status), LOG_TEXT("instance", t->instance_id));
    t->fault_said = true;
}

static void succeeded(struct telemetry *t)
{
    if (t->state == TELEMETRY_RETRYING || t->fault_said)
        log_info("telemetry", "the hub takes reports again", LOG_INT("pending", t->position.pending));
    t->state = TELEMETRY_OK;
    t->fault_said = false;
    t->failures = 0;
    free(TAKE(t->last_error));
    telemetry_after(t, after_success_us(t));
}

static void failed(struct telemetry *t, const struct telemetry_answer *a)
{
    if (t->state != TELEMETRY_RETRYING && a->outcome == WINDOW_RETRY)
        log_warn("telemetry", "a report did not arrive; it is sent again", LOG_TEXT("error", a->error),
                 LOG_INT("window", t->sent.window_no));
    t->state = a->outcome == WINDOW_FAULT ? TELEMETRY_FAULT : TELEMETRY_RETRYING;
    t->failures++;
    free(t->last_error);
    t->last_error = xstrdup(a->error);
    if (a->outcome == WINDOW_FAULT && a->retry_after_us < 0)
        telemetry_after(t, window_interval_us(t->rules.interval_us, hash_random_unit()));
    else
        telemetry_after(t, window_retry_us(t->failures, a->retry_after_us, hash_random_unit()));
}

void telemetry_answered(struct telemetry *t, const struct telemetry_answer *a)
{
    if (a->outcome == WINDOW_FAULT)
        say_fault(t, a->status);
    if (a->outcome == WINDOW_REJECTED) {
        log_warn("telemetry", "the hub refuses a report for good; it is set aside: muster telemetry status",
                 LOG_INT("window", t->sent.window_no), LOG_INT("status", a->status));
        t->failures = 0;
        telemetry_after(t, after_success_us(t));
    } else if (a->outcome == WINDOW_ACKED || a->outcome == WINDOW_TAKEN) {
        succeeded(t);
    } else {
        failed(t, a);
    }
}

/* -- life -- */

struct telemetry *telemetry_new(uv_loop_t *loop, struct store *store, const struct config *config)
{
    struct telemetry *t = xnew(struct telemetry);
    t->loop = loop;
    t->store = store;
    t->config = config;
    t->started_us = clock_monotonic_us();
    t->rules =
        (struct window_rules){.interval_us = config->telemetry_interval_us,
                              .max_us = MAX(config->telemetry_max_window_us, config->telemetry_interval_us)};
    hash_random_hex(16, t->process);
    describe_platform(t);
    t->place = place_of(config, t->host);
    return t;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

void telemetry_start(struct telemetry *t)
{
    t->on = decide(t);
    if (!t->on)
        return;
    t->url = without_slash(t->config->telemetry_hub_url);
    t->client = http_client_new(t->loop);
    t->timer = xnew(uv_timer_t);
    (void)uv_timer_init(t->loop, t->timer);
    t->timer->data = t;
    t->state = TELEMETRY_OK;
    t->last_look_us = clock_monotonic_us();
    log_info("telemetry", "reports go to the hub", LOG_TEXT("hub", t->url),
             LOG_INT("interval_s", t->rules.interval_us / USEC_PER_SEC),
             LOG_INT("licence_only", t->licence_only));
    telemetry_after(t, 0);
}

void telemetry_stop(struct telemetry *t)
{
    t->stopped = true;
    t->client = http_client_free(t->client);
    if (t->timer)
        uv_close((uv_handle_t *)TAKE(t->timer), on_timer_closed);
}

struct telemetry *telemetry_free(struct telemetry *t)
{
    if (!t)
        return NULL;
    assert(t->operations == 0);
    free(t->url);
    free(t->place);
    free(t->why_off);
    free(t->last_error);
    free(t);
    return NULL;
}

/* -- the view -- */

void telemetry_view(const struct telemetry *t, struct telemetry_view *ret)
{
    *ret = (struct telemetry_view){.state = t->on ? t->state : TELEMETRY_OFF,
                                   .why = t->on ? t->last_error : t->why_off,
                                   .pending = t->position.pending,
                                   .rejected = t->position.rejected};
    if (t->on)
        ret->lag_us = window_lag_us(t->position.acked_end_us, clock_wall_us());
}

bool telemetry_works(const struct telemetry *t)
{
    int64_t patience_us = 3 * t->rules.interval_us + 120 * USEC_PER_SEC;
    return !t->on || clock_monotonic_us() - t->last_look_us < patience_us;
}
