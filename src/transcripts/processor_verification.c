/* The processor `verification`: what was claimed, held against what was run (spec 60 V1). */
#include "core/processor_cadence.h"
#include "core/verification.h"
#include "store/processors.h"
#include "transcripts/processor.h"

struct found { /* all of it in the arena */
    struct verification_session session;
    struct verification_evidence *rows;
    size_t count;
};

static void *begin(void)
{
    return verification_new();
}

static void take(void *state, const struct turn *turn)
{
    verification_turn(state, turn);
}

static void save(const void *state, struct buf *out)
{
    verification_save(state, out);
}

static bool load(void *state, struct unpack *u)
{
    return verification_load(state, u);
}

static void end(void *state)
{
    (void)verification_free(state);
}

static struct verification_evidence evidence_of(const struct verification_row *row, struct arena *a)
{
    return (struct verification_evidence){.use_line = row->use_line,
                                          .use_block = row->use_block,
                                          .number = row->number,
                                          .result_line = row->result_line,
                                          .result_block = row->result_block,
                                          .at_us = row->at_us,
                                          .passed = row->passed,
                                          .failed = row->failed,
                                          .kind = check_kind_names[row->kind],
                                          .outcome = check_outcome_names[row->outcome],
                                          .command = arena_strdup(a, row->command),
                                          .quote = arena_strdup_or_null(a, row->quote)};
}

static void *found(void *state, const struct processor_session *s, struct arena *a, int64_t *ret_items)
{
    struct verification_result r;
    struct found *f = arena_alloc(a, sizeof(*f));
    verification_result(state, &r);
    f->session = (struct verification_session){.session_file = s->session_file,
                                               .session_id = arena_strdup_or_null(a, r.session_id),
                                               .agent = transcript_format_names[s->format],
                                               .verdict = verification_verdict_names[r.verdict],
                                               .claims_success = r.claims_success,
                                               .edited_since = r.edited_since,
                                               .edits = r.edits,
                                               .checks = (int64_t)r.count,
                                               .turns = r.turns,
                                               .first_us = r.first_us,
                                               .last_us = r.last_us,
                                               .verified_us = s->now_us};
    f->rows = arena_alloc(a, (r.count + 1) * sizeof(*f->rows));
    f->count = r.count;
    for (size_t i = 0; i < r.count; i++) {
        f->rows[i] = evidence_of(&r.rows[i], a);
        f->session.checks_failed += r.rows[i].outcome == CHECK_FAILED;
    }
    *ret_items = (int64_t)r.count;
    return f;
}

static int put(struct db *db, void *what, struct buf *aside, struct err *e)
{
    const struct found *f = what;
    (void)aside;
    return verification_put(db, &f->session, f->rows, f->count, e);
}

const struct processor processor_verification = {.name = "verification",
                                                 .version = VERIFICATION_VERSION,
                                                 .cadence_variable = VERIFICATION_CADENCE_VARIABLE,
                                                 .cadence_s = VERIFICATION_CADENCE_S,
                                                 .begin = begin,
                                                 .turn = take,
                                                 .save = save,
                                                 .load = load,
                                                 .found = found,
                                                 .end = end,
                                                 .put = put};
