/* turns_claude.c -- turns of a line of Claude Code: an envelope, and in it a message whose content is a text
 * or blocks (spec 60 T4). */
#include "transcripts/turns_internal.h"

enum slot {
    TYPE,
    UUID,
    TIMESTAMP,
    SESSION_ID,
    SESSION_ID_OLD,
    REQUEST_ID,
    CWD,
    BRANCH,
    SIDECHAIN,
    META,
    COMPACT,
    SUMMARY,
    ORIGIN,
    CONTENT_OF_SYSTEM,
    MESSAGE_ID,
    ROLE,
    MODEL,
    CONTENT,
    INTERRUPTED,
    BACKGROUND,
    SLOTS
};

static const struct json_path message[] = {JSON_ROW("id", MESSAGE_ID), JSON_ROW("role", ROLE),
                                           JSON_ROW("model", MODEL), JSON_ROW("content", CONTENT),
                                           JSON_ROWS_END};
static const struct json_path result_facts[] = {JSON_ROW("interrupted", INTERRUPTED),
                                                JSON_ROW("backgroundTaskId", BACKGROUND), JSON_ROWS_END};
static const struct json_path forked_from[] = {JSON_ROW("messageUuid", ORIGIN), JSON_ROWS_END};
static const struct json_path paths[] = {JSON_ROW("type", TYPE),
                                         JSON_ROW("uuid", UUID),
                                         JSON_ROW("timestamp", TIMESTAMP),
                                         JSON_ROW("sessionId", SESSION_ID),
                                         JSON_ROW("session_id", SESSION_ID_OLD),
                                         JSON_ROW("requestId", REQUEST_ID),
                                         JSON_ROW("cwd", CWD),
                                         JSON_ROW("gitBranch", BRANCH),
                                         JSON_ROW("isSidechain", SIDECHAIN),
                                         JSON_ROW("isMeta", META),
                                         JSON_ROW("isCompactSummary", COMPACT),
                                         JSON_ROW("summary", SUMMARY),
                                         JSON_ROW("content", CONTENT_OF_SYSTEM),
                                         JSON_ROW_BELOW("forkedFrom", JSON_NO_SLOT, forked_from),
                                         JSON_ROW_BELOW("toolUseResult", JSON_NO_SLOT, result_facts),
                                         JSON_ROW_BELOW("message", JSON_NO_SLOT, message),
                                         JSON_ROWS_END};

enum block_slot { B_TYPE, B_TEXT, B_THINKING, B_ID, B_NAME, B_INPUT, B_USE_ID, B_CONTENT, B_ERROR, B_SLOTS };
static const struct json_path block_paths[] = {
    JSON_ROW("type", B_TYPE),          JSON_ROW("text", B_TEXT),
    JSON_ROW("thinking", B_THINKING),  JSON_ROW("id", B_ID),
    JSON_ROW("name", B_NAME),          JSON_ROW("input", B_INPUT),
    JSON_ROW("tool_use_id", B_USE_ID), JSON_ROW("content", B_CONTENT),
    JSON_ROW("is_error", B_ERROR),     JSON_ROWS_END};

static void set_common(struct turns *t, const struct json_value *v)
{
    struct turn *c = &t->common;
    turns_set_time(t, &v[TIMESTAMP]);
    c->id = turns_text(t, &v[UUID], NULL);
    c->origin_id = turns_text(t, &v[ORIGIN], NULL);
    c->message_id = turns_text(t, &v[MESSAGE_ID], NULL);
    c->request_id = turns_text(t, &v[REQUEST_ID], NULL);
    c->session_id =
        turns_text(t, v[SESSION_ID].kind == JSON_STRING ? &v[SESSION_ID] : &v[SESSION_ID_OLD], NULL);
    c->model = turns_text(t, &v[MODEL], NULL);
    c->cwd = turns_text(t, &v[CWD], NULL);
    c->branch = turns_text(t, &v[BRANCH], NULL);
    c->is_sidechain = v[SIDECHAIN].kind == JSON_TRUE;
    c->is_meta = v[META].kind == JSON_TRUE;
}

static void add_use(struct turns *t, const struct json_value *b)
{
    struct turn *turn = turns_add(t, TURN_TOOL_USE);
    turn->tool_id = turns_text(t, &b[B_ID], NULL);
    turn->tool_name = turns_text(t, &b[B_NAME], NULL);
    turns_set_input(t, turn, &b[B_INPUT]);
    turns_background_use(t, turn);
}

/* A shell's result carries a code only where it is not 0; where the line does not say whose it is, the reader
 * knows from the use. */
static void add_result(struct turns *t, const struct json_value *v, const struct json_value *b)
{
    struct turn *turn = turns_add(t, TURN_TOOL_RESULT);
    turn->tool_id = turns_text(t, &b[B_USE_ID], NULL);
    turn->is_error = b[B_ERROR].kind == JSON_TRUE;
    turns_set_blocks(t, turn, &b[B_CONTENT]);
    if (turn->is_error && !turns_exit_code(turn->text, &turn->exit_code))
        turn->exit_code = TURN_EXIT_UNKNOWN;
    else if (!turn->is_error && v[INTERRUPTED].kind == JSON_FALSE)
        turn->exit_code = 0;
    if (v[BACKGROUND].kind == JSON_STRING)
        turns_background_runs(turn, turns_text(t, &v[BACKGROUND], NULL));
    t->is_interrupted = v[INTERRUPTED].kind == JSON_TRUE;
}

static void add_text(struct turns *t, bool is_assistant, const struct json_value *text)
{
    struct turn *turn = turns_add(t, is_assistant ? TURN_ANSWER : TURN_PROMPT);
    turns_set_text(t, turn, text);
    if (!is_assistant)
        (void)turns_background_notice(turn);
}

/* What waits for its turn; of this only the notes that a command has ended say something by themselves. */
static void add_queued(struct turns *t, const struct json_value *v)
{
    struct turn *turn = turns_add(t, TURN_NOTE);
    turns_set_text(t, turn, &v[CONTENT_OF_SYSTEM]);
    if (turns_background_notice(turn))
        return;
    t->count--;
    t->is_bad_time = false;
}

static void add_block(struct turns *t, const struct json_value *v, bool is_assistant,
                      const struct json_value *block)
{
    struct json_value b[B_SLOTS] = {{0}};
    struct json_scan scan;
    if (block->kind != JSON_OBJECT || json_scan_object(block->raw, block_paths, b, &scan) != JSON_WHOLE)
        return;
    if (json_value_is(&b[B_TYPE], STR("text")))
        add_text(t, is_assistant, &b[B_TEXT]);
    else if (json_value_is(&b[B_TYPE], STR("thinking")))
        turns_set_text(t, turns_add(t, TURN_THINKING), &b[B_THINKING]);
    else if (json_value_is(&b[B_TYPE], STR("tool_use")))
        add_use(t, b);
    else if (json_value_is(&b[B_TYPE], STR("tool_result")))
        add_result(t, v, b);
}

static void add_message(struct turns *t, const struct json_value *v, bool is_assistant)
{
    if (v[COMPACT].kind == JSON_TRUE) {
        turns_set_blocks(t, turns_add(t, TURN_NOTE), &v[CONTENT]);
        return;
    }
    if (v[CONTENT].kind == JSON_STRING) {
        add_text(t, is_assistant, &v[CONTENT]);
        return;
    }
    struct str rest = v[CONTENT].raw;
    struct json_value block;
    while (v[CONTENT].kind == JSON_ARRAY && json_scan_element(&rest, &block))
        add_block(t, v, is_assistant, &block);
}

enum json_outcome turns_claude(struct turns *t, struct str text, const char **ret_end)
{
    struct json_value v[SLOTS] = {{0}};
    struct json_scan scan;
    enum json_outcome rc = json_scan_object(text, paths, v, &scan);
    if (rc != JSON_WHOLE)
        return rc;
    *ret_end = scan.end;
    bool is_assistant = json_value_is(&v[TYPE], STR("assistant"));
    set_common(t, v);
    if (is_assistant || json_value_is(&v[TYPE], STR("user")))
        add_message(t, v, is_assistant);
    else if (json_value_is(&v[TYPE], STR("summary")))
        turns_set_text(t, turns_add(t, TURN_NOTE), &v[SUMMARY]);
    else if (json_value_is(&v[TYPE], STR("system")))
        turns_set_text(t, turns_add(t, TURN_NOTE), &v[CONTENT_OF_SYSTEM]);
    else if (json_value_is(&v[TYPE], STR("queue-operation")))
        add_queued(t, v);
    else
        t->is_bad_time = false;
    return JSON_WHOLE;
}
