#include "core/verification.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/parse.h"
#include "core/closing_claim.h"

const char *const verification_verdict_names[VERDICTS] = {"verified", "unverified", "contradicted"};

#define PENDING_MAX 64 /* commands whose result has not come */

struct pending {
    uint64_t id;                           /* hash of the tool's id; 0: free */
    uint64_t background_id;                /* hash; 0: it did not go there */
    int64_t order;                         /* when it began */
    enum check_outcome said;               /* by its summaries so far */
    bool is_hint;                          /* what they said is no more than that */
    int exit_code, echoed;                 /* echoed: by "; echo $?", -1: not yet */
    bool is_error, is_running, is_stopped; /* as the last that told of it said */
    size_t first, count;                   /* rows */
    bool hides[SHELL_COMMANDS_MAX];        /* per check: the command's exit status is not its own */
    bool is_sole[SHELL_COMMANDS_MAX];      /* a failure can be nobody else's */
    bool is_echoed[SHELL_COMMANDS_MAX];    /* "; echo $?": the output ends with it */
};

struct verification {
    struct arena arena;
    struct arena scratch; /* of one command */
    struct verification_row *rows;
    size_t count, capacity;
    int64_t rows_dropped, edits, turns, first_us, last_us;
    struct pending pending[PENDING_MAX];
    size_t next_pending;
    int64_t order;                  /* counts edits and results */
    int64_t last_edit, last_passed; /* by that order; 0: never */
    int64_t edit_before, edit_id;   /* of the last edit by a tool: what last_edit was, and a hash; 0: none */
    enum check_outcome last_by_kind[CHECK_KINDS];
    bool ran[CHECK_KINDS], any;
    size_t newest[CHECK_KINDS]; /* the row that was begun last */
    enum check_outcome last;    /* of all */
    struct str session_id;
    struct buf closing, closing_id; /* the text of the last answer, all its blocks */
};

/* -- texts -- */

static struct str cut(struct arena *a, struct str s)
{
    s = str_trim(s);
    size_t n = MIN(s.n, (size_t)VERIFICATION_TEXT_MAX);
    while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return (struct str){arena_strdup(a, (struct str){s.p, n}), n};
}

/* -- checks that are run -- */

static struct verification_row *add_row(struct verification *v)
{
    if (v->count >= VERIFICATION_ROWS_MAX) {
        v->rows_dropped++;
        return NULL;
    }
    if (v->count == v->capacity) {
        v->capacity = MAX(16, v->capacity * 2);
        v->rows = xrealloc(v->rows, v->capacity * sizeof(*v->rows));
    }
    return &v->rows[v->count++];
}

static bool echoes(const struct shell_command *c, const char *what)
{
    bool prints = str_equal(c->words[0], STR("echo")) || str_equal(c->words[0], STR("printf"));
    for (size_t w = 1; prints && w < c->count; w++)
        if (str_find(c->words[w], str_of(what)) >= 0)
            return true;
    return false;
}

/* Whether a later echo tells the exit status of command i and of no other that may differ. */
static bool is_echoed(const struct shell_line *line, size_t i)
{
    bool piped = false;
    for (; i + 1 < line->count; i++) {
        const struct shell_command *next = &line->commands[i + 1];
        switch (line->commands[i].behind) {
        case SHELL_AND:
            break;
        case SHELL_PIPE:
            piped = true;
            break;
        case SHELL_SEQUENCE:
            return (echoes(next, "$?") && (!piped || line->has_pipefail)) || echoes(next, "PIPESTATUS[0]") ||
                   echoes(next, "pipestatus[1]");
        case SHELL_END:
        case SHELL_OR:
        case SHELL_BACKGROUND:
            return false;
        }
    }
    return false;
}

/* Whether the command's exit status 0 is that of command i: what comes behind it runs only when it went well.
 */
static bool is_hidden(const struct shell_line *line, size_t i)
{
    for (; i < line->count; i++)
        switch (line->commands[i].behind) {
        case SHELL_END:
            return false;
        case SHELL_AND:
            break;
        case SHELL_PIPE:
            if (!line->has_pipefail)
                return true;
            break;
        case SHELL_OR:
        case SHELL_SEQUENCE:
        case SHELL_BACKGROUND:
            return true;
        }
    return false;
}

static bool is_sole(const struct shell_line *line, size_t i)
{
    for (size_t k = 0; k < line->count; k++)
        if (k != i && !check_command_is_aside(&line->commands[k]) &&
            (k == 0 || line->commands[k - 1].behind != SHELL_PIPE))
            return false;
    return true;
}

static void note_edit(struct verification *v)
{
    v->edits++;
    v->last_edit = ++v->order;
}

/* What a command that was left running says counts until the check is run anew. */
static void take_outcome(struct verification *v, const struct verification_row *row, int64_t order)
{
    v->order++;
    if (row->outcome == CHECK_PASSED)
        v->last_passed = MAX(v->last_passed, order);
    if (v->newest[row->kind] != (size_t)(row - v->rows))
        return;
    v->last_by_kind[row->kind] = row->outcome;
    v->last = row->outcome;
}

static struct pending *free_pending(struct verification *v)
{
    for (size_t i = 0; i < PENDING_MAX; i++)
        if (v->pending[(v->next_pending + i) % PENDING_MAX].id == 0)
            return &v->pending[(v->next_pending + i) % PENDING_MAX];
    return &v->pending[v->next_pending++ % PENDING_MAX];
}

static void add_checks(struct verification *v, const struct turn *turn, const struct shell_line *line)
{
    struct pending fresh = {
        .id = hash_xx(turn->tool_id) | 1, .order = v->order + 1, .first = v->count, .echoed = -1};
    for (size_t i = 0; i < line->count; i++) {
        enum check_kind kind;
        struct verification_row *row = check_command_kind(&line->commands[i], &kind) ? add_row(v) : NULL;
        if (!row)
            continue;
        fresh.hides[fresh.count] = is_hidden(line, i);
        fresh.is_sole[fresh.count] = is_sole(line, i);
        fresh.is_echoed[fresh.count] = is_echoed(line, i);
        *row = (struct verification_row){.use_line = turn->line_no,
                                         .use_block = turn->block_no,
                                         .number = (int)fresh.count++,
                                         .at_us = turn->at_us,
                                         .kind = kind,
                                         .outcome = CHECK_UNKNOWN,
                                         .passed = -1,
                                         .failed = -1,
                                         .command = cut(&v->arena, turn->command)};
        v->any = v->ran[kind] = true;
        v->newest[kind] = (size_t)(row - v->rows);
        take_outcome(v, row, 0); /* until its result comes, which may be never */
    }
    if (fresh.count)
        *free_pending(v) = fresh;
}

static bool is_edit_tool(struct str name)
{
    static const char *const names[] = {"Edit",
                                        "Write",
                                        "MultiEdit",
                                        "NotebookEdit",
                                        "apply_patch",
                                        "write_file",
                                        "replace",
                                        "edit",
                                        "edit_file",
                                        "create_file",
                                        "str_replace_editor",
                                        "str_replace_based_edit_tool",
                                        "write",
                                        "patch",
                                        "multiedit",
                                        NULL};
    for (size_t i = 0; names[i]; i++)
        if (str_equal(name, str_of(names[i])))
            return true;
    return false;
}

static void take_edit(struct verification *v, const struct turn *turn)
{
    v->edit_before = v->last_edit;
    v->edit_id = (int64_t)(hash_xx(turn->tool_id) | 1);
    note_edit(v);
}

/* An edit that was refused, or found nothing to change, was none. */
static void take_failed_edit(struct verification *v, const struct turn *turn)
{
    if (!turn->is_error || v->edit_id != (int64_t)(hash_xx(turn->tool_id) | 1))
        return;
    v->last_edit = v->edit_before;
    v->edits--;
    v->edit_id = 0;
}

static void take_use(struct verification *v, const struct turn *turn)
{
    if (is_edit_tool(turn->tool_name)) {
        take_edit(v, turn);
        return;
    }
    if (turn->command.n == 0)
        return;
    struct shell_line line;
    arena_reset(&v->scratch);
    shell_line_parse(turn->command, &v->scratch, &line);
    for (size_t i = 0; i < line.count; i++)
        if (check_command_edits(&line.commands[i]))
            note_edit(v);
    add_checks(v, turn, &line);
}

/* -- their results -- */

/* The number that "; echo $?" left on the last line. */
static bool echoed_status(struct str output, int *ret)
{
    struct str s = str_trim(output);
    size_t start = s.n;
    int64_t value;
    while (start > 0 && s.p[start - 1] >= '0' && s.p[start - 1] <= '9')
        start--;
    if (s.n == 0 || !parse_i64_in((struct str){s.p + start, s.n - start}, 0, 255, &value))
        return false;
    *ret = (int)value;
    return true;
}

static bool was_stopped(const struct turn *turn)
{
    static const struct str words[] = {
        {"Command timed out", 17},     {"command timed out", 17},
        {"timed out after", 15},       {"Request interrupted", 19},
        {"[Request interrupted", 20},  {"The user doesn't want to proceed", 32},
        {"running in background", 21}, {"running in the background", 25},
        {"command not found", 17},     {"aborted by user", 15}};
    struct str head = {turn->text.p, MIN(turn->text.n, 400)};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_find(head, words[i]) >= 0)
            return true;
    return turn->exit_code == 127 || turn->exit_code == 124 ||
           (turn->background == TURN_BACKGROUND_ENDED && turn->exit_code == TURN_EXIT_UNKNOWN &&
            !turn->is_error);
}

enum status { STATUS_UNKNOWN, STATUS_ZERO, STATUS_OTHER };

static enum status status_of(const struct pending *p, size_t k)
{
    if (p->is_echoed[k] && p->echoed >= 0)
        return p->echoed == 0 ? STATUS_ZERO : STATUS_OTHER;
    if (p->is_error || p->exit_code > 0)
        return STATUS_OTHER;
    if (p->hides[k])
        return STATUS_UNKNOWN;
    return p->exit_code == 0 ? STATUS_ZERO : STATUS_UNKNOWN;
}

static enum check_outcome outcome_of(enum status status, bool sole, enum check_outcome said, bool is_hint)
{
    if ((said == CHECK_FAILED && !(is_hint && status == STATUS_ZERO)) || (status == STATUS_OTHER && sole))
        return CHECK_FAILED;
    if (status == STATUS_ZERO || (said == CHECK_PASSED && status == STATUS_UNKNOWN))
        return CHECK_PASSED;
    return CHECK_UNKNOWN;
}

static struct str quote_of(const struct turn *turn, const struct check_summary *s)
{
    struct str rest = str_trim(turn->text), line, last = {NULL, 0};
    if (s->line.n)
        return s->line;
    while (rest.p && rest.n && str_split(&rest, '\n', &line))
        if (str_trim(line).n)
            last = line;
    return last;
}

/* By the tool's id, or by that of a command in the background. */
static struct pending *pending_of(struct verification *v, const struct turn *turn)
{
    uint64_t id = turn->kind == TURN_TOOL_RESULT ? hash_xx(turn->tool_id) | 1 : 0;
    uint64_t background_id = turn->background_id.n ? hash_xx(turn->background_id) | 1 : 0;
    for (size_t i = 0; i < PENDING_MAX && id; i++)
        if (v->pending[i].id == id && v->pending[i].background_id == 0)
            return &v->pending[i];
    for (size_t i = 0; i < PENDING_MAX && background_id; i++)
        if (v->pending[i].id && v->pending[i].background_id == background_id)
            return &v->pending[i];
    return NULL;
}

/* One more piece of its output, for what that is worth to a row. */
static void take_piece(struct verification *v, struct verification_row *row, const struct turn *turn,
                       const struct check_summary *summary, bool is_only)
{
    if (is_only && summary->passed >= 0)
        row->passed = summary->passed;
    if (is_only && summary->failed >= 0)
        row->failed = summary->failed;
    if (row->quote.n == 0 || (summary->line.n && row->outcome != CHECK_FAILED))
        row->quote = cut(&v->arena, quote_of(turn, summary));
}

static void settle(struct verification *v, struct pending *p, const struct turn *turn,
                   const struct check_summary *summary)
{
    bool is_settled =
        p->said != CHECK_UNKNOWN && !p->is_hint && (p->said == CHECK_FAILED || summary->is_hint);
    if (summary->outcome != CHECK_UNKNOWN && !is_settled) {
        p->said = summary->outcome;
        p->is_hint = summary->is_hint;
    }
    for (size_t k = 0; k < p->count; k++) {
        struct verification_row *row = &v->rows[p->first + k];
        bool sole = p->is_sole[k] || (p->count == 1 && p->is_echoed[k]);
        row->result_line = turn->line_no;
        row->result_block = turn->block_no;
        if (turn->kind == TURN_TOOL_RESULT)
            take_piece(v, row, turn, summary, p->count == 1);
        if (p->is_stopped || p->is_running)
            row->outcome = p->said == CHECK_FAILED ? CHECK_FAILED : CHECK_UNKNOWN;
        else
            row->outcome = outcome_of(status_of(p, k), sole, p->said, p->is_hint);
        take_outcome(v, row, p->order);
    }
}

static void take_state(struct pending *p, const struct turn *turn)
{
    p->exit_code = turn->exit_code;
    p->is_error = turn->is_error;
    p->is_running = turn->background == TURN_BACKGROUND_RUNS;
    p->is_stopped = was_stopped(turn);
    if (p->background_id == 0 && p->is_running)
        p->background_id = hash_xx(turn->background_id) | 1;
}

static void take_result(struct verification *v, const struct turn *turn)
{
    struct pending *p = pending_of(v, turn);
    take_failed_edit(v, turn);
    struct check_summary summary = {.passed = -1, .failed = -1};
    if (!p)
        return;
    if (p->background_id == 0 || turn->background != TURN_FOREGROUND)
        take_state(p, turn);
    if (turn->kind == TURN_TOOL_RESULT) {
        check_summary_read(turn->text, v->rows[p->first].command, &summary);
        if (!p->is_running)
            (void)echoed_status(turn->text, &p->echoed);
    }
    if (p->is_stopped && !p->is_running && summary.outcome != CHECK_FAILED) /* what it had failed, it has */
        summary = (struct check_summary){.passed = -1, .failed = -1};
    settle(v, p, turn, &summary);
    if (p->background_id == 0)
        *p = (struct pending){0};
}

/* -- for the caller -- */

static void take_answer(struct verification *v, const struct turn *turn)
{
    bool goes_on = turn->message_id.n && str_equal(turn->message_id, buf_str(&v->closing_id));
    if (turn->is_sidechain || str_trim(turn->text).n == 0)
        return;
    if (!goes_on)
        buf_clear(&v->closing);
    else
        buf_add_char(&v->closing, '\n');
    buf_clear(&v->closing_id);
    buf_add_str(&v->closing_id, turn->message_id);
    buf_add_str(&v->closing, turn->text);
}

void verification_turn(struct verification *v, const struct turn *turn)
{
    v->turns++;
    if (turn->at_us && (v->first_us == 0 || turn->at_us < v->first_us))
        v->first_us = turn->at_us;
    v->last_us = MAX(v->last_us, turn->at_us);
    if (v->session_id.n == 0 && turn->session_id.n)
        v->session_id = (struct str){arena_strdup(&v->arena, turn->session_id), turn->session_id.n};
    if (turn->kind == TURN_TOOL_USE)
        take_use(v, turn);
    else if (turn->kind == TURN_TOOL_RESULT || turn->background != TURN_FOREGROUND)
        take_result(v, turn);
    else if (turn->kind == TURN_ANSWER)
        take_answer(v, turn);
    else if (turn->kind == TURN_PROMPT && !turn->is_meta && !turn->is_sidechain)
        buf_clear(&v->closing); /* what closed before is not the end */
}

static bool all_passed(const struct verification *v)
{
    for (int k = 0; k < CHECK_KINDS; k++)
        if (v->ran[k] && v->last_by_kind[k] != CHECK_PASSED)
            return false;
    return v->any;
}

void verification_result(struct verification *v, struct verification_result *ret)
{
    bool strong, denies;
    *ret = (struct verification_result){.rows = v->rows,
                                        .count = v->count,
                                        .rows_dropped = v->rows_dropped,
                                        .edits = v->edits,
                                        .turns = v->turns,
                                        .first_us = v->first_us,
                                        .last_us = v->last_us,
                                        .session_id = v->session_id,
                                        .closing = cut(&v->arena, buf_str(&v->closing))};
    ret->claims_success = closing_claims_success(buf_str(&v->closing), &strong);
    denies = strong && !ret->claims_success;
    ret->edited_since = v->last_passed > 0 && v->last_edit > v->last_passed;
    /* "Done" without an edit or a check is politeness. */
    bool claims_work = ret->claims_success && (strong || v->edits > 0 || v->any);
    if (claims_work && (!v->any || v->last == CHECK_FAILED))
        ret->verdict = VERDICT_CONTRADICTED;
    else if (all_passed(v) && !ret->edited_since && !denies)
        ret->verdict = VERDICT_VERIFIED;
    else
        ret->verdict = VERDICT_UNVERIFIED;
}

/* -- put aside -- */

static const size_t numbers[] = {
    offsetof(struct verification, rows_dropped), offsetof(struct verification, edits),
    offsetof(struct verification, turns),        offsetof(struct verification, first_us),
    offsetof(struct verification, last_us),      offsetof(struct verification, order),
    offsetof(struct verification, last_edit),    offsetof(struct verification, last_passed),
    offsetof(struct verification, edit_before),  offsetof(struct verification, edit_id)};

static void save_row(const struct verification_row *r, struct buf *out)
{
    const int64_t values[] = {r->use_line, r->use_block, r->number,  r->result_line, r->result_block,
                              r->at_us,    r->kind,      r->outcome, r->passed,      r->failed};
    for (size_t i = 0; i < COUNT_OF(values); i++)
        pack_i64(out, values[i]);
    pack_str(out, r->command);
    pack_str(out, r->quote);
}

static void save_pending(const struct pending *p, struct buf *out)
{
    const int64_t values[] = {(int64_t)p->id,    (int64_t)p->background_id,
                              p->order,          p->said,
                              p->exit_code,      p->echoed,
                              p->is_error,       p->is_running,
                              p->is_stopped,     p->is_hint,
                              (int64_t)p->first, (int64_t)p->count};
    for (size_t i = 0; i < COUNT_OF(values); i++)
        pack_i64(out, values[i]);
    for (size_t i = 0; i < p->count; i++)
        pack_i64(out, p->hides[i] | p->is_sole[i] << 1 | p->is_echoed[i] << 2);
}

void verification_save(const struct verification *v, struct buf *out)
{
    pack_numbers(out, v, numbers, COUNT_OF(numbers));
    pack_i64(out, (int64_t)v->count);
    for (size_t i = 0; i < v->count; i++)
        save_row(&v->rows[i], out);
    for (size_t i = 0; i < PENDING_MAX; i++)
        save_pending(&v->pending[i], out);
    pack_i64(out, (int64_t)(v->next_pending % PENDING_MAX));
    for (int k = 0; k < CHECK_KINDS; k++)
        pack_i64(out, v->ran[k] ? (int64_t)v->last_by_kind[k] : -1);
    for (int k = 0; k < CHECK_KINDS; k++)
        pack_i64(out, (int64_t)v->newest[k]);
    pack_i64(out, v->any ? (int64_t)v->last : -1);
    pack_str(out, v->session_id);
    pack_str(out, buf_str(&v->closing_id));
    pack_str(out, buf_str(&v->closing));
}

static struct str load_text(struct verification *v, struct unpack *u)
{
    struct str s = unpack_str(u);
    return (struct str){arena_strdup(&v->arena, s), s.n};
}

static void load_row(struct verification *v, struct unpack *u)
{
    struct verification_row *r = add_row(v);
    u->is_bad = u->is_bad || !r;
    if (u->is_bad)
        return;
    *r = (struct verification_row){.use_line = unpack_i64(u)};
    r->use_block = (int)unpack_in(u, 0, INT32_MAX);
    r->number = (int)unpack_in(u, 0, INT32_MAX);
    r->result_line = unpack_i64(u);
    r->result_block = (int)unpack_in(u, 0, INT32_MAX);
    r->at_us = unpack_i64(u);
    r->kind = (enum check_kind)unpack_in(u, 0, CHECK_KINDS - 1);
    r->outcome = (enum check_outcome)unpack_in(u, 0, CHECK_OUTCOMES - 1);
    r->passed = unpack_i64(u);
    r->failed = unpack_i64(u);
    r->command = load_text(v, u);
    r->quote = load_text(v, u);
}

static void load_pending(struct verification *v, struct pending *p, struct unpack *u)
{
    p->id = (uint64_t)unpack_i64(u);
    p->background_id = (uint64_t)unpack_i64(u);
    p->order = unpack_i64(u);
    p->said = (enum check_outcome)unpack_in(u, 0, CHECK_OUTCOMES - 1);
    p->exit_code = (int)unpack_in(u, INT32_MIN, INT32_MAX);
    p->echoed = (int)unpack_in(u, -1, INT32_MAX);
    p->is_error = unpack_in(u, 0, 1);
    p->is_running = unpack_in(u, 0, 1);
    p->is_stopped = unpack_in(u, 0, 1);
    p->is_hint = unpack_in(u, 0, 1);
    p->first = (size_t)unpack_in(u, 0, (int64_t)v->count);
    p->count = (size_t)unpack_in(u, p->id != 0, MIN((int64_t)(v->count - p->first), SHELL_COMMANDS_MAX));
    for (size_t i = 0; i < p->count; i++) {
        int64_t bits = unpack_in(u, 0, 7);
        p->hides[i] = bits & 1;
        p->is_sole[i] = bits & 2;
        p->is_echoed[i] = bits & 4;
    }
}

static void load_outcomes(struct verification *v, struct unpack *u)
{
    for (int k = 0; k < CHECK_KINDS; k++) {
        int64_t outcome = unpack_in(u, -1, CHECK_OUTCOMES - 1);
        v->ran[k] = outcome >= 0;
        v->last_by_kind[k] = v->ran[k] ? (enum check_outcome)outcome : v->last_by_kind[k];
    }
    for (int k = 0; k < CHECK_KINDS; k++)
        v->newest[k] = (size_t)unpack_in(u, 0, VERIFICATION_ROWS_MAX - 1);
    int64_t last = unpack_in(u, -1, CHECK_OUTCOMES - 1);
    v->any = last >= 0;
    v->last = v->any ? (enum check_outcome)last : v->last;
}

bool verification_load(struct verification *v, struct unpack *u)
{
    unpack_numbers(u, v, numbers, COUNT_OF(numbers));
    for (int64_t n = unpack_in(u, 0, VERIFICATION_ROWS_MAX); n > 0 && !u->is_bad; n--)
        load_row(v, u);
    for (size_t i = 0; i < PENDING_MAX && !u->is_bad; i++)
        load_pending(v, &v->pending[i], u);
    v->next_pending = (size_t)unpack_in(u, 0, PENDING_MAX - 1);
    load_outcomes(v, u);
    v->session_id = load_text(v, u);
    buf_add_str(&v->closing_id, unpack_str(u));
    buf_add_str(&v->closing, unpack_str(u));
    return !u->is_bad;
}

struct verification *verification_new(void)
{
    struct verification *v = xnew(struct verification);
    *v = (struct verification){.count = 0};
    arena_init(&v->arena);
    arena_init(&v->scratch);
    buf_init(&v->closing);
    buf_init(&v->closing_id);
    return v;
}

struct verification *verification_free(struct verification *v)
{
    if (!v)
        return NULL;
    arena_reset(&v->arena);
    arena_reset(&v->scratch);
    buf_deinit(&v->closing);
    buf_deinit(&v->closing_id);
    free(v->rows);
    free(v);
    return NULL;
}
