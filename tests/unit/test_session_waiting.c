/* test_session_waiting.c -- which files wait for a processor, and since when (spec 60 T8, Health). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transcripts/session_waiting.h"

#define NOW INT64_C(1800000000000000)
#define MINUTE INT64_C(60000000)
#define VERSION 2

static struct file_walk_entry entry(const char *path, int64_t age_us)
{
    return (struct file_walk_entry){
        .path = (char *)(uintptr_t)path, .inode = 1, .size = 10, .mtime_ns = (NOW - age_us) * 1000};
}

/* Of the file as `entry` shows it. */
static struct processor_state state(const char *name, int64_t age_us, enum processor_status status,
                                    int64_t next_retry_us)
{
    return (struct processor_state){.session_file = name,
                                    .look = {.inode = 1, .size = 10, .mtime_ns = (NOW - age_us) * 1000},
                                    .version = VERSION,
                                    .status = status,
                                    .attempts = status == PROCESSOR_DONE ? 0 : 1,
                                    .next_retry_us = next_retry_us};
}

static void expect(struct file_walk_entry *files, size_t count, const struct processor_state *states,
                   size_t state_count, const struct session_waiting *expected)
{
    const struct file_walk walk = {.files = files, .count = count};
    struct session_waiting told;
    struct arena a;
    arena_init(&a);
    session_waiting(&walk, states, state_count, VERSION, NOW, &a, &told);
    assert_int_equal(told.waiting, expected->waiting);
    assert_int_equal(told.quarantined, expected->quarantined);
    if (expected->oldest)
        assert_string_equal(told.oldest, expected->oldest);
    else
        assert_null(told.oldest);
    assert_int_equal(told.oldest_us, expected->oldest_us);
    arena_reset(&a);
}
#define EXPECT(files, states, ...)                                                                           \
    expect(files, COUNT_OF(files), states, COUNT_OF(states), &(const struct session_waiting){__VA_ARGS__})

static void the_oldest_of_those_that_wait_is_named(void **context)
{
    (void)context;
    struct file_walk_entry files[] = {entry("/r/new", MINUTE), entry("/r/old", 9 * MINUTE),
                                      entry("/r/done", 60 * MINUTE), entry("/r/changed", 5 * MINUTE)};
    const struct processor_state states[] = {state("/r/done", 60 * MINUTE, PROCESSOR_DONE, 0),
                                             state("/r/changed", 6 * MINUTE, PROCESSOR_DONE, 0)};
    EXPECT(files, states, .waiting = 3, .oldest = "/r/old", .oldest_us = NOW - 9 * MINUTE);
}

static void what_failed_waits_once_its_time_has_come_and_what_was_set_apart_does_not(void **context)
{
    (void)context;
    struct file_walk_entry files[] = {entry("/r/due", 8 * MINUTE), entry("/r/later", 30 * MINUTE),
                                      entry("/r/apart", 40 * MINUTE)};
    const struct processor_state states[] = {state("/r/due", 8 * MINUTE, PROCESSOR_FAILED, NOW - 1),
                                             state("/r/later", 30 * MINUTE, PROCESSOR_FAILED, NOW + MINUTE),
                                             state("/r/apart", 40 * MINUTE, PROCESSOR_QUARANTINED, 0)};
    EXPECT(files, states, .waiting = 1, .quarantined = 1, .oldest = "/r/due", .oldest_us = NOW - 8 * MINUTE);
}

static void what_older_rules_have_read_does_not_wait(void **context)
{
    (void)context;
    struct file_walk_entry files[] = {entry("/r/a", 90 * MINUTE)};
    struct processor_state states[] = {state("/r/a", 90 * MINUTE, PROCESSOR_DONE, 0)};
    states[0].version = VERSION - 1;
    EXPECT(files, states, .waiting = 0);
}

static void a_packed_file_is_known_by_its_plain_name(void **context)
{
    (void)context;
    struct file_walk_entry files[] = {entry("/r/a.jsonl.zst", MINUTE)};
    const struct processor_state states[] = {state("/r/a.jsonl", MINUTE, PROCESSOR_DONE, 0)};
    EXPECT(files, states, .waiting = 0);
}

static void a_file_from_the_future_has_waited_since_now(void **context)
{
    (void)context;
    struct file_walk_entry files[] = {entry("/r/a", -MINUTE)};
    const struct processor_state states[] = {state("/r/b", MINUTE, PROCESSOR_DONE, 0)};
    EXPECT(files, states, .waiting = 1, .oldest = "/r/a", .oldest_us = NOW);
}

static void nothing_waits_where_there_are_no_files(void **context)
{
    (void)context;
    const struct processor_state states[] = {state("/r/gone", MINUTE, PROCESSOR_FAILED, 0)};
    expect(NULL, 0, states, 1, &(const struct session_waiting){.waiting = 0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_of_those_that_wait_is_named),
        cmocka_unit_test(what_failed_waits_once_its_time_has_come_and_what_was_set_apart_does_not),
        cmocka_unit_test(what_older_rules_have_read_does_not_wait),
        cmocka_unit_test(a_packed_file_is_known_by_its_plain_name),
        cmocka_unit_test(a_file_from_the_future_has_waited_since_now),
        cmocka_unit_test(nothing_waits_where_there_are_no_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
