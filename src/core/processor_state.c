#include "core/processor_state.h"

#include "base/map.h"

const char *const processor_status_names[PROCESSOR_STATUSES] = {"done", "failed", "quarantined"};

bool file_look_equal(const struct file_look *a, const struct file_look *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

enum processor_need processor_need(const struct processor_state *state, const struct file_look *now,
                                   int64_t version, int64_t now_us)
{
    if (!state || !file_look_equal(&state->look, now))
        return NEED_FIRST;
    switch (state->status) {
    case PROCESSOR_DONE:
        return state->version == version ? NEED_NONE : NEED_VERSION;
    case PROCESSOR_FAILED:
        return state->next_retry_us <= now_us ? NEED_RETRY : NEED_LATER;
    case PROCESSOR_QUARANTINED:
        break;
    }
    return NEED_OPERATOR;
}

bool processor_need_is_due(enum processor_need need)
{
    return need == NEED_FIRST || need == NEED_VERSION || need == NEED_RETRY;
}

bool processor_may_have_grown(const struct processor_state *state, const struct file_look *now,
                              int64_t version)
{
    return state && state->status == PROCESSOR_DONE && state->version == version &&
           state->look.device == now->device && state->look.inode == now->inode &&
           state->look.size < now->size && state->read_bytes > 0;
}

struct processor_state processor_state_begin(const char *session_file, const struct file_look *now,
                                             int64_t version, const struct processor_state *before)
{
    struct processor_state s = {.session_file = session_file, .look = *now, .version = version};
    if (!before)
        return s;
    s.processed_us = before->processed_us;
    s.items = before->items;
    s.attempts = file_look_equal(&before->look, now) ? before->attempts : 0;
    return s;
}

void processor_state_done(struct processor_state *state, int64_t items, int64_t now_us)
{
    state->status = PROCESSOR_DONE;
    state->items = items;
    state->processed_us = now_us;
    state->attempts = 0;
}

void processor_state_fail(struct processor_state *state, int64_t now_us)
{
    int64_t delay_us = PROCESSOR_RETRY_BASE_US;
    state->attempts++;
    for (int64_t i = 1; i < state->attempts && delay_us < PROCESSOR_RETRY_CAP_US; i++)
        delay_us *= 2;
    state->next_retry_us = now_us + MIN(delay_us, PROCESSOR_RETRY_CAP_US);
    state->status = state->attempts >= PROCESSOR_ATTEMPTS_MAX ? PROCESSOR_QUARANTINED : PROCESSOR_FAILED;
}

/* -- the order -- */

static int by_wait(const void *a, const void *b)
{
    const struct processor_candidate *x = a, *y = b;
    if (x->need != y->need)
        return x->need < y->need ? -1 : 1;
    if (x->waiting_since_us != y->waiting_since_us)
        return x->waiting_since_us < y->waiting_since_us ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

struct turn_taken {
    struct processor_candidate candidate;
    size_t round; /* how many of the same user and need come before it */
};

static int by_round(const void *a, const void *b)
{
    const struct turn_taken *x = a, *y = b;
    if (x->candidate.need != y->candidate.need)
        return x->candidate.need < y->candidate.need ? -1 : 1;
    if (x->round != y->round)
        return x->round < y->round ? -1 : 1;
    return by_wait(&x->candidate, &y->candidate);
}

void processor_order(struct processor_candidate *candidates, size_t count)
{
    struct map rounds[NEED_RETRY + 1];
    struct turn_taken *all = xcalloc(count + 1, sizeof(*all));
    for (size_t k = 0; k < COUNT_OF(rounds); k++)
        map_init(&rounds[k]);
    if (count)
        qsort(candidates, count, sizeof(*candidates), by_wait);
    for (size_t i = 0; i < count; i++) {
        struct map *m = &rounds[candidates[i].need];
        size_t round = (size_t)(uintptr_t)map_get(m, candidates[i].user);
        all[i] = (struct turn_taken){candidates[i], round};
        (void)map_put(m, candidates[i].user, (void *)(uintptr_t)(round + 1));
    }
    if (count)
        qsort(all, count, sizeof(*all), by_round);
    for (size_t i = 0; i < count; i++)
        candidates[i] = all[i].candidate;
    for (size_t k = 0; k < COUNT_OF(rounds); k++)
        map_deinit(&rounds[k]);
    free(all);
}
