/* test_liveness.c -- verdicts from evidence over time (spec 00 Liveness).  The rows are the signatures that
 * were measured on real CLIs; time is made up, so an hour takes no time. */
#include "core/liveness.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SECOND USEC_PER_SEC
#define TICK (5 * SECOND) /* of liveness_policy_default */
#define T0 INT64_C(1795316645000000)

struct world {
    struct liveness l;
    struct liveness_sample s;
};

static void init(struct world *w)
{
    *w = (struct world){0};
    liveness_sample_init(&w->s);
    w->s.now_us = 1000 * SECOND;
    w->s.at = T0;
    w->s.process = PROCESS_ALIVE;
    w->s.state = 'S';
    w->s.age_us = 600 * SECOND;
    w->s.tools = 0;
    w->s.cpu_ticks = 100;
    w->s.established = w->s.close_wait = 0;
    w->s.stdin_kind = STDIN_NULL;
}

/* One sample `step` later; the kernel's own count goes on unless data came. */
static enum verdict look(struct world *w, int64_t step, int64_t received)
{
    w->s.now_us += step;
    w->s.at += step;
    w->s.age_us += step;
    w->s.cpu_ticks += 1;
    if (received > 0) {
        w->s.received_bytes = MAX(w->s.received_bytes, 0) + received;
        w->s.last_receive_us = 200 * USEC_PER_MSEC;
    } else if (w->s.last_receive_us >= 0) {
        w->s.last_receive_us += step;
    }
    (void)liveness_observe(&w->l, &liveness_policy_default, &w->s);
    return w->l.now.verdict;
}

static void connect_socket(struct world *w, int64_t port, int64_t received)
{
    w->s.established = 1;
    w->s.local_port = port;
    w->s.received_bytes = received;
    w->s.last_receive_us = 0;
}

/* -- one row per signature: what is seen at two looks, and the verdict -- */

struct signature {
    const char *name;
    enum verdict verdict;
    enum liveness_turn turn;
    int64_t established, close_wait, received, silent_s, tools;
    bool grows; /* data comes in between the two looks */
    enum liveness_stdin stdin_kind;
    bool foreground, reads_stdin;
    int stdin_held;
    bool retries, limited, orphaned, terminal_gone, ended;
    int64_t same_calls, transcript, age_s, cpu_quiet;
    char state;
};
static const struct signature signatures[] = {
    {.name = "streaming",
     .verdict = VERDICT_WORKING,
     .turn = TURN_OPEN,
     .established = 1,
     .received = 900,
     .grows = true},
    {.name = "the model thinks for two minutes",
     .verdict = VERDICT_WORKING,
     .turn = TURN_OPEN,
     .established = 1,
     .received = 242,
     .silent_s = 120},
    {.name = "headers and no body",
     .verdict = VERDICT_HUNG_STREAM,
     .turn = TURN_OPEN,
     .established = 1,
     .received = 242,
     .silent_s = 400},
    {.name = "silent after four deltas",
     .verdict = VERDICT_HUNG_STREAM,
     .turn = TURN_OPEN,
     .established = 1,
     .received = 1634,
     .silent_s = 400},
    {.name = "the only socket in CLOSE_WAIT",
     .verdict = VERDICT_HUNG_STREAM,
     .turn = TURN_OPEN,
     .close_wait = 1,
     .received = 900,
     .silent_s = 100},
    {.name = "as silent, but nobody knows of a turn",
     .verdict = VERDICT_UNKNOWN,
     .turn = TURN_UNKNOWN,
     .established = 1,
     .received = 242,
     .silent_s = 4000},
    {.name = "keep-alive after a turn",
     .verdict = VERDICT_IDLE,
     .turn = TURN_ENDED,
     .established = 1,
     .received = 5000,
     .silent_s = 4000},
    {.name = "tool, idle connection",
     .verdict = VERDICT_TOOL_RUNNING,
     .turn = TURN_TOOL,
     .established = 1,
     .received = 5000,
     .silent_s = 4000,
     .tools = 2},
    {.name = "tool, no connection", .verdict = VERDICT_TOOL_RUNNING, .turn = TURN_TOOL, .tools = 1},
    {.name = "a permission is asked for",
     .verdict = VERDICT_WAITING_PERMISSION,
     .turn = TURN_PERMISSION,
     .established = 1,
     .received = 5000,
     .silent_s = 4000},
    {.name = "at its prompt",
     .verdict = VERDICT_WAITING_INPUT,
     .turn = TURN_ENDED,
     .stdin_kind = STDIN_TERMINAL,
     .foreground = true},
    {.name = "at its prompt, before the first turn",
     .verdict = VERDICT_WAITING_INPUT,
     .turn = TURN_UNKNOWN,
     .stdin_kind = STDIN_TERMINAL,
     .foreground = true},
    {.name = "a turn is over, without a terminal", .verdict = VERDICT_IDLE, .turn = TURN_ENDED},
    {.name = "retry after 429",
     .verdict = VERDICT_API_RETRYING,
     .turn = TURN_OPEN,
     .retries = true,
     .established = 1,
     .received = 300,
     .silent_s = 20},
    {.name = "retry without a socket", .verdict = VERDICT_API_RETRYING, .turn = TURN_OPEN, .retries = true},
    {.name = "limit reached", .verdict = VERDICT_RATE_LIMITED, .turn = TURN_ENDED, .limited = true},
    {.name = "reads a pipe that is held open",
     .verdict = VERDICT_HUNG_STDIN,
     .turn = TURN_UNKNOWN,
     .stdin_kind = STDIN_PIPE,
     .stdin_held = 1,
     .reads_stdin = true,
     .cpu_quiet = 1},
    {.name = "reads a pipe that nobody holds",
     .verdict = VERDICT_UNKNOWN,
     .turn = TURN_UNKNOWN,
     .stdin_kind = STDIN_PIPE,
     .stdin_held = 0,
     .reads_stdin = true,
     .cpu_quiet = 1},
    {.name = "the same call six times",
     .verdict = VERDICT_LOOPING,
     .turn = TURN_TOOL,
     .same_calls = 6,
     .tools = 1},
    {.name = "the same call six times, over", .verdict = VERDICT_IDLE, .turn = TURN_ENDED, .same_calls = 6},
    {.name = "starter and terminal gone",
     .verdict = VERDICT_ORPHAN,
     .turn = TURN_ENDED,
     .orphaned = true,
     .terminal_gone = true,
     .stdin_kind = STDIN_TERMINAL},
    {.name = "starter gone, still at work",
     .verdict = VERDICT_WORKING,
     .turn = TURN_OPEN,
     .orphaned = true,
     .established = 1,
     .received = 900,
     .grows = true},
    {.name = "just begun", .verdict = VERDICT_STARTING, .turn = TURN_UNKNOWN, .age_s = 3},
    {.name = "stopped by a signal",
     .verdict = VERDICT_UNKNOWN,
     .turn = TURN_OPEN,
     .established = 1,
     .received = 242,
     .silent_s = 4000,
     .state = 'T'},
    {.name = "session over, process there", .verdict = VERDICT_DONE, .turn = TURN_ENDED, .ended = true},
};

static void take(struct world *w, const struct signature *g)
{
    init(w);
    w->s.turn = g->turn;
    w->s.established = g->established;
    w->s.close_wait = g->close_wait;
    w->s.received_bytes = g->received ? g->received : -1;
    w->s.last_receive_us = g->received ? g->silent_s * SECOND : -1;
    w->s.tools = g->tools;
    w->s.stdin_kind = g->stdin_kind ? g->stdin_kind : STDIN_NULL;
    w->s.is_foreground = g->foreground;
    w->s.reads_stdin = g->reads_stdin;
    w->s.stdin_held = g->stdin_kind == STDIN_PIPE ? g->stdin_held : -1;
    w->s.retries = g->retries;
    w->s.is_limited = g->limited;
    w->s.is_orphaned = g->orphaned;
    w->s.terminal_gone = g->terminal_gone;
    w->s.has_ended = g->ended;
    w->s.same_calls = g->same_calls;
    w->s.state = g->state ? g->state : 'S';
    w->s.age_us = (g->age_s ? g->age_s : 6000) * SECOND;
}

static void each_signature_gets_its_verdict_within_two_looks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(signatures); i++) {
        const struct signature *g = &signatures[i];
        struct world w;
        take(&w, g);
        (void)look(&w, TICK, 0);
        for (int more = 0; more < (g->cpu_quiet ? 8 : 1); more++) {
            if (g->cpu_quiet)
                w.s.cpu_ticks -= 1;
            (void)look(&w, TICK, g->grows ? 500 : 0);
        }
        if (w.l.now.verdict != g->verdict)
            fail_msg("%s: %s because %s, expected %s", g->name, verdict_name(w.l.now.verdict), w.l.now.cause,
                     verdict_name(g->verdict));
        assert_true(w.l.now.cause[0] != '\0');
    }
}

/* Take away any one of what a verdict rests on: it must not stand. */
static void no_verdict_but_dead_and_zombie_follows_from_a_single_signal(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    enum verdict alone = look(&w, TICK, 0);
    assert_int_equal(alone, VERDICT_UNKNOWN);
    struct liveness_sample only[6];
    for (size_t i = 0; i < COUNT_OF(only); i++) {
        init(&w);
        only[i] = w.s;
    }
    only[0].close_wait = 1;
    only[1].established = 1;
    only[2].stdin_kind = STDIN_PIPE;
    only[3].is_orphaned = false;
    only[4].reads_stdin = true;
    only[5].last_receive_us = 40000 * SECOND;
    for (size_t i = 0; i < COUNT_OF(only); i++) {
        init(&w);
        w.s = only[i];
        for (int n = 0; n < 100; n++)
            (void)look(&w, TICK, 0);
        assert_int_equal(w.l.now.verdict, VERDICT_UNKNOWN);
    }
    init(&w);
    w.s.process = PROCESS_GONE;
    assert_int_equal(look(&w, TICK, 0), VERDICT_DEAD);
    init(&w);
    w.s.process = PROCESS_ZOMBIE;
    assert_int_equal(look(&w, TICK, 0), VERDICT_ZOMBIE);
}

/* Ten minutes of looks with so many ticks of CPU in each, an open turn and no connection. */
static enum verdict ten_minutes(struct world *w, int64_t ticks, int64_t tools, int64_t grows)
{
    init(w);
    w->s.turn = TURN_OPEN;
    w->s.transcript_bytes = 1000;
    for (int i = 0; i < 120; i++) {
        w->s.cpu_ticks += ticks - 1; /* look adds one */
        w->s.tools = tools;
        w->s.transcript_bytes += grows;
        (void)look(w, TICK, 0);
    }
    return w->l.now.verdict;
}

static void a_turn_that_keeps_a_cpu_busy_without_progress_is_a_loop(void **state)
{
    (void)state;
    struct world w;
    assert_int_equal(ten_minutes(&w, 490, 0, 0), VERDICT_LOOPING); /* 98 of 100 ticks a second */
    assert_non_null(strstr(w.l.now.cause, "kept a CPU busy for 9m"));
    assert_int_equal(ten_minutes(&w, 490, 1, 0), VERDICT_TOOL_RUNNING); /* a build */
    assert_int_equal(ten_minutes(&w, 490, 0, 1), VERDICT_WORKING);      /* it writes */
    assert_int_equal(ten_minutes(&w, 80, 0, 0), VERDICT_WORKING); /* a spinner: 16 ticks a second, measured */
    (void)ten_minutes(&w, 490, 0, 0);
    w.s.report = REPORT_WORKING;
    w.s.report_age_us = SECOND;
    w.s.cpu_ticks += 489;
    assert_int_equal(look(&w, TICK, 0), VERDICT_WORKING); /* it says that this takes long */
    w.s.report = REPORT_NONE;
    w.s.received_bytes = 0;
    w.s.established = 1;
    w.s.cpu_ticks += 489;
    assert_int_equal(look(&w, TICK, 300), VERDICT_WORKING); /* an answer comes */
}

static void a_tool_call_without_a_tool_is_not_taken_for_work_for_ever(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.s.turn = TURN_TOOL;
    w.s.transcript_bytes = 1000;
    for (int64_t quiet_s = 0; quiet_s < 600; quiet_s += 5) {
        w.s.cpu_ticks -= 1;
        enum verdict v = look(&w, TICK, 0);
        assert_int_equal(v, quiet_s < 300 ? VERDICT_WORKING
                                          : VERDICT_UNKNOWN); /* hung_us, and no verdict of trouble */
    }
    assert_non_null(strstr(w.l.now.cause, "waits for what the tool left behind"));
    w.s.tools = 1;
    assert_int_equal(look(&w, TICK, 0), VERDICT_TOOL_RUNNING);
}

static void a_starved_machine_makes_nobody_hung_or_dead(void **state)
{
    (void)state;
    static const enum liveness_turn turns[] = {TURN_UNKNOWN, TURN_NONE, TURN_OPEN, TURN_TOOL, TURN_ENDED};
    for (size_t i = 0; i < COUNT_OF(turns); i++) {
        struct world w;
        init(&w);
        w.s.turn = turns[i];
        connect_socket(&w, 40000, 242);
        for (int n = 0; n < 720;
             n++) { /* an hour in which neither they nor the observer get the CPU: a look in 50 s */
            w.s.cpu_ticks -= 1;
            (void)look(&w, 10 * TICK, 0);
            w.s.last_receive_us = MIN(w.s.last_receive_us, 50 * SECOND); /* data comes, and is read late */
            if (n % 2)
                w.s.received_bytes += 100;
            assert_false(verdict_is_trouble(w.l.now.verdict));
        }
    }
}

static bool is_hard(enum verdict v)
{
    return v == VERDICT_DEAD || v == VERDICT_HUNG_STREAM || v == VERDICT_HUNG_STDIN;
}

static void an_hour_of_a_long_build_is_a_tool_that_runs(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.s.turn = TURN_TOOL;
    w.s.tools = 3;
    connect_socket(&w, 4000, 1500);
    for (int64_t t = 0; t < 3600; t += 5)
        assert_int_equal(look(&w, TICK, 0), VERDICT_TOOL_RUNNING);
}

static void an_hour_of_slow_words_without_a_line_anywhere_is_work(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.s.turn = TURN_OPEN;
    w.s.transcript_bytes = 5000; /* it never grows */
    connect_socket(&w, 4000, 242);
    for (int64_t t = 0; t < 3600; t += 5)
        assert_int_equal(look(&w, TICK, t % 60 == 0 ? 40 : 0), VERDICT_WORKING);
}

static void ten_hours_of_suspend_are_charged_to_nobody(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.s.turn = TURN_OPEN;
    connect_socket(&w, 4000, 900);
    (void)look(&w, TICK, 0);
    (void)look(&w, TICK, 0);
    (void)look(&w, INT64_C(36000) * SECOND,
               0); /* a clock that goes on in suspend, and a kernel that counts it */
    assert_int_equal(w.l.now.verdict, VERDICT_WORKING);
    for (int n = 0; n < 50; n++)
        assert_false(is_hard(look(&w, TICK, 0)));
    while (w.l.received_quiet_us < liveness_policy_default.hung_us)
        (void)look(&w, TICK, 0);
    assert_int_equal(look(&w, TICK, 0), VERDICT_HUNG_STREAM); /* but what was really seen counts */
}

static void an_observer_that_stalls_credits_its_stall(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.s.turn = TURN_OPEN;
    connect_socket(&w, 4000, 900);
    for (int n = 0; n < 5; n++)
        assert_false(is_hard(look(&w, 200 * SECOND, 0)));
    assert_true(w.l.observed_us <= 5 * TICK);
}

static void a_clock_that_steps_back_or_far_ahead_decides_nothing(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.s.turn = TURN_OPEN;
    connect_socket(&w, 4000, 900);
    (void)look(&w, TICK, 100);
    w.s.at -= INT64_C(86400) * SECOND; /* the wall clock: shown, never subtracted */
    assert_int_equal(look(&w, TICK, 0), VERDICT_WORKING);
    w.s.at += 10 * INT64_C(86400) * SECOND;
    assert_int_equal(look(&w, TICK, 0), VERDICT_WORKING);
    w.s.now_us -= 500 * SECOND;
    assert_int_equal(look(&w, 0, 0), VERDICT_WORKING);
}

static void time_in_which_it_was_stopped_is_not_its_silence(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.s.turn = TURN_OPEN;
    connect_socket(&w, 4000, 900);
    (void)look(&w, TICK, 0);
    w.s.state = 'T';
    for (int n = 0; n < 400; n++)
        assert_int_equal(look(&w, TICK, 0), VERDICT_UNKNOWN);
    assert_non_null(strstr(w.l.now.cause, "stopped by a signal"));
    w.s.state = 'S';
    for (int n = 0; n < 20; n++)
        assert_false(is_hard(look(&w, TICK, 0)));
}

static void a_silent_retry_is_seen_by_its_new_port(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.s.turn = TURN_OPEN;
    connect_socket(&w, 4000, 242);
    (void)look(&w, TICK, 0);
    (void)look(&w, TICK, 0);
    connect_socket(&w, 4001, 242);
    w.s.last_receive_us = 30 * SECOND;
    (void)look(&w, TICK, 0);
    assert_int_equal(look(&w, TICK, 0), VERDICT_API_RETRYING);
    assert_int_equal(look(&w, TICK, 700), VERDICT_WORKING);
}

static void a_limit_ends_when_its_time_is_over(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.s.turn = TURN_ENDED;
    w.s.is_limited = true;
    w.s.limited_until = T0 + 12 * SECOND;
    assert_int_equal(look(&w, TICK, 0), VERDICT_RATE_LIMITED);
    assert_int_equal(w.l.now.until, T0 + 12 * SECOND);
    assert_int_equal(look(&w, TICK, 0), VERDICT_RATE_LIMITED);
    assert_int_equal(look(&w, TICK, 0), VERDICT_IDLE);
}

static void a_report_is_believed_for_a_while(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.s.report = REPORT_STUCK;
    w.s.report_age_us = 0;
    (void)snprintf(w.s.reason, sizeof(w.s.reason), "no credentials");
    assert_int_equal(look(&w, TICK, 0), VERDICT_WAITING_INPUT);
    assert_non_null(strstr(w.l.now.cause, "no credentials"));
    w.s.report_age_us = liveness_policy_default.report_us + 1;
    assert_int_equal(look(&w, TICK, 0), VERDICT_UNKNOWN);
}

static void the_history_is_bounded_and_since_is_the_edge(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    w.s.turn = TURN_ENDED;
    (void)look(&w, TICK, 0);
    int64_t since = w.l.now.since;
    (void)look(&w, TICK, 0);
    assert_int_equal(w.l.now.since, since);
    for (int n = 0; n < 100; n++) {
        w.s.turn = n % 2 ? TURN_ENDED : TURN_TOOL;
        w.s.tools = n % 2 ? 0 : 1;
        (void)look(&w, TICK, 0);
    }
    assert_int_equal(w.l.before_count, LIVENESS_HISTORY);
    assert_int_equal(w.l.before[0].verdict, VERDICT_TOOL_RUNNING);
    assert_int_equal(w.l.before[1].verdict, VERDICT_IDLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_signature_gets_its_verdict_within_two_looks),
        cmocka_unit_test(no_verdict_but_dead_and_zombie_follows_from_a_single_signal),
        cmocka_unit_test(a_turn_that_keeps_a_cpu_busy_without_progress_is_a_loop),
        cmocka_unit_test(a_tool_call_without_a_tool_is_not_taken_for_work_for_ever),
        cmocka_unit_test(a_starved_machine_makes_nobody_hung_or_dead),
        cmocka_unit_test(an_hour_of_a_long_build_is_a_tool_that_runs),
        cmocka_unit_test(an_hour_of_slow_words_without_a_line_anywhere_is_work),
        cmocka_unit_test(ten_hours_of_suspend_are_charged_to_nobody),
        cmocka_unit_test(an_observer_that_stalls_credits_its_stall),
        cmocka_unit_test(a_clock_that_steps_back_or_far_ahead_decides_nothing),
        cmocka_unit_test(time_in_which_it_was_stopped_is_not_its_silence),
        cmocka_unit_test(a_silent_retry_is_seen_by_its_new_port),
        cmocka_unit_test(a_limit_ends_when_its_time_is_over),
        cmocka_unit_test(a_report_is_believed_for_a_while),
        cmocka_unit_test(the_history_is_bounded_and_since_is_the_edge),
    };
    return cmocka_run_group_tests_name("liveness", tests, NULL, NULL);
}
