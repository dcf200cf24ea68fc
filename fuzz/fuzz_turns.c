/* fuzz_turns.c -- a transcript as turns of each format (spec 60 T3, T4).
 *
 * What a file gives begins with what its first bytes gave, wherever it was cut: an end that is still being
 * written waits, and nothing that follows changes what was told.  Every text is UTF-8 and within its limit.
 * And of a file of one line that jansson reads, what the turns say is what its DOM has. */
#include "base/buf.h"
#include "transcripts/turn_reader.h"

#include "dom.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* -- what the turns say, printed -- */

static void print(struct buf *out, struct str s)
{
    must(str_is_utf8(s) && s.n <= TURN_TEXT_MAX);
    buf_printf(out, "%zu:", s.n);
    buf_add_str(out, s);
}

static void print_turn(struct buf *out, const struct turn *t)
{
    must(t->kind < TURN_KINDS && t->line_no > 0 && t->block_no >= 0);
    must(t->background == TURN_FOREGROUND || t->background_id.n > 0);
    must(t->background != TURN_BACKGROUND_RUNS || t->exit_code == TURN_EXIT_UNKNOWN);
    buf_printf(out, "%d %lld.%d %lld %d%d%d %d %d ", (int)t->kind, (long long)t->line_no, t->block_no,
               (long long)t->at_us, t->is_sidechain, t->is_meta, t->is_error, t->exit_code,
               (int)t->background);
    const struct str texts[] = {t->id,      t->message_id, t->request_id,   t->session_id, t->model,
                                t->cwd,     t->text,       t->branch,       t->tool_id,    t->tool_name,
                                t->command, t->path,       t->background_id};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        print(out, texts[i]);
    buf_add_char(out, '\n');
}

typedef void (*look)(const struct turn *turns, size_t count, void *arg);

static void read_turns(struct str text, enum transcript_format format, struct buf *out, look each, void *arg)
{
    char path[40];
    struct turn_reader *r;
    const struct turn *turns;
    size_t count;
    int fd = memfd_create("turns", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    must(turn_reader_open(path, format, &r) == 0);
    while (turn_reader_next(r, &turns, &count) == 1) {
        must(count > 0);
        for (size_t i = 0; i < count; i++)
            print_turn(out, &turns[i]);
        if (each)
            each(turns, count, arg);
    }
    struct turn_reader_facts facts;
    turn_reader_facts(r, &facts);
    must(facts.offset <= (int64_t)text.n);
    (void)turn_reader_free(r);
    (void)close(fd);
}

/* -- what the DOM has -- */

static bool is_text(const struct dom *d, const char *text)
{
    size_t n;
    const char *p = dom_kind(d) == 's' ? dom_text(d, &n) : NULL;
    return p && str_equal((struct str){p, n}, str_of(text));
}

/* A string that is no longer than may be told is told as it is. */
static void same(struct str told, const struct dom *d)
{
    size_t n = 0;
    const char *p = dom_kind(d) == 's' ? dom_text(d, &n) : "";
    if (n < TURN_TEXT_MAX)
        must(str_equal(told, (struct str){p, n}));
}

static void as_claude(const struct turn *t, size_t count, void *arg)
{
    const struct dom *line = arg, *message = dom_get(line, "message");
    bool is_assistant = is_text(dom_get(line, "type"), "assistant");
    same(t->id, dom_get(line, "uuid"));
    same(t->cwd, dom_get(line, "cwd"));
    same(t->branch, dom_get(line, "gitBranch"));
    same(t->message_id, dom_get(message, "id"));
    must(t->is_sidechain == (dom_kind(dom_get(line, "isSidechain")) == 't'));
    if (t->kind == TURN_PROMPT || t->kind == TURN_ANSWER)
        must((t->kind == TURN_ANSWER) == is_assistant);
    if (dom_kind(dom_get(message, "content")) != 's' || t->kind == TURN_NOTE)
        return;
    must(count == 1);
    same(t->text, dom_get(message, "content"));
}

static void as_codex(const struct turn *t, size_t count, void *arg)
{
    const struct dom *payload = dom_get(arg, "payload");
    must(count == 1);
    if (t->kind == TURN_TOOL_USE || t->kind == TURN_TOOL_RESULT)
        same(t->tool_id, dom_get(payload, "call_id"));
    if (t->kind == TURN_TOOL_USE && is_text(dom_get(payload, "type"), "function_call"))
        same(t->tool_name, dom_get(payload, "name"));
    if (t->kind == TURN_ANSWER)
        must(is_text(dom_get(payload, "role"), "assistant"));
    if (t->kind == TURN_ANSWER && dom_kind(dom_get(payload, "content")) == 's')
        same(t->text, dom_get(payload, "content"));
}

static void as_gemini(const struct turn *t, size_t count, void *arg)
{
    const struct dom *record = arg;
    (void)count;
    same(t->message_id, dom_get(record, "id"));
    same(t->model, dom_get(record, "model"));
    if (t->kind == TURN_ANSWER && dom_kind(dom_get(record, "content")) == 's')
        same(t->text, dom_get(record, "content"));
}

static void check(struct str text, enum transcript_format format, size_t cut, struct dom *line)
{
    static const look looks[] = {
        [TRANSCRIPT_CLAUDE] = as_claude, [TRANSCRIPT_CODEX] = as_codex, [TRANSCRIPT_GEMINI] = as_gemini};
    struct buf all = BUF_INIT, first = BUF_INIT;
    bool is_one = line && dom_kind(line) == 'o' && !memchr(text.p, '\n', text.n - 1);
    read_turns(text, format, &all, is_one ? looks[format] : NULL, line);
    read_turns((struct str){text.p, cut}, format, &first, NULL, NULL);
    must(str_starts_with(buf_str(&all), buf_str(&first)));
    buf_deinit(&all);
    buf_deinit(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text = BUF_INIT;
    enum dom_outcome outcome;
    buf_add(&text, data, size);
    buf_add_char(&text, '\n');
    struct dom *line = dom_read(text.p, size, &outcome);
    size_t cut = size ? ((size_t)data[size / 2] * 257 + data[size - 1]) % (size + 1) : 0;
    for (int format = 0; format < TRANSCRIPT_FORMAT_COUNT; format++)
        check(buf_str(&text), (enum transcript_format)format, cut, line);
    dom_free(line);
    buf_deinit(&text);
    return 0;
}
