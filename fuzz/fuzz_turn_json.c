/* fuzz_turn_json.c -- any bytes as a transcript, its turns as the lines that programs are given (spec 60 T6).
 *
 * A turn is one line, which jansson reads as one object; each field says what the turn has, decoded, and
 * what the turn has not is not there.  tool_input is the value that jansson reads from the turn's, or its
 * text. */
#include "base/buf.h"
#include "base/clock.h"
#include "transcripts/turn_json.h"
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

static void same_text(const struct dom *line, const char *name, struct str told)
{
    const struct dom *d = dom_get(line, name);
    size_t n;
    must((dom_kind(d) == 's') == (told.n > 0));
    if (told.n == 0)
        return;
    const char *p = dom_text(d, &n);
    must(str_equal((struct str){p, n}, told));
}

static void same_number(const struct dom *line, const char *name, bool is_told, int64_t value)
{
    int64_t found;
    must(dom_integer(dom_get(line, name), &found) == is_told && (!is_told || found == value));
}

static void same_flag(const struct dom *line, const char *name, bool value)
{
    must((dom_kind(dom_get(line, name)) == 't') == value && dom_kind(dom_get(line, name)) != 'f');
}

static void same_input(const struct dom *line, struct str told)
{
    const struct dom *d = dom_get(line, "tool_input");
    enum dom_outcome outcome;
    must((dom_kind(d) != '-') == (told.n > 0));
    if (told.n == 0)
        return;
    struct dom *own = dom_read(told.p, told.n, &outcome);
    bool is_container = own && (dom_kind(own) == 'o' || dom_kind(own) == 'a');
    if (dom_kind(d) == 's')
        same_text(line, "tool_input", str_trim(told));
    else if (own)
        must(is_container && dom_equal(own, d)); /* but for half a pair, where jansson reads none */
    dom_free(own);
}

static void same_turn(const struct dom *line, const struct turn *t)
{
    const struct {
        const char *name;
        struct str told;
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
                 {"background_id", t->background_id},
                 {"origin_id", t->origin_id},
                 {"kind", str_of(turn_kind_names[t->kind])}};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        same_text(line, texts[i].name, texts[i].told);
    same_number(line, "line_no", true, t->line_no);
    same_number(line, "block_no", true, t->block_no);
    same_number(line, "exit_code", t->exit_code != TURN_EXIT_UNKNOWN, t->exit_code);
    same_flag(line, "is_sidechain", t->is_sidechain);
    same_flag(line, "is_meta", t->is_meta);
    same_flag(line, "is_replayed", t->is_replayed);
    same_flag(line, "is_error", t->is_error);
    same_flag(line, "is_cut", t->is_cut);
    same_flag(line, "is_running", t->background == TURN_BACKGROUND_RUNS);
    size_t n = 0;
    int64_t at_us = 0;
    const struct dom *at = dom_get(line, "at");
    const char *p = dom_kind(at) == 's' ? dom_text(at, &n) : "";
    must((n > 0) == (t->at_us != 0));
    must(n == 0 || (clock_parse_rfc3339((struct str){p, n}, &at_us) && at_us == t->at_us));
    same_input(line, t->tool_input);
}

static void check_turn(const struct turn *t)
{
    struct buf line = BUF_INIT;
    enum dom_outcome outcome;
    turn_json(t, &line);
    must(line.n > 1 && memchr(line.p, '\n', line.n) == line.p + line.n - 1 && str_is_utf8(buf_str(&line)));
    struct dom *d = dom_read(line.p, line.n - 1, &outcome);
    must(outcome != DOM_REFUSED);
    if (d) {
        must(dom_kind(d) == 'o');
        same_turn(d, t);
    }
    dom_free(d);
    buf_deinit(&line);
}

static void check(struct str text, enum transcript_format format)
{
    char path[40];
    struct turn_reader *r;
    const struct turn *turns;
    size_t count;
    int fd = memfd_create("turns", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    must(turn_reader_open(path, format, &r) == 0);
    while (turn_reader_next(r, &turns, &count) == 1)
        for (size_t i = 0; i < count; i++)
            check_turn(&turns[i]);
    (void)turn_reader_free(r);
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text = BUF_INIT;
    buf_add(&text, data, size);
    buf_add_char(&text, '\n');
    for (int format = 0; format < TRANSCRIPT_FORMAT_COUNT; format++)
        check(buf_str(&text), (enum transcript_format)format);
    buf_deinit(&text);
    return 0;
}
