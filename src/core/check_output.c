#include "core/check_output.h"

#include "base/parse.h"

const char *const check_outcome_names[CHECK_OUTCOMES] = {"unknown", "passed", "failed"};

#define LINE_BYTES_MAX 300

/* -- pieces of a line -- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "   12→3 passed" and "12\t3 passed": of a file that was read with the numbers of its lines. */
static struct str without_line_number(struct str s)
{
    size_t n = 0;
    while (n < s.n && is_digit(s.p[n]))
        n++;
    struct str rest = {s.p + n, s.n - n};
    size_t mark = str_starts_with(rest, STR("\xe2\x86\x92")) ? 3 : str_starts_with(rest, STR("\t")) ? 1 : 0;
    return n > 0 && mark > 0 ? (struct str){rest.p + mark, rest.n - mark} : s;
}

/* Without colours, without blanks and rulers around it: "=== 3 passed in 1 s ===" is "3 passed in 1 s". */
static struct str bare(struct str line, char *into)
{
    size_t n = 0;
    for (size_t i = 0; i < line.n && n < LINE_BYTES_MAX; i++) {
        if (line.p[i] == '\033' && i + 1 < line.n && line.p[i + 1] == '[') {
            for (i += 2; i < line.n && !is_letter(line.p[i]); i++)
                continue;
            continue;
        }
        into[n++] = line.p[i];
    }
    struct str s = str_trim((struct str){into, n});
    static const struct str heads[] = {{"Output: ", 8}, {"Stdout: ", 8}}; /* Gemini CLI's, on the same line */
    for (size_t i = 0; i < COUNT_OF(heads); i++)
        if (str_starts_with(s, heads[i]))
            s = (struct str){s.p + heads[i].n, s.n - heads[i].n};
    s = without_line_number(s);
    while (s.n > 0 && strchr("=-#> ", s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && strchr("=- ", s.p[s.n - 1]))
        s.n--;
    return s;
}

static bool number_at(struct str s, size_t at, size_t *ret_end, int64_t *ret)
{
    size_t end = at;
    while (end < s.n && is_digit(s.p[end]))
        end++;
    *ret_end = end;
    return end > at && parse_i64_in((struct str){s.p + at, end - at}, 0, 1000000000, ret);
}

static bool word_at(struct str s, size_t at, const char *word, size_t *ret_end)
{
    size_t n = strlen(word);
    if (at + n > s.n || !str_equal_nocase((struct str){s.p + at, n}, str_of(word)) ||
        (at + n < s.n && is_letter(s.p[at + n])))
        return false;
    *ret_end = at + n;
    return true;
}

struct tally {
    int64_t passed, failed; /* -1: not told */
};

static void add(int64_t *to, int64_t value)
{
    *to = MAX(*to, 0) + value;
}

static const struct tally_word {
    const char *word;
    bool is_failure;
} tally_words[] = {{"passed", false}, {"passing", false}, {"pass", false}, {"ok", false},
                   {"failed", true},  {"failing", true},  {"fail", true},  {"failures", true},
                   {"failure", true}, {"errors", true},   {"error", true}, {"timeout", true}};

/* "3 failed, 12 passed": a number and then its word. */
static void count_before(struct str s, struct tally *t)
{
    for (size_t i = 0; i < s.n; i++) {
        size_t end, after;
        int64_t value;
        if (!is_digit(s.p[i]) ||
            (i > 0 && (is_digit(s.p[i - 1]) || s.p[i - 1] == '.' || is_letter(s.p[i - 1]))))
            continue;
        if (!number_at(s, i, &end, &value) || end >= s.n || s.p[end] != ' ')
            continue;
        size_t at = end + 1;
        if (word_at(s, at, "tests", &after) || word_at(s, at, "test", &after) ||
            word_at(s, at, "examples", &after))
            at = after + 1;
        for (size_t k = 0; k < COUNT_OF(tally_words) && at < s.n; k++)
            if (word_at(s, at, tally_words[k].word, &after)) {
                add(tally_words[k].is_failure ? &t->failed : &t->passed, value);
                break;
            }
    }
}

/* "Failures: 1, Errors: 0", "fail 0", "Fail:     2": a word and then its number. */
static void count_behind(struct str s, struct tally *t)
{
    for (size_t i = 0; i < s.n; i++) {
        if (i > 0 && (is_letter(s.p[i - 1]) || is_digit(s.p[i - 1])))
            continue;
        for (size_t k = 0; k < COUNT_OF(tally_words); k++) {
            size_t end, after;
            int64_t value;
            if (!word_at(s, i, tally_words[k].word, &after))
                continue;
            while (after < s.n && strchr(" :=", s.p[after]))
                after++;
            if (after == i + strlen(tally_words[k].word) || !number_at(s, after, &end, &value))
                continue;
            if (end < s.n && s.p[end] == ' ' && end + 1 < s.n && is_letter(s.p[end + 1]))
                continue; /* "failed 3 passed": the number is the next word's */
            add(tally_words[k].is_failure ? &t->failed : &t->passed, value);
            break;
        }
    }
}

/* -- shapes -- */

enum shape { EQUALS, STARTS, ENDS, HAS };
static const struct fixed { /* a line that says it outright */
    enum shape shape;
    const char *text;
    enum check_outcome outcome;
} fixed[] = {
    {EQUALS, "OK", CHECK_PASSED},                  /* unittest */
    {STARTS, "OK (", CHECK_PASSED},                /* unittest, phpunit */
    {STARTS, "FAILED (", CHECK_FAILED},            /* unittest */
    {STARTS, "FAILURES!", CHECK_FAILED},           /* phpunit */
    {STARTS, "test result: ok", CHECK_PASSED},     /* cargo */
    {STARTS, "test result: FAILED", CHECK_FAILED}, /* cargo */
    {STARTS, "error: could not compile", CHECK_FAILED},
    {STARTS, "error[E", CHECK_FAILED},           /* rustc */
    {STARTS, "--- FAIL", CHECK_FAILED},          /* go */
    {EQUALS, "FAIL", CHECK_FAILED},              /* go */
    {STARTS, "FAIL\t", CHECK_FAILED},            /* go, per package */
    {STARTS, "ok  \t", CHECK_PASSED},            /* go, per package */
    {EQUALS, "PASS", CHECK_PASSED},              /* go */
    {STARTS, "100% tests passed", CHECK_PASSED}, /* ctest */
    {HAS, "% tests passed, ", CHECK_UNKNOWN},    /* ctest: by its numbers */
    {STARTS, "BUILD SUCCESS", CHECK_PASSED},     /* maven, gradle */
    {STARTS, "BUILD FAIL", CHECK_FAILED},
    {STARTS, "[INFO] BUILD SUCCESS", CHECK_PASSED},
    {STARTS, "[ERROR] BUILD FAIL", CHECK_FAILED},
    {STARTS, "[INFO] BUILD FAIL", CHECK_FAILED},
    {STARTS, "Build succeeded", CHECK_PASSED}, /* dotnet */
    {STARTS, "Build FAILED", CHECK_FAILED},
    {STARTS, "Success: no issues found", CHECK_PASSED}, /* mypy */
    {STARTS, "All checks passed", CHECK_PASSED},        /* ruff */
    {HAS, " fixed, 0 remaining)", CHECK_PASSED},        /* ruff --fix */
    {STARTS, "All tests successful", CHECK_PASSED},     /* prove */
    {EQUALS, "Result: PASS", CHECK_PASSED},
    {EQUALS, "Result: FAIL", CHECK_FAILED},
    {STARTS, "All matched files use Prettier", CHECK_PASSED},
    {HAS, "Code style issues", CHECK_FAILED}, /* prettier */
    {STARTS, "make: ***", CHECK_FAILED},
    {STARTS, "make[", CHECK_UNKNOWN},
    {STARTS, "gmake: ***", CHECK_FAILED},
    {STARTS, "ninja: build stopped", CHECK_FAILED},
    {STARTS, "npm ERR!", CHECK_FAILED},
    {STARTS, "npm error", CHECK_FAILED},
    {HAS, ": error TS", CHECK_FAILED},              /* tsc */
    {HAS, "no offenses detected", CHECK_PASSED},    /* rubocop */
    {STARTS, "** TEST SUCCEEDED **", CHECK_PASSED}, /* xcodebuild */
    {STARTS, "** TEST FAILED **", CHECK_FAILED},
};

static enum check_outcome fixed_outcome(struct str s)
{
    for (size_t i = 0; i < COUNT_OF(fixed); i++) {
        struct str text = str_of(fixed[i].text);
        bool fits = fixed[i].shape == EQUALS   ? str_equal(s, text)
                    : fixed[i].shape == STARTS ? str_starts_with(s, text)
                    : fixed[i].shape == ENDS   ? str_ends_with(s, text)
                                               : str_find(s, text) >= 0;
        if (fits && fixed[i].outcome != CHECK_UNKNOWN)
            return fixed[i].outcome;
    }
    return CHECK_UNKNOWN;
}

/* "3 failed, 12 passed in 0.4 s", "12 passing (1s)", "0 errors, 2 warnings", "5 examples, 1 failure", "90%
 * tests passed, 1 tests failed out of 10"; not "2 failed logins are in the log". */
static bool is_list_of_counts(struct str s)
{
    static const struct str ends[] = {
        {" in ", 4}, {" (", 2}, {" generated", 10}, {" out of ", 8}, {" total", 6}, {" |", 2}, {".", 1}};
    size_t at = 0;
    for (;;) {
        int64_t value;
        if (!number_at(s, at, &at, &value))
            return false;
        at += at < s.n && s.p[at] == '%';
        for (int words = 0; words < 2 && at + 1 < s.n && s.p[at] == ' ' && is_letter(s.p[at + 1]); words++) {
            struct str rest = {s.p + at, s.n - at};
            if (words > 0 && (str_starts_with(rest, ends[0]) || str_starts_with(rest, STR(" and "))))
                break;
            for (at++; at < s.n && is_letter(s.p[at]); at++)
                continue;
        }
        struct str rest = {s.p + at, s.n - at};
        bool more = str_starts_with(rest, STR(", ")) || str_starts_with(rest, STR("; "));
        if (more || str_starts_with(rest, STR(" and "))) {
            at += more ? 2 : 5;
            continue;
        }
        for (size_t i = 0; i < COUNT_OF(ends); i++)
            if (str_starts_with(rest, ends[i]))
                return true;
        return rest.n == 0;
    }
}

/* Where the line begins as a summary that counts does. */
static bool may_count(struct str s)
{
    static const char *const starts[] = {"Tests:",
                                         "Tests ",
                                         "Test Suites:",
                                         "Test Files",
                                         "Tests run:",
                                         "Total tests",
                                         "Passed!",
                                         "Failed!",
                                         "pass ",
                                         "fail ",
                                         "tests ",
                                         "\xe2\x84\xb9 pass ",
                                         "\xe2\x84\xb9 fail ",
                                         "Ok:",
                                         "Fail:",
                                         "Timeout:",
                                         "Found ",
                                         "\xe2\x9c\x96 ",
                                         "test result:",
                                         "Failed:",
                                         "Passed:",
                                         "[INFO] Tests run:",
                                         "[ERROR] Tests run:",
                                         "Test run",
                                         "Executed ",
                                         "Summary",
                                         "Results:",
                                         NULL};
    for (size_t i = 0; starts[i]; i++)
        if (str_starts_with(s, str_of(starts[i])))
            return true;
    return is_list_of_counts(s);
}

static bool counts(struct str s, struct tally *t)
{
    *t = (struct tally){-1, -1};
    if (!may_count(s))
        return false;
    count_before(s, t);
    if (t->passed < 0 && t->failed < 0)
        count_behind(s, t);
    return t->passed >= 0 || t->failed >= 0;
}

/* -- the whole output -- */

/* A failure anywhere among the summaries counts: several runners may have run. */
static void take(struct check_summary *s, enum check_outcome outcome, struct str line)
{
    if (outcome == CHECK_UNKNOWN || s->outcome == CHECK_FAILED)
        return;
    s->outcome = outcome;
    s->line = line;
}

void check_summary_read(struct str output, struct check_summary *ret)
{
    struct str rest = output, line;
    char into[LINE_BYTES_MAX];
    *ret = (struct check_summary){.passed = -1, .failed = -1};
    while (rest.p && str_split(&rest, '\n', &line)) {
        struct tally t;
        if (line.n > 4 * (size_t)LINE_BYTES_MAX)
            continue;
        struct str s = bare(line, into);
        take(ret, fixed_outcome(s), str_trim(line));
        if (!counts(s, &t))
            continue;
        /* The last that counts, as runners repeat themselves at the end. */
        ret->passed = t.passed >= 0 ? t.passed : ret->passed;
        ret->failed = t.failed >= 0 ? t.failed : ret->failed;
        if (t.failed > 0)
            take(ret, CHECK_FAILED, str_trim(line));
        else if (t.passed > 0 || t.failed == 0)
            take(ret, CHECK_PASSED, str_trim(line));
    }
}
