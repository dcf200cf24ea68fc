#include "transcripts/turn_json.h"

#include "base/json.h"
#include "transcripts/json_scan.h"

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
                 {"origin_id", t->origin_id},
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
                 {"is_replayed", t->is_replayed},
                 {"is_error", t->is_error},
                 {"is_cut", t->is_cut},
                 {"is_running", t->background == TURN_BACKGROUND_RUNS}};
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (flags[i].value)
            json_kv_bool(w, flags[i].name, true);
}

/* -- tool_input -- */

static bool is_whole(struct str s)
{
    static const struct json_path none[] = {{NULL, JSON_NO_SLOT, NULL}};
    struct buf object = BUF_INIT;
    struct json_scan scan;
    bool is_container = str_starts_with(s, STR("{")) || str_starts_with(s, STR("["));
    buf_printf(&object, "{\"v\":%.*s}", STR_ARG(s));
    bool whole = is_container && json_scan_object(buf_str(&object), none, NULL, &scan) == JSON_WHOLE &&
                 scan.end == object.p + object.n;
    buf_deinit(&object);
    return whole;
}

/* One escape, and the other half of a pair; returns how many bytes it has. */
static size_t add_escape(struct buf *out, struct str s, size_t at)
{
    const char *p = s.p + at, *end = s.p + s.n;
    int unit = json_scan_unit(p, end);
    bool is_high = unit >= 0xd800 && unit < 0xdc00, is_low = unit >= 0xdc00 && unit < 0xe000;
    int next = is_high ? json_scan_unit(p + 6, end) : -1;
    size_t n = next >= 0xdc00 && next < 0xe000 ? 12 : unit >= 0 ? 6 : 2;
    if (n == 6 && (is_high || is_low))
        buf_add_text(out, "\\ufffd");
    else
        buf_add(out, p, n);
    return n;
}

static void put_input(struct json_writer *w, struct str s)
{
    s = str_trim(s);
    json_key(w, "tool_input");
    if (!is_whole(s)) {
        json_str(w, s);
        return;
    }
    struct buf line = BUF_INIT;
    for (size_t i = 0; i < s.n;)
        if (s.p[i] == '\\') {
            i += add_escape(&line, s, i);
        } else {
            buf_add_char(&line, s.p[i] == '\n' || s.p[i] == '\r' ? ' ' : s.p[i]);
            i++;
        }
    json_raw(w, buf_str(&line));
    buf_deinit(&line);
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
    if (t->tool_input.n)
        put_input(&w, t->tool_input);
    json_object_end(&w);
    buf_add_char(out, '\n');
}
