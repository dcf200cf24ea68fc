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
    if (str_starts_with(s, STR("\xe2\x94\x82"))) /* │ of a table */
        s = str_trim((struct str){s.p + 3, s.n - 3});
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
} tally_words[] = {{"passed", false},  {"passing", false},  {"pass", false}, {"ok", false},
                   {"failed", true},   {"failing", true},   {"fail", true},  {"failures", true},
                   {"failure", true},  {"errors", true},    {"error", true}, {"timeout", true},
                   {"success", false}, {"successes", false}};

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
/* How much a line is worth: a hint decides where nothing else does. */
enum weight { HINT_PASSED = 1, HINT_FAILED, SAYS_PASSED, SAYS_FAILED };

static const struct fixed { /* a line that says it outright */
    enum shape shape;
    const char *text;
    enum weight weight; /* 0: nothing, and no row below does */
    const char *and;    /* what the line has besides; NULL: nothing more */
} fixed[] = {
    {EQUALS, "OK", SAYS_PASSED},             /* unittest */
    {STARTS, "OK (", SAYS_PASSED},           /* unittest, phpunit */
    {STARTS, "OK, but ", SAYS_PASSED},       /* phpunit */
    {STARTS, "FAILED (", SAYS_FAILED},       /* unittest */
    {STARTS, "FAILURES!", SAYS_FAILED},      /* phpunit */
    {STARTS, "ERRORS!", SAYS_FAILED},        /* phpunit */
    {STARTS, "[OK] No errors", SAYS_PASSED}, /* phpstan */
    {STARTS, "Oh no! ", SAYS_FAILED},        /* black */
    {STARTS, "All done! ", SAYS_PASSED},
    {STARTS, "congratulations :)", SAYS_PASSED}, /* tox */
    {STARTS, "evaluation failed :(", SAYS_FAILED},
    {STARTS, "ERROR: ", SAYS_FAILED, ": commands failed"},
    {STARTS, "nox > Session ", SAYS_FAILED, " failed"},
    {STARTS, "nox > Session ", SAYS_PASSED, " was successful"},
    {ENDS, "...Passed", SAYS_PASSED}, /* pre-commit, per hook */
    {ENDS, "...Failed", SAYS_FAILED},
    {STARTS, "test result: ok", SAYS_PASSED},     /* cargo */
    {STARTS, "test result: FAILED", SAYS_FAILED}, /* cargo */
    {STARTS, "error: test failed", SAYS_FAILED},
    {STARTS, "error: could not compile", SAYS_FAILED},
    {STARTS, "error[E", SAYS_FAILED},                /* rustc */
    {STARTS, "Finished ", HINT_PASSED, "target(s)"}, /* it is built; what it runs then may fail */
    {STARTS, "--- FAIL", SAYS_FAILED},               /* go */
    {EQUALS, "FAIL", SAYS_FAILED},                   /* go */
    {STARTS, "FAIL\t", SAYS_FAILED},                 /* go, per package */
    {STARTS, "ok  \t", SAYS_PASSED},                 /* go, per package */
    {EQUALS, "PASS", SAYS_PASSED},                   /* go */
    {STARTS, "DONE ", SAYS_PASSED, " tests in "},    /* gotestsum */
    {STARTS, "0 issues", SAYS_PASSED},               /* golangci-lint */
    {ENDS, " issues:", HINT_FAILED},
    {STARTS, "No issues found", SAYS_PASSED}, /* flutter */
    {HAS, " issue found.", HINT_FAILED},
    {HAS, " issues found.", HINT_FAILED},
    {ENDS, ": All tests passed!", SAYS_PASSED},
    {ENDS, ": Some tests failed.", SAYS_FAILED},
    {STARTS, "100% tests passed", SAYS_PASSED},          /* ctest */
    {HAS, "% tests passed, ", 0},                        /* ctest: by its numbers */
    {STARTS, "All tests passed", SAYS_PASSED},           /* catch2 */
    {STARTS, "All ", SAYS_PASSED, " tests passed."},     /* zig */
    {STARTS, "[  FAILED  ] ", SAYS_FAILED},              /* googletest */
    {STARTS, "Executed ", SAYS_FAILED, "fails locally"}, /* bazel */
    {STARTS, "Executed ", SAYS_FAILED, "fail locally"},
    {STARTS, "Executed ", SAYS_PASSED, " test passes"},
    {STARTS, "Executed ", SAYS_PASSED, " tests pass"},
    {STARTS, "INFO: Build completed successfully", SAYS_PASSED},
    {STARTS, "INFO: Build completed, ", SAYS_FAILED, " FAILED"},
    {STARTS, "ERROR: Build did NOT complete", SAYS_FAILED},
    {STARTS, "BUILD SUCCESS", SAYS_PASSED}, /* maven, gradle */
    {STARTS, "BUILD FAIL", SAYS_FAILED},
    {STARTS, "[INFO] BUILD SUCCESS", SAYS_PASSED},
    {STARTS, "[ERROR] BUILD FAIL", SAYS_FAILED},
    {STARTS, "[INFO] BUILD FAIL", SAYS_FAILED},
    {STARTS, "[info] All tests passed", SAYS_PASSED}, /* sbt */
    {STARTS, "[error] Failed: Total", SAYS_FAILED},
    {STARTS, "[success] Total time", SAYS_PASSED},
    {STARTS, "Build succeeded", SAYS_PASSED}, /* dotnet */
    {STARTS, "Build FAILED", SAYS_FAILED},
    {STARTS, "\xe2\x9c\x94 Test run with ", SAYS_PASSED, " passed"}, /* ✔ ✘ of swift */
    {STARTS, "\xe2\x9c\x98 Test run with ", SAYS_FAILED, " failed"},
    {STARTS, "Success: no issues found", SAYS_PASSED}, /* mypy */
    {STARTS, "All checks passed", SAYS_PASSED},        /* ruff */
    {STARTS, "All tests successful", SAYS_PASSED},     /* prove */
    {EQUALS, "Result: PASS", SAYS_PASSED},
    {EQUALS, "Result: FAIL", SAYS_FAILED},
    {STARTS, "All matched files use Prettier", SAYS_PASSED},
    {HAS, "Code style issues", SAYS_FAILED}, /* prettier */
    {STARTS, "make: ***", SAYS_FAILED},
    {STARTS, "make[", SAYS_FAILED, "]: *** "},
    {STARTS, "make[", 0},
    {STARTS, "gmake: ***", SAYS_FAILED},
    {STARTS, "ninja: build stopped", SAYS_FAILED},
    {STARTS, "npm ERR!", SAYS_FAILED},
    {STARTS, "npm error", SAYS_FAILED},
    {STARTS, "ELIFECYCLE", SAYS_FAILED},                           /* pnpm */
    {STARTS, "error Command failed", SAYS_FAILED},                 /* yarn */
    {STARTS, "error: script ", SAYS_FAILED, " exited with code "}, /* bun */
    {HAS, ": error TS", SAYS_FAILED},                              /* tsc */
    {HAS, " - error TS", SAYS_FAILED},
    {STARTS, "\xe2\x9c\x93 built in ", SAYS_PASSED}, /* ✓ ✗ of vite */
    {STARTS, "\xe2\x9c\x97 Build failed", SAYS_FAILED},
    {STARTS, "x Build failed", SAYS_FAILED},
    {STARTS, "error during build", SAYS_FAILED},
    {STARTS, "\xe2\x9c\x93 Compiled successfully", SAYS_PASSED}, /* next */
    {STARTS, "Compiled successfully", SAYS_PASSED},
    {STARTS, "Failed to compile", SAYS_FAILED},
    {STARTS, "webpack ", SAYS_PASSED, " compiled successfully"},
    {HAS, "no offenses detected", SAYS_PASSED}, /* rubocop */
    {HAS, " offenses detected", HINT_FAILED},   /* which may be mended */
    {HAS, " offense detected", HINT_FAILED},
    {STARTS, "Success! The configuration is valid", SAYS_PASSED}, /* terraform */
    {STARTS, "ERROR: failed to solve", SAYS_FAILED},              /* docker */
    {STARTS, "ERROR: failed to build", SAYS_FAILED},
    {STARTS, "** TEST SUCCEEDED **", SAYS_PASSED}, /* xcodebuild */
    {STARTS, "** TEST FAILED **", SAYS_FAILED},
    {STARTS, "** BUILD SUCCEEDED **", SAYS_PASSED},
    {STARTS, "** BUILD FAILED **", SAYS_FAILED},
    {HAS, ": error: ", HINT_FAILED}, /* compilers, of a line */
    {HAS, ": fatal error: ", HINT_FAILED},
};

static bool has_shape(const struct fixed *f, struct str s)
{
    struct str text = str_of(f->text);
    bool fits = f->shape == EQUALS   ? str_equal(s, text)
                : f->shape == STARTS ? str_starts_with(s, text)
                : f->shape == ENDS   ? str_ends_with(s, text)
                                     : str_find(s, text) >= 0;
    return fits && (!f->and || str_find(s, str_of(f->and)) >= 0);
}

static int fixed_weight(struct str s)
{
    for (size_t i = 0; i < COUNT_OF(fixed); i++)
        if (has_shape(&fixed[i], s))
            return (int)fixed[i].weight;
    return 0;
}

/* "2 of 2 test suites (7 of 7 test cases) passed." of cabal */
static int all_of_weight(struct str s)
{
    size_t at;
    int64_t some, all;
    if (!str_ends_with(s, STR(" passed.")) || !number_at(s, 0, &at, &some) ||
        !str_starts_with((struct str){s.p + at, s.n - at}, STR(" of ")) || !number_at(s, at + 4, &at, &all))
        return 0;
    return some == all ? SAYS_PASSED : SAYS_FAILED;
}

static size_t separator_bytes(struct str s)
{
    static const struct str separators[] = {{", ", 2}, {"; ", 2}, {" and ", 5}, {" / ", 3}};
    for (size_t i = 0; i < COUNT_OF(separators); i++)
        if (str_starts_with(s, separators[i]))
            return separators[i].n;
    return 0;
}

/* "3 failed, 12 passed in 0.4 s", "12 passing (1s)", "0 errors, 2 warnings", "5 examples, 1 failure", "90%
 * tests passed, 1 tests failed out of 10"; not "2 failed logins are in the log". */
static bool is_list_of_counts(struct str s)
{
    static const struct str ends[] = {{" in ", 4},          {" (", 2},     {" generated", 10},
                                      {" out of ", 8},      {" total", 6}, {" |", 2},
                                      {" outside of ", 12}, {" :", 2},     {".", 1}};
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
        size_t between = separator_bytes(rest);
        if (between) {
            at += between;
            continue;
        }
        for (size_t i = 0; i < COUNT_OF(ends); i++)
            if (str_starts_with(rest, ends[i]))
                return true;
        return rest.n == 0;
    }
}

/* Where the line begins as a summary that counts does. */
enum adds { LAST, SUM, PER_WORD }; /* the last such line counts; all of them; one line for each word */
static const struct start {
    const char *text;
    enum adds adds;
} starts[] = {
    {"Tests:", LAST},
    {"Tests ", LAST},
    {"Test Suites:", LAST},
    {"Test Files", LAST},
    {"Tests run:", LAST},
    {"Total tests", LAST},
    {"Passed!", SUM}, /* dotnet, per project */
    {"Failed!", SUM},
    {"pass ", PER_WORD}, /* node */
    {"fail ", PER_WORD},
    {"\xe2\x84\xb9 pass ", PER_WORD},
    {"\xe2\x84\xb9 fail ", PER_WORD},
    {"Ok:", PER_WORD}, /* meson */
    {"Fail:", PER_WORD},
    {"Timeout:", PER_WORD},
    {"PASS:", PER_WORD}, /* automake */
    {"FAIL:", PER_WORD},
    {"ERROR:", PER_WORD},
    {"Passing:", PER_WORD}, /* cypress */
    {"Failing:", PER_WORD},
    {"Found ", LAST},
    {"\xe2\x9c\x96 ", LAST},
    {"test result:", SUM}, /* cargo, per program */
    {"Failed:", LAST},
    {"Passed:", LAST},
    {"[INFO] Tests run:", LAST},
    {"[ERROR] Tests run:", LAST},
    {"[ERROR] Found ", LAST},
    {"Test run", LAST},
    {"Executed ", LAST},
    {"Summary", LAST},
    {"Results:", LAST},
    {"ok | ", LAST}, /* deno */
    {"FAILED | ", LAST},
    {"DONE ", LAST},
    {"test cases: ", LAST}, /* catch2 */
    {"webpack ", LAST},
};

static bool may_count(struct str s, enum adds *ret)
{
    *ret = LAST;
    for (size_t i = 0; i < COUNT_OF(starts); i++)
        if (str_starts_with(s, str_of(starts[i].text))) {
            *ret = starts[i].adds;
            return true;
        }
    return is_list_of_counts(s);
}

/* "[  PASSED  ] 12 tests." of googletest */
static bool count_bracketed(struct str s, struct tally *t)
{
    static const struct str heads[] = {{"[  PASSED  ] ", 13}, {"[  FAILED  ] ", 13}};
    size_t end;
    int64_t value;
    for (size_t i = 0; i < COUNT_OF(heads); i++)
        if (str_starts_with(s, heads[i]) && number_at(s, heads[i].n, &end, &value)) {
            add(i == 0 ? &t->passed : &t->failed, value);
            return true;
        }
    return false;
}

/* "Found 3 errors (2 fixed, 1 remaining)." of ruff: what is left counts. */
static bool count_remaining(struct str s, struct tally *t)
{
    ptrdiff_t at = str_find(s, STR(" fixed, "));
    size_t end;
    int64_t value;
    if (at < 0 || !number_at(s, (size_t)at + 8, &end, &value) ||
        !str_starts_with((struct str){s.p + end, s.n - end}, STR(" remaining)")))
        return false;
    t->failed = value;
    return true;
}

static bool counts(struct str s, struct tally *t, enum adds *ret)
{
    *t = (struct tally){-1, -1};
    *ret = LAST;
    if (count_bracketed(s, t) || count_remaining(s, t))
        return true;
    if (!may_count(s, ret))
        return false;
    count_before(s, t);
    if (t->passed < 0 && t->failed < 0)
        count_behind(s, t);
    return t->passed >= 0 || t->failed >= 0;
}

/* -- the whole output -- */

struct reading {
    struct check_summary *told;
    int weight;
    struct tally words[COUNT_OF(starts)]; /* of PER_WORD, by the row */
    int64_t tap_plan, tap_ok, tap_failed; /* TAP, which has no summary */
    struct str tap_line;
};

/* The heaviest decides, and of equals the last; but the first failure. */
static void take(struct reading *r, int weight, struct str line)
{
    if (weight == 0 || weight < r->weight || (weight == r->weight && weight == SAYS_FAILED))
        return;
    r->weight = weight;
    r->told->line = line;
}

static void merge(int64_t *to, int64_t value, enum adds adds)
{
    if (value >= 0)
        *to = adds == SUM ? MAX(*to, 0) + value : value;
}

static void merge_words(struct reading *r, struct str s, const struct tally *t)
{
    struct tally sum = {-1, -1};
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        if (starts[i].adds == PER_WORD && str_starts_with(s, str_of(starts[i].text)))
            r->words[i] = *t;
        if (r->words[i].passed >= 0)
            add(&sum.passed, r->words[i].passed);
        if (r->words[i].failed >= 0)
            add(&sum.failed, r->words[i].failed);
    }
    merge(&r->told->passed, sum.passed, LAST);
    merge(&r->told->failed, sum.failed, LAST);
}

static void take_counts(struct reading *r, struct str s, struct str line)
{
    struct tally t;
    enum adds adds;
    if (!counts(s, &t, &adds))
        return;
    if (adds == PER_WORD) {
        merge_words(r, s, &t);
    } else {
        merge(&r->told->passed, t.passed, adds);
        merge(&r->told->failed, t.failed, adds);
    }
    take(r, t.failed > 0 ? SAYS_FAILED : SAYS_PASSED, line);
}

static void take_tap(struct reading *r, struct str s, struct str line)
{
    size_t end;
    int64_t value;
    bool is_failure = str_starts_with(s, STR("not ok ")), is_ok = str_starts_with(s, STR("ok "));
    if (str_starts_with(s, STR("1..")) && number_at(s, 3, &end, &value) && end == s.n)
        r->tap_plan = value;
    if ((!is_failure && !is_ok) || !number_at(s, is_ok ? 3 : 7, &end, &value))
        return;
    if (is_ok || str_find(s, STR("# TODO")) >= 0 || str_find(s, STR("# SKIP")) >= 0) {
        r->tap_ok++;
        r->tap_line = r->tap_failed ? r->tap_line : line;
    } else {
        r->tap_line = r->tap_failed++ ? r->tap_line : line;
    }
}

static void end_tap(struct reading *r)
{
    if (r->tap_failed)
        take(r, HINT_FAILED, r->tap_line);
    else if (r->tap_plan > 0 && r->tap_ok == r->tap_plan)
        take(r, HINT_PASSED, r->tap_line);
}

/* What the command itself prints is its own word and no runner's. */
static bool is_printed(struct str command, struct str line)
{
    static const struct str printers[] = {{"echo ", 5}, {"printf ", 7}};
    for (size_t i = 0; i < COUNT_OF(printers) && line.n; i++) {
        ptrdiff_t at = str_find(command, printers[i]);
        if (at >= 0 && str_find((struct str){command.p + at, command.n - (size_t)at}, line) >= 0)
            return true;
    }
    return false;
}

void check_summary_read(struct str output, struct str command, struct check_summary *ret)
{
    struct str rest = output, line;
    char into[LINE_BYTES_MAX];
    struct reading r = {.told = ret};
    for (size_t i = 0; i < COUNT_OF(starts); i++)
        r.words[i] = (struct tally){-1, -1};
    *ret = (struct check_summary){.passed = -1, .failed = -1};
    while (rest.p && str_split(&rest, '\n', &line)) {
        if (line.n > 4 * (size_t)LINE_BYTES_MAX)
            continue;
        struct str s = bare(line, into), whole = str_trim(line);
        if (is_printed(command, s))
            continue;
        take(&r, fixed_weight(s), whole);
        take(&r, all_of_weight(s), whole);
        take_counts(&r, s, whole);
        take_tap(&r, s, whole);
    }
    end_tap(&r);
    ret->is_hint = r.weight == HINT_PASSED || r.weight == HINT_FAILED;
    ret->outcome = r.weight == SAYS_FAILED || r.weight == HINT_FAILED   ? CHECK_FAILED
                   : r.weight == SAYS_PASSED || r.weight == HINT_PASSED ? CHECK_PASSED
                                                                        : CHECK_UNKNOWN;
}
