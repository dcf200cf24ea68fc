/* test_processor_checkpoints.c -- where processors go on, put and fetched, on both stores (spec 60 T2). */
#include "store_fixture.h"

#include "store/processor_checkpoints.h"

static struct err e;

static void expect(struct fixture *f, const char *processor, const char *file, const char *text)
{
    struct str s;
    assert_int_equal(processor_checkpoint_get(f->db, processor, file, &f->a, &s, &e), 0);
    assert_true(str_equal(s, str_of(text)));
}

static void put(struct fixture *f, const char *processor, const char *file, const char *text, int64_t at_us)
{
    assert_int_equal(processor_checkpoint_put(f->db, processor, file, str_of(text), at_us, &e), 0);
}

static void the_last_one_of_a_processor_and_a_file_is_there(void **state)
{
    struct fixture *f = *state;
    expect(f, "usage", "a", "");
    put(f, "usage", "a", "1 2:é 漢字", T0);
    put(f, "usage", "b", "other file", T0);
    put(f, "verification", "a", "other processor", T0);
    expect(f, "usage", "a", "1 2:é 漢字");
    put(f, "usage", "a", "later", T0 + SECOND);
    expect(f, "usage", "a", "later");
    put(f, "usage", "a", "", T0 + SECOND);
    expect(f, "usage", "a", "");
    expect(f, "usage", "b", "other file");
    expect(f, "verification", "a", "other processor");
}

static void what_is_older_is_taken_away(void **state)
{
    struct fixture *f = *state;
    put(f, "usage", "a", "old", T0);
    put(f, "usage", "b", "new", T0 + SECOND);
    assert_int_equal(processor_checkpoints_sweep(f->db, T0 + SECOND, &e), 0);
    expect(f, "usage", "a", "");
    expect(f, "usage", "b", "new");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_one_of_a_processor_and_a_file_is_there),
        cmocka_unit_test(what_is_older_is_taken_away),
    };
    return fixture_run("processor_checkpoints", tests, COUNT_OF(tests));
}
