#include "core/session_leave_out.h"

static void *copied(struct arena *a, const void *from, size_t count, size_t size)
{
    void *to = arena_alloc(a, (count + 1) * size);
    if (count)
        memcpy(to, from, count * size);
    return to;
}

void session_summary_copy(const struct session_summary_result *r, struct arena *a,
                          struct session_summary_result *ret)
{
    *ret = *r;
    ret->events = copied(a, r->events, r->count, sizeof(*r->events));
    ret->slots = copied(a, r->slots, r->slot_count, sizeof(*r->slots));
    ret->facts = copied(a, r->facts, r->fact_count, sizeof(*r->facts));
    for (size_t i = 0; i < r->count; i++)
        ret->events[i].name.p = arena_strdup(a, r->events[i].name);
}

static struct session_slot *slot_at(struct session_summary_result *r, int64_t at_us)
{
    size_t low = 0, high = r->slot_count;
    int64_t start_us = at_us - at_us % SESSION_SLOT_US;
    while (low < high) {
        size_t at = low + (high - low) / 2;
        if (r->slots[at].start_us < start_us)
            low = at + 1;
        else
            high = at;
    }
    return low < r->slot_count && r->slots[low].start_us == start_us ? &r->slots[low] : NULL;
}

static void take_active_back(struct session_summary_result *r, int64_t from_us, int64_t to_us)
{
    r->active_us -= to_us - from_us;
    while (from_us < to_us) {
        int64_t end_us = MIN(from_us - from_us % SESSION_SLOT_US + SESSION_SLOT_US, to_us);
        struct session_slot *slot = slot_at(r, from_us);
        if (slot)
            slot->active_us -= end_us - from_us;
        from_us = end_us;
    }
}

/* By the number of a fact; NULL for none. */
static struct session_event *event_numbered(struct session_summary_result *r, int number)
{
    for (size_t i = 0; number >= 0 && i < r->count; i++)
        if (r->events[i].number == number)
            return &r->events[i];
    return NULL;
}

static void take_use_back(struct session_summary_result *r, struct session_event *e)
{
    if (!e)
        return; /* it is in `dropped` */
    e->uses--;
    r->uses[e->kind]--;
}

static void take_error_back(struct session_summary_result *r, struct session_event *e)
{
    if (!e) {
        r->errors_unmatched--;
        return;
    }
    e->errors--;
    r->errors[e->kind]--;
}

static void take_back(struct session_summary_result *r, const struct session_fact *f)
{
    struct session_slot nothing = {0}, *slot = f->at_us > 0 ? slot_at(r, f->at_us) : NULL;
    slot = slot ? slot : &nothing;
    take_active_back(r, f->at_us - f->active_us, f->at_us);
    if (f->kind == FACT_PROMPT) {
        r->prompts--;
        slot->prompts--;
    } else if (f->kind == FACT_ANSWER) {
        r->answers--;
        slot->answers--;
    } else if (f->kind == FACT_USE) {
        take_use_back(r, event_numbered(r, f->event));
        slot->uses--;
    } else if (f->kind == FACT_ERROR) {
        take_error_back(r, event_numbered(r, f->event));
        slot->errors--;
    }
}

static void drop_what_is_empty(struct session_summary_result *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->events[i].uses || r->events[i].errors)
            r->events[kept++] = r->events[i];
    r->count = kept;
    kept = 0;
    for (size_t i = 0; i < r->slot_count; i++) {
        const struct session_slot *s = &r->slots[i];
        if (s->prompts || s->answers || s->uses || s->errors || s->active_us)
            r->slots[kept++] = *s;
    }
    r->slot_count = kept;
}

static void set_span(struct session_summary_result *r, const bool *is_left_out)
{
    int64_t first_us = INT64_MAX, last_us = 0;
    for (size_t i = 0; i < r->fact_count; i++) {
        if (is_left_out[i] || r->facts[i].at_us == 0)
            continue;
        first_us = MIN(first_us, r->facts[i].at_us);
        last_us = MAX(last_us, r->facts[i].at_us);
    }
    if (last_us == 0 || r->is_continued)
        return;
    r->first_us = first_us;
    r->last_us = last_us;
    r->wall_us = last_us - first_us;
}

size_t session_summary_leave_out(struct session_summary_result *copy, const bool *is_left_out)
{
    size_t count = 0;
    for (size_t i = 0; i < copy->fact_count; i++) {
        count += is_left_out[i];
        if (is_left_out[i])
            take_back(copy, &copy->facts[i]);
    }
    if (count) {
        drop_what_is_empty(copy);
        set_span(copy, is_left_out);
    }
    return count;
}
