/* test_closing_claim.c -- what agents say at the end, and whether it claims success (spec 60 V1): labelled by
 * what a reader understands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/closing_claim.h"

static void what_claims_success_and_what_does_not(void **state)
{
    static const struct {
        const char *text;
        bool claims;
    } cases[] = {
        {"All tests pass.", true},
        {"Done.", true},
        {"I've **fixed** the bug. All 12 tests pass ✅", true},
        {"Everything is implemented; the build succeeds and no errors remain.", true},
        {"The failing tests are fixed and all tests pass now.", true},
        {"I couldn\xe2\x80\x99t run the tests. The fix is complete.", false},
        {"Implemented the parser. 2 tests failed.", false},
        {"Tests: 10 passed, 1 failed", false},
        {"Is it done?", false},
        {"The tests should pass.", false},
        {"I'll run the tests next.", false},
        {"Not done yet.", false},
        {"All 142 tests pass \xe2\x9c\x85", true},
        {"- **Tests:** 142/142 passing\n- **Build:** succeeds", true},
        {"The full test suite is passing.", true},
        {"Ran `pytest -q`: 12 passed.", true},
        {"I ran the tests: 12 passed, 0 failed.", true},
        {"Everything works as expected now.", true},
        {"The tests are now passing.", true},
        {"Tests pass, lint is clean.", true},
        {"`make check` is green.", true},
        {"make check passes.", true},
        {"CI should be green now.", false},
        {"The build is fixed and compiles without warnings.", true},
        {"All tests pass except two, which fail on main as well.", false},
        {"Tests pass except for `test_b`, which still fails.", false},
        {"11 of 12 tests pass; test_b fails because of a missing fixture.", false},
        {"There are 3 failing tests left.", false},
        {"1 test still fails.", false},
        {"I could not get the tests to pass.", false},
        {"The tests don\xe2\x80\x99t pass.", false},
        {"No tests were run, as there is no Python here.", false},
        {"I was unable to verify this.", false},
        {"This fixes the failing test; please confirm that it works.", false},
        {"Next, I'll make sure that all tests pass.", false},
        {"To verify, run `npm test`.", false},
        {"If all tests pass, merge it.", false},
        {"Here is the plan: 1. fix the parser 2. make all tests pass", false},
        {"Would you like me to run the tests?", false},
        {"I stopped before the tests passed.", false},
        {"The test failed before my change; it passes now.", true},
        {"Previously 3 tests failed; now all tests pass.", true},
        {"It took 3 failed attempts, but all tests pass now.", true},
        {"Die Tests laufen durch.", false},
        {"", false},
        {"The function returns the sum.", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool strong;
        if (closing_claims_success(str_of(cases[i].text), &strong) != cases[i].claims)
            fail_msg("\"%s\" %s", cases[i].text,
                     cases[i].claims ? "claims success" : "does not claim success");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_claims_success_and_what_does_not)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
