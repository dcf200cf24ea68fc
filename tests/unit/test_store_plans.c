/* test_store_plans.c -- no statement that runs while muster works walks a whole table: its cost follows what
 * is alive, never history (spec 99).  Every function of the tables is called, then each statement that the
 * connection has prepared is explained. */
#include "store_fixture.h"

#include "base/buf.h"
#include "store/agents.h"
#include "store/audit.h"
#include "store/fleet.h"
#include "store/idempotency.h"
#include "store/knowledge.h"
#include "store/processor_checkpoints.h"
#include "store/processor_lists.h"
#include "store/processors.h"
#include "store/reports.h"
#include "store/runs.h"
#include "store/schedules.h"
#include "store/scripts.h"
#include "store/session_events.h"
#include "store/settings.h"
#include "store/snapshot.h"
#include "store/sweep.h"
#include "store/tokens.h"
#include "store/workers.h"

#include <sqlite3.h>

static void call_lists(struct fixture *f)
{
    struct job *jobs;
    struct run *runs;
    struct task *tasks;
    struct task_event *events;
    size_t n;
    for (int newest = 0; newest < 2; newest++) {
        for (int state = -1; state < JOB_STATE_COUNT; state++)
            MUST(job_list(f->db, &(struct job_filter){.state = state, .newest_first = newest}, &f->a, &jobs,
                          &n, &e));
        const struct job_filter by[] = {
            {.state = -1, .agent = "a"}, {.state = -1, .repo = "r"}, {.state = -1, .task_id = 1}};
        for (size_t i = 0; i < COUNT_OF(by); i++) {
            struct job_filter filter = by[i];
            filter.newest_first = newest;
            MUST(job_list(f->db, &filter, &f->a, &jobs, &n, &e));
        }
        const struct run_filter runs_by[] = {
            {.limit = 1}, {.job_id = 1}, {.live_only = true}, {.task_id = 1}, {.agent = "a"}};
        for (size_t i = 0; i < COUNT_OF(runs_by); i++) {
            struct run_filter filter = runs_by[i];
            filter.newest_first = newest;
            MUST(run_list(f->db, &filter, &f->a, &runs, &n, &e));
        }
    }
    const struct task_filter tasks_by[] = {
        {.limit = 1}, {.open_only = true}, {.stage = "s"}, {.repo = "r"}, {.work_item = "w"}};
    for (size_t i = 0; i < COUNT_OF(tasks_by); i++)
        MUST(task_list(f->db, &tasks_by[i], &f->a, &tasks, &n, &e));
    MUST(task_events(f->db, 1, &f->a, &events, &n, &e));
}

static void call_queue(struct fixture *f)
{
    struct job j;
    struct run r;
    int64_t id = 0, value = 0, *ids;
    bool cancel;
    size_t n;
    struct err why;
    struct job_timing timing = {.now_us = T0};
    MUST(task_insert(f->db, &(struct task){.stage = "s"}, "x", T0, &id, &e));
    MUST(task_set_blocked(f->db, id, "x", T0, &e));
    MUST(task_move(f->db, id, "t", "x", NULL, 0, T0, &e));
    (void)fixture_job(f, &(struct job){.agent = "a", .unique_key = "k", .prompt = "p", .task_id = id}, T0);
    assert_int_equal(fixture_claim(f, T0, &j, AGENTS("a", "b"), AGENTS("r")), 1);
    MUST(run_insert(f->db, &(struct run){.key = "k", .origin = "queue", .job_id = 1}, T0, &id, &e));
    MUST(job_set_run(f->db, 1, id, &e));
    MUST(run_set_process(f->db, id, 1, 1, 1, 1, 1, &e));
    MUST(run_set_usage(f->db, id, &(struct usage){.cost_known = true}, &e));
    MUST(job_lease_extend(f->db, 1, j.lease_token, T0, 1, 1, &cancel, &e));
    assert_int_equal(job_lease_extend(f->db, 1, "stale", T0, 1, 1, &cancel, &why), JOB_STORE_E_STALE_TOKEN);
    MUST(job_request_cancel(f->db, 1, &e));
    MUST(job_expired_leases(f->db, T0, &f->a, &ids, &n, &e));
    MUST(run_end(f->db, id, &(struct run){.outcome = "exited"}, T0, &e));
    assert_int_equal(run_end(f->db, id, &(struct run){.outcome = "exited"}, T0, &why), RUN_E_ENDED);
    MUST(run_get_by_key(f->db, "k", &f->a, &r, &e));
    MUST(job_change(f->db, 1, &(struct job_end){.event = JOB_FAIL_FOR_GOOD, .timing = timing}, NULL, &e));
    MUST(job_change(f->db, 1, &(struct job_end){.event = JOB_RETRY, .timing = timing}, NULL, &e));
    assert_int_equal(job_request_cancel(f->db, 1, &why), JOB_STORE_E_NOT_ALLOWED);
    MUST(job_next_due(f->db, T0, &value, &e));
    MUST(job_oldest_queued(f->db, T0, &value, &e));
}

static void call_the_rest(struct fixture *f)
{
    struct snapshot_task *open;
    struct snapshot_running *running;
    struct audit_entry *entries;
    struct str body;
    char *text;
    int64_t id = 0;
    int status;
    size_t n;
    struct err why;
    MUST(snapshot_tasks(f->db, &f->a, &open, &n, &e));
    MUST(snapshot_running(f->db, &f->a, &running, &n, &e));
    MUST(audit_append(f->db, &(struct audit_entry){.action = "a", .result = "success"}, T0, &e));
    MUST(audit_list(f->db, 0, 1, &f->a, &entries, &n, &e));
    assert_int_equal(idempotency_get(f->db, STR("k"), STR("s"), STR("h"), T0, &f->a, &status, &body, &why),
                     IDEMPOTENCY_E_ABSENT);
    MUST(idempotency_put(f->db, STR("k"), STR("s"), STR("h"), 200, STR("b"), T0, &e));
    MUST(idempotency_sweep(f->db, T0, 1, &e));
    MUST(token_insert(f->db, &(struct token){.role = "agent", .hash = "h"}, T0, &id, &e));
    MUST(token_revoke(f->db, id, T0, &e));
    MUST(token_set_used(f->db, id, T0, &e));
    MUST(agent_breaker_save(f->db, "a", &(struct breaker){0}, &e));
    MUST(pause_set(f->db, "all", true, "x", NULL, T0, &e));
    MUST(pause_set(f->db, "all", false, "x", NULL, T0, &e));
    struct worker_saved *workers;
    MUST(worker_save(f->db, &(struct worker_saved){.name = "w", .boot_id = "b", .extra = STR("{}")}, &e));
    MUST(worker_list(f->db, &f->a, &workers, &n, &e));
    MUST(setting_ensure_instance_id(f->db, &e));
    MUST(setting_get(f->db, "instance_id", &f->a, &text, &e));
    MUST(store_sweep(f->db, &(struct sweep_cutoffs){.jobs_us = T0 + 1, .tasks_us = T0 + 1}, 10, &id, &e));
    assert_int_equal(fixture_total(f, "jobs", "queued"), 1);
}

static void call_fleet(struct fixture *f)
{
    struct stored_session *sessions;
    struct stored_agent *agents, a = {.name = "n", .session_id = "s"};
    size_t n;
    MUST(session_insert(f->db, &(struct stored_session){.id = "s", .name = "x"}, T0, &e));
    MUST(agent_insert(f->db, &a, T0, &a.id, &e));
    MUST(agent_update(f->db, &a, true, &e));
    MUST(session_list(f->db, &f->a, &sessions, &n, &e));
    MUST(agent_list(f->db, &f->a, &agents, &n, &e));
    MUST(agent_delete(f->db, a.id, &e));
}

static void call_schedules(struct fixture *f)
{
    struct schedule_report *rows, one;
    struct schedule_run *runs;
    struct schedule_command *commands;
    const char **paused;
    int64_t id = 0;
    bool is_new;
    size_t n;
    const struct schedule_report report = {.name = "n", .when = "every 1m", .zone = "UTC"};
    const struct schedule_run run = {
        .schedule = "n", .due = T0, .until = T0, .outcome = "fired", .trigger = "schedule"};
    MUST(schedule_put(f->db, &report, T0, &e));
    MUST(schedule_list(f->db, "", 10, &f->a, &rows, &n, &e));
    MUST(schedule_get(f->db, "n", &f->a, &one, &e));
    MUST(schedule_run_put(f->db, &run, T0, &is_new, &e));
    for (int64_t before = 0; before < 2; before++)
        MUST(schedule_run_list(f->db, "n", before, 10, &f->a, &runs, &n, &e));
    MUST(schedule_pause_set(f->db, "n", true, "x", T0, &e));
    MUST(schedule_paused(f->db, &f->a, &paused, &n, &e));
    MUST(schedule_pause_set(f->db, "n", false, "x", T0, &e));
    MUST(schedule_command_add(f->db, "n", "run", "x", T0, &id, &e));
    MUST(schedule_command_newest(f->db, &id, &e));
    MUST(schedule_command_runs(f->db, 0, &f->a, &commands, &n, &e));
    MUST(schedules_sweep(f->db, T0 + 1, T0, 10, &e));
    MUST(script_put(f->db, "s", T0, 0, &e));
    MUST(script_get(f->db, "s", &id, &id, &e));
}

static void assert_asked(int rc)
{
    assert_true(rc == 0 || rc == DB_E_NONE);
}

static void call_chains(struct fixture *f, int64_t no)
{
    struct instance *found = NULL, *silent;
    struct instance_gap gap, *gaps;
    struct rollup_sums sums;
    size_t n = 0, count = 0;
    struct report r = {.instance_id = "n",
                       .epoch = "e",
                       .window_no = no,
                       .window_start_us = T0 + no * SECOND,
                       .window_end_us = T0 + (no + 1) * SECOND};
    rollup_sums_init(&sums);
    MUST(instance_find(f->db, (const char *const[]){"n", "m"}, 2, &f->a, &found, &count, &e));
    struct report_arrival arrival = {.instance = found, .report = &r, .payload = STR("{}")};
    MUST(report_take(f->db, &arrival, 1, T0, &sums, &e));
    MUST(rollup_sums_write(&sums, f->db, &e));
    rollup_sums_deinit(&sums);
    assert_asked(gap_around(f->db, "n", T0, T0, &f->a, &gap, NULL));
    assert_asked(gap_numbered(f->db, "n", "e", 2, &f->a, &gap, NULL));
    assert_asked(gap_newest(f->db, "n", "clone", "e", &f->a, &gap, NULL));
    MUST(gap_list(f->db, "n", "gap", 0, 10, &f->a, &gaps, &n, &e));
    MUST(instance_mark_silent(f->db, T0, 10, &f->a, &silent, &n, &e));
    assert_asked(instance_any_overdue(f->db, T0, NULL));
}

static void call_hub(struct fixture *f)
{
    static const int64_t numbers[] = {1, 5, 3, 1}; /* next, behind a gap, into it, again */
    struct instance *instances;
    struct stored_report *reports;
    struct hub_event *events;
    struct rollup_row *rows;
    size_t n;
    int64_t deleted;
    MUST(instance_insert(
        f->db, &(struct instance){.id = "n", .name = "n", .key_hash = "h", .expected_by = T0}, T0, &e));
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        call_chains(f, numbers[i]);
    for (int group = 0; group < 2; group++)
        MUST(instance_list(f->db,
                           &(struct instance_filter){.after = "", .group = group ? "g" : NULL, .limit = 10},
                           &f->a, &instances, &n, &e));
    MUST(report_list(f->db, &(struct report_filter){.instance_id = "n", .limit = 10, .to_us = INT64_MAX},
                     &f->a, &reports, &n, &e));
    MUST(hub_event_list(f->db, 0, 10, &f->a, &events, &n, &e));
    for (int b = 0; b < ROLLUP_BUCKETS; b++) {
        struct rollup_question q = {
            .bucket = (enum rollup_bucket)b, .kind = "type", .to_us = INT64_MAX, .limit = 10};
        MUST(rollup_list(f->db, &q, &f->a, &rows, &n, &e));
        MUST(rollup_sweep(f->db, (enum rollup_bucket)b, T0, 10, &deleted, &e));
    }
    MUST(rollup_hours(f->db, "n", T0, &f->a, &rows, &n, &e));
    MUST(report_sweep(f->db, T0, 10, &deleted, &e));
}

static void call_knowledge(struct fixture *f)
{
    const struct knowledge_fact facts[] = {
        {.kind = KNOWLEDGE_DEFINITION, .title = STR("t"), .content = STR("staging is db-2")},
        {.kind = KNOWLEDGE_CORRECTION,
         .title = STR("t"),
         .content = STR("staging is db-3"),
         .contradicts = {1},
         .contradicts_count = 1}};
    struct knowledge_found found = {0};
    struct knowledge_item *items, one;
    int64_t pending, parked;
    size_t n;
    MUST(knowledge_add(f->db, facts, COUNT_OF(facts), "u", "s", T0, &found, &e));
    for (int status = 0; status < 2; status++)
        MUST(knowledge_list(f->db, status ? "pending" : NULL, 0, 10, &f->a, &items, &n, &e));
    MUST(knowledge_known(f->db, 10, &f->a, &items, &n, &e));
    MUST(knowledge_get(f->db, 1, &f->a, &one, &e));
    MUST(knowledge_waiting(f->db, "memory", &pending, &parked, &e));
    MUST(knowledge_decide(f->db, 1, "approved", "a", T0, &e));
    MUST(knowledge_edit(f->db, 1, "t", "staging is db-4", T0, &e));
    MUST(knowledge_edit(f->db, 1, "t", NULL, T0, &e));
}

static void call_session_events(struct fixture *f)
{
    const struct session_window all = {INT64_MIN, INT64_MAX};
    const struct session_totals totals = {.session_file = "f", .session_id = "s", .agent = "claude"};
    const struct session_event_row event = {.kind = "tool", .name = "Bash", .uses = 1};
    const struct session_slot slot = {.start_us = T0, .uses = 1};
    struct session_event_row *events;
    struct session_totals *sessions;
    struct session_slot_row *slots;
    size_t n;
    MUST(session_events_put(f->db, &totals, &event, 1, &slot, 1, &e));
    for (int kind = 0; kind < 2; kind++)
        MUST(session_events_by_name(f->db, &all, kind ? "tool" : NULL, 10, &f->a, &events, &n, &e));
    MUST(session_totals_list(f->db, &all, "", 10, &f->a, &sessions, &n, &e));
    MUST(session_slots_sum(f->db, &all, &f->a, &slots, &n, &e));
}

static void call_processors(struct fixture *f)
{
    const struct processor_state done = {.session_file = "f", .status = PROCESSOR_DONE};
    const struct processor_run run = {.ended_us = T0};
    struct processor_state *states;
    struct processor_counts counts;
    struct processor_file *files;
    struct processor_run last;
    const char *holder;
    struct str text;
    int64_t requeued;
    size_t n;
    MUST(processor_state_put(f->db, "p", &done, &e));
    MUST(processor_states(f->db, "p", &f->a, &states, &n, &e));
    MUST(processor_lease(f->db, "p", "me", T0, T0 + SECOND, &e));
    MUST(processor_lease_holder(f->db, "p", &f->a, &holder, &e));
    MUST(processor_lease_drop(f->db, "p", "me", &e));
    MUST(processor_run_put(f->db, "p", &run, &e));
    MUST(processor_run_get(f->db, "p", &last, &e));
    MUST(processor_count_files(f->db, "p", &counts, &e));
    for (int status = 0; status < 2; status++)
        MUST(processor_files(f->db, "p", status ? "done" : NULL, "", 10, &f->a, &files, &n, &e));
    for (int file = 0; file < 2; file++)
        MUST(processor_requeue(f->db, "p", file ? "f" : NULL, T0, &requeued, &e));
    MUST(processor_result_put(f->db, "p", "f", STR("{}"), T0, &e));
    MUST(processor_checkpoint_put(f->db, "p", "f", STR("x"), T0, &e));
    MUST(processor_checkpoint_get(f->db, "p", "f", &f->a, &text, &e));
    MUST(processor_checkpoint_put(f->db, "p", "f", STR(""), T0, &e));
    MUST(processor_checkpoints_sweep(f->db, T0, &e));
}

static void call_verification(struct fixture *f)
{
    const struct verification_session session = {
        .session_file = "f", .session_id = "s", .agent = "claude", .verdict = "verified"};
    const struct verification_evidence row = {.kind = "test", .command = "make", .outcome = "passed"};
    struct verification_session *sessions, one;
    struct verification_evidence *rows;
    size_t n;
    MUST(verification_put(f->db, &session, &row, 1, &e));
    for (int verdict = 0; verdict < 2; verdict++)
        MUST(verification_list(f->db, verdict ? "verified" : NULL, "", 10, &f->a, &sessions, &n, &e));
    MUST(verification_get(f->db, "s", &f->a, &one, &rows, &n, &e));
    MUST(verification_get(f->db, "f", &f->a, &one, &rows, &n, &e));
}

/* A scan of a whole table or of a full index.  Allowed: partial indexes, which cover what is alive; the lists
 * that a claim is given; tables of a handful of rows. */
static bool walks_history(const char *step)
{
    static const char *const allowed[] = {
        "USING INDEX tasks_open",
        "USING COVERING INDEX jobs_queued",
        "USING INDEX jobs_queued",
        "USING INDEX jobs_running",
        "USING INDEX runs_live",
        "USING INDEX session_summaries_timeless",
        "SCAN found",                       /* what a window has found, of its index */
        "USING INDEX knowledge_items_live", /* in order of ids, as far as its LIMIT */
        "SCAN full_repos VIRTUAL TABLE",
        "SCAN json_each VIRTUAL TABLE", /* a list of ids that is asked for */
        "SCAN sessions",                /* both once, when the node starts */
        "SCAN agents",
        "SCAN audit_chain",
        "SCAN workers",         /* as many as were ever configured */
        "SCAN schedule_pauses", /* as many as are paused now */
        "SCAN migrations",
        "SCAN sqlite_",
    };
    if (strncmp(step, "SCAN ", 5) != 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(allowed); i++)
        if (strstr(step, allowed[i]))
            return false;
    return true;
}

/* A sort reads all that it sorts.  The claim sorts one candidate per agent; a report its sums, of what lies
 * in its window. */
static bool sorts(const char *step, const char *sql)
{
    bool is_report = strstr(sql, "JOIN session_events") && strstr(sql, "GROUP BY");
    return strstr(step, "USE TEMP B-TREE") && !strstr(sql, "json_each") && !is_report;
}

static void explain(void *arg, const char *sql)
{
    if (strncmp(sql, "SELECT", 6) != 0 && strncmp(sql, "UPDATE", 6) != 0 && strncmp(sql, "DELETE", 6) != 0)
        return;
    struct buf question = BUF_INIT;
    sqlite3_stmt *s;
    buf_printf(&question, "EXPLAIN QUERY PLAN %s", sql);
    assert_int_equal(sqlite3_prepare_v2(arg, question.p, -1, &s, NULL), SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(s, 3);
        if (walks_history(step) || sorts(step, sql))
            fail_msg("%s\n  in: %s", step, sql);
    }
    (void)sqlite3_finalize(s);
    buf_deinit(&question);
}

static void count(void *arg, const char *sql)
{
    (void)sql;
    ++*(int *)arg;
}

static void no_statement_walks_a_table(void **state)
{
    struct fixture *f = *state;
    sqlite3 *other;
    char path[96];
    int statements = 0;
    call_lists(f);
    call_queue(f);
    call_the_rest(f);
    call_fleet(f);
    call_schedules(f);
    call_hub(f);
    call_knowledge(f);
    call_session_events(f);
    call_processors(f);
    call_verification(f);
    f->db->driver->each_statement(f->db, count, &statements);
    assert_true(statements > 120);
    (void)snprintf(path, sizeof(path), "%s/test.db", f->dir);
    assert_int_equal(sqlite3_open_v2(path, &other, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    f->db->driver->each_statement(f->db, explain, other);
    (void)sqlite3_close(other);
}

static void the_check_sees_a_scan(void **state)
{
    (void)state;
    assert_true(walks_history("SCAN jobs"));
    assert_true(walks_history("SCAN runs USING INDEX runs_agent"));
    assert_false(walks_history("SEARCH jobs USING INDEX jobs_claim (agent=?)"));
    assert_false(walks_history("SCAN jobs USING INDEX jobs_running"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_statement_walks_a_table),
                                       cmocka_unit_test(the_check_sees_a_scan)};
    return fixture_run_sqlite("store_plans", tests, COUNT_OF(tests));
}
