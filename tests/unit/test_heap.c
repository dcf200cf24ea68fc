/* test_heap.c -- the heap against a sorted list, over random histories. */
#include "base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define THINGS 200

static unsigned seed = 1;
static unsigned draw(unsigned below)
{
    seed = seed * 1103515245 + 12345;
    return seed / 65536 % below;
}

static int64_t smallest(const struct heap_entry *things)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < THINGS; i++)
        if (things[i].place)
            least = MIN(least, things[i].due_us);
    return least;
}

static void the_first_is_the_smallest_whatever_was_put_moved_and_removed(void **state)
{
    (void)state;
    struct heap_entry things[THINGS] = {0};
    struct heap h;
    heap_init(&h);
    size_t inside = 0;
    for (int step = 0; step < 20000; step++) {
        struct heap_entry *e = &things[draw(THINGS)];
        bool was_in = e->place != 0;
        if (draw(3) == 0) {
            heap_remove(&h, e);
            inside -= was_in;
        } else {
            heap_put(&h, e, draw(50));
            inside += !was_in;
        }
        assert_int_equal(h.count, inside);
        if (inside)
            assert_int_equal(heap_first(&h)->due_us, smallest(things));
        else
            assert_null(heap_first(&h));
    }
    for (int64_t last = -1; heap_first(&h);) {
        struct heap_entry *e = heap_first(&h);
        assert_true(e->due_us >= last);
        last = e->due_us;
        heap_remove(&h, e);
        assert_int_equal(e->place, 0);
    }
    heap_deinit(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_the_smallest_whatever_was_put_moved_and_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
