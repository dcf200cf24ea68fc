/* fuzz_subject.c -- subjects and patterns of any bytes: "PATTERN LF SUBJECT".
 *
 * What holds without a second matcher: a subject is a pattern that matches itself; it still matches when a
 * token becomes a star, or what follows a dot becomes an angle; a star never spans a dot; and only a pattern
 * that ends in an angle matches a longer subject. */
#include "base/buf.h"
#include "core/subject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static size_t tokens(struct str s)
{
    size_t n = 0;
    struct str token;
    while (str_split(&s, '.', &token))
        n++;
    return n;
}

/* One token of `s` replaced by a star, each in turn; and what is left of a token on replaced by an angle. */
static void generalise(struct str s)
{
    struct buf pattern = BUF_INIT;
    struct str rest = s, token;
    while (str_split(&rest, '.', &token)) {
        struct str before = {s.p, (size_t)(token.p - s.p)};
        buf_clear(&pattern);
        buf_add_str(&pattern, before);
        buf_add_char(&pattern, '>');
        must(subject_pattern_valid(buf_str(&pattern)) && subject_matches(buf_str(&pattern), s));
        pattern.p[before.n] = '*';
        buf_add(&pattern, token.p + token.n, (size_t)(s.p + s.n - (token.p + token.n)));
        must(subject_pattern_valid(buf_str(&pattern)) && subject_matches(buf_str(&pattern), s));
    }
    buf_deinit(&pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str subject = {(const char *)data, size}, pattern;
    if (!str_split(&subject, '\n', &pattern) || !subject.p)
        return 0;
    bool subject_is_valid = subject_valid(subject), pattern_is_valid = subject_pattern_valid(pattern);
    if (subject_is_valid) {
        must(subject_pattern_valid(subject) && subject_matches(subject, subject));
        generalise(subject);
    }
    if (subject_is_valid && pattern_is_valid && subject_matches(pattern, subject)) {
        bool open = str_ends_with(pattern, STR(">"));
        must(open ? tokens(subject) >= tokens(pattern) : tokens(subject) == tokens(pattern));
    }
    return 0;
}
