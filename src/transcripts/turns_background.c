/* turns_background.c -- how the CLIs tell of commands that they leave running: the result that names one, the
 * uses that ask for it, what those are answered, and the note that it has ended (spec 60 T4, V1). */
#include "transcripts/turns_internal.h"

#include "base/arena.h"
#include "base/parse.h"

#include <stdio.h>

static bool is_id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* The id that stands behind `words`. */
static struct str id_behind(struct str s, const char *words)
{
    ptrdiff_t at = str_find(s, str_of(words));
    if (at < 0)
        return (struct str){NULL, 0};
    struct str id = {s.p + at + strlen(words), 0};
    while (id.p + id.n < s.p + s.n && is_id_char(id.p[id.n]))
        id.n++;
    return id;
}

/* The inside of <name>…</name>; `last`: to the last end of that name, as output may hold one. */
static bool inside(struct str s, const char *name, bool last, struct str *ret)
{
    char open[32], close[32];
    (void)snprintf(open, sizeof(open), "<%s>", name);
    (void)snprintf(close, sizeof(close), "</%s>", name);
    ptrdiff_t at = str_find(s, str_of(open)), end, more;
    if (at < 0)
        return false;
    struct str rest = {s.p + at + strlen(open), s.n - (size_t)at - strlen(open)};
    if ((end = str_find(rest, str_of(close))) < 0)
        return false;
    while (last &&
           (more = str_find((struct str){rest.p + end + 1, rest.n - (size_t)end - 1}, str_of(close))) >= 0)
        end += more + 1;
    *ret = (struct str){rest.p, (size_t)end};
    return true;
}

void turns_background_runs(struct turn *turn, struct str id)
{
    if (id.n == 0)
        return;
    turn->background_id = id;
    turn->background = TURN_BACKGROUND_RUNS;
    turn->exit_code = TURN_EXIT_UNKNOWN;
}

/* -- the uses -- */

/* Where Claude Code writes what a command in the background prints: …/tasks/ID.output */
static struct str id_of_file(struct str text)
{
    struct str id = id_behind(text, "/tasks/");
    bool fits =
        id.n > 0 &&
        str_starts_with((struct str){id.p + id.n, (size_t)(text.p + text.n - id.p) - id.n}, STR(".output"));
    return fits ? id : (struct str){NULL, 0};
}

static struct str id_of_input(struct turns *t, struct str input, const char *field)
{
    const struct json_path paths[] = {JSON_ROW(field, 0), JSON_ROWS_END};
    struct json_value v[1] = {{0}};
    struct json_scan scan;
    if (!str_starts_with(input, STR("{")) || json_scan_object(input, paths, v, &scan) != JSON_WHOLE)
        return (struct str){NULL, 0};
    return v[0].kind == JSON_NUMBER ? v[0].raw : turns_text(t, &v[0], NULL);
}

void turns_background_use(struct turns *t, struct turn *use)
{
    static const struct {
        const char *tool, *field;
    } rows[] = {{"BashOutput", "bash_id"},
                {"BashOutput", "shell_id"},
                {"TaskOutput", "task_id"},
                {"write_stdin", "session_id"},
                {"read_background_output", "pid"}};
    for (size_t i = 0; i < COUNT_OF(rows) && use->background_id.n == 0; i++)
        if (str_equal(use->tool_name, str_of(rows[i].tool)))
            use->background_id = id_of_input(t, use->tool_input, rows[i].field);
    if (use->background_id.n == 0 && t->common.format == TURN_CLAUDE)
        use->background_id = id_of_file(use->path.n ? use->path : use->command);
}

/* -- Claude Code -- */

/* "Command running in background with ID: b1. …" and its kin stand below what the command had printed. */
static struct str started_id(struct str text)
{
    struct str rest = str_trim(text), line, last = {NULL, 0};
    while (rest.p && str_split(&rest, '\n', &line))
        last = line;
    if (!str_starts_with(last, STR("Command ")) || str_find(last, STR("background")) < 0)
        return (struct str){NULL, 0};
    struct str id = id_behind(last, " with ID: ");
    return id.n ? id : id_behind(last, " (ID: ");
}

void turns_background_started(struct turn *result)
{
    struct str id = started_id(result->text);
    if (id.n)
        turns_background_runs(result, id);
}

/* The code of a command that ended: `status` decides where none is told. */
static void set_status(struct turn *turn, struct str status, bool told, int code)
{
    if (str_equal(status, STR("running")) || str_equal(status, STR("pending"))) {
        turns_background_runs(turn, turn->background_id);
        return;
    }
    bool completed = str_equal(status, STR("completed")), failed = str_equal(status, STR("failed"));
    turn->background = TURN_BACKGROUND_ENDED;
    turn->exit_code = TURN_EXIT_UNKNOWN; /* killed */
    if (completed || failed)
        turn->exit_code = told ? code : completed ? 0 : TURN_EXIT_UNKNOWN;
    turn->is_error = failed || (turn->exit_code > 0 && turn->exit_code != TURN_EXIT_UNKNOWN);
}

/* <status>, <exit_code> and the output, each in a tag of its own; the text is the output. */
void turns_background_answer(struct turns *t, struct turn *result)
{
    static const char *const outputs[] = {"stdout", "stderr", "output", NULL};
    struct str text = result->text, head = text, status, code, part;
    struct buf output = BUF_INIT;
    int64_t value = 0;
    if (!str_starts_with(text, STR("<status>")) && !str_starts_with(text, STR("<retrieval_status>")))
        return;
    for (int i = 0; outputs[i]; i++) {
        char open[32];
        (void)snprintf(open, sizeof(open), "<%s>", outputs[i]);
        ptrdiff_t at = str_find(head, str_of(open));
        head.n = at >= 0 ? (size_t)at : head.n;
    }
    if (!inside(head, "status", false, &status))
        return;
    bool told = inside(head, "exit_code", false, &code) && parse_i64_in(code, INT32_MIN, INT32_MAX, &value);
    set_status(result, status, told, (int)value);
    struct str rest = {text.p + head.n, text.n - head.n};
    for (int i = 0; outputs[i]; i++)
        if (inside(rest, outputs[i], true, &part)) {
            if (output.n)
                buf_add_char(&output, '\n');
            buf_add_str(&output, part);
        }
    result->text = (struct str){arena_strdup(t->arena, buf_str(&output)), output.n};
    buf_deinit(&output);
}

/* Background command "what it is for" completed (exit code 0) */
static bool summary_code(struct str summary, int *ret)
{
    static const struct str words = {"exit code ", 10};
    ptrdiff_t at, more;
    if ((at = str_find(summary, words)) < 0)
        return false;
    while ((more = str_find((struct str){summary.p + at + 1, summary.n - (size_t)at - 1}, words)) >= 0)
        at += more + 1;
    struct str code = {summary.p + at + words.n, 0};
    while (code.p + code.n < summary.p + summary.n && code.p[code.n] >= '0' && code.p[code.n] <= '9')
        code.n++;
    int64_t value;
    if (!parse_i64_in(code, 0, INT32_MAX, &value))
        return false;
    *ret = (int)value;
    return true;
}

/* A note that Claude Code writes as if a person had: <task-notification>, with the id and how it ended. */
bool turns_background_notice(struct turn *turn)
{
    struct str text = str_trim(turn->text), id, status, summary;
    int code = 0;
    if (!str_starts_with(text, STR("<task-notification>")))
        return false;
    turn->is_meta = turn->is_meta || turn->kind == TURN_PROMPT;
    if (!inside(text, "task-id", false, &id) || id.n == 0 || !inside(text, "status", false, &status))
        return true;
    bool told = inside(text, "summary", true, &summary) && summary_code(summary, &code);
    turn->background_id = id;
    set_status(turn, status, told, code);
    return true;
}

/* -- Codex and Gemini CLI -- */

void turns_background_codex(struct turn *result)
{
    struct str rest = result->text, line;
    while (rest.p && str_split(&rest, '\n', &line) && !str_starts_with(line, STR("Output:")))
        if (str_starts_with(line, STR("Process running with session ID "))) {
            turns_background_runs(result, id_behind(line, "session ID "));
            return;
        }
}

void turns_background_gemini(struct turn *result)
{
    static const char *const starts[] = {"Command moved to background (PID: ",
                                         "Command is running in background. PID: "};
    struct str text = str_trim(result->text);
    for (size_t i = 0; i < COUNT_OF(starts); i++)
        if (str_starts_with(text, str_of(starts[i])))
            turns_background_runs(result, id_behind(text, starts[i]));
}

#define LISTED "- [PID "

/* One of the list: up to the next one, since a command may be of several lines. */
static bool next_listed(struct str *rest, struct str *ret)
{
    if (!str_starts_with(*rest, STR(LISTED)))
        return false;
    ptrdiff_t end = str_find(*rest, STR("\n" LISTED));
    *ret = (struct str){rest->p, end < 0 ? rest->n : (size_t)end};
    size_t taken = end < 0 ? rest->n : (size_t)end + 1;
    *rest = (struct str){rest->p + taken, rest->n - taken};
    return true;
}

/* - [PID 33701] EXITED: `npm test` (Exit Code: 1) (Signal: 15) */
static void add_listed(struct turns *t, struct str entry)
{
    size_t tail = entry.n;
    int64_t code;
    while (tail > 0 && entry.p[tail - 1] != '`')
        tail--;
    struct str told = {entry.p + tail, entry.n - tail}, id = id_behind(entry, LISTED);
    struct str status = {id.p + id.n, (size_t)(entry.p + entry.n - id.p) - id.n};
    if (id.n == 0 || !str_starts_with(status, STR("] EXITED: `")))
        return;
    struct turn *note = turns_add(t, TURN_NOTE);
    note->text = entry;
    note->background_id = id;
    note->background = TURN_BACKGROUND_ENDED;
    if (str_find(told, STR("(Signal: ")) < 0 &&
        parse_i64_in(id_behind(told, "(Exit Code: "), 0, INT32_MAX, &code))
        note->exit_code = (int)code;
    note->is_error = note->exit_code > 0;
}

void turns_background_list(struct turns *t, struct str text)
{
    struct str rest = str_trim(text), entry;
    while (next_listed(&rest, &entry))
        add_listed(t, entry);
}
