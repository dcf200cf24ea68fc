/* The processor `usage`: what happened in a session, counted (spec 60 U7).  Tokens are the ledger's, which
 * the node brings up to date before this (node/usage.h). */
#include "base/buf.h"
#include "core/processor_cadence.h"
#include "core/session_summary.h"
#include "store/session_events.h"
#include "transcripts/processor.h"

#define VERSION 1

struct state {
    struct session_summary *summary;
    struct buf session_id, project; /* the first that is told */
};

struct found { /* all of it in the arena */
    struct session_totals totals;
    struct session_event_row *events;
    struct session_slot *slots;
    size_t event_count, slot_count;
};

static void *begin(void)
{
    struct state *s = xnew(struct state);
    s->summary = session_summary_new();
    buf_init(&s->session_id);
    buf_init(&s->project);
    return s;
}

static void take(void *state, const struct turn *turn)
{
    struct state *s = state;
    if (!s->session_id.n)
        buf_add_str(&s->session_id, turn->session_id);
    if (!s->project.n)
        buf_add_str(&s->project, turn->cwd);
    session_summary_turn(s->summary, turn);
}

static void save(const void *state, struct buf *out)
{
    const struct state *s = state;
    pack_str(out, buf_str(&s->session_id));
    pack_str(out, buf_str(&s->project));
    session_summary_save(s->summary, out);
}

static bool load(void *state, struct unpack *u)
{
    struct state *s = state;
    buf_add_str(&s->session_id, unpack_str(u));
    buf_add_str(&s->project, unpack_str(u));
    return session_summary_load(s->summary, u);
}

static void end(void *state)
{
    struct state *s = state;
    (void)session_summary_free(s->summary);
    buf_deinit(&s->session_id);
    buf_deinit(&s->project);
    free(s);
}

static void keep_events(struct found *f, const struct session_summary_result *r, struct arena *a)
{
    f->event_count = r->count;
    f->events = arena_alloc(a, (r->count + 1) * sizeof(*f->events));
    for (size_t i = 0; i < r->count; i++)
        f->events[i] = (struct session_event_row){.kind = session_event_kind_names[r->events[i].kind],
                                                  .name = arena_strdup(a, r->events[i].name),
                                                  .uses = r->events[i].uses,
                                                  .errors = r->events[i].errors};
}

static void *found(void *state, const struct processor_session *of, struct arena *a, int64_t *ret_items)
{
    struct state *s = state;
    struct session_summary_result r;
    struct found *f = arena_alloc(a, sizeof(*f));
    session_summary_result(s->summary, &r);
    f->totals = (struct session_totals){.session_file = of->session_file,
                                        .session_id = arena_strdup_or_null(a, buf_str(&s->session_id)),
                                        .agent = transcript_format_names[of->format],
                                        .project = arena_strdup_or_null(a, buf_str(&s->project)),
                                        .prompts = r.prompts,
                                        .answers = r.answers,
                                        .errors = r.errors_unmatched,
                                        .dropped = r.dropped,
                                        .first_us = r.first_us,
                                        .last_us = r.last_us,
                                        .active_us = r.active_us,
                                        .wall_us = r.wall_us,
                                        .summarised_us = of->now_us};
    for (int k = 0; k < SESSION_EVENT_KINDS; k++) {
        f->totals.uses[k] = r.uses[k];
        f->totals.errors += r.errors[k];
    }
    keep_events(f, &r, a);
    f->slot_count = r.slot_count;
    f->slots = arena_alloc(a, (r.slot_count + 1) * sizeof(*f->slots));
    if (r.slot_count)
        memcpy(f->slots, r.slots, r.slot_count * sizeof(*f->slots));
    *ret_items = r.answers;
    return f;
}

static int put(struct db *db, const void *what, struct err *e)
{
    const struct found *f = what;
    return session_events_put(db, &f->totals, f->events, f->event_count, f->slots, f->slot_count, e);
}

const struct processor processor_usage = {.name = "usage",
                                          .version = VERSION,
                                          .cadence_variable = USAGE_CADENCE_VARIABLE,
                                          .cadence_s = USAGE_CADENCE_S,
                                          .begin = begin,
                                          .turn = take,
                                          .save = save,
                                          .load = load,
                                          .found = found,
                                          .end = end,
                                          .put = put};
