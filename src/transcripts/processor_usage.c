/* The processor `usage`: what happened in a session, counted (spec 60 U7).  A turn that stands in several
 * sessions, since one of them was resumed or forked under a new id, counts in the one that was read first:
 * which that is does not change any sum.  Tokens are the ledger's, which the node brings up to date before
 * this (node/usage.h). */
#include "base/buf.h"
#include "base/hash.h"
#include "core/processor_cadence.h"
#include "core/session_leave_out.h"
#include "store/session_events.h"
#include "store/session_turns.h"
#include "transcripts/processor.h"

#define VERSION 2 /* 2: a turn counts in one session */

struct state {
    struct session_summary *summary;
    struct buf session_id, project; /* the first that is told */
};

struct found {                    /* all of it in the arena */
    struct session_totals totals; /* but for what is counted */
    struct session_summary_result summary;
    int64_t session_key; /* of session_turns.h */
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

/* -- what is found -- */

#define UUID_BYTES 36

/* A transcript of Claude Code is called by its session's id: lines may have the id of the session that they
 * were copied from. */
static struct str id_in_name(const struct processor_session *of)
{
    struct str name = str_of(of->session_file), end = STR(".jsonl");
    if (of->format != TRANSCRIPT_CLAUDE || !str_ends_with(name, end) || name.n < UUID_BYTES + end.n)
        return (struct str){NULL, 0};
    struct str id = {name.p + name.n - end.n - UUID_BYTES, UUID_BYTES};
    bool is_uuid = name.n == UUID_BYTES + end.n || id.p[-1] == '/';
    for (size_t i = 0; i < UUID_BYTES; i++)
        is_uuid = is_uuid && (id.p[i] == '-') == (i == 8 || i == 13 || i == 18 || i == 23);
    return is_uuid ? id : (struct str){NULL, 0};
}

static int64_t key_of_session(const struct session_totals *t)
{
    struct buf b = BUF_INIT;
    buf_printf(&b, "%s %s", t->agent, t->session_id ? t->session_id : t->session_file);
    int64_t key = (int64_t)hash_xx(buf_str(&b));
    buf_deinit(&b);
    return key;
}

static void *found(void *state, const struct processor_session *of, struct arena *a, int64_t *ret_items)
{
    struct state *s = state;
    struct session_summary_result r;
    struct str id = id_in_name(of);
    struct found *f = arena_alloc(a, sizeof(*f));
    session_summary_result(s->summary, &r);
    session_summary_copy(&r, a, &f->summary);
    f->totals = (struct session_totals){
        .session_file = of->session_file,
        .session_id = arena_strdup_or_null(a, id.n ? id : buf_str(&s->session_id)),
        .agent = transcript_format_names[of->format],
        .project = arena_strdup_or_null(a, buf_str(&s->project)),
        .summarised_us = of->now_us,
    };
    f->session_key = key_of_session(&f->totals);
    *ret_items = r.answers;
    return f;
}

/* -- what is another session's -- */

struct claims { /* on turns; in the arena of one put */
    struct arena arena;
    bool *is_left_out; /* by fact */
    struct session_turn *others;
    size_t other_count;
};

/* Whose it is; 0: nobody else's. */
static int64_t owner(const struct claims *c, uint64_t key)
{
    size_t low = 0, high = c->other_count;
    while (low < high) {
        size_t at = low + (high - low) / 2;
        if (c->others[at].turn_key < (int64_t)key)
            low = at + 1;
        else
            high = at;
    }
    bool is_found = key != 0 && low < c->other_count && c->others[low].turn_key == (int64_t)key;
    return is_found ? c->others[low].session_key : 0;
}

static int64_t owner_of_fact(const struct claims *c, const struct session_fact *f)
{
    int64_t by_key = owner(c, f->key);
    return by_key ? by_key : owner(c, f->alias);
}

static int find_others(struct claims *c, struct db *db, const struct found *f, struct err *e)
{
    const struct session_summary_result *r = &f->summary;
    int64_t *keys = arena_alloc(&c->arena, (2 * r->fact_count + 1) * sizeof(*keys));
    size_t count = 0;
    for (size_t i = 0; i < r->fact_count; i++) {
        keys[count++] = (int64_t)r->facts[i].key;
        if (r->facts[i].alias)
            keys[count++] = (int64_t)r->facts[i].alias;
    }
    return session_turns_of_others(db, f->session_key, keys, count, &c->arena, &c->others, &c->other_count,
                                   e);
}

static int put_claims(struct claims *c, struct db *db, const struct found *f, struct err *e)
{
    const struct session_summary_result *r = &f->summary;
    struct session_turn *turns = arena_alloc(&c->arena, (2 * r->fact_count + 1) * sizeof(*turns));
    size_t count = 0;
    c->is_left_out = arena_alloc(&c->arena, (r->fact_count + 1) * sizeof(*c->is_left_out));
    for (size_t i = 0; i < r->fact_count; i++) {
        const struct session_fact *fact = &r->facts[i];
        int64_t other = owner_of_fact(c, fact), whose = other ? other : f->session_key;
        c->is_left_out[i] = other != 0;
        turns[count++] = (struct session_turn){(int64_t)fact->key, whose};
        if (fact->alias)
            turns[count++] = (struct session_turn){(int64_t)fact->alias, whose};
    }
    return session_turns_put(db, turns, count, e);
}

/* -- rows -- */

static void set_totals(struct session_totals *t, const struct session_summary_result *r)
{
    t->prompts = r->prompts;
    t->answers = r->answers;
    t->errors = r->errors_unmatched;
    t->dropped = r->dropped;
    t->first_us = r->first_us;
    t->last_us = r->last_us;
    t->active_us = r->active_us;
    t->wall_us = r->wall_us;
    for (int k = 0; k < SESSION_EVENT_KINDS; k++) {
        t->uses[k] = r->uses[k];
        t->errors += r->errors[k];
    }
}

static struct session_event_row row_of(const struct session_event *e)
{
    return (struct session_event_row){
        .kind = session_event_kind_names[e->kind], .name = e->name.p, .uses = e->uses, .errors = e->errors};
}

static int put_rows(struct arena *a, struct db *db, struct found *f, struct err *e)
{
    const struct session_summary_result *r = &f->summary;
    struct session_event_row *rows = arena_alloc(a, (r->count + 1) * sizeof(*rows));
    size_t count = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->events[i].uses || r->events[i].errors)
            rows[count++] = row_of(&r->events[i]);
    set_totals(&f->totals, r);
    return session_events_put(db, &f->totals, rows, count, r->slots, r->slot_count, e);
}

/* What was put aside has counted what counts elsewhere.  A session that has nothing of its own yet is read
 * anew when it grows, for its first moment is to come. */
static void leave_out_aside(const struct session_summary_result *left, bool has_own, struct buf *aside)
{
    struct state *s = begin();
    struct unpack u = {.rest = buf_str(aside)};
    struct buf again = BUF_INIT;
    if (has_own && load(s, &u) && unpack_is_whole(&u)) {
        session_summary_set(s->summary, left);
        save(s, &again);
    }
    end(s);
    buf_deinit(aside);
    *aside = again;
}

static int put(struct db *db, void *what, struct buf *aside, struct err *e)
{
    struct found *f = what;
    struct claims c = {.others = NULL};
    arena_init(&c.arena);
    int rc = find_others(&c, db, f, e);
    if (rc == 0)
        rc = put_claims(&c, db, f, e);
    if (rc == 0) {
        size_t count = session_summary_leave_out(&f->summary, c.is_left_out);
        if (count && aside->n)
            leave_out_aside(&f->summary, f->summary.is_continued || count < f->summary.fact_count, aside);
        rc = put_rows(&c.arena, db, f, e);
    }
    arena_reset(&c.arena);
    return rc;
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
