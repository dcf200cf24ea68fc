/* test_ledger.c -- merging tellings is idempotent and commutative, and a save survives a torn journal (spec
 * 60 U2, T2). */
#include "base/buf.h"
#include "transcripts/ledger.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define EVENTS 300

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

struct telling {
    struct usage_event e;
    struct ledger_place place;
    char message[16], request[16];
};

static const struct str sessions[] = {{"s0", 2}, {"s1", 2}, {"s2", 2}};

static void make(struct telling *t, uint32_t *seed)
{
    *t = (struct telling){.e = {.source = USAGE_CLAUDE}};
    (void)snprintf(t->message, sizeof(t->message), "m%u", next(seed) % 40);
    (void)snprintf(t->request, sizeof(t->request), "r%u", next(seed) % 2);
    t->e.message_id = str_of(t->message);
    t->e.request_id = str_of(t->request);
    t->e.session_id = sessions[next(seed) % 3];
    t->e.model = STR("claude-opus-4-5");
    t->e.at_us = INT64_C(1700000000000000) + next(seed) % 3 * INT64_C(900000000);
    t->e.counts[COUNT_OUTPUT] = 1 + next(seed) % 4;
    t->e.flags = next(seed) % 3 == 0 ? USAGE_SIDECHAIN : 0;
    t->place.project = STR("p");
    t->place.session = sessions[next(seed) % 3];
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The sums, as text, in an order that does not depend on how they came about. */
static void print(const struct ledger *l, struct buf *out)
{
    size_t n = ledger_count(&l->file, LEDGER_ROWS), kept = 0;
    char **lines = xcalloc(n + 1, sizeof(*lines));
    for (size_t i = 0; i < n; i++) {
        const struct ledger_row *row = ledger_item(&l->file, LEDGER_ROWS, i);
        struct buf line = BUF_INIT;
        if (row->events == 0)
            continue;
        struct ledger_context c = ledger_context_at(l, row->context);
        buf_printf(&line, "%u %.*s %u: %lld of %lld\n", row->quarter, STR_ARG(ledger_text(l, c.session)),
                   row->flags, (long long)row->counts[COUNT_OUTPUT], (long long)row->events);
        lines[kept++] = buf_take(&line);
    }
    qsort(lines, kept, sizeof(*lines), by_text);
    for (size_t i = 0; i < kept; i++) {
        buf_add_text(out, lines[i]);
        free(lines[i]);
    }
    free(lines);
}

static void U2_tellings_in_any_order_and_any_number_of_times_give_the_same_sums(void **state)
{
    (void)state;
    static struct telling tellings[EVENTS];
    uint32_t seed = 7;
    for (size_t i = 0; i < EVENTS; i++)
        make(&tellings[i], &seed);
    struct buf expected = BUF_INIT, actual = BUF_INIT;
    for (int round = 0; round < 12; round++) {
        struct ledger l;
        ledger_open(&l, NULL);
        for (size_t i = EVENTS - 1; i > 0; i--) {
            size_t k = next(&seed) % (i + 1);
            struct telling t = tellings[i];
            tellings[i] = tellings[k];
            tellings[k] = t;
        }
        for (size_t i = 0; i < EVENTS + 100U * (unsigned)round; i++) {
            struct telling *t = &tellings[i < EVENTS ? i : next(&seed) % EVENTS];
            t->e.message_id = str_of(t->message);
            t->e.request_id = str_of(t->request);
            (void)ledger_add(&l, &t->e, &t->place);
        }
        buf_clear(&actual);
        print(&l, &actual);
        if (round == 0)
            buf_add_str(&expected, buf_str(&actual));
        assert_string_equal(actual.p, expected.p);
        ledger_close(&l);
    }
    buf_deinit(&expected);
    buf_deinit(&actual);
}

static void a_journal_that_is_cut_anywhere_gives_what_some_save_left(void **state)
{
    (void)state;
    char dir[] = "/tmp/test_ledger.XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct buf before = BUF_INIT, after = BUF_INIT, now = BUF_INIT, journal = BUF_INIT;
    struct telling t;
    uint32_t seed = 9;
    for (int save = 0; save < 2; save++) {
        struct ledger l;
        ledger_open(&l, dir);
        for (int i = 0; i < 20; i++) {
            make(&t, &seed);
            (void)ledger_add(&l, &t.e, &t.place);
        }
        assert_int_equal(ledger_save(&l), 0);
        print(&l, save ? &after : &before);
        ledger_close(&l);
    }
    buf_printf(&journal, "%s/ledger.journal", dir);
    off_t size = 0;
    int fd = open(journal.p, O_RDWR);
    assert_true(fd >= 0);
    size = lseek(fd, 0, SEEK_END);
    assert_true(size > 0);
    for (off_t cut = size; cut >= 0; cut -= cut > 40 ? 37 : 1) {
        struct ledger l;
        assert_int_equal(ftruncate(fd, cut), 0);
        ledger_open(&l, dir);
        buf_clear(&now);
        print(&l, &now);
        assert_string_equal(now.p, cut == size ? after.p : before.p);
        ledger_close(&l);
    }
    (void)close(fd);
    static const char *const names[] = {"ledger", "ledger.journal", "ledger.lock"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        buf_clear(&journal);
        buf_printf(&journal, "%s/%s", dir, names[i]);
        (void)unlink(journal.p);
    }
    assert_int_equal(rmdir(dir), 0);
    buf_deinit(&before);
    buf_deinit(&after);
    buf_deinit(&now);
    buf_deinit(&journal);
}

/* The empty string is the first of each ledger, and a lookup may run into it while it is the only one. */
static void r5_the_empty_string_has_no_bytes_to_lie_in(void **state)
{
    (void)state;
    for (int i = 0; i < 64; i++) { /* of as many texts some share its slot */
        struct ledger l;
        char text[16];
        (void)snprintf(text, sizeof(text), "t%d", i);
        ledger_open(&l, NULL);
        uint32_t empty = ledger_string(&l, (struct str){NULL, 0});
        assert_int_equal(ledger_text(&l, empty).n, 0);
        assert_true(str_equal(ledger_text(&l, ledger_string(&l, str_of(text))), str_of(text)));
        assert_int_equal(ledger_string(&l, (struct str){NULL, 0}), empty);
        ledger_close(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(U2_tellings_in_any_order_and_any_number_of_times_give_the_same_sums),
        cmocka_unit_test(a_journal_that_is_cut_anywhere_gives_what_some_save_left),
        cmocka_unit_test(r5_the_empty_string_has_no_bytes_to_lie_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
