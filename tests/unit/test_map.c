/* test_map.c -- a long random history, with an array as the oracle. */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { KEYS = 400, STEPS = 60000 };

/* xorshift64: the same history each time. */
static uint64_t next_random(void)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    return x ^= x << 17;
}

static int values[KEYS * 2];

static void check_all(const struct map *m, void *const *oracle)
{
    size_t at = 0, seen = 0, wanted = 0;
    struct str key;
    void *value;
    while (map_next(m, &at, &key, &value)) {
        int64_t id;
        assert_int_equal(key.n, sizeof(id));
        memcpy(&id, key.p, sizeof(id));
        assert_ptr_equal(value, oracle[id]);
        seen++;
    }
    for (int64_t id = 0; id < KEYS; id++) {
        assert_ptr_equal(map_get(m, map_key_i64(&id)), oracle[id]);
        wanted += oracle[id] != NULL;
    }
    assert_int_equal(seen, wanted);
    assert_int_equal(m->count, wanted);
}

static void a_map_holds_what_an_array_would(void **state)
{
    (void)state;
    struct map m;
    void *oracle[KEYS] = {NULL};
    map_init(&m);
    for (int step = 0; step < STEPS; step++) {
        uint64_t r = next_random();
        /* Long phases of growth and of shrinking, so that it fills up with tombstones too. */
        bool put = (r >> 32) % 8 < (step / 5000 % 2 ? 2u : 6u);
        int64_t id = (int64_t)(r % KEYS);
        void *old = oracle[id];
        oracle[id] = put ? &values[(r >> 16) % COUNT_OF(values)] : NULL;
        if (put)
            assert_ptr_equal(map_put(&m, map_key_i64(&id), oracle[id]), old);
        else
            assert_ptr_equal(map_remove(&m, map_key_i64(&id)), old);
        if (step % 500 == 0)
            check_all(&m, oracle);
    }
    check_all(&m, oracle);
    assert_true(m.capacity <= 4096); /* tombstones do not make it grow for ever */
    map_deinit(&m);
}

static void keys_are_bytes_of_any_kind_and_are_copied(void **state)
{
    (void)state;
    struct map m;
    map_init(&m);
    assert_null(map_get(&m, STR("x")));
    assert_null(map_remove(&m, STR("x")));
    char key[] = "a\0b";
    assert_null(map_put(&m, (struct str){key, 3}, &values[0]));
    assert_null(map_put(&m, (struct str){key, 1}, &values[1]));
    assert_null(map_put(&m, (struct str){NULL, 0}, &values[2]));
    key[0] = 'z';
    assert_ptr_equal(map_get(&m, (struct str){"a\0b", 3}), &values[0]);
    assert_ptr_equal(map_get(&m, STR("a")), &values[1]);
    assert_ptr_equal(map_get(&m, STR("")), &values[2]);
    assert_null(map_get(&m, STR("z")));
    map_deinit(&m);
}

static void the_key_that_was_just_returned_may_be_removed(void **state)
{
    (void)state;
    struct map m;
    map_init(&m);
    for (int64_t id = 0; id < 100; id++)
        (void)map_put(&m, map_key_i64(&id), &values[id]);
    size_t at = 0;
    struct str key;
    void *value;
    int seen = 0;
    while (map_next(&m, &at, &key, &value)) {
        int64_t id; /* the slice dies with the key */
        memcpy(&id, key.p, sizeof(id));
        assert_ptr_equal(map_remove(&m, map_key_i64(&id)), value);
        seen++;
    }
    assert_int_equal(seen, 100);
    assert_int_equal(m.count, 0);
    map_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_holds_what_an_array_would),
        cmocka_unit_test(keys_are_bytes_of_any_kind_and_are_copied),
        cmocka_unit_test(the_key_that_was_just_returned_may_be_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
