/* test_store_tables.c -- tasks, runs, breakers, pauses, tokens, the audit log and kept answers, as rows. */
#include "store_fixture.h"

#include "store/agents.h"
#include "store/audit.h"
#include "store/fleet.h"
#include "store/idempotency.h"
#include "store/runs.h"
#include "store/settings.h"
#include "store/tokens.h"

#define HOUR (3600 * SECOND)

/* -- tasks -- */

static int64_t new_task(struct fixture *f, const char *work_item, const char *stage)
{
    struct task t = {.work_item = work_item, .repo = "acme/api", .type = "bug", .title = "t", .stage = stage};
    int64_t id = 0;
    MUST(task_insert(f->db, &t, "root", T0, &id, &e));
    return id;
}

static void a_task_moves_and_each_move_is_an_event(void **state)
{
    struct fixture *f = *state;
    int64_t id = new_task(f, "API-42", "plan");
    MUST(task_set_blocked(f->db, id, "job 7 is exhausted", T0 + 1, &e));
    struct task t;
    MUST(task_get(f->db, id, &f->a, &t, &e));
    assert_true(t.blocked);
    assert_string_equal(t.blocked_reason, "job 7 is exhausted");
    MUST(task_move(f->db, id, "review", "api", "looks good", 7, T0 + 2, &e));
    MUST(task_get(f->db, id, &f->a, &t, &e));
    assert_string_equal(t.stage, "review");
    assert_int_equal(t.stage_entered_at, T0 + 2);
    assert_int_equal(t.created_at, T0);
    assert_false(t.blocked);
    assert_null(t.blocked_reason);
    struct task_event *events;
    size_t count;
    MUST(task_events(f->db, id, &f->a, &events, &count, &e));
    assert_int_equal(count, 2);
    assert_null(events[0].from_stage);
    assert_string_equal(events[0].to_stage, "plan");
    assert_string_equal(events[0].actor, "root");
    assert_string_equal(events[1].from_stage, "plan");
    assert_string_equal(events[1].to_stage, "review");
    assert_string_equal(events[1].reason, "looks good");
    assert_int_equal(events[1].job_id, 7);
    assert_int_equal(fixture_total(f, "tasks", "plan"), 0);
    assert_int_equal(fixture_total(f, "tasks", "review"), 1);
}

/* Q2 */
static void a_terminal_task_never_comes_back(void **state)
{
    struct fixture *f = *state;
    const char *const terminal[] = {"done", "cancelled"};
    for (size_t i = 0; i < COUNT_OF(terminal); i++) {
        int64_t id = new_task(f, "API-1", "plan");
        struct err why;
        MUST(task_move(f->db, id, terminal[i], "api", NULL, 0, T0 + 1, &e));
        assert_int_equal(task_move(f->db, id, "plan", "api", NULL, 0, T0 + 2, &why), TASK_E_TERMINAL);
        assert_int_equal(task_set_blocked(f->db, id, "late", T0 + 2, &why), TASK_E_TERMINAL);
        struct task t;
        MUST(task_get(f->db, id, &f->a, &t, &e));
        assert_string_equal(t.stage, terminal[i]);
        assert_true(t.terminal);
        struct task_event *events;
        size_t count;
        MUST(task_events(f->db, id, &f->a, &events, &count, &e));
        assert_int_equal(count, 2);
    }
    struct err why;
    assert_int_equal(task_move(f->db, 99, "plan", "api", NULL, 0, T0, &why), TASK_E_ABSENT);
    assert_int_equal(task_set_blocked(f->db, 99, "x", T0, &why), TASK_E_ABSENT);
}

static size_t task_count(struct fixture *f, struct task_filter filter)
{
    struct task *tasks;
    size_t count;
    MUST(task_list(f->db, &filter, &f->a, &tasks, &count, &e));
    for (size_t i = 1; i < count; i++)
        assert_true(tasks[i - 1].id < tasks[i].id);
    return count;
}

static void tasks_are_listed_by_any_of_their_filters(void **state)
{
    struct fixture *f = *state;
    (void)new_task(f, "A", "plan");
    (void)new_task(f, "B", "plan");
    (void)new_task(f, "B", "done");
    assert_int_equal(task_count(f, (struct task_filter){.limit = 10}), 3);
    assert_int_equal(task_count(f, (struct task_filter){.limit = 2}), 2);
    assert_int_equal(task_count(f, (struct task_filter){.after = 1, .limit = 10}), 2);
    assert_int_equal(task_count(f, (struct task_filter){.open_only = true}), 2);
    assert_int_equal(task_count(f, (struct task_filter){.stage = "plan"}), 2);
    assert_int_equal(task_count(f, (struct task_filter){.stage = "plan", .work_item = "B"}), 1);
    assert_int_equal(task_count(f, (struct task_filter){.work_item = "B", .open_only = true}), 1);
    assert_int_equal(task_count(f, (struct task_filter){.repo = "acme/api"}), 3);
    assert_int_equal(task_count(f, (struct task_filter){.repo = "acme"}), 0);
}

/* -- runs -- */

static int64_t new_run(struct fixture *f, const char *key, int64_t job_id)
{
    struct run r = {
        .key = key, .job_id = job_id, .agent = "claude", .origin = "queue", .model = "m1", .attempt = 1};
    int64_t id = 0;
    MUST(run_insert(f->db, &r, T0, &id, &e));
    return id;
}

static void a_run_is_inserted_once(void **state)
{
    struct fixture *f = *state;
    int64_t id = new_run(f, "k1", 0), other = 0;
    struct err why;
    assert_int_equal(run_insert(f->db, &(struct run){.key = "k1", .origin = "cli"}, T0, &other, &why),
                     RUN_E_EXISTS);
    assert_int_equal(other, id);
    struct run r;
    MUST(run_get_by_key(f->db, "k1", &f->a, &r, &e));
    assert_int_equal(r.id, id);
    assert_string_equal(r.origin, "queue");
    assert_false(r.ended);
    assert_null(r.outcome);
    assert_int_equal(r.exit_code, -1);
    assert_int_equal(run_get_by_key(f->db, "k2", &f->a, &r, &why), RUN_E_ABSENT);
}

/* Q12: no run is counted twice. */
static void a_run_ends_once_and_counts_once(void **state)
{
    struct fixture *f = *state;
    int64_t id = new_run(f, "k1", 0);
    struct run result = {.outcome = "exited",
                         .exit_code = 7,
                         .signal = -1,
                         .cause = "exit 7",
                         .ended_at = T0 + 9,
                         .user_us = 11,
                         .system_us = 12,
                         .max_rss_bytes = 13,
                         .output_bytes = 14,
                         .usage = {.cost_known = true, .cost_micro_usd = 41070000}};
    assert_true(usage_set(&result.usage, USAGE_INPUT, 100));
    usage_set_model(&result.usage, STR("m1-20250929"));
    MUST(run_set_process(f->db, id, 4711, 99, 4710, 98, T0 + 1, &e));
    MUST(run_end(f->db, id, &result, T0 + 10, &e));
    struct err why;
    assert_int_equal(run_end(f->db, id, &result, T0 + 11, &why), RUN_E_ENDED);
    assert_int_equal(run_set_usage(f->db, id, &result.usage, &why), RUN_E_ENDED);
    assert_int_equal(run_set_process(f->db, id, 1, 1, 1, 1, 1, &why), RUN_E_ENDED);
    assert_int_equal(run_end(f->db, 99, &result, T0, &why), RUN_E_ABSENT);
    assert_int_equal(fixture_total(f, "runs_ended", ""), 1);
    assert_int_equal(fixture_total(f, "cost_micro_usd", ""), 41070000);
    assert_int_equal(fixture_total(f, "input_tokens", ""), 100);
    assert_int_equal(fixture_total(f, "model_runs", "m1-20250929"), 1);
    assert_int_equal(fixture_total(f, "model_input_tokens", "m1-20250929"), 100);
    assert_int_equal(fixture_total(f, "model_cost_micro_usd", "m1-20250929"), 41070000);
    struct run r;
    MUST(run_get(f->db, id, &f->a, &r, &e));
    assert_true(r.ended);
    assert_int_equal(r.ended_at, T0 + 9);
    assert_int_equal(r.exit_code, 7);
    assert_int_equal(r.signal, -1);
    assert_int_equal(r.pid, 4711);
    assert_int_equal(r.shim_start_ticks, 98);
    assert_int_equal(r.started_at, T0 + 1);
    assert_int_equal(r.user_us, 11);
    assert_int_equal(r.output_bytes, 14);
}

/* M11: null until known, never zero for unknown. */
static void usage_that_is_not_known_stays_unknown(void **state)
{
    struct fixture *f = *state;
    int64_t id = new_run(f, "k1", 0);
    struct usage zero = {0};
    assert_true(usage_set(&zero, USAGE_OUTPUT, 0));
    MUST(run_set_usage(f->db, id, &zero, &e));
    struct run r;
    MUST(run_get(f->db, id, &f->a, &r, &e));
    assert_true(r.usage.known[USAGE_OUTPUT]);
    assert_int_equal(r.usage.tokens[USAGE_OUTPUT], 0);
    assert_false(r.usage.known[USAGE_INPUT]);
    assert_false(r.usage.cost_known);
}

static void live_figures_stay_when_the_result_has_none(void **state)
{
    struct fixture *f = *state;
    int64_t id = new_run(f, "k1", 0);
    struct usage live = {.cost_known = true, .cost_micro_usd = 5};
    assert_true(usage_set(&live, USAGE_INPUT, 70));
    assert_true(usage_set(&live, USAGE_REASONING, 3));
    MUST(run_set_usage(f->db, id, &live, &e));
    struct run lost = {.outcome = "lost", .exit_code = -1, .signal = -1, .cause = "shim lost"};
    assert_true(usage_set(&lost.usage, USAGE_INPUT, 80));
    MUST(run_end(f->db, id, &lost, T0 + 10, &e));
    assert_int_equal(fixture_total(f, "input_tokens", ""), 80);
    assert_int_equal(fixture_total(f, "reasoning_tokens", ""), 3);
    assert_int_equal(fixture_total(f, "cost_micro_usd", ""), 5);
    assert_int_equal(fixture_total(f, "model_runs", "m1"), 1); /* no model told: the one that was asked for */
    struct run r;
    MUST(run_get(f->db, id, &f->a, &r, &e));
    assert_int_equal(r.ended_at, T0 + 10);
    assert_int_equal(r.exit_code, -1);
}

static size_t run_count(struct fixture *f, struct run_filter filter)
{
    struct run *runs;
    size_t count;
    MUST(run_list(f->db, &filter, &f->a, &runs, &count, &e));
    return count;
}

static void runs_are_listed_by_job_by_agent_and_live(void **state)
{
    struct fixture *f = *state;
    int64_t job = fixture_job(f, &(struct job){.agent = "claude"}, T0);
    int64_t id = new_run(f, "k1", job);
    (void)new_run(f, "k2", 0);
    MUST(run_end(f->db, id, &(struct run){.outcome = "exited"}, T0, &e));
    assert_int_equal(run_count(f, (struct run_filter){.limit = 9}), 2);
    assert_int_equal(run_count(f, (struct run_filter){.job_id = job}), 1);
    assert_int_equal(run_count(f, (struct run_filter){.job_id = job, .live_only = true}), 0);
    assert_int_equal(run_count(f, (struct run_filter){.live_only = true}), 1);
    assert_int_equal(run_count(f, (struct run_filter){.agent = "claude", .newest_first = true, .limit = 1}),
                     1);
    assert_int_equal(run_count(f, (struct run_filter){.agent = "codex"}), 0);
    assert_int_equal(run_count(f, (struct run_filter){.task_id = 3}), 0);
    assert_int_equal(run_count(f, (struct run_filter){.after = id, .newest_first = true}), 0);
}

/* -- breakers, pauses, tokens, settings -- */

static void a_breaker_comes_back_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct breaker b = {.state = BREAKER_HALF_OPEN,
                        .consecutive_failures = 5,
                        .failure_us = {1, 2, 3},
                        .failure_count = 3,
                        .opened_at_us = T0,
                        .retry_at_us = T0 + 60 * SECOND,
                        .trips = 2,
                        .probing = true,
                        .probe_run_id = 88};
    struct agent_row *rows;
    size_t count;
    MUST(agent_breaker_save(f->db, "claude", &(struct breaker){0}, &e));
    MUST(agent_breaker_save(f->db, "claude", &b, &e));
    MUST(agent_breakers(f->db, &f->a, &rows, &count, &e));
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].agent, "claude");
    assert_memory_equal(&rows[0].breaker, &b, sizeof(b));
}

static void a_pause_lasts_until_it_is_lifted(void **state)
{
    struct fixture *f = *state;
    struct pause_row *rows;
    size_t count;
    MUST(pause_set(f->db, "agent:claude", true, "root", "quota", T0, &e));
    MUST(pause_set(f->db, "agent:claude", true, "ann", NULL, T0 + 1, &e));
    MUST(pause_set(f->db, "all", true, "root", NULL, T0, &e));
    MUST(pause_list(f->db, &f->a, &rows, &count, &e));
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].scope, "agent:claude");
    assert_string_equal(rows[0].actor, "ann");
    assert_null(rows[0].reason);
    assert_int_equal(rows[0].at, T0 + 1);
    MUST(pause_set(f->db, "all", false, "root", NULL, T0, &e));
    MUST(pause_set(f->db, "all", false, "root", NULL, T0, &e));
    MUST(pause_list(f->db, &f->a, &rows, &count, &e));
    assert_int_equal(count, 1);
}

static void a_token_is_revoked_once_and_its_hash_is_its_own(void **state)
{
    struct fixture *f = *state;
    struct token t = {.name = "ci",
                      .role = "agent",
                      .scope = "acme",
                      .hash = "00ff",
                      .expires_at = T0 + HOUR},
                 *rows;
    int64_t id = 0, other;
    size_t count;
    struct err why;
    MUST(token_insert(f->db, &t, T0, &id, &e));
    assert_int_equal(token_insert(f->db, &t, T0, &other, &why), DB_E_CONSTRAINT);
    assert_int_equal(why.code, ERR_CONFLICT);
    MUST(token_revoke(f->db, id, T0 + 1, &e));
    MUST(token_revoke(f->db, id, T0 + 2, &e));
    MUST(token_set_used(f->db, id, T0 + 3, &e));
    assert_int_equal(token_revoke(f->db, 99, T0, &why), TOKEN_E_ABSENT);
    MUST(token_list(f->db, &f->a, &rows, &count, &e));
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].revoked_at, T0 + 1);
    assert_int_equal(rows[0].last_used_at, T0 + 3);
    assert_int_equal(rows[0].expires_at, T0 + HOUR);
    assert_string_equal(rows[0].role, "agent");
    assert_string_equal(rows[0].hash, "00ff");
}

static void the_instance_id_is_drawn_once(void **state)
{
    struct fixture *f = *state;
    char *first, *second, *none;
    MUST(setting_ensure_instance_id(f->db, &e));
    MUST(setting_get(f->db, "instance_id", &f->a, &first, &e));
    MUST(setting_ensure_instance_id(f->db, &e));
    MUST(setting_get(f->db, "instance_id", &f->a, &second, &e));
    assert_int_equal(strlen(first), 32);
    assert_string_equal(first, second);
    MUST(setting_put(f->db, "x", STR("1"), &e));
    MUST(setting_put(f->db, "x", STR("2"), &e));
    MUST(setting_get(f->db, "x", &f->a, &second, &e));
    assert_string_equal(second, "2");
    MUST(setting_get(f->db, "y", &f->a, &none, &e));
    assert_null(none);
}

/* -- the audit log -- */

static void append(struct fixture *f, const char *action, int64_t now_us)
{
    struct audit_entry entry = {.actor = "root",
                                .action = action,
                                .resource = "jobs/1",
                                .params = "{}",
                                .result = "success",
                                .duration_us = 5,
                                .correlation_id = "c1",
                                .details = now_us > T0 ? "{\"processed\":2}" : NULL};
    MUST(audit_append(f->db, &entry, now_us, &e));
}

static void assert_chain(struct fixture *f, int expected_rc, int64_t expected_id)
{
    int64_t id = 0;
    struct err why = {0};
    assert_int_equal(audit_verify(f->db, &id, &why), expected_rc);
    assert_int_equal(id, expected_id);
}

static void the_audit_log_lists_what_was_appended(void **state)
{
    struct fixture *f = *state;
    struct audit_entry *rows;
    size_t count;
    assert_chain(f, 0, 0);
    append(f, "job.create", T0);
    append(f, "job.cancel", T0 + 1);
    assert_chain(f, 0, 0);
    MUST(audit_list(f->db, 1, 10, &f->a, &rows, &count, &e));
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].id, 2);
    assert_int_equal(rows[0].at, T0 + 1);
    assert_string_equal(rows[0].action, "job.cancel");
    assert_string_equal(rows[0].correlation_id, "c1");
    assert_string_equal(rows[0].details, "{\"processed\":2}");
    assert_null(rows[0].error);
    MUST(audit_list(f->db, 0, 1, &f->a, &rows, &count, &e));
    assert_null(rows[0].details);
}

/* Each is undone by a rollback, and seen. */
static void any_change_of_an_audit_row_is_seen(void **state)
{
    static const struct {
        const char *sql;
        int64_t broken_at;
    } changes[] = {
        {"UPDATE audit_log SET actor = 'ann' WHERE id = 2", 2},
        {"UPDATE audit_log SET at = at + 1 WHERE id = 3", 3},
        {"UPDATE audit_log SET params = NULL WHERE id = 1", 1},
        {"UPDATE audit_log SET error = '' WHERE id = 1", 1}, /* unknown is not empty */
        {"UPDATE audit_log SET details = '' WHERE id = 1", 1},
        {"UPDATE audit_log SET details = NULL WHERE id = 2", 2},
        {"UPDATE audit_log SET details = '{\"processed\":3}' WHERE id = 3", 3},
        {"UPDATE audit_log SET resource = action, action = resource WHERE id = 2", 2},
        {"DELETE FROM audit_log WHERE id = 2", 3},
        {"DELETE FROM audit_log WHERE id = 1", 2},
        {"DELETE FROM audit_log WHERE id = 3", 3},
        {"UPDATE audit_log SET hash = (SELECT hash FROM audit_log WHERE id = 1) WHERE id = 2", 2},
    };
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        append(f, "a", T0 + i);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        int64_t changed = 0;
        MUST(db_begin(f->db, true, &e));
        MUST(db_run(f->db, changes[i].sql, DB_NO_ARGS, &changed, &e));
        assert_int_equal(changed, 1);
        assert_chain(f, AUDIT_E_BROKEN, changes[i].broken_at);
        db_rollback(f->db);
    }
    assert_chain(f, 0, 0);
}

static void the_chain_goes_on_after_retention(void **state)
{
    struct fixture *f = *state;
    int64_t trimmed = 0;
    for (int i = 0; i < 5; i++)
        append(f, "a", T0 + i);
    MUST(audit_trim(f->db, T0 + 3, 2, &trimmed, &e));
    assert_int_equal(trimmed, 2);
    MUST(audit_trim(f->db, T0 + 3, 10, &trimmed, &e));
    assert_int_equal(trimmed, 1);
    assert_chain(f, 0, 0);
    MUST(audit_trim(f->db, T0 + 99, 10, &trimmed, &e));
    assert_int_equal(trimmed, 2);
    append(f, "a", T0 + 99);
    assert_chain(f, 0, 0);
    struct audit_entry *rows;
    size_t count;
    MUST(audit_list(f->db, 0, 0, &f->a, &rows, &count, &e));
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].id, 6); /* ids go on */
}

/* -- kept answers -- */

static void an_answer_is_kept_for_a_day_and_for_its_own_request(void **state)
{
    struct fixture *f = *state;
    struct str key = STR("k"), scope = STR("POST /api/v1/jobs root"), hash = STR("h1"), body = {0};
    int status = 0;
    struct err why;
#define GET(scope_text, hash_text, now)                                                                      \
    idempotency_get(f->db, key, STR(scope_text), STR(hash_text), now, &f->a, &status, &body, &why)
    assert_int_equal(GET("POST /api/v1/jobs root", "h1", T0), IDEMPOTENCY_E_ABSENT);
    MUST(idempotency_put(f->db, key, scope, hash, 201, STR("{\"id\":1}"), T0, &e));
    assert_int_equal(GET("POST /api/v1/jobs root", "h1", T0 + 24 * HOUR - 1), 0);
    assert_int_equal(status, 201);
    assert_true(str_equal(body, STR("{\"id\":1}")));
    assert_int_equal(GET("POST /api/v1/jobs root", "h2", T0 + 1), IDEMPOTENCY_E_MISMATCH);
    assert_int_equal(GET("POST /api/v1/jobs ann", "h1", T0 + 1), IDEMPOTENCY_E_ABSENT);
    assert_int_equal(GET("POST /api/v1/jobs root", "h1", T0 + 24 * HOUR), IDEMPOTENCY_E_ABSENT);
    MUST(idempotency_put(f->db, key, scope, STR("h2"), 200, STR(""), T0 + 24 * HOUR,
                         &e)); /* over the expired one */
    assert_int_equal(GET("POST /api/v1/jobs root", "h2", T0 + 24 * HOUR), 0);
    assert_int_equal(body.n, 0);
#undef GET
}

static void kept_answers_are_swept_when_their_day_is_over(void **state)
{
    struct fixture *f = *state;
    int64_t rows = 0;
    for (int i = 0; i < 5; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        MUST(idempotency_put(f->db, str_of(key), STR("s"), STR("h"), 200, STR("b"), T0 + i * HOUR, &e));
    }
    MUST(idempotency_sweep(f->db, T0 + 26 * HOUR, 2, &e));
    MUST(db_value_i64(f->db, "SELECT count(*) FROM idempotency", DB_NO_ARGS, &rows, &e));
    assert_int_equal(rows, 3);
    MUST(idempotency_sweep(f->db, T0 + 26 * HOUR, 100, &e));
    MUST(db_value_i64(f->db, "SELECT count(*) FROM idempotency", DB_NO_ARGS, &rows, &e));
    assert_int_equal(rows, 2); /* of hours 3 and 4 */
}

static void a_session_is_made_with_its_first_agent_and_named_once(void **state)
{
    struct fixture *f = *state;
    struct stored_session *sessions;
    struct stored_agent *agents;
    struct stored_agent a = {.name = "a",
                             .session_id = "s",
                             .status = AGENT_IDLE,
                             .process_id = 7,
                             .start_ticks = 70,
                             .specialization = "x",
                             .period_us = 5};
    size_t n;
    struct err why;
    MUST(agent_insert(f->db, &a, T0, &a.id, &e));
    MUST(session_insert(f->db, &(struct stored_session){.id = "s", .name = "named"}, T0 + 1, &e));
    assert_int_equal(session_insert(f->db, &(struct stored_session){.id = "s", .name = "again"}, T0, &why),
                     FLEET_E_EXISTS);
    MUST(session_list(f->db, &f->a, &sessions, &n, &e));
    assert_int_equal(n, 1);
    assert_string_equal(sessions[0].name, "named");
    assert_int_equal(sessions[0].created_at, T0);
    MUST(agent_list(f->db, &f->a, &agents, &n, &e));
    assert_int_equal(n, 1);
    assert_int_equal(agents[0].status, AGENT_IDLE);
    assert_int_equal(agents[0].start_ticks, 70);
    assert_null(agents[0].terminal);
}

static void a_heartbeat_changes_what_it_says_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct stored_agent *agents;
    struct stored_agent a = {.name = "a",
                             .session_id = "s",
                             .status = AGENT_IDLE,
                             .process_id = 7,
                             .start_ticks = 70,
                             .specialization = "x",
                             .period_us = 5};
    size_t n;
    MUST(agent_insert(f->db, &a, T0, &a.id, &e));
    MUST(agent_update(f->db, &(struct stored_agent){.id = a.id, .terminal = "t", .heartbeat_at = T0 + 9},
                      false, &e));
    MUST(agent_list(f->db, &f->a, &agents, &n, &e));
    assert_int_equal(agents[0].status, AGENT_IDLE);
    assert_string_equal(agents[0].terminal, "t");
    assert_string_equal(agents[0].specialization, "x");
    assert_int_equal(agents[0].start_ticks, 70);
    assert_int_equal(agents[0].heartbeat_at, T0 + 9);
    /* another process, of which the start is not known: the old start is not its */
    MUST(agent_update(f->db, &(struct stored_agent){.id = a.id, .status = AGENT_FAILED, .process_id = 8},
                      true, &e));
    MUST(agent_list(f->db, &f->a, &agents, &n, &e));
    assert_int_equal(agents[0].status, AGENT_FAILED);
    assert_int_equal(agents[0].process_id, 8);
    assert_int_equal(agents[0].start_ticks, 0);
    MUST(agent_delete(f->db, a.id, &e));
    struct err why;
    assert_int_equal(agent_update(f->db, &a, false, &why), FLEET_E_ABSENT);
    assert_int_equal(agent_delete(f->db, a.id, &why), FLEET_E_ABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_moves_and_each_move_is_an_event),
        cmocka_unit_test(a_terminal_task_never_comes_back),
        cmocka_unit_test(tasks_are_listed_by_any_of_their_filters),
        cmocka_unit_test(a_run_is_inserted_once),
        cmocka_unit_test(a_run_ends_once_and_counts_once),
        cmocka_unit_test(usage_that_is_not_known_stays_unknown),
        cmocka_unit_test(live_figures_stay_when_the_result_has_none),
        cmocka_unit_test(runs_are_listed_by_job_by_agent_and_live),
        cmocka_unit_test(a_breaker_comes_back_as_it_was),
        cmocka_unit_test(a_pause_lasts_until_it_is_lifted),
        cmocka_unit_test(a_token_is_revoked_once_and_its_hash_is_its_own),
        cmocka_unit_test(the_instance_id_is_drawn_once),
        cmocka_unit_test(the_audit_log_lists_what_was_appended),
        cmocka_unit_test(any_change_of_an_audit_row_is_seen),
        cmocka_unit_test(the_chain_goes_on_after_retention),
        cmocka_unit_test(an_answer_is_kept_for_a_day_and_for_its_own_request),
        cmocka_unit_test(kept_answers_are_swept_when_their_day_is_over),
        cmocka_unit_test(a_session_is_made_with_its_first_agent_and_named_once),
        cmocka_unit_test(a_heartbeat_changes_what_it_says_and_nothing_else),
    };
    return fixture_run("store_tables", tests, COUNT_OF(tests));
}
