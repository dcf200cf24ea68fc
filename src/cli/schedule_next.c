#include "cli/schedule_next.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/table.h"
#include "io/zoneinfo.h"
#include "scheduler/job_table.h"

#define LIMIT_DEFAULT 10
#define LIMIT_MAX 100000

struct question {
    struct schedule when;
    const struct timezone *zone;
    int64_t from_us, last_us; /* last_us: SCHEDULE_NEVER when there was none */
    int64_t limit;
};

/* -- reading it -- */

/* RFC 3339; also a date, and a time without its offset, which is then UTC. */
static bool parse_time(struct str text, int64_t *ret_us)
{
    char longer[64];
    static const char *const endings[] = {"", "Z", "T00:00:00Z"};
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        int n = snprintf(longer, sizeof(longer), "%.*s%s", STR_ARG(text), endings[i]);
        if (n > 0 && (size_t)n < sizeof(longer) && clock_parse_rfc3339(str_of(longer), ret_us))
            return true;
    }
    return false;
}

static int read_time(const struct invocation *in, const char *option, int64_t fallback_us, int64_t *ret_us)
{
    const char *text = command_option(in, option);
    *ret_us = fallback_us;
    if (!text || !text[0] || parse_time(str_of(text), ret_us))
        return 0;
    return command_usage(in, "--%s \"%.60s\": a time such as 2027-03-01T09:00:00Z is expected", option, text);
}

static void print_refusal(const struct invocation *in, const char *text)
{
    struct buf out = BUF_INIT;
    struct json_writer w;
    if (!command_option(in, "json"))
        return;
    json_init(&w, &out);
    json_object_begin(&w);
    json_kv_bool(&w, "valid", false);
    json_kv_bool(&w, "due", false);
    json_key(&w, "next");
    json_array_begin(&w);
    json_array_end(&w);
    json_kv_text(&w, "error", text);
    json_object_end(&w);
    (void)printf("%s\n", out.p);
    buf_deinit(&out);
}

static int refuse(const struct invocation *in, const char *what, const char *text)
{
    print_refusal(in, text);
    return command_usage(in, "%s: %s", what, text);
}

static int read_spec(const struct invocation *in, const char *spec, struct question *q)
{
    struct err e = {0};
    char what[128];
    (void)snprintf(what, sizeof(what), "--when \"%.80s\"", spec);
    return schedule_parse(str_of(spec), &q->when, &e) == 0 ? 0 : refuse(in, what, e.text);
}

static int read_job(const struct invocation *in, const char *name, struct question *q)
{
    struct config *config;
    struct job_table jobs;
    struct buf errors = BUF_INIT;
    int rc = command_config(in, &config);
    if (rc != 0)
        return rc;
    if (job_table_load(config, &jobs, &errors) != 0) {
        (void)fprintf(stderr, "%s", errors.p);
        rc = EXIT_USAGE;
    } else {
        const struct schedule_job *job = job_table_find(&jobs, str_of(name));
        if (job) {
            q->when = job->when;
            q->zone = job->zone;
        } else {
            rc = command_fail(in, "there is no job \"%s\"", name);
        }
        job_table_deinit(&jobs);
    }
    buf_deinit(&errors);
    (void)config_free(config);
    return rc;
}

static int read_question(const struct invocation *in, struct question *q)
{
    const char *spec = command_option(in, "when"), *name = in->arg_count ? in->args[0] : NULL;
    const char *zone = command_option(in, "zone"), *limit = command_option(in, "limit");
    struct err e = {0};
    *q = (struct question){.zone = timezone_utc(), .limit = LIMIT_DEFAULT};
    if (!spec == !name)
        return command_usage(in, "next needs either the NAME of a job or --when SPEC");
    int rc = spec ? read_spec(in, spec, q) : read_job(in, name, q);
    if (rc != 0)
        return rc;
    if (zone && zoneinfo_get(zone, &q->zone, &e) != 0)
        return refuse(in, "--zone", e.text);
    if (limit && !parse_i64_in(str_of(limit), 0, LIMIT_MAX, &q->limit))
        return command_usage(in, "--limit \"%s\": a number from 0 to %d is expected", limit, LIMIT_MAX);
    rc = read_time(in, "from", clock_wall_us(), &q->from_us);
    return rc ? rc : read_time(in, "last", SCHEDULE_NEVER, &q->last_us);
}

/* -- answering it -- */

/* Of an interval that is due, the coming fire is now, and the next ones count from the instant that it was
 * due. */
static int64_t base_of(const struct question *q)
{
    return q->last_us == SCHEDULE_NEVER ? q->from_us : q->last_us;
}

static char *utc_text(int64_t at_us, char text[CLOCK_TEXT_MAX])
{
    return at_us % USEC_PER_SEC ? clock_format_us(at_us, text) : clock_format_seconds(at_us, text);
}

static void print_json(const struct question *q, bool due)
{
    struct buf out = BUF_INIT;
    struct json_writer w;
    struct schedule_instant at;
    char utc[CLOCK_TEXT_MAX], local[TIMEZONE_TEXT_MAX];
    json_init(&w, &out);
    json_object_begin(&w);
    json_kv_bool(&w, "valid", true);
    json_kv_bool(&w, "due", due);
    json_key(&w, "next");
    json_array_begin(&w);
    int64_t after_us = q->from_us;
    for (int64_t i = 0; i < q->limit && schedule_next(&q->when, q->zone, base_of(q), after_us, &at); i++) {
        json_object_begin(&w);
        json_kv_text(&w, "utc", utc_text(at.at_us, utc));
        json_kv_text(&w, "local", timezone_format(q->zone, at.at_us, local));
        json_kv_text(&w, "note", schedule_note_name(at.note));
        json_object_end(&w);
        after_us = at.at_us;
    }
    json_array_end(&w);
    json_object_end(&w);
    (void)printf("%s\n", out.p);
    buf_deinit(&out);
}

static void print_rows(const struct question *q, bool due)
{
    static const struct table_column columns[] = {{"LOCAL"}, {"UTC"}, {"NOTE"}};
    struct table *t = table_new(columns, COUNT_OF(columns));
    struct schedule_instant at;
    char utc[CLOCK_TEXT_MAX], local[TIMEZONE_TEXT_MAX];
    int64_t after_us = q->from_us;
    for (int64_t i = 0; i < q->limit && schedule_next(&q->when, q->zone, base_of(q), after_us, &at); i++) {
        const char *const cells[] = {timezone_format(q->zone, at.at_us, local), utc_text(at.at_us, utc),
                                     schedule_note_name(at.note)};
        table_add(t, cells);
        after_us = at.at_us;
    }
    table_show(t, stdout);
    (void)table_free(t);
    (void)printf("due: %s\n", due ? "yes" : "no");
}

int schedule_next_command(const struct invocation *in)
{
    struct question q;
    int rc = read_question(in, &q);
    if (rc != 0)
        return rc;
    bool due = schedule_is_due(&q.when, q.zone, q.last_us, q.from_us);
    if (command_option(in, "json"))
        print_json(&q, due);
    else
        print_rows(&q, due);
    return EXIT_DONE;
}

/* -- check -- */

static void print_job(const struct schedule_job *job, int64_t now_us)
{
    struct schedule_instant at;
    char local[TIMEZONE_TEXT_MAX];
    bool comes = schedule_next(&job->when, job->zone, now_us, now_us, &at);
    (void)printf("%s: %s, %s, next %s\n", job->name, job->when_text, job->zone_name,
                 comes ? timezone_format(job->zone, at.at_us, local) : "never");
}

int schedule_check_command(const struct invocation *in)
{
    struct invocation of_file = *in;
    struct config *config;
    struct job_table jobs;
    struct buf errors = BUF_INIT;
    of_file.config_path = in->args[0];
    int rc = command_config(&of_file, &config);
    if (rc != 0)
        return rc;
    if (job_table_load(config, &jobs, &errors) == 0) {
        for (size_t i = 0; i < jobs.count; i++)
            print_job(&jobs.jobs[i], clock_wall_us());
        (void)printf("%s: ok, %zu jobs\n", in->args[0], jobs.count);
        job_table_deinit(&jobs);
    } else {
        (void)fprintf(stderr, "%s", errors.p);
        rc = EXIT_USAGE;
    }
    buf_deinit(&errors);
    (void)config_free(config);
    return rc;
}
