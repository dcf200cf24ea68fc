/* test_session_health.c -- counts, score, health and warnings of a session (spec 70 A4 to A7). */
#include "core/session_health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define AGENTS_MAX 12

/* -- the rules again, as a table over percentages and one agent at a time -- */

struct agent {
    enum agent_status status;
    bool is_accessible;
};

static bool is_good(const struct agent *a)
{
    return a->is_accessible &&
           (a->status == AGENT_ACTIVE || a->status == AGENT_IDLE || a->status == AGENT_STARTING);
}
static bool is_failed(const struct agent *a)
{
    return a->is_accessible && a->status == AGENT_FAILED;
}
static bool is_degraded(const struct agent *a)
{
    return a->is_accessible && a->status == AGENT_DEGRADED;
}
static bool is_away(const struct agent *a)
{
    return !a->is_accessible || a->status == AGENT_OFFLINE;
}
static bool is_a_problem(const struct agent *a)
{
    return is_failed(a) || is_degraded(a) || is_away(a);
}

static double percent(const struct agent *agents, int n, bool (*is)(const struct agent *))
{
    int count = 0;
    for (int i = 0; i < n; i++)
        count += is(&agents[i]);
    return 100.0 * count / n;
}

/* A6, first row that holds.  Twelfths, fifths and the like are far from the bounds or on them exactly: with
 * 12 agents at most, percentages that are whole are exact in a double. */
static const struct rule {
    bool (*is)(const struct agent *);
    enum { ABOVE, AT_LEAST } how;
    double bound;
    enum session_health health;
} rules[] = {
    {is_failed, ABOVE, 50, SESSION_CRITICAL},  {is_away, AT_LEAST, 100, SESSION_CRITICAL},
    {is_a_problem, ABOVE, 75, SESSION_FAILED}, {is_a_problem, ABOVE, 25, SESSION_DEGRADED},
    {is_good, AT_LEAST, 80, SESSION_HEALTHY},
};

static enum session_health expected_health(const struct agent *agents, int n)
{
    for (size_t i = 0; n > 0 && i < COUNT_OF(rules); i++) {
        double p = percent(agents, n, rules[i].is);
        if (rules[i].how == ABOVE ? p > rules[i].bound : p >= rules[i].bound)
            return rules[i].health;
    }
    return n > 0 ? SESSION_DEGRADED : SESSION_EMPTY;
}

/* A5 by long division: hundredths first, then half a tenth goes up. */
static int64_t expected_tenths(const struct agent *agents, int n)
{
    int64_t points = 0;
    if (n == 0)
        return 0;
    for (int i = 0; i < n; i++)
        points += is_good(&agents[i]) ? 100 : is_degraded(&agents[i]) ? 50 : 0;
    int64_t tenths = 10 * points / n, rest = 10 * points % n;
    return tenths + (2 * rest >= n);
}

/* Every kind of agent that there is. */
static const struct agent kinds[] = {
    {AGENT_ACTIVE, true},  {AGENT_DEGRADED, true},  {AGENT_FAILED, true},   {AGENT_ACTIVE, false},
    {AGENT_INVALID, true}, {AGENT_DEGRADED, false}, {AGENT_OFFLINE, false}, {AGENT_FAILED, false},
};

static void check(const struct agent *agents, int n)
{
    struct session_counts c = {0};
    int64_t invalid = 0;
    for (int i = 0; i < n; i++) {
        session_counts_add(&c, agents[i].status, agents[i].is_accessible);
        invalid += agents[i].is_accessible && agents[i].status == AGENT_INVALID;
    }
    assert_int_equal(c.total, n);
    assert_int_equal(c.active + c.degraded + c.failed + c.offline + invalid, n);
    assert_int_equal(session_health(&c), expected_health(agents, n));
    assert_int_equal(session_score_tenths(&c), expected_tenths(agents, n));
    assert_int_equal(session_problematic(&c), c.degraded + session_critical_issues(&c));
}

/* All multisets of kinds: the first agents are of a lower kind than the later ones. */
static void check_all(struct agent *agents, int n, size_t lowest, int64_t *vectors)
{
    check(agents, n);
    ++*vectors;
    for (size_t k = lowest; n < AGENTS_MAX && k < COUNT_OF(kinds); k++) {
        agents[n] = kinds[k];
        check_all(agents, n + 1, k, vectors);
    }
}

static void up_to_twelve_agents_agree_with_the_table_of_A5_and_A6(void **state)
{
    struct agent agents[AGENTS_MAX] = {0};
    int64_t vectors = 0;
    (void)state;
    check_all(agents, 0, 0, &vectors);
    assert_int_equal(vectors, 125970); /* multisets of at most 12 out of 8 kinds: (12 + 8) over 8 */
}

static struct session_counts counts(int64_t active, int64_t degraded, int64_t failed, int64_t offline)
{
    return (struct session_counts){.total = active + degraded + failed + offline,
                                   .active = active,
                                   .degraded = degraded,
                                   .failed = failed,
                                   .offline = offline};
}

static void A6_the_bounds_are_where_the_rule_puts_them(void **state)
{
    static const struct {
        int64_t active, degraded, failed, offline;
        const char *health;
    } cases[] = {
        {0, 0, 0, 0, "empty"},
        {1, 0, 1, 0, "degraded"}, /* failed is 50 %, not more */
        {1, 0, 2, 0, "critical"}, /* 66.7 % failed */
        {0, 0, 0, 3, "critical"}, /* nobody accessible */
        {1, 0, 0, 3, "degraded"}, /* 75 % problematic, not more */
        {1, 0, 0, 4, "failed"},   /* 80 % */
        {3, 1, 0, 0, "degraded"}, /* 25 % problematic is not over 25, but 75 % active is under 80 */
        {4, 1, 0, 0, "healthy"},  /* 80 % active */
        {1, 0, 0, 0, "healthy"},
        {0, 1, 0, 0, "failed"}, /* degraded alone: all problematic, but nobody failed */
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct session_counts c =
            counts(cases[i].active, cases[i].degraded, cases[i].failed, cases[i].offline);
        assert_string_equal(session_health_name(session_health(&c)), cases[i].health);
    }
}

static void A5_a_score_has_one_decimal_and_half_a_tenth_goes_up(void **state)
{
    (void)state;
    struct session_counts two_thirds = counts(2, 0, 1, 0), tie = counts(0, 1, 7, 0), none = {0};
    assert_int_equal(session_score_tenths(&two_thirds), 667); /* 66.66… */
    assert_int_equal(session_score_tenths(&tie), 63);         /* 50 / 8 = 6.25 */
    assert_int_equal(session_score_tenths(&none), 0);
}

static void collect(void *arg, const char *text)
{
    struct buf *all = arg;
    buf_add_text(all, text);
    buf_add_char(all, '\n');
}

static void assert_warnings(struct session_counts c, double utilization_percent, const char *expected)
{
    struct buf all = BUF_INIT;
    session_warnings(&c, utilization_percent, collect, &all);
    assert_string_equal(all.p, expected);
    buf_deinit(&all);
}

static void A7_warnings_have_their_order_and_wording(void **state)
{
    (void)state;
    assert_warnings(counts(1, 0, 0, 2), 93.21,
                    "2 agents are offline or unreachable\n"
                    "High resource utilization: 93.2%\n"
                    "Low session health score: 33.3\n");
    assert_warnings(counts(4, 0, 0, 0), 80, "");
    assert_warnings(counts(7, 0, 3, 0), -1, ""); /* 70.0 is not low, and an unknown use is not high */
    assert_warnings(counts(2, 0, 1, 0), 80.1,
                    "High resource utilization: 80.1%\nLow session health score: 66.7\n");
}

static void a_status_is_its_word_and_nothing_else(void **state)
{
    (void)state;
    for (int i = 0; i < AGENT_STATUS_COUNT; i++) {
        enum agent_status s = AGENT_STATUS_COUNT;
        assert_true(agent_status_of(str_of(agent_status_name((enum agent_status)i)), &s));
        assert_int_equal(s, i);
        assert_non_null(strstr(AGENT_STATUS_WORDS, agent_status_name((enum agent_status)i)));
    }
    enum agent_status s;
    assert_false(agent_status_of(STR("Active"), &s));
    assert_false(agent_status_of(STR(""), &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_to_twelve_agents_agree_with_the_table_of_A5_and_A6),
        cmocka_unit_test(A6_the_bounds_are_where_the_rule_puts_them),
        cmocka_unit_test(A5_a_score_has_one_decimal_and_half_a_tenth_goes_up),
        cmocka_unit_test(A7_warnings_have_their_order_and_wording),
        cmocka_unit_test(a_status_is_its_word_and_nothing_else),
    };
    return cmocka_run_group_tests_name("session_health", tests, NULL, NULL);
}
