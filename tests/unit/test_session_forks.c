/* test_session_forks.c -- what stands in several sessions, since one was resumed or forked under a new id,
 * counts once (spec 60 U2, U7): random sessions, forked at random places in each of the ways in which Claude
 * Code does it, read in pieces and in any order, add up to what really happened. */
#include "store_fixture.h"

#include "base/json.h"
#include "store/session_events.h"
#include "transcript_script.h"
#include "transcripts/processor.h"

#define SESSIONS 5
#define LINES_MAX 40
#define BEGAN_US INT64_C(1790000000000000)
#define MINUTE_US INT64_C(60000000)

enum way {
    ORIGINAL,
    HEADLESS /* --fork-session */,
    BRANCH /* /branch */,
    SDK /* forkSession() */,
    DESKTOP,
    WAYS
};
enum what { A_PROMPT, AN_ANSWER, A_USE, A_FAILURE /* a result that is an error */, WHATS };

struct line {
    int uuid, origin; /* origin: of forkedFrom; 0: none */
    int number;       /* of what happened */
    int tool;         /* of a result: the number of its use */
    int session;      /* that the line names */
    enum what what;
    int64_t at_us;
};
struct session {
    enum way way;
    struct line lines[LINES_MAX];
    int count, own; /* own: the first line that is no copy */
    bool has_new_ids;
    struct buf text, checkpoint;
    size_t shown; /* bytes of text that are in the file */
    char *path;
};
struct world {
    struct session sessions[SESSIONS];
    int64_t counts[WHATS], active_us; /* what really happened */
    int last_uuid, last_number;
    bool has_restamped;
    unsigned seed;
};

static unsigned pick(struct world *w, unsigned below)
{
    w->seed = w->seed * 1103515245u + 12345u;
    return (w->seed >> 16) % below;
}

/* -- what happens -- */

static int64_t next_time(struct world *w, const struct session *s)
{
    int64_t before_us =
        s->count ? s->lines[s->count - 1].at_us : BEGAN_US + (int64_t)pick(w, 9) * 7 * MINUTE_US;
    return before_us + (int64_t)(1 + pick(w, pick(w, 6) ? 100 : 1000)) * SECOND;
}

static void happen(struct world *w, int session, enum what what)
{
    struct session *s = &w->sessions[session];
    struct line l = {.uuid = ++w->last_uuid, .number = ++w->last_number, .session = session, .what = what};
    l.at_us = next_time(w, s);
    l.tool = what == A_FAILURE ? s->lines[s->count - 1].number : l.number;
    int64_t gap_us = s->count ? l.at_us - s->lines[s->count - 1].at_us : 0;
    w->active_us += gap_us <= SESSION_GAP_US ? gap_us : 0;
    w->counts[what]++;
    s->lines[s->count++] = l;
}

/* A result belongs to the use before it. */
static void live(struct world *w, int session, int events)
{
    struct session *s = &w->sessions[session];
    for (int i = 0; i < events && s->count < LINES_MAX; i++) {
        bool has_use = s->count > s->own && s->lines[s->count - 1].what == A_USE;
        happen(w, session, has_use && pick(w, 2) ? A_FAILURE : (enum what)pick(w, A_FAILURE));
    }
}

static void copy_lines(struct world *w, int session, int parent, int count)
{
    struct session *s = &w->sessions[session];
    const struct session *from = &w->sessions[parent];
    for (int i = 0; i < count; i++) {
        struct line l = from->lines[i];
        l.session = s->way == DESKTOP ? l.session : session;
        if (s->way == BRANCH || s->way == SDK)
            l.origin = l.uuid;
        if (s->way == SDK)
            l.uuid = ++w->last_uuid;
        s->lines[s->count++] = l;
    }
    if (s->way == SDK && count) {
        s->lines[count - 1].at_us += 30 * MINUTE_US;
        w->has_restamped = true;
    }
    s->has_new_ids = s->way == SDK || from->has_new_ids;
    s->own = count;
}

static void begin(struct world *w, int session)
{
    struct session *s = &w->sessions[session];
    int parent = session ? (int)pick(w, (unsigned)session) : 0;
    s->way = session && pick(w, 5) ? (enum way)(1 + pick(w, WAYS - 1)) : ORIGINAL;
    if (w->sessions[parent].has_new_ids && (s->way == BRANCH || s->way == SDK))
        s->way = HEADLESS; /* the copy of such a copy is told apart only behind it: a test of its own */
    if (s->way != ORIGINAL)
        copy_lines(w, session, parent, (int)pick(w, (unsigned)w->sessions[parent].count + 1));
    live(w, session, 1 + (int)pick(w, 8));
    if (session) /* the parent goes on, now and then */
        live(w, parent, (int)pick(w, 4));
}

/* -- as it is written -- */

static void id_of(int number, int kind, char ret[40])
{
    (void)snprintf(ret, 40, "%08x-%04x-4000-8000-000000000000", (unsigned)number, (unsigned)kind);
}

static void kv_id(struct json_writer *w, const char *key, int number, int kind)
{
    char id[40];
    id_of(number, kind, id);
    json_kv_text(w, key, id);
}

static void write_content(struct json_writer *w, const struct line *l)
{
    if (l->what == A_PROMPT) {
        json_kv_text(w, "content", "Go on");
        return;
    }
    json_key(w, "content");
    json_array_begin(w);
    json_object_begin(w);
    json_kv_text(w, "type", l->what == AN_ANSWER ? "text" : l->what == A_USE ? "tool_use" : "tool_result");
    if (l->what == AN_ANSWER)
        json_kv_text(w, "text", "Well.");
    if (l->what == A_USE) {
        kv_id(w, "id", l->number, 1);
        json_kv_text(w, "name", "Grep");
        json_key(w, "input");
        json_object_begin(w);
        json_object_end(w);
    }
    if (l->what == A_FAILURE) {
        kv_id(w, "tool_use_id", l->tool, 1);
        json_kv_text(w, "content", "no");
        json_kv_bool(w, "is_error", true);
    }
    json_object_end(w);
    json_array_end(w);
}

static void write_line(const struct line *l, struct buf *out)
{
    bool is_assistant = l->what == AN_ANSWER || l->what == A_USE;
    struct json_writer w;
    struct buf line = BUF_INIT;
    json_init(&w, &line);
    json_object_begin(&w);
    kv_id(&w, "sessionId", l->session, 9);
    json_kv_text(&w, "type", is_assistant ? "assistant" : "user");
    kv_id(&w, "uuid", l->uuid, 0);
    json_key(&w, "timestamp");
    json_time(&w, l->at_us);
    if (l->origin) {
        json_key(&w, "forkedFrom");
        json_object_begin(&w);
        json_kv_text(&w, "sessionId", "whose");
        kv_id(&w, "messageUuid", l->origin, 0);
        json_object_end(&w);
    }
    json_key(&w, "message");
    json_object_begin(&w);
    json_kv_text(&w, "role", is_assistant ? "assistant" : "user");
    if (is_assistant)
        kv_id(&w, "id", l->number, 2);
    write_content(&w, l);
    json_object_end(&w);
    json_object_end(&w);
    buf_add_str(out, buf_str(&line));
    buf_add_char(out, '\n');
    buf_deinit(&line);
}

static void write_session(struct world *w, int session)
{
    struct session *s = &w->sessions[session];
    for (int i = 0; i < s->count; i++)
        write_line(&s->lines[i], &s->text);
    s->path = script_file((struct str){NULL, 0});
}

/* -- and read -- */

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void process(struct fixture *f, struct session *s, const char *name, enum transcript_format format)
{
    const struct processor *p = &processor_usage;
    const struct processor_input in = {s->path, format, buf_str(&s->checkpoint), never, NULL};
    const struct processor_session of = {name, format, T0};
    struct processor_reading reading;
    struct err e = {0};
    int64_t items;
    must(processor_read(p, &in, &reading, &e), &e, "processor_read");
    void *found = p->found(reading.state, &of, &f->a, &items);
    must(processor_put(p, f->db, found, &reading.checkpoint, reading.aside_at, &e), &e, "put");
    buf_clear(&s->checkpoint);
    buf_add_str(&s->checkpoint, buf_str(&reading.checkpoint));
    processor_reading_deinit(p, &reading);
}

static void read_piece(struct fixture *f, struct world *w, int session, size_t upto)
{
    struct session *s = &w->sessions[session];
    char id[40], name[64];
    id_of(session, 9, id);
    (void)snprintf(name, sizeof(name), "/p/%s.jsonl", id);
    int fd = open(s->path, O_WRONLY | O_APPEND);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, s->text.p + s->shown, upto - s->shown), upto - s->shown);
    (void)close(fd);
    s->shown = upto;
    if (pick(w, 8) == 0)
        buf_clear(&s->checkpoint); /* it was swept away */
    process(f, s, name, TRANSCRIPT_CLAUDE);
}

static void read_all(struct fixture *f, struct world *w)
{
    for (int left = SESSIONS; left > 0;) {
        int session = (int)pick(w, SESSIONS);
        struct session *s = &w->sessions[session];
        size_t rest = s->text.n - s->shown;
        if (rest == 0)
            continue;
        read_piece(f, w, session, pick(w, 3) ? s->text.n : s->shown + 1 + pick(w, (unsigned)rest));
        left -= s->shown == s->text.n;
    }
    for (int i = 0; i < SESSIONS; i++) /* once more changes nothing */
        if (pick(w, 3) == 0)
            read_piece(f, w, i, w->sessions[i].text.n);
}

static void expect_what_happened(struct fixture *f, const struct world *w)
{
    const struct session_window all = {0, INT64_MAX};
    struct session_event_row *events;
    struct session_totals *totals;
    struct session_slot_row *slots;
    struct session_slot by_day = {0};
    int64_t prompts = 0, answers = 0, active_us = 0;
    size_t count;
    MUST(session_events_by_name(f->db, &all, NULL, 10, &f->a, &events, &count, &e));
    assert_int_equal(count ? events[0].uses : 0, w->counts[A_USE]);
    assert_int_equal(count ? events[0].errors : 0, w->counts[A_FAILURE]);
    MUST(session_totals_list(f->db, &all, "", 100, &f->a, &totals, &count, &e));
    assert_int_equal(count, SESSIONS);
    for (size_t i = 0; i < count; i++) {
        prompts += totals[i].prompts;
        answers += totals[i].answers;
        active_us += totals[i].active_us;
    }
    assert_int_equal(prompts, w->counts[A_PROMPT]);
    assert_int_equal(answers, w->counts[AN_ANSWER]);
    if (!w->has_restamped)
        assert_int_equal(active_us, w->active_us);
    MUST(session_slots_sum(f->db, &all, &f->a, &slots, &count, &e));
    for (size_t i = 0; i < count; i++) {
        assert_true(slots[i].slot.active_us >= 0 && slots[i].slot.active_us <= SESSIONS * SESSION_SLOT_US);
        by_day.prompts += slots[i].slot.prompts;
        by_day.uses += slots[i].slot.uses;
        by_day.errors += slots[i].slot.errors;
        by_day.active_us += slots[i].slot.active_us;
    }
    assert_int_equal(by_day.prompts, w->counts[A_PROMPT]);
    assert_int_equal(by_day.uses, w->counts[A_USE]);
    assert_int_equal(by_day.errors, w->counts[A_FAILURE]);
    assert_int_equal(by_day.active_us, active_us);
}

static void end(struct world *w)
{
    for (int i = 0; i < SESSIONS; i++) {
        struct session *s = &w->sessions[i];
        (void)unlink(s->path);
        free(s->path);
        buf_deinit(&s->text);
        buf_deinit(&s->checkpoint);
    }
    free(w);
}

static void forget_all(struct fixture *f)
{
    MUST(db_run(f->db, "DELETE FROM session_summaries", DB_NO_ARGS, NULL, &e));
    MUST(db_run(f->db, "DELETE FROM session_events", DB_NO_ARGS, NULL, &e));
    MUST(db_run(f->db, "DELETE FROM session_slots", DB_NO_ARGS, NULL, &e));
    MUST(db_run(f->db, "DELETE FROM session_turns", DB_NO_ARGS, NULL, &e));
}

static void U7_copies_in_forks_count_once_in_any_order_and_in_pieces(void **state)
{
    struct fixture *f = *state;
    for (unsigned seed = 1; seed <= (fixture_is_postgres(f) ? 10 : 200); seed++) {
        struct world *w = xnew(struct world);
        *w = (struct world){.seed = seed, .last_number = 100};
        for (int i = 0; i < SESSIONS; i++) {
            buf_init(&w->sessions[i].text);
            buf_init(&w->sessions[i].checkpoint);
            begin(w, i);
        }
        for (int i = 0; i < SESSIONS; i++)
            write_session(w, i);
        read_all(f, w);
        expect_what_happened(f, w);
        end(w);
        forget_all(f);
    }
}

/* -- one by one -- */

static struct world *world_of(enum way first, enum way second)
{
    struct world *w = xnew(struct world);
    *w = (struct world){.seed = 1, .last_number = 100};
    const enum way ways[] = {ORIGINAL, first, second};
    for (int i = 0; i < SESSIONS; i++) {
        buf_init(&w->sessions[i].text);
        buf_init(&w->sessions[i].checkpoint);
        w->sessions[i].way = i < 3 ? ways[i] : ORIGINAL;
        if (i == 1 || i == 2)
            copy_lines(w, i, i - 1, w->sessions[i - 1].count);
        live(w, i, 6);
        write_session(w, i);
    }
    return w;
}

/* Each copy of a copy has new ids, and names those that it was copied from. */
static void U7_a_chain_of_copies_with_ids_of_their_own_counts_once(void **state)
{
    static const enum way ways[][2] = {{SDK, SDK}, {SDK, BRANCH}, {BRANCH, SDK}, {SDK, HEADLESS}};
    struct fixture *f = *state;
    for (size_t k = 0; k < COUNT_OF(ways); k++) {
        struct world *w = world_of(ways[k][0], ways[k][1]);
        for (int i = 0; i < SESSIONS; i++)
            read_piece(f, w, i, w->sessions[i].text.n);
        expect_what_happened(f, w);
        end(w);
        forget_all(f);
    }
}

static void T2_a_fork_that_grows_is_read_on_from_where_it_was(void **state)
{
    struct fixture *f = *state;
    struct world *w = world_of(HEADLESS, BRANCH);
    for (int i = 0; i < SESSIONS; i++)
        read_piece(f, w, i, w->sessions[i].text.n);
    for (int i = 1; i <= 2; i++) {
        struct session *s = &w->sessions[i];
        const struct processor_input in = {s->path, TRANSCRIPT_CLAUDE, buf_str(&s->checkpoint), never, NULL};
        struct processor_reading reading;
        struct err e = {0};
        must(processor_read(&processor_usage, &in, &reading, &e), &e, "processor_read");
        assert_int_equal(reading.from_offset, s->text.n);
        processor_reading_deinit(&processor_usage, &reading);
    }
    end(w);
}

/* A program that drives several agents gives them the same words at the same moment. */
static void U7_what_is_alike_and_no_copy_counts_each_time(void **state)
{
    struct fixture *f = *state;
    struct session_totals *totals;
    const struct session_window all = {0, INT64_MAX};
    size_t count;
    for (int i = 0; i < 2; i++) {
        struct session s = {.text = BUF_INIT, .checkpoint = BUF_INIT};
        buf_printf(&s.text,
                   "{\"type\":\"user\",\"sessionId\":\"s%d\",\"uuid\":\"00000000-0000-4000-8000-%012d\","
                   "\"timestamp\":\"2026-10-01T10:00:00.000Z\",\"message\":{\"content\":\"Go on\"}}\n"
                   "{\"type\":\"user\",\"sessionId\":\"s%d\",\"timestamp\":\"2026-10-01T10:00:01.000Z\","
                   "\"message\":{\"content\":\"No id\"}}\n",
                   i, i, i);
        s.path = script_file(buf_str(&s.text));
        process(f, &s, i ? "/p/a.jsonl" : "/p/b.jsonl", TRANSCRIPT_CLAUDE);
        (void)unlink(s.path);
        free(s.path);
        buf_deinit(&s.text);
        buf_deinit(&s.checkpoint);
    }
    MUST(session_totals_list(f->db, &all, "", 100, &f->a, &totals, &count, &e));
    assert_int_equal(count, 2);
    assert_int_equal(totals[0].prompts + totals[1].prompts, 4);
}

/* A resumed session of Gemini CLI may have its records in a file of a new session. */
static void U7_records_of_gemini_count_once(void **state)
{
    static const char records[] =
        "{\"id\":\"r1\",\"timestamp\":\"2026-10-01T10:00:00.000Z\",\"type\":\"user\",\"content\":\"Go on\"}\n"
        "{\"id\":\"r2\",\"timestamp\":\"2026-10-01T10:01:00.000Z\",\"type\":\"gemini\",\"content\":\"\","
        "\"toolCalls\":[{\"id\":\"c1\",\"name\":\"glob\",\"args\":{},\"status\":\"error\",\"result\":[]}]}\n";
    static const char more[] = "{\"id\":\"r3\",\"timestamp\":\"2026-10-01T10:02:00.000Z\",\"type\":"
                               "\"gemini\",\"content\":\"Done\"}\n";
    struct fixture *f = *state;
    const struct session_window all = {0, INT64_MAX};
    struct session_totals *t;
    size_t count;
    for (int i = 0; i < 2; i++) {
        struct session s = {.text = BUF_INIT, .checkpoint = BUF_INIT};
        buf_printf(&s.text, "{\"sessionId\":\"s%d\",\"kind\":\"main\"}\n%s%s", i, records, i ? more : "");
        s.path = script_file(buf_str(&s.text));
        process(f, &s, i ? "/g/b.jsonl" : "/g/a.jsonl", TRANSCRIPT_GEMINI);
        (void)unlink(s.path);
        free(s.path);
        buf_deinit(&s.text);
        buf_deinit(&s.checkpoint);
    }
    MUST(session_totals_list(f->db, &all, "", 100, &f->a, &t, &count, &e));
    assert_int_equal(count, 2);
    assert_int_equal(t[0].prompts, 1);
    assert_int_equal(t[0].errors, 1);
    assert_int_equal(t[0].active_us, MINUTE_US);
    assert_int_equal(t[1].prompts + t[1].uses[EVENT_TOOL] + t[1].errors, 0);
    assert_int_equal(t[1].answers, 1);
    assert_int_equal(t[1].active_us, MINUTE_US); /* from the copied record to its own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(U7_copies_in_forks_count_once_in_any_order_and_in_pieces),
        cmocka_unit_test(U7_a_chain_of_copies_with_ids_of_their_own_counts_once),
        cmocka_unit_test(T2_a_fork_that_grows_is_read_on_from_where_it_was),
        cmocka_unit_test(U7_what_is_alike_and_no_copy_counts_each_time),
        cmocka_unit_test(U7_records_of_gemini_count_once),
    };
    return fixture_run("session_forks", tests, COUNT_OF(tests));
}
