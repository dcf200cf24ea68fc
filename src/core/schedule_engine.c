#include "core/schedule_engine.h"

#include "base/clock.h"
#include "base/hash.h"

/* A last run so far ahead of the clock was taken from a clock that was wrong. */
#define FUTURE_MAX_US (INT64_C(86400) * USEC_PER_SEC)
#define COUNT_MAX 1000000

struct entry {
    const struct schedule_job *job;
    struct schedule_state state;
    int64_t next_due_us; /* INT64_MAX: none */
    int64_t wake_us;     /* the heap's key: when the instant is decided */
    int64_t started_us;  /* of the firing in flight */
    size_t heap_at;      /* index in the heap */
    bool spread;         /* it is late, and wake_us is its place in the spread */
    bool resumes;        /* a firing was in flight when the last process ended */
};

struct schedule_engine {
    char *instance;
    int64_t tick_us, not_before_us, grace_us;
    const struct schedule_engine_ops *ops;
    void *arg;
    struct entry *entries;
    size_t *heap; /* indices of entries, the earliest wake first */
    size_t count;
};

/* -- names -- */

static const char *const outcome_names[SCHEDULE_OUTCOMES] = {
    [SCHEDULE_FIRED] = "fired",
    [SCHEDULE_COALESCED] = "coalesced",
    [SCHEDULE_SKIPPED_OVERLAP] = "skipped:overlap",
    [SCHEDULE_SKIPPED_PAUSED] = "skipped:paused",
    [SCHEDULE_MISSED_DOWN] = "missed:down",
    [SCHEDULE_MISSED_DEADLINE] = "missed:deadline",
    [SCHEDULE_DST_GAP] = "dst-gap",
    [SCHEDULE_DST_FOLD] = "dst-fold",
    [SCHEDULE_REFUSED_BUDGET] = "refused:budget",
    [SCHEDULE_REFUSED_BUSY] = "refused:busy",
};

const char *schedule_outcome_name(enum schedule_outcome o)
{
    return outcome_names[o];
}

bool schedule_outcome_of(struct str name, enum schedule_outcome *ret)
{
    for (size_t i = 0; i < COUNT_OF(outcome_names); i++) {
        if (str_equal(name, str_of(outcome_names[i]))) {
            *ret = (enum schedule_outcome)i;
            return true;
        }
    }
    return false;
}

/* -- heap -- */

static void heap_put(struct schedule_engine *g, size_t at, size_t entry)
{
    g->heap[at] = entry;
    g->entries[entry].heap_at = at;
}

static int64_t heap_key(const struct schedule_engine *g, size_t at)
{
    return g->entries[g->heap[at]].wake_us;
}

static void heap_swap(struct schedule_engine *g, size_t a, size_t b)
{
    size_t entry = g->heap[a];
    heap_put(g, a, g->heap[b]);
    heap_put(g, b, entry);
}

static void heap_sift(struct schedule_engine *g, size_t at)
{
    for (; at > 0 && heap_key(g, at) < heap_key(g, (at - 1) / 2); at = (at - 1) / 2)
        heap_swap(g, at, (at - 1) / 2);
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < g->count; child++)
            if (heap_key(g, child) < heap_key(g, least))
                least = child;
        if (least == at)
            return;
        heap_swap(g, at, least);
        at = least;
    }
}

/* -- when -- */

static int64_t jitter_us(const struct schedule_engine *g, const struct entry *e, int64_t due_us)
{
    const struct schedule_job *job = e->job;
    struct schedule_instant behind;
    if (job->jitter_us == 0 && job->jitter_percent == 0)
        return 0;
    int64_t room_us = schedule_next(&job->when, job->zone, due_us, due_us, &behind) ? behind.at_us - due_us
                                                                                    : job->jitter_us;
    return schedule_jitter_us(job, str_of(g->instance), room_us);
}

/* The first instant behind those that were decided.  An interval counts from the last of them; after the
 * clock was set back, from now. */
static int64_t next_due(const struct entry *e, int64_t now_us)
{
    const struct schedule_state *s = &e->state;
    struct schedule_instant at;
    int64_t base_us = s->handled_us;
    if (base_us == SCHEDULE_NEVER && e->job->when.type == SCHEDULE_AT)
        return e->job->when.at_us;
    if (base_us == SCHEDULE_NEVER && !e->job->anchor_creation)
        return now_us - now_us % USEC_PER_SEC;
    if (base_us == SCHEDULE_NEVER)
        base_us = s->first_seen_us;
    if (base_us > now_us && (e->job->when.type == SCHEDULE_INTERVAL || base_us - now_us > FUTURE_MAX_US))
        base_us = now_us;
    return schedule_next(&e->job->when, e->job->zone, base_us, base_us, &at) ? at.at_us : INT64_MAX;
}

static bool is_missed(const struct schedule_engine *g, int64_t fire_us, int64_t now_us)
{
    return now_us - fire_us > g->tick_us;
}

static bool is_first_run(const struct entry *e)
{
    return e->state.handled_us == SCHEDULE_NEVER && !e->job->anchor_creation &&
           e->job->when.type != SCHEDULE_AT;
}

static void set_wake(struct schedule_engine *g, struct entry *e, int64_t wake_us)
{
    e->wake_us = wake_us == INT64_MAX ? wake_us : MAX(wake_us, g->not_before_us);
    heap_sift(g, e->heap_at);
}

static void plan(struct schedule_engine *g, struct entry *e, int64_t now_us)
{
    e->next_due_us = next_due(e, now_us);
    e->spread = e->spread && e->job->catchup == SCHEDULE_CATCHUP_ALL && e->next_due_us != INT64_MAX &&
                is_missed(g, e->next_due_us, now_us); /* the rest follows without a further wait */
    bool plain = e->next_due_us == INT64_MAX || is_first_run(e);
    set_wake(g, e, e->next_due_us + (plain ? 0 : jitter_us(g, e, e->next_due_us)));
}

/* Late ones are spread, so that not all jobs fire at once when a laptop wakes. */
static void spread(struct schedule_engine *g, struct entry *e, int64_t now_us)
{
    uint64_t hash = hash_xx(str_of(e->job->name));
    e->spread = true;
    set_wake(g, e, now_us + (g->tick_us > 0 ? (int64_t)(hash % (uint64_t)g->tick_us) : 0));
}

/* -- outcomes -- */

static size_t index_of(const struct schedule_engine *g, const struct entry *e)
{
    return (size_t)(e - g->entries);
}

static void tell(struct schedule_engine *g, const struct entry *e, int64_t due_us,
                 enum schedule_outcome outcome)
{
    struct schedule_row row = {due_us, due_us, 1, outcome};
    g->ops->on_outcome(g->arg, index_of(g, e), &row);
}

/* Why an instant that is not fired was not: too old to count at all, or one of many. */
static enum schedule_outcome reason(const struct entry *e, int64_t due_us, int64_t now_us, bool paused)
{
    const struct schedule_job *job = e->job;
    if (paused)
        return SCHEDULE_SKIPPED_PAUSED;
    if (job->catchup_window_us && now_us - due_us > job->catchup_window_us)
        return SCHEDULE_MISSED_DOWN;
    if (job->starting_deadline_us && now_us - due_us > job->starting_deadline_us)
        return SCHEDULE_MISSED_DEADLINE;
    return job->catchup == SCHEDULE_CATCHUP_ONCE ? SCHEDULE_COALESCED : SCHEDULE_MISSED_DOWN;
}

static void tell_many(struct schedule_engine *g, const struct entry *e, int64_t first_us, int64_t last_us,
                      enum schedule_outcome outcome)
{
    struct schedule_row row = {first_us, first_us, 1, outcome};
    struct schedule_instant at;
    while (row.count < COUNT_MAX && schedule_next(&e->job->when, e->job->zone, first_us, row.until_us, &at) &&
           at.at_us <= last_us) {
        row.until_us = at.at_us;
        row.count++;
    }
    g->ops->on_outcome(g->arg, index_of(g, e), &row);
}

/* Outcomes of the instants from next_due up to `end_us`, which is excluded.  The latest have a row each. */
static void let_pass(struct schedule_engine *g, struct entry *e, int64_t end_us, int64_t now_us, bool paused)
{
    struct schedule_instant at;
    int64_t *latest = xcalloc(SCHEDULE_ROWS_MAX, sizeof(*latest));
    size_t count = 0;
    int64_t until_us = end_us - 1, base_us = e->next_due_us;
    while (count < SCHEDULE_ROWS_MAX && until_us > base_us &&
           schedule_previous(&e->job->when, e->job->zone, base_us, until_us, &at) && at.at_us > base_us) {
        latest[count++] = at.at_us;
        until_us = at.at_us - 1;
    }
    if (count < SCHEDULE_ROWS_MAX && base_us < end_us)
        tell(g, e, base_us, reason(e, base_us, now_us, paused));
    else if (base_us < end_us)
        tell_many(g, e, base_us, until_us, paused ? SCHEDULE_SKIPPED_PAUSED : SCHEDULE_MISSED_DOWN);
    while (count-- > 0)
        tell(g, e, latest[count], reason(e, latest[count], now_us, paused));
    free(latest);
}

static void tell_repeats(struct schedule_engine *g, const struct entry *e, int64_t after_us, int64_t until_us)
{
    int64_t from_us = MAX(after_us, until_us - FUTURE_MAX_US * 400); /* at most the last year of an absence */
    for (int i = 0; i < SCHEDULE_ROWS_MAX; i++) {
        if (!schedule_next_repeat(&e->job->when, e->job->zone, from_us, until_us, &from_us))
            return;
        tell(g, e, from_us, SCHEDULE_DST_FOLD);
    }
}

/* -- deciding -- */

static void fire(struct schedule_engine *g, struct entry *e, int64_t due_us, int64_t at_us, int64_t now_us)
{
    e->state.in_flight_us = due_us;
    e->started_us = now_us;
    g->ops->fire(g->arg, index_of(g, e), due_us, at_us);
}

/* While one is in flight, the next has no place, or waits for it. */
static void overlap(struct schedule_engine *g, struct entry *e, int64_t due_us)
{
    if (e->job->overlap == SCHEDULE_OVERLAP_SKIP) {
        tell(g, e, due_us, SCHEDULE_SKIPPED_OVERLAP);
        return;
    }
    if (e->state.pending_us != SCHEDULE_NEVER)
        tell(g, e, e->state.pending_us, SCHEDULE_COALESCED);
    e->state.pending_us = due_us;
}

/* Whether the instant is still worth a fire; else it has its outcome. */
static bool is_useful(struct schedule_engine *g, struct entry *e, int64_t due_us, int64_t now_us)
{
    const struct schedule_job *job = e->job;
    bool missed = is_missed(g, due_us + jitter_us(g, e, due_us), now_us);
    bool refused = missed && (job->catchup == SCHEDULE_CATCHUP_NONE ||
                              (job->catchup_window_us && now_us - due_us > job->catchup_window_us));
    bool late = job->starting_deadline_us && now_us - due_us > job->starting_deadline_us;
    if (e->state.paused)
        tell(g, e, due_us, SCHEDULE_SKIPPED_PAUSED);
    else if (refused)
        tell(g, e, due_us, SCHEDULE_MISSED_DOWN);
    else if (late)
        tell(g, e, due_us, SCHEDULE_MISSED_DEADLINE);
    return !(e->state.paused || refused || late);
}

/* Of the instants that catchup = "all" fires one by one, the first: neither too old nor too many. */
static int64_t first_of_all(const struct entry *e, int64_t latest_us, int64_t now_us)
{
    const struct schedule_job *job = e->job;
    struct schedule_instant at;
    for (int i = 1; i < SCHEDULE_ROWS_MAX && latest_us > e->next_due_us; i++) {
        bool earlier = schedule_previous(&job->when, job->zone, e->next_due_us, latest_us - 1, &at);
        int64_t at_us = earlier ? MAX(at.at_us, e->next_due_us) : e->next_due_us;
        if (job->catchup_window_us && now_us - at_us > job->catchup_window_us)
            break;
        latest_us = at_us;
    }
    return latest_us;
}

/* The instant that is decided now: the latest one that has come, its jitter included. */
static int64_t choose(const struct schedule_engine *g, const struct entry *e, int64_t now_us)
{
    const struct schedule_job *job = e->job;
    struct schedule_instant at;
    int64_t first_us = e->next_due_us;
    if (is_first_run(e))
        return now_us - now_us % USEC_PER_SEC;
    if (!schedule_previous(&job->when, job->zone, first_us, now_us, &at) || at.at_us <= first_us)
        return first_us;
    int64_t latest_us = at.at_us;
    if (latest_us + jitter_us(g, e, latest_us) > now_us)
        latest_us = schedule_previous(&job->when, job->zone, first_us, latest_us - 1, &at)
                        ? MAX(at.at_us, first_us)
                        : first_us;
    bool one_by_one = job->catchup == SCHEDULE_CATCHUP_ALL && !e->state.paused;
    return one_by_one ? first_of_all(e, latest_us, now_us) : latest_us;
}

/* One of catchup = "all" that had come before the firing in flight began: its turn is after that. */
static bool waits_its_turn(const struct entry *e, int64_t due_us)
{
    return e->job->catchup == SCHEDULE_CATCHUP_ALL && e->state.in_flight_us != SCHEDULE_NEVER &&
           due_us <= e->started_us && !e->state.paused;
}

static void decide(struct schedule_engine *g, struct entry *e, int64_t now_us)
{
    struct schedule_state *s = &e->state;
    int64_t due_us = choose(g, e, now_us), before_us = s->handled_us, at_us = MAX(e->wake_us, due_us);
    if (waits_its_turn(e, due_us)) {
        set_wake(g, e, INT64_MAX); /* until that one has ended */
        return;
    }
    if (due_us > e->next_due_us && !is_first_run(e))
        let_pass(g, e, due_us, now_us, s->paused);
    s->handled_us = due_us;
    if (before_us != SCHEDULE_NEVER)
        tell_repeats(g, e, before_us, due_us);
    if (is_useful(g, e, due_us, now_us)) {
        if (s->in_flight_us != SCHEDULE_NEVER)
            overlap(g, e, due_us);
        else
            fire(g, e, due_us, at_us, now_us);
    }
    plan(g, e, now_us);
}

/* The same instant again, under the same key, so that whoever acts on it does so once. */
static void resume(struct schedule_engine *g, struct entry *e, int64_t now_us)
{
    int64_t due_us = e->state.in_flight_us;
    e->resumes = false;
    e->state.in_flight_us = SCHEDULE_NEVER;
    if (is_useful(g, e, due_us, now_us))
        fire(g, e, due_us, MAX(e->wake_us, due_us), now_us);
    plan(g, e, now_us);
}

/* -- for the caller -- */

struct schedule_engine *schedule_engine_new(const char *instance, int64_t tick_us, int64_t not_before_us,
                                            const struct schedule_engine_ops *ops, void *arg)
{
    struct schedule_engine *g = xnew(struct schedule_engine);
    *g = (struct schedule_engine){.instance = xstrdup(instance),
                                  .tick_us = tick_us,
                                  .not_before_us = not_before_us,
                                  .ops = ops,
                                  .arg = arg};
    return g;
}

struct schedule_engine *schedule_engine_free(struct schedule_engine *g)
{
    if (!g)
        return NULL;
    free(g->entries);
    free(g->heap);
    free(g->instance);
    free(g);
    return NULL;
}

void schedule_engine_set_jobs(struct schedule_engine *g, const struct schedule_job *jobs,
                              const struct schedule_state *states, size_t count, bool in_flight_is_lost,
                              int64_t now_us)
{
    assert(!g->entries);
    g->grace_us = MAX(g->not_before_us - now_us, 0);
    g->entries = xcalloc(count, sizeof(*g->entries));
    g->heap = xcalloc(count, sizeof(*g->heap));
    for (size_t i = 0; i < count; i++) {
        struct entry *e = &g->entries[i];
        *e = (struct entry){.job = &jobs[i], .state = states[i], .started_us = now_us};
        if (e->state.first_seen_us == SCHEDULE_NEVER)
            e->state.first_seen_us = now_us;
        e->resumes = in_flight_is_lost && e->state.in_flight_us != SCHEDULE_NEVER;
        heap_put(g, i, i);
        g->count = i + 1;
        e->wake_us = INT64_MAX;
        plan(g, e, now_us);
        if (e->resumes)
            set_wake(g, e, now_us);
    }
}

int64_t schedule_engine_wake_us(const struct schedule_engine *g)
{
    return g->count ? heap_key(g, 0) : INT64_MAX;
}

static void turn_one(struct schedule_engine *g, struct entry *e, int64_t now_us)
{
    if (e->resumes)
        resume(g, e, now_us);
    else if (is_missed(g, e->wake_us, now_us) && !e->spread)
        spread(g, e, now_us);
    else
        decide(g, e, now_us);
}

void schedule_engine_turn(struct schedule_engine *g, int64_t now_us, bool clock_set)
{
    if (now_us >= g->not_before_us)
        g->not_before_us = INT64_MIN; /* the grace is over, whatever the clock says later */
    else if (clock_set)
        g->not_before_us = MIN(g->not_before_us, now_us + g->grace_us);
    for (size_t i = 0; clock_set && i < g->count; i++)
        if (!g->entries[i].resumes && !g->entries[i].spread)
            plan(g, &g->entries[i], now_us);
    while (g->count && heap_key(g, 0) <= now_us)
        turn_one(g, &g->entries[g->heap[0]], now_us);
}

void schedule_engine_ended(struct schedule_engine *g, size_t job, enum schedule_verdict verdict,
                           int64_t now_us)
{
    struct entry *e = &g->entries[job];
    struct schedule_state *s = &e->state;
    assert(s->in_flight_us != SCHEDULE_NEVER);
    s->last_run_us = s->in_flight_us;
    if (verdict != SCHEDULE_NEITHER)
        s->consecutive_failures = verdict == SCHEDULE_OK ? 0 : s->consecutive_failures + 1;
    s->in_flight_us = SCHEDULE_NEVER;
    int64_t pending_us = s->pending_us;
    s->pending_us = SCHEDULE_NEVER;
    if (pending_us != SCHEDULE_NEVER && is_useful(g, e, pending_us, now_us))
        fire(g, e, pending_us, now_us, now_us);
    if (e->wake_us == INT64_MAX)
        plan(g, e, now_us);
}

void schedule_engine_pause(struct schedule_engine *g, size_t job, bool paused, int64_t now_us)
{
    struct entry *e = &g->entries[job];
    bool changed = e->state.paused != paused;
    e->state.paused = paused;
    if (changed && e->wake_us == INT64_MAX)
        plan(g, e, now_us);
}

bool schedule_engine_run_now(struct schedule_engine *g, size_t job, int64_t now_us)
{
    struct entry *e = &g->entries[job];
    if (e->state.in_flight_us != SCHEDULE_NEVER)
        return false;
    fire(g, e, now_us, now_us, now_us);
    return true;
}

const struct schedule_state *schedule_engine_state(const struct schedule_engine *g, size_t job)
{
    return &g->entries[job].state;
}

int64_t schedule_engine_next_due_us(const struct schedule_engine *g, size_t job)
{
    return g->entries[job].next_due_us;
}
