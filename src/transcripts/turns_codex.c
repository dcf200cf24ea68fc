/* turns_codex.c -- turns of a line of a Codex rollout: response items, in order; the events beside them say
 * most of it again and are left out (spec 60 T4). */
#include "transcripts/turns_internal.h"

enum slot {
    TYPE,
    TIMESTAMP,
    P_TYPE,
    P_ID,
    P_CWD,
    P_MODEL,
    P_BRANCH,
    P_FORKED,
    P_SPAWNED,
    P_TURN_ID,
    P_ROLE,
    P_CONTENT,
    P_SUMMARY,
    P_NAME,
    P_ARGUMENTS,
    P_INPUT,
    P_ACTION,
    P_CALL_ID,
    P_OUTPUT,
    P_MESSAGE,
    SLOTS
};

static const struct json_path git[] = {JSON_ROW("branch", P_BRANCH), JSON_ROWS_END};
static const struct json_path spawn[] = {JSON_ROW("parent_thread_id", P_SPAWNED), JSON_ROWS_END};
static const struct json_path subagent[] = {JSON_ROW_BELOW("thread_spawn", JSON_NO_SLOT, spawn),
                                            JSON_ROWS_END};
static const struct json_path source[] = {JSON_ROW_BELOW("subagent", JSON_NO_SLOT, subagent), JSON_ROWS_END};
static const struct json_path payload[] = {JSON_ROW("type", P_TYPE),
                                           JSON_ROW("id", P_ID),
                                           JSON_ROW("cwd", P_CWD),
                                           JSON_ROW("model", P_MODEL),
                                           JSON_ROW_BELOW("git", JSON_NO_SLOT, git),
                                           JSON_ROW("forked_from_id", P_FORKED),
                                           JSON_ROW_BELOW("source", JSON_NO_SLOT, source),
                                           JSON_ROW("turn_id", P_TURN_ID),
                                           JSON_ROW("role", P_ROLE),
                                           JSON_ROW("content", P_CONTENT),
                                           JSON_ROW("summary", P_SUMMARY),
                                           JSON_ROW("name", P_NAME),
                                           JSON_ROW("arguments", P_ARGUMENTS),
                                           JSON_ROW("input", P_INPUT),
                                           JSON_ROW("action", P_ACTION),
                                           JSON_ROW("call_id", P_CALL_ID),
                                           JSON_ROW("output", P_OUTPUT),
                                           JSON_ROW("message", P_MESSAGE),
                                           JSON_ROWS_END};
static const struct json_path paths[] = {JSON_ROW("type", TYPE), JSON_ROW("timestamp", TIMESTAMP),
                                         JSON_ROW_BELOW("payload", JSON_NO_SLOT, payload), JSON_ROWS_END};

static void set_common(struct turns *t, const struct json_value *v)
{
    t->common.is_replayed = codex_replay_line(&t->session->replay, t->common.at_us);
    t->common.id = turns_text(t, &v[P_ID], NULL);
    t->common.session_id = str_of(t->session->id);
    t->common.cwd = str_of(t->session->cwd);
    t->common.branch = str_of(t->session->branch);
    t->common.model = str_of(t->session->model);
}

/* The file's first one is its own; a fork has those of its parents behind it. */
static void take_meta(struct turns *t, const struct json_value *v)
{
    struct turn_session *s = t->session;
    struct str id = turns_text(t, &v[P_ID], NULL);
    if (s->id) {
        codex_replay_meta(&s->replay, str_equal(id, str_of(s->id)));
        return;
    }
    turns_keep(&s->id, id);
    codex_replay_begin(&s->replay, id, v[P_FORKED].kind == JSON_STRING || v[P_SPAWNED].kind == JSON_STRING,
                       t->common.at_us);
}

static void take_session(struct turns *t, const struct json_value *v)
{
    turns_keep(&t->session->cwd, turns_text(t, &v[P_CWD], NULL));
    turns_keep(&t->session->branch, turns_text(t, &v[P_BRANCH], NULL));
    turns_keep(&t->session->model, turns_text(t, &v[P_MODEL], NULL));
}

/* What the CLI puts before a person's words: instructions and surroundings. */
static bool is_preamble(struct str text)
{
    static const struct str starts[] = {{"<environment_context>", 21},    {"<user_instructions>", 19},
                                        {"# AGENTS.md instructions", 24}, {"<permissions instructions>", 26},
                                        {"<INSTRUCTIONS>", 14},           {"<turn_aborted>", 14}};
    text = str_trim(text);
    for (size_t i = 0; i < COUNT_OF(starts); i++)
        if (str_starts_with(text, starts[i]))
            return true;
    return false;
}

static void add_message(struct turns *t, const struct json_value *v)
{
    bool is_answer = json_value_is(&v[P_ROLE], STR("assistant")),
         is_user = json_value_is(&v[P_ROLE], STR("user"));
    struct turn *turn = turns_add(t, is_answer ? TURN_ANSWER : is_user ? TURN_PROMPT : TURN_NOTE);
    turns_set_blocks(t, turn, &v[P_CONTENT]);
    turn->is_meta = is_user && is_preamble(turn->text);
}

/* Arguments are JSON inside a string. */
static void set_arguments(struct turns *t, struct turn *turn, const struct json_value *arguments)
{
    struct str text = turns_text(t, arguments, &turn->is_cut);
    struct json_value input = {str_starts_with(str_trim(text), STR("{")) ? JSON_OBJECT : JSON_STRING,
                               str_trim(text)};
    turns_set_input(t, turn, &input);
    if (turn->tool_input.n == 0)
        turn->tool_input = text;
}

static void add_use(struct turns *t, const struct json_value *v)
{
    struct turn *turn = turns_add(t, TURN_TOOL_USE);
    turn->tool_id = turns_text(t, &v[P_CALL_ID], NULL);
    turn->tool_name = turns_text(t, &v[P_NAME], NULL);
    if (v[P_ACTION].kind == JSON_OBJECT) {
        turn->tool_name = turn->tool_name.n ? turn->tool_name : STR("local_shell");
        turns_set_input(t, turn, &v[P_ACTION]);
    } else if (v[P_ARGUMENTS].kind == JSON_STRING) {
        set_arguments(t, turn, &v[P_ARGUMENTS]);
        turns_background_use(t, turn);
    } else {
        turns_set_text(t, turn, &v[P_INPUT]);
    }
}

/* {"output":"…","metadata":{"exit_code":0}}, or text that says it. */
static void set_output(struct turns *t, struct turn *turn, const struct json_value *output)
{
    static const struct json_path metadata[] = {JSON_ROW("exit_code", 1), JSON_ROWS_END};
    static const struct json_path inner[] = {
        JSON_ROW("output", 0), JSON_ROW("content", 2), JSON_ROW("success", 3),
        JSON_ROW_BELOW("metadata", JSON_NO_SLOT, metadata), JSON_ROWS_END};
    struct json_value f[4] = {{0}};
    struct json_scan scan;
    turns_set_blocks(t, turn, output);
    struct str object = output->kind == JSON_OBJECT ? output->raw : str_trim(turn->text);
    int64_t code;
    if (str_starts_with(object, STR("{")) && json_scan_object(object, inner, f, &scan) == JSON_WHOLE &&
        (f[0].kind == JSON_STRING || f[2].kind != JSON_ABSENT)) {
        turns_set_blocks(t, turn, f[0].kind == JSON_STRING ? &f[0] : &f[2]);
        if (json_value_i64(&f[1], &code))
            turn->exit_code = (int)MIN(code, INT32_MAX);
        turn->is_error = f[3].kind == JSON_FALSE;
    }
    if (turn->exit_code == TURN_EXIT_UNKNOWN && !turns_exit_code(turn->text, &turn->exit_code))
        turn->exit_code = TURN_EXIT_UNKNOWN;
    turns_background_codex(turn);
    turn->is_error = turn->is_error || turn->exit_code > 0;
}

static void add_result(struct turns *t, const struct json_value *v)
{
    struct turn *turn = turns_add(t, TURN_TOOL_RESULT);
    turn->tool_id = turns_text(t, &v[P_CALL_ID], NULL);
    set_output(t, turn, &v[P_OUTPUT]);
}

static void add_item(struct turns *t, const struct json_value *v)
{
    static const struct {
        const char *type;
        void (*add)(struct turns *t, const struct json_value *v);
    } items[] = {{"message", add_message},
                 {"function_call", add_use},
                 {"custom_tool_call", add_use},
                 {"local_shell_call", add_use},
                 {"function_call_output", add_result},
                 {"custom_tool_call_output", add_result},
                 {"local_shell_call_output", add_result}};
    for (size_t i = 0; i < COUNT_OF(items); i++)
        if (json_value_is(&v[P_TYPE], str_of(items[i].type))) {
            items[i].add(t, v);
            return;
        }
    if (json_value_is(&v[P_TYPE], STR("reasoning")))
        turns_set_blocks(t, turns_add(t, TURN_THINKING), &v[P_SUMMARY]);
}

enum json_outcome turns_codex(struct turns *t, struct str text, const char **ret_end)
{
    struct json_value v[SLOTS] = {{0}};
    struct json_scan scan;
    enum json_outcome rc = json_scan_object(text, paths, v, &scan);
    if (rc != JSON_WHOLE)
        return rc;
    *ret_end = scan.end;
    bool is_meta = json_value_is(&v[TYPE], STR("session_meta"));
    turns_set_time(t, &v[TIMESTAMP]);
    if (is_meta)
        take_meta(t, v);
    if (is_meta || json_value_is(&v[TYPE], STR("turn_context")))
        take_session(t, v);
    if (v[P_TURN_ID].kind == JSON_STRING)
        codex_replay_turn(&t->session->replay, turns_text(t, &v[P_TURN_ID], NULL));
    set_common(t, v);
    if (json_value_is(&v[TYPE], STR("response_item")))
        add_item(t, v);
    else if (json_value_is(&v[TYPE], STR("compacted")))
        turns_set_text(t, turns_add(t, TURN_NOTE), &v[P_MESSAGE]);
    else
        t->is_bad_time = false;
    return JSON_WHOLE;
}
