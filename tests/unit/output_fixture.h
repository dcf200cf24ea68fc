/* output_fixture.h -- an output parser, lines for it, and what must be known after them. */
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "run/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW (INT64_C(1795305600) * USEC_PER_SEC) /* 2026-11-22T00:00:00Z */

static inline struct output_parser *parser(enum output_format format, const char *model)
{
    struct output_setup setup = {.format = format, .model = model};
    return output_parser_new(&setup);
}

static inline void feed(struct output_parser *p, const char *line)
{
    output_parser_feed(p, str_of(line), false, NOW);
}

static inline void feed_stderr(struct output_parser *p, const char *line)
{
    output_parser_feed(p, str_of(line), true, NOW);
}

static inline void check_tokens(const struct output_parser *p, enum usage_kind kind, int64_t wanted)
{
    const struct usage *u = output_usage(p);
    if (!u->known[kind] || u->tokens[kind] != wanted)
        fail_msg("%s is %s%lld", usage_kind_names[kind], u->known[kind] ? "" : "unknown ",
                 (long long)u->tokens[kind]);
}

static inline void check_cost(const struct output_parser *p, int64_t micro_usd)
{
    assert_true(output_usage(p)->cost_known);
    assert_int_equal(output_usage(p)->cost_micro_usd, micro_usd);
}
