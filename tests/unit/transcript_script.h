/* transcript_script.h -- a session as steps, written as each agent CLI writes it: lines of the real shapes,
 * made by hand, so that every format is held to the same expectations. */
#pragma once
#include "transcripts/turn_reader.h"

#include "base/buf.h"
#include "base/json.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum step_kind { STEP_END, PROMPT, SAY, SHELL, EDIT, OUTPUT_OF_CAT };
struct step {
    enum step_kind kind;
    const char *text;   /* prompt, answer, command, or the file that is edited */
    const char *output; /* of a command */
    int code;           /* of a command; -1: interrupted */
};

static inline void script_head(struct json_writer *w, const char *type, int n)
{
    char at[40];
    (void)snprintf(at, sizeof(at), "2026-10-01T10:%02d:%02d.000Z", n / 60, n % 60);
    json_kv_text(w, "type", type);
    json_kv_text(w, "timestamp", at);
}

static inline void write_claude(struct json_writer *w, const struct step *s, int n, bool is_result)
{
    char id[32];
    (void)snprintf(id, sizeof(id), "toolu_%02d", n);
    bool is_assistant = s->kind != PROMPT && !is_result;
    json_object_begin(w);
    script_head(w, is_assistant ? "assistant" : "user", n);
    json_kv_text(w, "sessionId", "11111111-2222-3333-4444-555555555555");
    json_kv_text(w, "cwd", "/work/app");
    json_kv_text(w, "gitBranch", "main");
    json_kv_bool(w, "isSidechain", false);
    json_key(w, "message");
    json_object_begin(w);
    json_kv_text(w, "role", is_assistant ? "assistant" : "user");
    if (is_assistant) {
        char message[32];
        (void)snprintf(message, sizeof(message), "msg_%02d", n);
        json_kv_text(w, "id", message);
        json_kv_text(w, "model", "claude-opus-4-5");
    }
    json_key(w, "content");
    if (s->kind == PROMPT) {
        json_text(w, s->text);
    } else {
        json_array_begin(w);
        json_object_begin(w);
        if (s->kind == SAY) {
            json_kv_text(w, "type", "text");
            json_kv_text(w, "text", s->text);
        } else if (!is_result) {
            json_kv_text(w, "type", "tool_use");
            json_kv_text(w, "id", id);
            json_kv_text(w, "name", s->kind == EDIT ? "Edit" : "Bash");
            json_key(w, "input");
            json_object_begin(w);
            json_kv_text(w, s->kind == EDIT ? "file_path" : "command", s->text);
            json_object_end(w);
        } else {
            struct buf text = BUF_INIT;
            if (s->code > 0)
                buf_printf(&text, "Exit code %d\n", s->code);
            buf_add_text(&text, s->code < 0 ? "[Request interrupted by user for tool use]"
                                : s->output ? s->output
                                            : "");
            json_kv_text(w, "type", "tool_result");
            json_kv_text(w, "tool_use_id", id);
            json_kv_text(w, "content", text.p);
            json_kv_bool(w, "is_error", s->code != 0);
            buf_deinit(&text);
        }
        json_object_end(w);
        json_array_end(w);
    }
    json_object_end(w);
    if (is_result && s->kind != EDIT && s->code == 0) {
        json_key(w, "toolUseResult");
        json_object_begin(w);
        json_kv_text(w, "stdout", s->output ? s->output : "");
        json_kv_bool(w, "interrupted", false);
        json_object_end(w);
    }
    json_object_end(w);
}

static inline void write_codex(struct json_writer *w, const struct step *s, int n, bool is_result)
{
    char id[32];
    (void)snprintf(id, sizeof(id), "call_%02d", n);
    json_object_begin(w);
    script_head(w, "response_item", n);
    json_key(w, "payload");
    json_object_begin(w);
    if (s->kind == PROMPT || s->kind == SAY) {
        json_kv_text(w, "type", "message");
        json_kv_text(w, "role", s->kind == SAY ? "assistant" : "user");
        json_key(w, "content");
        json_array_begin(w);
        json_object_begin(w);
        json_kv_text(w, "type", s->kind == SAY ? "output_text" : "input_text");
        json_kv_text(w, "text", s->text);
        json_object_end(w);
        json_array_end(w);
    } else if (!is_result && s->kind == EDIT) {
        struct buf patch = BUF_INIT;
        buf_printf(&patch, "*** Begin Patch\n*** Update File: %s\n@@\n-a\n+b\n*** End Patch", s->text);
        json_kv_text(w, "type", "custom_tool_call");
        json_kv_text(w, "name", "apply_patch");
        json_kv_text(w, "call_id", id);
        json_kv_text(w, "input", patch.p);
        buf_deinit(&patch);
    } else if (!is_result) {
        struct buf arguments = BUF_INIT;
        struct json_writer inner;
        json_init(&inner, &arguments);
        json_object_begin(&inner);
        json_kv_text(&inner, "cmd", s->text);
        json_kv_text(&inner, "workdir", "/work/app");
        json_object_end(&inner);
        json_kv_text(w, "type", "function_call");
        json_kv_text(w, "name", "exec_command");
        json_kv_text(w, "call_id", id);
        json_kv_text(w, "arguments", arguments.p);
        buf_deinit(&arguments);
    } else {
        struct buf text = BUF_INIT;
        if (s->code < 0)
            buf_add_text(&text, "aborted by user after 3.1s");
        else
            buf_printf(&text,
                       "Chunk ID: 1f\nWall time: 1.2 seconds\nProcess exited with code %d\nOutput:\n%s",
                       s->code, s->output ? s->output : "");
        json_kv_text(w, "type", s->kind == EDIT ? "custom_tool_call_output" : "function_call_output");
        json_kv_text(w, "call_id", id);
        json_kv_text(w, "output", text.p);
        buf_deinit(&text);
    }
    json_object_end(w);
    json_object_end(w);
}

static inline void write_gemini(struct json_writer *w, const struct step *s, int n, bool is_result)
{
    char id[32];
    (void)snprintf(id, sizeof(id), "record-%02d", n);
    json_object_begin(w);
    json_kv_text(w, "id", id);
    script_head(w, s->kind == PROMPT ? "user" : "gemini", n);
    if (s->kind == PROMPT || s->kind == SAY) {
        json_kv_text(w, "content", s->text);
    } else {
        json_kv_text(w, "content", "");
        if (is_result) {
            struct buf text = BUF_INIT;
            buf_printf(&text, "Output: %s", s->output ? s->output : "(empty)");
            if (s->code > 0)
                buf_printf(&text, "\nExit Code: %d", s->code);
            json_key(w, "toolCalls");
            json_array_begin(w);
            json_object_begin(w);
            json_kv_text(w, "id", id);
            json_kv_text(w, "name", s->kind == EDIT ? "replace" : "run_shell_command");
            json_key(w, "args");
            json_object_begin(w);
            json_kv_text(w, s->kind == EDIT ? "file_path" : "command", s->text);
            json_object_end(w);
            json_kv_text(w, "status", s->code < 0 ? "cancelled" : "success");
            json_key(w, "result");
            json_array_begin(w);
            json_object_begin(w);
            json_key(w, "functionResponse");
            json_object_begin(w);
            json_key(w, "response");
            json_object_begin(w);
            json_kv_text(w, "output", text.p);
            json_object_end(w);
            json_object_end(w);
            json_object_end(w);
            json_array_end(w);
            json_object_end(w);
            json_array_end(w);
            buf_deinit(&text);
        }
    }
    json_object_end(w);
}

static inline void script_render(const struct step *steps, enum transcript_format format, struct buf *out)
{
    static void (*const render[])(struct json_writer *, const struct step *, int,
                                  bool) = {[TRANSCRIPT_CLAUDE] = write_claude,
                                           [TRANSCRIPT_CODEX] = write_codex,
                                           [TRANSCRIPT_GEMINI] = write_gemini};
    if (format == TRANSCRIPT_CODEX)
        buf_add_text(
            out, "{\"timestamp\":\"2026-10-01T10:00:00.000Z\",\"type\":\"session_meta\",\"payload\":{\"id\":"
                 "\"11111111-2222-3333-4444-555555555555\",\"cwd\":\"/work/"
                 "app\",\"git\":{\"branch\":\"main\"}}}\n");
    if (format == TRANSCRIPT_GEMINI)
        buf_add_text(out, "{\"sessionId\":\"11111111-2222-3333-4444-555555555555\",\"projectHash\":\"aa\","
                          "\"kind\":\"main\"}\n");
    for (int n = 0; steps[n].kind != STEP_END; n++) {
        bool has_result = steps[n].kind == SHELL || steps[n].kind == EDIT;
        for (int pass = 0; pass <= has_result; pass++) {
            struct buf line = BUF_INIT;
            struct json_writer w;
            json_init(&w, &line);
            render[format](&w, &steps[n], n, pass == 1);
            buf_add_str(out, buf_str(&line));
            buf_add_char(out, '\n');
            buf_deinit(&line);
        }
    }
}

/* Into a file of its own, whose path the caller frees after unlink. */
static inline char *script_file(struct str text)
{
    char path[] = "/tmp/muster-test-turns-XXXXXX";
    int fd = mkstemp(path);
    assert(fd >= 0);
    assert(write(fd, text.p, text.n) == (ssize_t)text.n);
    (void)close(fd);
    return xstrdup(path);
}
