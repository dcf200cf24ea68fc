/* test_state_file.c -- what the scheduler keeps on the disk (spec 50 S9). */
#include "scheduler/state_file.h"

#include "io/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define JOBS 3

struct bench {
    char directory[64];
    uv_loop_t loop;
    struct state_file *file;
    int64_t values[JOBS]; /* what is rendered */
    struct buf events;    /* "NAME=VALUE;" per job that was found, "trouble;" */
};

static void render(void *arg, size_t job, struct json_writer *w)
{
    const struct bench *b = arg;
    json_object_begin(w);
    json_kv_i64(w, "value", b->values[job]);
    json_object_end(w);
}

static const char *name_of(void *arg, size_t job)
{
    static const char *const names[JOBS] = {"a", "b", "c"};
    (void)arg;
    return names[job];
}

static void found(void *arg, struct str name, const json_t *value)
{
    struct bench *b = arg;
    buf_printf(&b->events, "%.*s=%lld;", STR_ARG(name),
               (long long)json_integer_value(json_object_get(value, "value")));
}

static void trouble(void *arg, const char *what)
{
    struct bench *b = arg;
    (void)what;
    buf_add_text(&b->events, "trouble;");
}

static const struct state_file_ops ops = {render, name_of, found, trouble};

static void put(const struct bench *b, const char *name, const char *text)
{
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/%s", b->directory, name);
    assert_int_equal(file_write_atomic(path.p, str_of(text), 0600, false), 0);
    buf_deinit(&path);
}

static bool is_there(const struct bench *b, const char *name)
{
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/%s", b->directory, name);
    bool there = file_exists(path.p);
    buf_deinit(&path);
    return there;
}

static void start(struct bench *b)
{
    *b = (struct bench){.directory = "/tmp/muster-test-state-XXXXXX"};
    assert_non_null(mkdtemp(b->directory));
    assert_int_equal(uv_loop_init(&b->loop), 0);
    buf_init(&b->events);
    b->file = state_file_new(&b->loop, b->directory, &ops, b);
}

static void drain(struct bench *b)
{
    b->file = state_file_free(b->file);
    while (uv_run(&b->loop, UV_RUN_DEFAULT))
        continue;
}

static void reopen(struct bench *b)
{
    drain(b);
    buf_clear(&b->events);
    b->file = state_file_new(&b->loop, b->directory, &ops, b);
    assert_int_equal(state_file_load(b->file), 0);
}

static void end(struct bench *b)
{
    drain(b);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    buf_deinit(&b->events);
    struct buf command = BUF_INIT;
    buf_printf(&command, "rm -rf %s", b->directory);
    assert_int_equal(system(command.p), 0);
    buf_deinit(&command);
}

static void what_was_written_is_found_again(void **state)
{
    struct bench b;
    (void)state;
    start(&b);
    assert_int_equal(state_file_load(b.file), 0);
    state_file_set_jobs(b.file, JOBS);
    b.values[1] = 7;
    state_file_touch(b.file, 1);
    reopen(&b);
    assert_string_equal(b.events.p, "a=0;b=7;c=0;");
    end(&b);
}

static void of_two_files_that_name_a_job_the_later_written_counts(void **state)
{
    struct bench b;
    (void)state;
    start(&b);
    put(&b, "state.json", "{\"version\":1,\"sequence\":5,\"jobs\":{\"a\":{\"value\":5}}}");
    put(&b, "state.ahead.json", "{\"version\":1,\"sequence\":6,\"jobs\":{\"a\":{\"value\":6}}}");
    assert_int_equal(state_file_load(b.file), 0);
    assert_string_equal(b.events.p, "a=5;a=6;"); /* the last that is told counts */
    buf_clear(&b.events);
    put(&b, "state.json", "{\"version\":1,\"sequence\":7,\"jobs\":{\"a\":{\"value\":7}}}");
    assert_int_equal(state_file_load(b.file), 0);
    assert_string_equal(b.events.p, "a=6;a=7;");
    end(&b);
}

static void a_file_of_an_older_version_without_a_sequence_is_the_oldest(void **state)
{
    struct bench b;
    (void)state;
    start(&b);
    put(&b, "state.json", "{\"version\":1,\"jobs\":{\"a\":{\"value\":1}}}");
    put(&b, "state.ahead.json", "{\"version\":1,\"sequence\":1,\"jobs\":{\"a\":{\"value\":2}}}");
    assert_int_equal(state_file_load(b.file), 0);
    assert_string_equal(b.events.p, "a=1;a=2;");
    end(&b);
}

static void count_calls(void *arg, size_t job)
{
    (void)job;
    ++*(int *)arg;
}

static void an_intent_is_on_the_disk_before_anyone_is_told(void **state)
{
    struct bench b;
    int told = 0;
    (void)state;
    start(&b);
    assert_int_equal(state_file_load(b.file), 0);
    state_file_set_jobs(b.file, JOBS);
    b.values[2] = 9;
    state_file_ahead(b.file, 2, count_calls, &told);
    assert_int_equal(told, 0);
    state_file_flush(b.file);
    while (told == 0)
        (void)uv_run(&b.loop, UV_RUN_ONCE);
    /* As after a kill: another reader finds it now. */
    struct bench other = b;
    buf_init(&other.events);
    other.file = state_file_new(&b.loop, b.directory, &ops, &other);
    assert_int_equal(state_file_load(other.file), 0);
    assert_true(str_ends_with(buf_str(&other.events), STR("a=0;b=0;c=9;")));
    other.values[2] = 9;
    other.file = state_file_free(other.file);
    buf_deinit(&other.events);
    end(&b);
}

static void a_new_start_leaves_one_file_with_the_jobs_of_now(void **state)
{
    struct bench b;
    (void)state;
    start(&b);
    put(&b, "state-0f.ahead.json", "{\"version\":1,\"sequence\":3,\"jobs\":{\"a\":{\"value\":3}}}");
    put(&b, ".tmp-x", "half");
    assert_int_equal(state_file_load(b.file), 0);
    assert_string_equal(b.events.p, "a=3;");
    assert_false(is_there(&b, ".tmp-x"));
    state_file_set_jobs(b.file, JOBS);
    assert_false(is_there(&b, "state-0f.ahead.json"));
    assert_true(is_there(&b, "state.json"));
    end(&b);
}

static void a_torn_file_is_set_aside_and_the_others_count(void **state)
{
    struct bench b;
    (void)state;
    start(&b);
    put(&b, "state.json", "{\"version\":1,\"sequence\":5,\"jobs\":{\"a\":{\"value\":5}}}");
    put(&b, "state.ahead.json", "{\"version\":1,\"sequence\":6,\"jobs\":{\"a\":{\"va");
    assert_int_equal(state_file_load(b.file), 0);
    assert_non_null(strstr(b.events.p, "trouble;"));
    assert_non_null(strstr(b.events.p, "a=5;"));
    assert_false(is_there(&b, "state.ahead.json"));
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_found_again),
        cmocka_unit_test(of_two_files_that_name_a_job_the_later_written_counts),
        cmocka_unit_test(a_file_of_an_older_version_without_a_sequence_is_the_oldest),
        cmocka_unit_test(an_intent_is_on_the_disk_before_anyone_is_told),
        cmocka_unit_test(a_new_start_leaves_one_file_with_the_jobs_of_now),
        cmocka_unit_test(a_torn_file_is_set_aside_and_the_others_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
