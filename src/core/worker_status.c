#include "core/worker_status.h"

static const char *const names[WORKER_STATUS_COUNT] = {[WORKER_UNKNOWN] = "unknown",
                                                       [WORKER_OK] = "ok",
                                                       [WORKER_STALE] = "stale",
                                                       [WORKER_STOPPING] = "stopping",
                                                       [WORKER_STOPPED] = "stopped"};

const char *worker_status_name(enum worker_status status)
{
    return names[status];
}

bool worker_status_of(struct str name, enum worker_status *ret)
{
    for (int i = 0; i < WORKER_STATUS_COUNT; i++)
        if (str_equal(name, str_of(names[i]))) {
            *ret = (enum worker_status)i;
            return true;
        }
    return false;
}

/* -- instances -- */

/* FNV-1a: among a handful of names that one worker drew. */
static uint64_t instance_hash(const char *instance)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (const char *p = instance; *p; p++)
        h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
    return h ? h : 1;
}

static bool is_former(const struct worker_row *r, const char *instance)
{
    uint64_t hash = instance_hash(instance);
    for (unsigned i = 0; i < WORKER_FORMER_KEPT; i++)
        if (r->former[i] == hash)
            return true;
    return false;
}

/* A beat that names no instance says nothing about a restart. */
static bool is_new_instance(const struct worker_row *r, const struct heartbeat *b)
{
    return b->instance[0] && strcmp(b->instance, r->instance) != 0;
}

static void change_instance(struct worker_row *r, const char *instance, int64_t now_us)
{
    if (r->instance[0]) {
        r->restarts++;
        r->former[r->former_next++ % WORKER_FORMER_KEPT] = instance_hash(r->instance);
    }
    memcpy(r->instance, instance, strlen(instance) + 1);
    memmove(r->starts_us + 1, r->starts_us, sizeof(r->starts_us) - sizeof(r->starts_us[0]));
    r->starts_us[0] = now_us;
    r->start_count = MIN(r->start_count + 1, (unsigned)WORKER_FLAPPING_STARTS);
    r->seq_known = false;
}

/* -- order -- */

/* Where both say when they were sent, that decides: a worker that has no good seq, or draws the same instance
 * each time, must not be deaf for ever.  seq decides between equals, and where a beat has no time. */
static enum worker_beat compare(const struct worker_row *r, const struct heartbeat *b, int64_t sent_us)
{
    bool timed = b->ts_known && r->ts_known, counted = b->seq_known && r->seq_known;
    if (timed && b->ts_us == r->ts_us && counted && b->seq == r->seq)
        return WORKER_BEAT_SAME;
    if (timed && b->ts_us != r->ts_us)
        return sent_us < r->sent_us ? WORKER_BEAT_OLDER : WORKER_BEAT_TAKEN;
    return counted && b->seq < r->seq ? WORKER_BEAT_OLDER : WORKER_BEAT_TAKEN;
}

static enum worker_beat judge(const struct worker_row *r, const struct heartbeat *b, int64_t sent_us)
{
    if (!r->heard)
        return WORKER_BEAT_TAKEN;
    if (!is_new_instance(r, b))
        return compare(r, b, sent_us);
    return sent_us < r->sent_us && is_former(r, b->instance) ? WORKER_BEAT_OLDER : WORKER_BEAT_TAKEN;
}

/* The same beat again, as far as can be told, is no sign of life: one dated in the future is young each time
 * it comes. */
static bool repeats(const struct worker_row *r, const struct heartbeat *b)
{
    return r->heard && !is_new_instance(r, b) && b->ts_known && r->ts_known && b->ts_us == r->ts_us &&
           !(b->seq_known && r->seq_known);
}

enum worker_beat worker_row_beat(struct worker_row *r, const struct heartbeat *b, int64_t sent_us,
                                 int64_t now_us, int64_t received_us)
{
    enum worker_beat what = judge(r, b, sent_us);
    if (what != WORKER_BEAT_TAKEN)
        return what;
    bool restarted = is_new_instance(r, b);
    if (repeats(r, b))
        sent_us = MIN(sent_us, r->sent_us);
    if (restarted)
        change_instance(r, b->instance, now_us);
    if (!b->stopping && (restarted || (r->stop_requested && now_us - r->stop_us >= worker_window_us(r))))
        r->stop_requested = false;
    r->heard = true;
    r->ts_known = b->ts_known;
    r->last_word = b->stopping;
    r->ts_us = b->ts_known ? b->ts_us : received_us;
    r->sent_us = MIN(sent_us, now_us);
    r->heard_us = now_us;
    r->period_us = b->period_us;
    r->seq_known = b->seq_known;
    r->seq = b->seq;
    return WORKER_BEAT_TAKEN;
}

void worker_row_stop(struct worker_row *r, int64_t now_us)
{
    r->stop_requested = true;
    r->stop_us = now_us;
}

void worker_row_shift(struct worker_row *r, int64_t by_us)
{
    r->sent_us += by_us;
    r->heard_us += by_us;
    r->stop_us += by_us;
    for (unsigned i = 0; i < r->start_count; i++)
        r->starts_us[i] += by_us;
}

/* -- what follows -- */

int64_t worker_window_us(const struct worker_row *r)
{
    return r->period_us ? WORKER_PERIODS_PER_WINDOW * r->period_us : WORKER_WINDOW_US;
}

int64_t worker_age_us(const struct worker_row *r, int64_t now_us)
{
    return MAX(now_us - r->sent_us, 0);
}

/* When who was asked to stop counts as gone: one window after its last sign, or after the request. */
static int64_t silent_us(const struct worker_row *r)
{
    int64_t sign_us = r->heard ? MAX(r->sent_us, r->stop_us) : r->stop_us;
    return sign_us + worker_window_us(r);
}

enum worker_status worker_status(const struct worker_row *r, int64_t now_us)
{
    if (r->heard && r->last_word)
        return now_us - r->heard_us >= WORKER_STOPPED_AFTER_US ? WORKER_STOPPED : WORKER_STOPPING;
    if (r->stop_requested)
        return now_us >= silent_us(r) ? WORKER_STOPPED : WORKER_STOPPING;
    if (!r->heard)
        return WORKER_UNKNOWN;
    return worker_age_us(r, now_us) < worker_window_us(r) ? WORKER_OK : WORKER_STALE;
}

/* The oldest of the last starts, when there have been that many. */
static bool flapping_until(const struct worker_row *r, int64_t *ret_us)
{
    *ret_us = r->starts_us[WORKER_FLAPPING_STARTS - 1] + WORKER_FLAPPING_US;
    return r->start_count == WORKER_FLAPPING_STARTS;
}

bool worker_flapping(const struct worker_row *r, int64_t now_us)
{
    int64_t until_us;
    return flapping_until(r, &until_us) && now_us < until_us;
}

int64_t worker_next_us(const struct worker_row *r, int64_t now_us)
{
    int64_t status_us = INT64_MAX, flapping_us;
    if (r->heard && r->last_word)
        status_us = r->heard_us + WORKER_STOPPED_AFTER_US;
    else if (r->stop_requested)
        status_us = silent_us(r);
    else if (r->heard)
        status_us = r->sent_us + worker_window_us(r);
    if (!flapping_until(r, &flapping_us) || flapping_us <= now_us)
        flapping_us = INT64_MAX;
    return MIN(status_us > now_us ? status_us : INT64_MAX, flapping_us);
}
