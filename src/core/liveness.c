#include "core/liveness.h"

#include "base/clock.h"
#include "base/parse.h"

#include <stdarg.h>
#include <stdio.h>

const struct liveness_policy liveness_policy_default = {
    .interval_us = 5 * USEC_PER_SEC,
    .hung_us = 300 * USEC_PER_SEC,
    .close_wait_us = 60 * USEC_PER_SEC,
    .stdin_us = 30 * USEC_PER_SEC,
    .start_us = 30 * USEC_PER_SEC,
    .report_us = 900 * USEC_PER_SEC,
    .loop_calls = 5,
    .busy_ticks_per_s = 30,
};

static const struct {
    const char *name;
    bool is_trouble;
    const char *waits_for;
} verdicts[VERDICT_COUNT] = {
    [VERDICT_STARTING] = {"starting", false},
    [VERDICT_WORKING] = {"working", false},
    [VERDICT_TOOL_RUNNING] = {"tool_running", false, "tool"},
    [VERDICT_WAITING_PERMISSION] = {"waiting_permission", false, "person"},
    [VERDICT_WAITING_INPUT] = {"waiting_input", false, "person"},
    [VERDICT_RATE_LIMITED] = {"rate_limited", false, "provider"},
    [VERDICT_API_RETRYING] = {"api_retrying", false, "provider"},
    [VERDICT_HUNG_STREAM] = {"hung_stream", true, "provider"},
    [VERDICT_HUNG_STDIN] = {"hung_stdin", true, "input"},
    [VERDICT_LOOPING] = {"looping", true},
    [VERDICT_IDLE] = {"idle", false},
    [VERDICT_DONE] = {"done", false},
    [VERDICT_ORPHAN] = {"orphan", true},
    [VERDICT_ZOMBIE] = {"zombie", true, "parent"},
    [VERDICT_DEAD] = {"dead", true},
    [VERDICT_UNKNOWN] = {"unknown", false},
};

const char *verdict_name(enum verdict v)
{
    return verdicts[v].name;
}

bool verdict_is_trouble(enum verdict v)
{
    return verdicts[v].is_trouble;
}

const char *verdict_waits_for(enum verdict v)
{
    return verdicts[v].waits_for;
}

void liveness_sample_init(struct liveness_sample *s)
{
    *s = (struct liveness_sample){.age_us = -1,
                                  .cpu_ticks = -1,
                                  .io_bytes = -1,
                                  .tools = -1,
                                  .established = -1,
                                  .close_wait = -1,
                                  .received_bytes = -1,
                                  .last_receive_us = -1,
                                  .local_port = -1,
                                  .stdin_held = -1,
                                  .transcript_bytes = -1,
                                  .report_age_us = -1};
}

/* -- what a rule looks at -- */

struct view {
    const struct liveness *l;
    const struct liveness_policy *policy;
    const struct liveness_sample *s;
    struct liveness_verdict *ret; /* cause and until are filled by the rule that holds */
    int64_t recent_us;            /* two samples ago or later */
    int64_t socket_quiet_us;      /* -1 unknown */
};

static void PRINTF_LIKE(2, 3) because(const struct view *v, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(v->ret->cause, sizeof(v->ret->cause), format, args);
    va_end(args);
}

struct span_text {
    char text[PARSE_DURATION_MAX];
};
/* Whole seconds: who reads it compares with a watch. */
static struct span_text span(int64_t us)
{
    struct span_text t = {0};
    (void)format_duration(MAX(us, 0) / USEC_PER_SEC * USEC_PER_SEC, t.text);
    return t;
}

static bool receives(const struct view *v)
{
    return v->socket_quiet_us >= 0 && v->socket_quiet_us <= v->recent_us;
}

static bool transcript_grows(const struct view *v)
{
    return v->s->transcript_bytes >= 0 && v->l->samples > 1 && v->l->transcript_quiet_us <= v->recent_us;
}

static bool is_quiet(const struct view *v)
{
    return !receives(v) && !transcript_grows(v);
}

static bool turn_is_closed(const struct view *v)
{
    return v->s->turn == TURN_NONE || v->s->turn == TURN_ENDED;
}

static bool turn_is_open(const struct view *v)
{
    return v->s->turn == TURN_OPEN || v->s->turn == TURN_TOOL;
}

static bool reports(const struct view *v, enum liveness_report report)
{
    return v->s->report == report && v->s->report_age_us >= 0 && v->s->report_age_us <= v->policy->report_us;
}

static const char *said_reason(const struct view *v)
{
    return v->s->reason[0] ? v->s->reason : "no reason given";
}

/* -- the rules, in the order in which they are asked -- */

static bool is_done(const struct view *v)
{
    if (!v->s->has_ended)
        return false;
    because(v, v->s->process == PROCESS_GONE ? "it ended in an orderly way and its process is gone"
                                             : "its session has ended");
    return true;
}

static bool is_dead(const struct view *v)
{
    if (v->s->process != PROCESS_GONE)
        return false;
    because(v, "its process is gone and left no word of its end");
    return true;
}

static bool is_zombie(const struct view *v)
{
    if (v->s->process != PROCESS_ZOMBIE)
        return false;
    because(v, "its process has ended and nobody has waited for it");
    return true;
}

static bool is_unseen(const struct view *v)
{
    if (v->s->process != PROCESS_UNSEEN)
        return false;
    because(v, "no process of it can be seen from here");
    return true;
}

static bool is_stopped(const struct view *v)
{
    if (v->s->state != 'T' && v->s->state != 't')
        return false;
    because(v, "it has been stopped by a signal for %s and can do nothing until it is continued",
            span(v->l->stopped_us).text);
    return true;
}

/* Who asks waits: nothing runs below it and no answer comes in. */
static bool is_waiting_for_permission(const struct view *v)
{
    if (v->s->turn != TURN_PERMISSION || v->s->tools > 0 || receives(v))
        return false;
    because(v, "it asks for a permission, and nothing runs or comes in meanwhile");
    return true;
}

static bool says_it_is_stuck(const struct view *v)
{
    if (!reports(v, REPORT_STUCK) || v->s->tools > 0)
        return false;
    because(v, "it reports that it is stuck: %s", said_reason(v));
    return true;
}

static bool says_it_waits(const struct view *v)
{
    if (!reports(v, REPORT_WAITING) || v->s->tools > 0)
        return false;
    because(v, "it reports that it waits: %s", said_reason(v));
    return true;
}

static bool is_rate_limited(const struct view *v)
{
    if (!v->s->is_limited || receives(v) || v->s->tools > 0)
        return false;
    if (v->s->limited_until && v->s->limited_until <= v->s->at)
        return false;
    v->ret->until = v->s->limited_until;
    because(v, v->s->limited_until
                   ? "its last word is a limit that was reached, and nothing has come in since"
                   : "its last word is a limit that was reached, without the time of its reset");
    return true;
}

/* The same calls again and again, and the process lives to make the next one. */
static bool is_looping(const struct view *v)
{
    if (v->s->same_calls < v->policy->loop_calls || !turn_is_open(v))
        return false;
    because(v, "the last %lld tool calls were the same and its turn goes on", (long long)v->s->same_calls);
    return true;
}

static bool is_running_a_tool(const struct view *v)
{
    bool known = v->s->turn == TURN_TOOL || (v->s->turn != TURN_PERMISSION && v->l->samples > 1);
    if (v->s->tools <= 0 || !known || turn_is_closed(v))
        return false;
    because(v, "%s runs below it%s (%lld processes)", v->s->tool[0] ? v->s->tool : "a tool",
            v->s->turn == TURN_TOOL ? " for a tool call that has no result yet" : "", (long long)v->s->tools);
    return true;
}

static bool is_retrying(const struct view *v)
{
    if (receives(v) || v->s->turn == TURN_TOOL)
        return false;
    if (v->s->retries) {
        because(v, "its last word is that it retries a request, and no answer has come in since");
        return true;
    }
    if (!v->l->new_port || v->s->turn != TURN_OPEN || v->socket_quiet_us < 0 ||
        v->socket_quiet_us >= v->policy->hung_us)
        return false;
    because(v, "its turn is open, the request went out again on a new connection, and no answer comes in");
    return true;
}

/* The only sockets are those that the other side has closed. */
static bool is_half_closed(const struct view *v)
{
    if (v->s->close_wait <= 0 || v->s->established != 0 || v->s->tools > 0 || !turn_is_open(v) ||
        transcript_grows(v))
        return false;
    int64_t quiet_us = MAX(v->socket_quiet_us, v->l->transcript_quiet_us);
    if (quiet_us < v->policy->close_wait_us)
        return false;
    because(v,
            "its turn is open, the provider closed the connection (CLOSE_WAIT) and nothing happened for %s",
            span(quiet_us).text);
    return true;
}

static bool is_hung_on_a_stream(const struct view *v)
{
    if (v->s->turn != TURN_OPEN || v->s->tools > 0 || v->s->established <= 0)
        return false;
    if (v->socket_quiet_us < v->policy->hung_us || v->l->samples < 2)
        return false;
    if (v->s->transcript_bytes >= 0 && transcript_grows(v))
        return false;
    because(v,
            "its turn is open and the provider's connection has brought nothing for %s (%lld bytes so far)",
            span(v->socket_quiet_us).text, (long long)v->s->received_bytes);
    return true;
}

/* It computes, but no tool, no answer and no record comes of it, and it has not said that this takes long. */
static bool is_busy_without_progress(const struct view *v)
{
    if (!turn_is_open(v) || v->l->busy_us < v->policy->hung_us || reports(v, REPORT_WORKING))
        return false;
    because(v,
            "its turn is open and it has kept a CPU busy for %s since anything came in, was written or ran "
            "below it",
            span(v->l->busy_us).text);
    return true;
}

static bool is_hung(const struct view *v)
{
    return is_half_closed(v) || is_hung_on_a_stream(v);
}

/* It reads a pipe that somebody keeps open, has nothing else to do, and never had. */
static bool is_hung_on_stdin(const struct view *v)
{
    if ((v->s->stdin_kind != STDIN_PIPE && v->s->stdin_kind != STDIN_SOCKET) || v->s->stdin_held != 1 ||
        !v->s->reads_stdin)
        return false;
    if (v->s->established > 0 || v->s->tools > 0 || turn_is_open(v) || v->s->age_us < v->policy->stdin_us ||
        v->l->cpu_quiet_us < v->policy->stdin_us)
        return false;
    because(v, "it reads a %s on standard input that somebody keeps open; no connection, no CPU for %s",
            v->s->stdin_kind == STDIN_PIPE ? "pipe" : "socket", span(v->l->cpu_quiet_us).text);
    return true;
}

static bool is_orphan(const struct view *v)
{
    if (!v->s->is_orphaned || !(v->s->terminal_gone || is_quiet(v)))
        return false;
    because(v, v->s->terminal_gone ? "whoever started it is gone, and so is its terminal"
                                   : "whoever started it is gone, and nothing comes in or out");
    return true;
}

/* It may ask for a permission on its terminal, or wait for what the tool has left behind: an orphan that
 * holds the tool's pipe is seen by nobody below it. */
static bool is_without_its_tool(const struct view *v)
{
    int64_t quiet_us = MIN(v->l->transcript_quiet_us, v->l->cpu_quiet_us);
    if (v->s->turn != TURN_TOOL || v->s->tools != 0 || v->s->cpu_ticks < 0 || receives(v) ||
        quiet_us < v->policy->hung_us)
        return false;
    because(v,
            "a tool call has no result, nothing runs below it and it has used no CPU for %s: it asks for a "
            "permission, or waits for what the tool left behind",
            span(quiet_us).text);
    return true;
}

static bool is_working(const struct view *v)
{
    if (v->s->turn == TURN_PERMISSION)
        return false;
    if (receives(v) && !turn_is_closed(v)) {
        because(v, "data came in on its connection %s ago%s", span(v->socket_quiet_us).text,
                v->s->turn == TURN_OPEN ? " and its turn is open" : "");
        return true;
    }
    if (transcript_grows(v) && !turn_is_closed(v)) {
        because(v, "its transcript grew %s ago", span(v->l->transcript_quiet_us).text);
        return true;
    }
    if (turn_is_open(v) && v->socket_quiet_us < v->policy->hung_us) {
        if (v->socket_quiet_us >= 0)
            because(v, "its turn is open and the model has been silent for %s",
                    span(v->socket_quiet_us).text);
        else if (v->s->established == 0)
            because(v, "its turn is open and it has no connection");
        else
            because(v, "its turn is open; its connections cannot be seen from here");
        return true;
    }
    if (reports(v, REPORT_WORKING) && v->l->cpu_quiet_us <= v->policy->hung_us) {
        because(v, "it reported %s ago that it works, and it uses CPU", span(v->s->report_age_us).text);
        return true;
    }
    return false;
}

static bool is_waiting_for_input(const struct view *v)
{
    if (v->s->stdin_kind != STDIN_TERMINAL || !v->s->is_foreground || v->s->tools > 0 || turn_is_open(v) ||
        v->s->turn == TURN_PERMISSION || receives(v))
        return false;
    if (v->s->turn == TURN_UNKNOWN && (v->l->samples < 2 || v->s->established > 0))
        return false;
    because(v, "no turn is open and it has its terminal: the next word is a person's");
    return true;
}

static bool is_starting(const struct view *v)
{
    bool seen = v->s->transcript_bytes > 0 || v->s->established > 0 || v->s->turn > TURN_NONE;
    if (v->s->age_us < 0 || v->s->age_us > v->policy->start_us || seen)
        return false;
    because(v, "it is %s old and has not begun to talk", span(v->s->age_us).text);
    return true;
}

static bool is_idle(const struct view *v)
{
    if ((!turn_is_closed(v) && !reports(v, REPORT_IDLE)) || !is_quiet(v))
        return false;
    because(v, turn_is_closed(v) ? "no turn is open and nothing comes in" : "it reports that it is idle");
    return true;
}

static bool is_unknown(const struct view *v)
{
    because(v, "it lives, but neither transcript nor hook nor connection tells what it does (CPU %s)",
            v->l->cpu_quiet_us <= v->recent_us ? "in use" : "at rest");
    return true;
}

static const struct {
    enum verdict verdict;
    bool (*holds)(const struct view *v);
} rules[] = {
    {VERDICT_DONE, is_done},
    {VERDICT_DEAD, is_dead},
    {VERDICT_ZOMBIE, is_zombie},
    {VERDICT_UNKNOWN, is_unseen},
    {VERDICT_UNKNOWN, is_stopped},
    {VERDICT_WAITING_PERMISSION, is_waiting_for_permission},
    {VERDICT_WAITING_INPUT, says_it_is_stuck},
    {VERDICT_WAITING_INPUT, says_it_waits},
    {VERDICT_RATE_LIMITED, is_rate_limited},
    {VERDICT_LOOPING, is_looping},
    {VERDICT_TOOL_RUNNING, is_running_a_tool},
    {VERDICT_API_RETRYING, is_retrying},
    {VERDICT_HUNG_STREAM, is_hung},
    {VERDICT_HUNG_STDIN, is_hung_on_stdin},
    {VERDICT_LOOPING, is_busy_without_progress},
    {VERDICT_ORPHAN, is_orphan},
    {VERDICT_UNKNOWN, is_without_its_tool},
    {VERDICT_WORKING, is_working},
    {VERDICT_STARTING, is_starting},
    {VERDICT_WAITING_INPUT, is_waiting_for_input},
    {VERDICT_IDLE, is_idle},
    {VERDICT_UNKNOWN, is_unknown},
};

/* -- time -- */

/* A gap that no observer who runs leaves is not charged to the observed. */
static int64_t step_of(const struct liveness *l, const struct liveness_policy *policy,
                       const struct liveness_sample *s)
{
    int64_t step = l->samples == 0 ? 0 : s->now_us - l->last.now_us;
    return step < 0 ? 0 : step > 3 * policy->interval_us ? policy->interval_us : step;
}

/* What is not known at one of the two ends has not been seen to move, and has not been seen to rest. */
static void count_quiet(int64_t *quiet_us, int64_t before, int64_t now, int64_t step)
{
    if (before != now)
        *quiet_us = 0;
    else
        *quiet_us += step;
}

/* Ticks come in whole ones and looks at odd moments, so a step is busy or it is not. */
static void count_busy(struct liveness *l, const struct liveness_policy *policy,
                       const struct liveness_sample *s, int64_t step)
{
    int64_t used = s->cpu_ticks - l->last.cpu_ticks;
    bool known = l->samples > 0 && s->cpu_ticks >= 0 && l->last.cpu_ticks >= 0;
    bool progress = s->tools > 0 || s->received_bytes != l->last.received_bytes ||
                    s->transcript_bytes != l->last.transcript_bytes;
    if (!known || progress)
        l->busy_us = 0;
    else if (used * USEC_PER_SEC >= policy->busy_ticks_per_s * step)
        l->busy_us += step;
}

static void advance(struct liveness *l, const struct liveness_policy *policy, const struct liveness_sample *s)
{
    int64_t step = step_of(l, policy, s), left_out = l->samples ? s->now_us - l->last.now_us - step : 0;
    bool stopped = s->state == 'T' || s->state == 't';
    l->stopped_us = stopped ? l->stopped_us + step : 0;
    if (stopped) {
        left_out += step;
        step = 0;
    }
    bool moved = l->samples > 0 && s->received_bytes != l->last.received_bytes;
    bool other_port =
        l->samples > 0 && s->local_port > 0 && l->last.local_port > 0 && s->local_port != l->last.local_port;
    count_busy(l, policy, s, step);
    count_quiet(&l->cpu_quiet_us, l->last.cpu_ticks, s->cpu_ticks, step);
    count_quiet(&l->received_quiet_us, l->last.received_bytes, s->received_bytes, step);
    count_quiet(&l->transcript_quiet_us, l->last.transcript_bytes, s->transcript_bytes, step);
    l->credited_us = moved || other_port ? 0 : l->credited_us + MAX(left_out, 0);
    l->new_port = s->turn == TURN_OPEN && !(moved && !other_port) && (l->new_port || other_port);
    l->observed_us += step;
    l->samples++;
    l->last = *s;
}

/* The kernel knows for how long nothing came, also from before we looked; but it counts time in which the
 * process was stopped or nobody looked, so after such a time only what was observed counts. */
static int64_t socket_quiet(const struct liveness *l, const struct liveness_sample *s)
{
    if (s->received_bytes < 0 && s->last_receive_us < 0)
        return -1;
    if (s->last_receive_us < 0 || l->credited_us > 0)
        return l->received_quiet_us;
    return s->last_receive_us;
}

static void remember(struct liveness *l, const struct liveness_verdict *v)
{
    size_t kept = MIN(l->before_count, (size_t)LIVENESS_HISTORY - 1);
    memmove(l->before + 1, l->before, kept * sizeof(*l->before));
    l->before[0] = l->now;
    l->before_count = kept + 1;
    l->now = *v;
}

bool liveness_observe(struct liveness *l, const struct liveness_policy *policy,
                      const struct liveness_sample *s)
{
    bool first = l->samples == 0;
    advance(l, policy, s);
    struct liveness_verdict found = {.since = s->at};
    const struct view v = {.l = l,
                           .policy = policy,
                           .s = s,
                           .ret = &found,
                           .recent_us = 2 * policy->interval_us,
                           .socket_quiet_us = socket_quiet(l, s)};
    size_t i = 0;
    while (!rules[i].holds(&v))
        i++;
    found.verdict = rules[i].verdict;
    if (first || found.verdict != l->now.verdict) {
        if (first)
            l->now = found;
        else
            remember(l, &found);
        return true;
    }
    found.since = l->now.since;
    l->now = found;
    return false;
}
