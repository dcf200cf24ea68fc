/* fuzz_output.c -- any bytes as the output of an agent: what is read does not depend on how they were cut
 * into pieces, and whatever is read makes sense.  The first byte picks the format, the next three the cuts; a
 * line that begins with \x02 is one of stderr. */
#include "run/line_joiner.h"
#include "run/output.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1795305600000000)

#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                    \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

static void feed_line(struct output_parser *p, struct str line)
{
    bool is_stderr = line.n > 0 && line.p[0] == 2;
    if (is_stderr)
        line = (struct str){line.p + 1, line.n - 1};
    output_parser_feed(p, line, is_stderr, NOW);
}

static void feed(struct output_parser *p, struct line_joiner *j, struct str piece)
{
    while (line_joiner_feed(j, &piece)) {
        feed_line(p, line_joiner_line(j));
        line_joiner_next(j);
    }
}

/* `cut` gives the lengths of the pieces in turn; 0 is the whole rest. */
static struct output_parser *read_all(enum output_format format, struct str bytes, const uint8_t cut[3])
{
    char *patterns[] = {"limit", NULL};
    struct output_setup setup = {.format = format,
                                 .model = "gpt-5.6-sol",
                                 .rate_limited_patterns = patterns,
                                 .utc_offset_us = INT64_C(-5400000000)};
    struct output_parser *p = output_parser_new(&setup);
    struct line_joiner j;
    line_joiner_init(&j);
    for (size_t i = 0; bytes.n > 0; i++) {
        size_t n = cut[i % 3] ? MIN(cut[i % 3], bytes.n) : bytes.n;
        feed(p, &j, (struct str){bytes.p, n});
        bytes = (struct str){bytes.p + n, bytes.n - n};
    }
    if (line_joiner_line(&j).n > 0)
        feed_line(p, line_joiner_line(&j));
    line_joiner_deinit(&j);
    return p;
}

static void check_usage(const struct usage *u)
{
    for (int k = 0; k < USAGE_KIND_COUNT; k++) {
        REQUIRE(u->tokens[k] >= 0);
        REQUIRE(u->known[k] || u->tokens[k] == 0);
    }
    REQUIRE(u->cost_micro_usd >= 0);
    REQUIRE(u->cost_known || u->cost_micro_usd == 0);
    REQUIRE(memchr(u->model, 0, sizeof(u->model)));
}

static void check_facts(const struct output_facts *f)
{
    REQUIRE(f->text_lines >= f->unparsed_lines && f->unparsed_lines >= 0);
    REQUIRE(!f->rate_limited || f->is_error);
    REQUIRE(f->rate_limit_reset_us >= 0);
    REQUIRE(f->turns >= 0);
    REQUIRE(memchr(f->error_text, 0, sizeof(f->error_text)) && str_is_utf8(str_of(f->error_text)));
    REQUIRE(memchr(f->session_id, 0, sizeof(f->session_id)) && str_is_utf8(str_of(f->session_id)));
    REQUIRE(memchr(f->model, 0, sizeof(f->model)) && str_is_utf8(str_of(f->model)));
}

static void check_same_usage(const struct usage *a, const struct usage *b)
{
    REQUIRE(memcmp(a->tokens, b->tokens, sizeof(a->tokens)) == 0);
    REQUIRE(memcmp(a->known, b->known, sizeof(a->known)) == 0);
    REQUIRE(a->cost_known == b->cost_known && a->cost_micro_usd == b->cost_micro_usd);
    REQUIRE(strcmp(a->model, b->model) == 0);
}

static void check_same_facts(const struct output_facts *a, const struct output_facts *b)
{
    REQUIRE(a->final_seen == b->final_seen && a->is_error == b->is_error &&
            a->rate_limited == b->rate_limited);
    REQUIRE(a->pattern_matched == b->pattern_matched && a->rate_limit_reset_us == b->rate_limit_reset_us);
    REQUIRE(a->text_lines == b->text_lines && a->unparsed_lines == b->unparsed_lines);
    REQUIRE(a->turns == b->turns && a->ignored_numbers == b->ignored_numbers && a->warnings == b->warnings);
    REQUIRE(strcmp(a->error_text, b->error_text) == 0 && strcmp(a->session_id, b->session_id) == 0);
    REQUIRE(strcmp(a->model, b->model) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t whole[3];
    if (size < 4)
        return 0;
    enum output_format format = (enum output_format)(data[0] % (OUTPUT_GEMINI_JSON + 1));
    struct str bytes = {(const char *)data + 4, size - 4};
    struct output_parser *a = read_all(format, bytes, whole), *b = read_all(format, bytes, data + 1);
    check_usage(output_usage(a));
    check_facts(output_facts(a));
    check_same_usage(output_usage(a), output_usage(b));
    check_same_facts(output_facts(a), output_facts(b));
    (void)output_parser_free(a);
    (void)output_parser_free(b);
    return 0;
}
