#include "transcripts/turn_json.h"

#include "base/json.h"

const char *const turn_kind_names[TURN_KINDS] = {
    [TURN_PROMPT] = "prompt",     [TURN_ANSWER] = "answer",           [TURN_THINKING] = "thinking",
    [TURN_TOOL_USE] = "tool_use", [TURN_TOOL_RESULT] = "tool_result", [TURN_NOTE] = "note",
};

static void put_texts(struct json_writer *w, const struct turn *t)
{
    const struct {
        const char *name;
        struct str value;
    } texts[] = {{"id", t->id},
                 {"message_id", t->message_id},
                 {"request_id", t->request_id},
                 {"session_id", t->session_id},
                 {"model", t->model},
                 {"cwd", t->cwd},
                 {"branch", t->branch},
                 {"text", t->text},
                 {"tool_id", t->tool_id},
                 {"tool_name", t->tool_name},
                 {"command", t->command},
                 {"path", t->path},
                 {"background_id", t->background_id}};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (texts[i].value.n)
            json_kv_str(w, texts[i].name, texts[i].value);
}

static void put_flags(struct json_writer *w, const struct turn *t)
{
    const struct {
        const char *name;
        bool value;
    } flags[] = {{"is_sidechain", t->is_sidechain},
                 {"is_meta", t->is_meta},
                 {"is_error", t->is_error},
                 {"is_cut", t->is_cut},
                 {"is_running", t->background == TURN_BACKGROUND_RUNS}};
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (flags[i].value)
            json_kv_bool(w, flags[i].name, true);
}

void turn_json(const struct turn *t, struct buf *out)
{
    static const char *const formats[] = {
        [TURN_CLAUDE] = "claude", [TURN_CODEX] = "codex", [TURN_GEMINI] = "gemini"};
    struct json_writer w;
    json_init(&w, out);
    json_object_begin(&w);
    json_kv_text(&w, "kind", turn_kind_names[t->kind]);
    json_kv_text(&w, "format", formats[t->format]);
    if (t->at_us)
        json_kv_time_or_null(&w, "at", true, t->at_us);
    json_kv_i64(&w, "line_no", t->line_no);
    json_kv_i64(&w, "block_no", t->block_no);
    put_texts(&w, t);
    put_flags(&w, t);
    if (t->exit_code != TURN_EXIT_UNKNOWN)
        json_kv_i64(&w, "exit_code", t->exit_code);
    if (t->tool_input.n) {
        json_key(&w, "tool_input");
        json_raw(&w, t->tool_input);
    }
    json_object_end(&w);
    buf_add_char(out, '\n');
}
