/* test_session_events.c -- what happened in sessions, put and asked for, on both stores (spec 60 U7, 10 D1).
 */
#include "store_fixture.h"

#include "store/session_events.h"

#define QUARTER SESSION_SLOT_US

static struct err e;

static void put(struct fixture *f, const char *file, const char *id, int64_t first_us, int64_t last_us,
                int64_t uses)
{
    const struct session_totals totals = {.session_file = file,
                                          .session_id = id,
                                          .agent = "claude",
                                          .prompts = 1,
                                          .uses = {uses},
                                          .first_us = first_us,
                                          .last_us = last_us};
    const struct session_event_row events[] = {{.kind = "tool", .name = "Bash", .uses = uses, .errors = 1},
                                               {.kind = "skill", .name = "debug", .uses = 1}};
    const struct session_slot slots[] = {{first_us - first_us % QUARTER, 1, 0, uses, 1, 5 * SECOND}};
    assert_int_equal(
        session_events_put(f->db, &totals, events, first_us ? 2 : 1, slots, first_us ? 1 : 0, &e), 0);
}

static void expect(struct fixture *f, const struct session_window *w, int64_t bash_uses, int64_t sessions,
                   int64_t began)
{
    struct session_event_row *rows;
    struct session_totals *totals;
    struct session_slot_row *slots;
    size_t count;
    int64_t sum = 0, begun = 0;
    assert_int_equal(session_events_by_name(f->db, w, "tool", 10, &f->a, &rows, &count, &e), 0);
    assert_int_equal(count, sessions > 0);
    if (count) {
        assert_string_equal(rows[0].name, "Bash");
        assert_int_equal(rows[0].uses, bash_uses);
        assert_int_equal(rows[0].sessions, sessions);
    }
    assert_int_equal(session_totals_list(f->db, w, "", 10, &f->a, &totals, &count, &e), 0);
    assert_int_equal(count, sessions);
    assert_int_equal(session_slots_sum(f->db, w, &f->a, &slots, &count, &e), 0);
    for (size_t i = 0; i < count; i++) {
        sum += slots[i].slot.uses;
        begun += slots[i].began;
    }
    assert_int_equal(begun, began);
    assert_true(sum <= bash_uses);
}

static void a_copy_counts_once_and_a_window_takes_what_was_under_way(void **state)
{
    struct fixture *f = *state;
    const struct session_window all = {0, INT64_MAX}, before = {0, T0 - QUARTER},
                                late = {T0 + 3 * QUARTER, INT64_MAX};
    put(f, "a", "s1", T0, T0 + QUARTER, 3);
    put(f, "b", "s1", T0, T0 + 2 * QUARTER, 4);     /* goes on for longer: this one counts */
    put(f, "c", "s1", T0 + 1, T0 + 5 * QUARTER, 7); /* begins elsewhere: a subagent's, say */
    expect(f, &all, 11, 2, 2);
    expect(f, &late, 7, 1, 0);
    expect(f, &before, 0, 0, 0);
    put(f, "b", "s1", T0, T0 + 2 * QUARTER, 40); /* again: replaced, not added */
    expect(f, &all, 47, 2, 2);
}

static void a_session_without_times_counts_in_any_window_and_in_no_day(void **state)
{
    struct fixture *f = *state;
    const struct session_window all = {0, INT64_MAX};
    put(f, "a", NULL, 0, 0, 2);
    put(f, "b", NULL, 0, 0, 3); /* no id: a copy of nothing */
    expect(f, &all, 5, 2, 0);
}

static void pages_go_on_behind_the_last_file(void **state)
{
    struct fixture *f = *state;
    const struct session_window all = {0, INT64_MAX};
    struct session_totals *rows;
    size_t count;
    for (int i = 0; i < 5; i++)
        put(f, arena_printf(&f->a, "f%d", i), arena_printf(&f->a, "s%d", i), T0, T0 + QUARTER, i);
    assert_int_equal(session_totals_list(f->db, &all, "", 2, &f->a, &rows, &count, &e), 0);
    assert_int_equal(count, 2);
    assert_string_equal(rows[1].session_file, "f1");
    assert_int_equal(session_totals_list(f->db, &all, "f3", 2, &f->a, &rows, &count, &e), 0);
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].session_file, "f4");
    assert_int_equal(rows[0].uses[EVENT_TOOL], 4);
    assert_int_equal(rows[0].first_us, T0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_counts_once_and_a_window_takes_what_was_under_way),
        cmocka_unit_test(a_session_without_times_counts_in_any_window_and_in_no_day),
        cmocka_unit_test(pages_go_on_behind_the_last_file),
    };
    return fixture_run("session_events", tests, COUNT_OF(tests));
}
