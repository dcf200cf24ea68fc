/* turns_gemini.c -- turns of a record of Gemini CLI.  A record comes again under its id when its tools have
 * ended, with all that it said before; the reader leaves out what it has told (spec 60 T4). */
#include "transcripts/turns_internal.h"

enum slot { ID, TIMESTAMP, TYPE, MODEL, SESSION, CONTENT, THOUGHTS, CALLS, SLOTS };
static const struct json_path paths[] = {JSON_ROW("id", ID),
                                         JSON_ROW("timestamp", TIMESTAMP),
                                         JSON_ROW("type", TYPE),
                                         JSON_ROW("model", MODEL),
                                         JSON_ROW("sessionId", SESSION),
                                         JSON_ROW("content", CONTENT),
                                         JSON_ROW("thoughts", THOUGHTS),
                                         JSON_ROW("toolCalls", CALLS),
                                         JSON_ROWS_END};

enum call_slot { C_ID, C_NAME, C_ARGS, C_STATUS, C_RESULT, C_DISPLAY, C_SLOTS };
static const struct json_path call_paths[] = {JSON_ROW("id", C_ID),
                                              JSON_ROW("name", C_NAME),
                                              JSON_ROW("args", C_ARGS),
                                              JSON_ROW("status", C_STATUS),
                                              JSON_ROW("result", C_RESULT),
                                              JSON_ROW("resultDisplay", C_DISPLAY),
                                              JSON_ROWS_END};

/* Newer versions put what a tool says between two lines, since nobody vouches for it. */
static struct str unwrapped(struct str text)
{
    static const struct str open = {"<untrusted_context>\n", 20}, close = {"\n</untrusted_context>", 21};
    if (str_starts_with(text, open) && str_ends_with(text, close) && text.n >= open.n + close.n)
        return (struct str){text.p + open.n, text.n - open.n - close.n};
    return text;
}

/* [{"functionResponse":{"response":{"output":"…"}}}]; "error" in place of "output" where it went wrong. */
static void set_result(struct turns *t, struct turn *turn, const struct json_value *c)
{
    static const struct json_path response[] = {JSON_ROW("output", 0), JSON_ROW("error", 1), JSON_ROWS_END};
    static const struct json_path function[] = {JSON_ROW_BELOW("response", JSON_NO_SLOT, response),
                                                JSON_ROWS_END};
    static const struct json_path part[] = {JSON_ROW_BELOW("functionResponse", JSON_NO_SLOT, function),
                                            JSON_ROWS_END};
    struct json_value f[2] = {{0}}, first;
    struct json_scan scan;
    struct str rest = c[C_RESULT].raw;
    if (c[C_RESULT].kind == JSON_ARRAY && json_scan_element(&rest, &first) && first.kind == JSON_OBJECT &&
        json_scan_object(first.raw, part, f, &scan) == JSON_WHOLE)
        turns_set_text(t, turn, f[0].kind == JSON_STRING ? &f[0] : &f[1]);
    turn->text = unwrapped(turn->text);
    if (turn->text.n == 0)
        turns_set_text(t, turn, &c[C_DISPLAY]);
    turn->is_error = f[1].kind == JSON_STRING || json_value_is(&c[C_STATUS], STR("error"));
}

/* The shell tool names a code only where it is not 0. */
static void set_exit_code(struct turn *turn)
{
    if (turns_exit_code(turn->text, &turn->exit_code))
        turn->is_error = turn->is_error || turn->exit_code != 0;
    else
        turn->exit_code = turn->is_error ? TURN_EXIT_UNKNOWN : 0;
    turns_background_gemini(turn);
}

static void add_call(struct turns *t, const struct json_value *call)
{
    struct json_value c[C_SLOTS] = {{0}};
    struct json_scan scan;
    if (call->kind != JSON_OBJECT || json_scan_object(call->raw, call_paths, c, &scan) != JSON_WHOLE)
        return;
    struct turn *use = turns_add(t, TURN_TOOL_USE);
    use->tool_id = turns_text(t, &c[C_ID], NULL);
    use->tool_name = turns_text(t, &c[C_NAME], NULL);
    turns_set_input(t, use, &c[C_ARGS]);
    turns_background_use(t, use);
    if (!json_value_is(&c[C_STATUS], STR("success")) && !json_value_is(&c[C_STATUS], STR("error")))
        return; /* under way, or called off */
    bool is_shell = use->command.n > 0;
    struct turn *result = turns_add(t, TURN_TOOL_RESULT);
    result->tool_id = turns_text(t, &c[C_ID], NULL);
    result->tool_name = turns_text(t, &c[C_NAME], NULL);
    set_result(t, result, c);
    if (is_shell)
        set_exit_code(result);
    if (str_equal(result->tool_name, STR("list_background_processes")))
        turns_background_list(t, result->text);
}

/* A record of the user is also what a tool said, told again, and what the CLI says of its surroundings. */
static void add_prompt(struct turns *t, const struct json_value *v)
{
    struct turn *turn = turns_add(t, TURN_PROMPT);
    turns_set_blocks(t, turn, &v[CONTENT]);
    turn->is_meta = str_starts_with(str_trim(turn->text), STR("<session_context>"));
    if (turn->text.n == 0 && str_find(v[CONTENT].raw, STR("\"functionResponse\"")) >= 0)
        t->count--;
}

static void add_answer(struct turns *t, const struct json_value *v)
{
    struct str rest = v[CALLS].raw;
    struct json_value call;
    struct turn *turn = turns_add(t, TURN_ANSWER);
    turns_set_blocks(t, turn, &v[CONTENT]);
    if (turn->text.n == 0)
        t->count--;
    while (v[CALLS].kind == JSON_ARRAY && json_scan_element(&rest, &call))
        add_call(t, &call);
}

enum json_outcome turns_gemini(struct turns *t, struct str text, const char **ret_end)
{
    struct json_value v[SLOTS] = {{0}};
    struct json_scan scan;
    enum json_outcome rc = json_scan_object(text, paths, v, &scan);
    if (rc != JSON_WHOLE)
        return rc;
    *ret_end = scan.end;
    turns_keep(&t->session->id, turns_text(t, &v[SESSION], NULL));
    turns_set_time(t, &v[TIMESTAMP]);
    t->common.id = t->common.message_id = turns_text(t, &v[ID], NULL);
    t->common.model = turns_text(t, &v[MODEL], NULL);
    t->common.session_id = str_of(t->session->id);
    if (json_value_is(&v[TYPE], STR("user")))
        add_prompt(t, v);
    else if (json_value_is(&v[TYPE], STR("gemini")))
        add_answer(t, v);
    else if (json_value_is(&v[TYPE], STR("info")) || json_value_is(&v[TYPE], STR("error")))
        turns_set_blocks(t, turns_add(t, TURN_NOTE), &v[CONTENT]);
    else
        t->is_bad_time = false;
    return JSON_WHOLE;
}
