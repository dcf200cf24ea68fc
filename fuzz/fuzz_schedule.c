/* fuzz_schedule.c -- schedules of any bytes.
 *
 * What is accepted prints as a text that is accepted, means the same and prints the same; no single byte
 * behind it is accepted but a further digit of a list or step; its next instant lies behind `after`, and the
 * previous one of that instant is that instant. */
#include "base/clock.h"
#include "core/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_instants(const struct schedule *s)
{
    int64_t after_us = INT64_C(1774000000) * USEC_PER_SEC;
    for (int i = 0; i < 3; i++) {
        struct schedule_instant next, same, previous;
        if (!schedule_next(s, timezone_utc(), 0, after_us, &next))
            return;
        must(next.at_us > after_us);
        must(schedule_next(s, timezone_utc(), 0, next.at_us - 1, &same) && same.at_us == next.at_us);
        must(schedule_previous(s, timezone_utc(), 0, next.at_us, &same) && same.at_us == next.at_us);
        must(!schedule_previous(s, timezone_utc(), 0, next.at_us - 1, &previous) ||
             previous.at_us <= after_us);
        bool counts_from_last = s->type == SCHEDULE_INTERVAL && i == 0; /* and that is no instant yet */
        must(counts_from_last || schedule_is_due(s, timezone_utc(), after_us, next.at_us));
        must(counts_from_last || !schedule_is_due(s, timezone_utc(), after_us, next.at_us - 1));
        after_us = next.at_us;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schedule s, again;
    struct err e = {0};
    struct buf text = BUF_INIT, second = BUF_INIT;
    if (schedule_parse((struct str){(const char *)data, size}, &s, &e) != 0) {
        must(strstr(e.text, "column ") && str_starts_with(str_of(e.place), STR("column ")));
        return 0;
    }
    schedule_print(&s, &text);
    must(schedule_parse(buf_str(&text), &again, NULL) == 0);
    schedule_print(&again, &second);
    must(str_equal(buf_str(&text), buf_str(&second)) && again.type == s.type);
    check_instants(&s);
    buf_add_char(&text, '\n');
    must(schedule_parse(buf_str(&text), &again, NULL) != 0);
    buf_deinit(&text);
    buf_deinit(&second);
    return 0;
}
