/* fuzz_verification.c -- commands, what they print and a closing message of any text (spec 60 V1).
 *
 * Rows keep their bounds, and a quote stands in what was printed.  Whoever puts the state aside between two
 * turns and goes on with it comes to the same rows and the same verdict.  And any bytes as a state that was
 * put aside are refused, or can be gone on with. */
#include "base/buf.h"
#include "base/pack.h"
#include "core/verification.h"

#include <stdio.h>

#define STEPS_MAX 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

struct session { /* texts with a byte 0 behind each: what a step is, how it ended, its text */
    struct turn turns[STEPS_MAX];
    char ids[STEPS_MAX][8];
    size_t count;
};

static void add_step(struct session *s, struct str part)
{
    static const enum turn_kind kinds[] = {TURN_TOOL_USE, TURN_TOOL_RESULT, TURN_ANSWER, TURN_PROMPT};
    unsigned how = (unsigned char)part.p[0], ended = (unsigned char)part.p[1];
    struct str text = {part.p + 2, part.n - 2};
    struct turn *t = &s->turns[s->count];
    enum turn_kind kind = kinds[how % 4];
    (void)snprintf(s->ids[s->count], sizeof(s->ids[0]), "%u", how / 4 % 4);
    *t = (struct turn){.kind = kind, .line_no = (int64_t)s->count + 1, .exit_code = TURN_EXIT_UNKNOWN};
    t->tool_id = str_of(s->ids[s->count]);
    if (kind == TURN_TOOL_USE)
        t->command = text;
    else
        t->text = text;
    if (kind == TURN_TOOL_RESULT) {
        static const int codes[] = {0, 1, TURN_EXIT_UNKNOWN, 124};
        t->background = (enum turn_background)(how / 16 % 3);
        t->background_id = t->background != TURN_FOREGROUND ? STR("b") : STR("");
        t->exit_code = t->background == TURN_BACKGROUND_RUNS ? TURN_EXIT_UNKNOWN : codes[ended % 4];
        t->is_error = t->exit_code > 0;
    }
    s->count++;
}

static bool read_session(struct str text, struct session *s)
{
    struct str part;
    if (!str_is_utf8(text))
        return false;
    while (text.n && s->count < STEPS_MAX && str_split(&text, '\0', &part))
        if (part.n > 1 && part.p[0] > 0 && part.p[1] > 0) /* ASCII: what follows is UTF-8 by itself */
            add_step(s, part);
    return true;
}

/* -- what comes of it -- */

static bool is_printed(const struct session *s, struct str quote)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->turns[i].kind == TURN_TOOL_RESULT && str_find(s->turns[i].text, quote) >= 0)
            return true;
    return quote.n == 0;
}

static void print(const struct verification *v, const struct session *s, struct buf *out)
{
    struct verification_result r;
    verification_result((struct verification *)(uintptr_t)v, &r);
    buf_printf(out, "%d %d %d %lld %lld\n", (int)r.verdict, r.claims_success, r.edited_since,
               (long long)r.edits, (long long)r.turns);
    for (size_t i = 0; i < r.count; i++) {
        const struct verification_row *row = &r.rows[i];
        must(row->kind < CHECK_KINDS && row->outcome < CHECK_OUTCOMES && row->use_line > 0);
        must(row->command.n <= VERIFICATION_TEXT_MAX && str_is_utf8(row->command));
        must(row->quote.n <= VERIFICATION_TEXT_MAX && str_is_utf8(row->quote));
        must(is_printed(s, row->quote));
        must(row->passed >= -1 && row->failed >= -1);
        must(i == 0 || row->use_line > r.rows[i - 1].use_line || row->number > r.rows[i - 1].number);
        buf_printf(out, "%lld.%d %d %d %lld %lld %.*s|%.*s\n", (long long)row->use_line, row->number,
                   (int)row->kind, (int)row->outcome, (long long)row->passed, (long long)row->failed,
                   STR_ARG(row->command), STR_ARG(row->quote));
    }
}

static struct verification *put_aside(struct verification *v)
{
    struct buf saved = BUF_INIT;
    struct verification *other = verification_new();
    verification_save(v, &saved);
    struct unpack u = {.rest = buf_str(&saved)};
    must(verification_load(other, &u) && unpack_is_whole(&u));
    buf_deinit(&saved);
    (void)verification_free(v);
    return other;
}

static void take(const struct session *s, size_t cut, struct buf *out)
{
    struct verification *v = verification_new();
    for (size_t i = 0; i < s->count; i++) {
        if (i == cut)
            v = put_aside(v);
        verification_turn(v, &s->turns[i]);
    }
    print(v, s, out);
    (void)verification_free(v);
}

static void take_state(struct str text)
{
    struct verification *v = verification_new();
    struct unpack u = {.rest = text};
    const struct turn turns[] = {
        {.kind = TURN_TOOL_USE, .line_no = 1, .tool_id = STR("0"), .command = STR("make check")},
        {.kind = TURN_TOOL_RESULT, .line_no = 2, .tool_id = STR("0"), .background_id = STR("b")}};
    struct verification_result r;
    if (verification_load(v, &u))
        for (size_t i = 0; i < COUNT_OF(turns); i++)
            verification_turn(v, &turns[i]);
    verification_result(v, &r);
    (void)verification_free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session s = {.count = 0};
    struct buf whole = BUF_INIT, gone_on = BUF_INIT;
    struct str text = {(const char *)data, size};
    take_state(text);
    if (!read_session(text, &s))
        return 0;
    take(&s, SIZE_MAX, &whole);
    take(&s, size % (s.count + 1), &gone_on);
    must(str_equal(buf_str(&whole), buf_str(&gone_on)));
    buf_deinit(&whole);
    buf_deinit(&gone_on);
    return 0;
}
