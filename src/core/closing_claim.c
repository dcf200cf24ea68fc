#include "core/closing_claim.h"

#include "base/buf.h"
#include "base/parse.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_letter(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || c == '\'';
}

/* `phrase` at word boundaries of s, which is in lower case. */
static bool has_phrase(struct str s, const char *phrase)
{
    size_t n = strlen(phrase);
    for (size_t from = 0; from + n <= s.n;) {
        ptrdiff_t at = str_find((struct str){s.p + from, s.n - from}, str_of(phrase));
        if (at < 0)
            return false;
        size_t start = from + (size_t)at;
        bool begins = start == 0 || !is_letter(s.p[start - 1]) || !is_letter(phrase[0]);
        bool ends = start + n == s.n || !is_letter(s.p[start + n]) || !is_letter(phrase[n - 1]);
        if (begins && ends)
            return true;
        from = start + 1;
    }
    return false;
}

static bool has_any(struct str s, const char *const *phrases)
{
    for (; *phrases; phrases++)
        if (has_phrase(s, *phrases))
            return true;
    return false;
}

static const char *const strong_claims[] = {"tests pass",
                                            "test passes",
                                            "tests passed",
                                            "tests are passing",
                                            "are now passing",
                                            "suite is passing",
                                            "suite is now passing",
                                            "is green",
                                            "is now green",
                                            "check passes",
                                            "tests now pass",
                                            "tests all pass",
                                            "test suite passes",
                                            "tests are green",
                                            "suite is green",
                                            "all green",
                                            "everything passes",
                                            "everything is passing",
                                            "checks pass",
                                            "checks passed",
                                            "all checks",
                                            "all passing",
                                            "all pass",
                                            "now passes",
                                            "passes now",
                                            "passing tests",
                                            "build passes",
                                            "build succeeds",
                                            "build succeeded",
                                            "builds cleanly",
                                            "build is green",
                                            "compiles cleanly",
                                            "compiles without",
                                            "lint passes",
                                            "lint is clean",
                                            "no lint errors",
                                            "no type errors",
                                            "type checks pass",
                                            "typecheck passes",
                                            "no errors",
                                            "0 failures",
                                            "0 failed",
                                            "no failures",
                                            "zero failures",
                                            "verified",
                                            "tested and",
                                            "fully tested",
                                            "confirmed working",
                                            "passes all",
                                            "passing all",
                                            "tests succeed",
                                            "100% of tests",
                                            NULL};
static const char *const weak_claims[] = {
    "done",       "complete",    "completed",      "is fixed",         "are fixed",
    "fixed the",  "i fixed",     "i've fixed",     "has been fixed",   "works",
    "is working", "now working", "successfully",   "implemented",      "finished",
    "resolved",   "all set",     "ready to merge", "ready for review", "works as expected",
    "succeeds",   NULL};
/* A sentence with one of these says that it did not go well, or was not tried. */
static const char *const denials[] = {"not run",
                                      "didn't run",
                                      "did not run",
                                      "haven't run",
                                      "have not run",
                                      "couldn't run",
                                      "could not run",
                                      "cannot run",
                                      "can't run",
                                      "unable to run",
                                      "wasn't able",
                                      "was not able",
                                      "unable to",
                                      "without running",
                                      "not tested",
                                      "untested",
                                      "haven't tested",
                                      "have not tested",
                                      "not verified",
                                      "unverified",
                                      "haven't verified",
                                      "have not verified",
                                      "could not verify",
                                      "couldn't verify",
                                      "can't verify",
                                      "cannot verify",
                                      "still fail",
                                      "still fails",
                                      "still failing",
                                      "tests fail",
                                      "test fails",
                                      "build fails",
                                      "does not work",
                                      "doesn't work",
                                      "do not work",
                                      "don't work",
                                      "not working",
                                      "not done",
                                      "not complete",
                                      "incomplete",
                                      "not finished",
                                      "isn't fixed",
                                      "not fixed",
                                      "do not pass",
                                      "don't pass",
                                      "does not pass",
                                      "doesn't pass",
                                      "not pass",
                                      "not passing",
                                      "didn't pass",
                                      "did not pass",
                                      "not successful",
                                      "unsuccessful",
                                      "no tests were run",
                                      "skipped running",
                                      "gave up",
                                      "remaining failures",
                                      "not all",
                                      "not yet",
                                      "never ran",
                                      "stopped before",
                                      NULL};
/* What was wrong may be right by now: it speaks against "done", not against "all tests pass". */
static const char *const troubles[] = {"is failing",   "are failing",  "were failing", "failing tests",
                                       "build failed", "tests failed", "test failed",  NULL};
/* What should be is not what is. */
static const char *const hopes[] = {
    "should",   "would",    "might",          "may",         "hopefully", "expect",         "likely",
    "probably", "try",      "please run",     "you can run", "let me",    "i'll",           "i will",
    "need to",  "needs to", "once",           "if",          "to verify", "to be verified", "want me to",
    "please",   "make all", "make the tests", NULL};
/* Of a claim: what it leaves out. */
static const char *const exceptions[] = {"except", "apart from", "aside from", "other than", NULL};
/* Of a failure: it is over. */
static const char *const pasts[] = {"previously", "before",     "earlier", "initially",
                                    "at first",   "originally", NULL};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The number that begins at `at` and is no part of another one. */
static bool number_at(struct str s, size_t at, size_t *ret_end, int64_t *ret)
{
    size_t end = at;
    while (end < s.n && is_digit(s.p[end]))
        end++;
    *ret_end = end;
    return end > at && (at == 0 || (s.p[at - 1] != '.' && !is_digit(s.p[at - 1]))) &&
           parse_i64_in((struct str){s.p + at, end - at}, 0, INT32_MAX, ret);
}

/* "3 tests failed", from 1 on; not "3 failed attempts". */
static bool has_count_of(struct str s, const char *const *words)
{
    for (size_t i = 0; i < s.n; i++) {
        int64_t value;
        size_t end;
        if (!number_at(s, i, &end, &value) || value == 0)
            continue;
        for (int k = 0; words[k]; k++) {
            struct str rest = {s.p + end, s.n - end}, word = str_of(words[k]);
            if (str_starts_with(rest, word) &&
                !str_starts_with((struct str){rest.p + word.n, rest.n - word.n}, STR(" attempt")))
                return true;
        }
    }
    return false;
}

/* "11 of 12", "11/12" */
static bool is_part_of_all(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        int64_t some, all;
        size_t end, after;
        if (!number_at(s, i, &end, &some))
            continue;
        struct str rest = {s.p + end, s.n - end};
        size_t between = str_starts_with(rest, STR(" of ")) ? 4 : str_starts_with(rest, STR("/")) ? 1 : 0;
        if (between && number_at(s, end + between, &after, &all) && some < all)
            return true;
    }
    return false;
}

/* Something failed, and is not said to be over. */
static bool tells_failure(struct str s)
{
    static const char *const failures[] = {" failed",       " failures",    " failure",
                                           " tests failed", " test failed", NULL};
    return has_count_of(s, failures) && !has_any(s, pasts);
}

static bool claims_checks(struct str s)
{
    static const char *const passes[] = {" passed", " passing", " tests pass", " tests passed", NULL};
    return has_any(s, strong_claims) || has_count_of(s, passes);
}

static bool ends_sentence(struct str s, size_t at)
{
    char c = s.p[at];
    bool last = at + 1 == s.n || s.p[at + 1] == ' ' || s.p[at + 1] == '\n';
    return c == '\n' || c == ';' || ((c == '.' || c == '!' || c == '?') && last);
}

struct claims {
    bool strong, weak, denies, troubled;
};

static void judge_sentence(struct str s, struct claims *c)
{
    s = str_trim(s);
    if (s.n == 0 || s.p[s.n - 1] == '?')
        return;
    bool strong = claims_checks(s);
    if (has_any(s, denials) || tells_failure(s) ||
        (strong && (has_any(s, exceptions) || is_part_of_all(s)))) {
        c->denies = true;
        return;
    }
    c->troubled = c->troubled || has_any(s, troubles);
    if (has_any(s, hopes))
        return;
    c->strong = c->strong || strong;
    c->weak = c->weak || has_any(s, weak_claims);
}

bool closing_claims_success(struct str message, bool *ret_strong)
{
    struct claims c = {0};
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < message.n; i++) {
        bool is_quote = message.n - i >= 3 && memcmp(message.p + i, "\xe2\x80\x99", 3) == 0; /* ’ */
        if (message.p[i] == '*' || message.p[i] == '`' || message.p[i] == '_')
            continue;
        buf_add_char(&text, is_quote ? '\'' : lower(message.p[i]));
        i += is_quote ? 2 : 0;
    }
    struct str s = buf_str(&text);
    size_t start = 0;
    for (size_t i = 0; i < s.n; i++)
        if (ends_sentence(s, i)) {
            judge_sentence((struct str){s.p + start, i + (s.p[i] == '?') - start}, &c);
            start = i + 1;
        }
    judge_sentence((struct str){s.p + start, s.n - start}, &c);
    buf_deinit(&text);
    *ret_strong = c.strong;
    return (c.strong || (c.weak && !c.troubled)) && !c.denies;
}
