/* test_check_output.c -- what the output of a check says of itself (spec 60 V1).  Each text is what the
 * program prints, in its own layout, shortened in the middle; what it means is read from the program's manual
 * or is plain to a person.  Half of them are held against their exit status too: a green run must never look
 * red.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/check_output.h"

#define UNTOLD (-1)

struct output {
    const char *name, *text;
    enum check_outcome outcome;
    int64_t passed, failed;
};

static const struct output outputs[] = {
    /* Python */
    {"pytest, green",
     "============================= test session starts ==============================\n"
     "platform linux -- Python 3.12.3, pytest-8.3.3, pluggy-1.5.0\nrootdir: /work/app\ncollected 5 items\n\n"
     "tests/test_a.py .....                                                    [100%]\n\n"
     "============================== 5 passed in 0.12s ===============================\n",
     CHECK_PASSED, 5, UNTOLD},
    {"pytest, red",
     "collected 3 items\n\ntests/test_a.py .F.                                      [100%]\n\n"
     "=================================== FAILURES ===================================\n"
     "____________________________________ test_b ____________________________________\n\n"
     "    def test_b():\n>       assert add(1, 2) == 4\nE       assert 3 == 4\n\ntests/test_a.py:8: "
     "AssertionError\n"
     "=========================== short test summary info ============================\n"
     "FAILED tests/test_a.py::test_b - assert 3 == 4\n"
     "========================= 1 failed, 2 passed in 0.05s ==========================\n",
     CHECK_FAILED, 2, 1},
    {"pytest, an error at collection",
     "==================================== ERRORS ====================================\n"
     "_____________________ ERROR collecting tests/test_a.py _____________________\n"
     "ImportError while importing test module '/work/tests/test_a.py'.\n"
     "E   ModuleNotFoundError: No module named 'app'\n"
     "=========================== short test summary info ============================\n"
     "ERROR tests/test_a.py\n!!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection "
     "!!!!!!!!!!!!!!!!!!!!\n"
     "=============================== 1 error in 0.10s ===============================\n",
     CHECK_FAILED, UNTOLD, 1},
    {"pytest -q, green", "..........                                            [100%]\n10 passed in 0.21s\n",
     CHECK_PASSED, 10, UNTOLD},
    {"pytest, warnings and skips",
     "=========== 12 passed, 1 skipped, 2 xfailed, 3 warnings in 1.02s (0:00:01) ===========\n", CHECK_PASSED,
     12, UNTOLD},
    {"pytest, no tests", "============================ no tests ran in 0.01s =============================\n",
     CHECK_UNKNOWN, UNTOLD, UNTOLD},
    {"pytest, its log of a program that fails on purpose",
     "------------------------------ Captured log call -------------------------------\n"
     "ERROR    app:main.py:3 2 errors in input\n"
     "============================== 4 passed in 0.30s ===============================\n",
     CHECK_PASSED, 4, UNTOLD},
    {"unittest, green",
     "...\n----------------------------------------------------------------------\n"
     "Ran 3 tests in 0.001s\n\nOK\n",
     CHECK_PASSED, UNTOLD, UNTOLD},
    {"unittest, green with skips", "Ran 3 tests in 0.001s\n\nOK (skipped=1)\n", CHECK_PASSED, UNTOLD, UNTOLD},
    {"unittest, red",
     "F.E\n======================================================================\n"
     "FAIL: test_b "
     "(test_a.T.test_b)\n----------------------------------------------------------------------\n"
     "Traceback (most recent call last):\nAssertionError: 1 != 2\n\n"
     "----------------------------------------------------------------------\nRan 3 tests in 0.002s\n\n"
     "FAILED (failures=1, errors=1)\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"django",
     "Found 4 test(s).\nCreating test database for alias 'default'...\n"
     "System check identified no issues (0 silenced).\n....\n"
     "----------------------------------------------------------------------\n"
     "Ran 4 tests in 0.101s\n\nOK\nDestroying test database for alias 'default'...\n",
     CHECK_PASSED, UNTOLD, UNTOLD},
    {"ruff, clean", "All checks passed!\n", CHECK_PASSED, UNTOLD, UNTOLD},
    {"ruff, findings",
     "app.py:1:8: F401 [*] `os` imported but unused\nFound 1 error.\n"
     "[*] 1 fixable with the `--fix` option.\n",
     CHECK_FAILED, UNTOLD, 1},
    {"ruff --fix, all fixed", "Found 3 errors (3 fixed, 0 remaining).\n", CHECK_PASSED, UNTOLD, 0},
    {"ruff --fix, some left", "Found 3 errors (2 fixed, 1 remaining).\n", CHECK_FAILED, UNTOLD, 1},
    {"ruff format --check, clean", "12 files already formatted\n", CHECK_UNKNOWN, UNTOLD, UNTOLD},
    {"black --check",
     "would reformat app.py\n\nOh no! 💥 💔 💥\n1 file would be reformatted, 3 files would be "
     "left unchanged.\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"black --check, clean", "All done! ✨ 🍰 ✨\n4 files would be left unchanged.\n", CHECK_PASSED, UNTOLD,
     UNTOLD},
    {"mypy, clean", "Success: no issues found in 12 source files\n", CHECK_PASSED, UNTOLD, UNTOLD},
    {"mypy, findings",
     "app.py:3: error: Incompatible return value type (got \"int\", expected \"str\")  [return-value]\n"
     "Found 1 error in 1 file (checked 12 source files)\n",
     CHECK_FAILED, UNTOLD, 1},
    {"pyright, clean", "0 errors, 0 warnings, 0 informations \n", CHECK_PASSED, UNTOLD, 0},
    {"pyright, findings",
     "/work/app.py\n  /work/app.py:3:12 - error: Type \"int\" is not assignable to return type \"str\"\n"
     "1 error, 0 warnings, 0 informations \n",
     CHECK_FAILED, UNTOLD, 1},
    {"pylint",
     "************* Module app\napp.py:1:0: C0114: Missing module docstring (missing-module-docstring)\n\n"
     "------------------------------------------------------------------\n"
     "Your code has been rated at 9.50/10 (previous run: 9.00/10, +0.50)\n",
     CHECK_UNKNOWN, UNTOLD, UNTOLD},
    {"tox, green",
     "py311: commands[0]> pytest -q\n3 passed in 0.04s\n  py311: OK (1.20=setup[0.60]+cmd[0.60] seconds)\n"
     "  congratulations :) (1.25 seconds)\n",
     CHECK_PASSED, 3, UNTOLD},
    {"tox, red",
     "  py311: OK (1.20=setup[0.60]+cmd[0.60] seconds)\n  lint: FAIL code 1 (0.80=setup[0.40]+cmd[0.40] "
     "seconds)\n"
     "  evaluation failed :( (2.05 seconds)\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"nox, green",
     "nox > Running session tests-3.12\nnox > pytest -q\n3 passed in 0.04s\nnox > Session tests-3.12 was "
     "successful.\n",
     CHECK_PASSED, 3, UNTOLD},
    {"nox, red", "nox > Command mypy src failed with exit code 1\nnox > Session types failed.\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"pre-commit, green",
     "trim trailing whitespace.................................................Passed\n"
     "ruff.....................................................................Passed\n",
     CHECK_PASSED, UNTOLD, UNTOLD},
    {"pre-commit, red",
     "trim trailing whitespace.................................................Passed\n"
     "ruff.....................................................................Failed\n- hook id: ruff\n"
     "- exit code: 1\n\napp.py:1:8: F401 `os` imported but unused\nFound 1 error.\n",
     CHECK_FAILED, UNTOLD, 1},
    /* JavaScript */
    {"jest, green",
     "PASS src/a.test.js\nPASS src/b.test.js\n\nTest Suites: 2 passed, 2 total\n"
     "Tests:       7 passed, 7 total\nSnapshots:   0 total\nTime:        1.234 s\nRan all test suites.\n",
     CHECK_PASSED, 7, UNTOLD},
    {"jest, red",
     "PASS src/a.test.js\nFAIL src/b.test.js\n  ● adds\n\n    expect(received).toBe(expected)\n\n"
     "Test Suites: 1 failed, 1 passed, 2 total\nTests:       1 failed, 6 passed, 7 total\n"
     "Snapshots:   0 total\nTime:        1.2 s\n",
     CHECK_FAILED, 6, 1},
    {"jest, a suite that does not load",
     "FAIL src/b.test.js\n  ● Test suite failed to run\n\n    Cannot find module './b'\n\n"
     "Test Suites: 1 failed, 1 total\nTests:       0 total\nSnapshots:   0 total\n",
     CHECK_FAILED, UNTOLD, 1},
    {"vitest, green",
     " RUN  v2.1.4 /work/app\n\n ✓ src/a.test.ts (3 tests) 4ms\n\n Test Files  1 passed (1)\n"
     "      Tests  3 passed (3)\n   Start at  10:00:00\n   Duration  312ms\n",
     CHECK_PASSED, 3, UNTOLD},
    {"vitest, red",
     " ❯ src/a.test.ts (3 tests | 1 failed) 6ms\n   × adds 3ms\n\n Test Files  1 failed (1)\n"
     "      Tests  1 failed | 2 passed (3)\n",
     CHECK_FAILED, 2, 1},
    {"mocha, green", "  calc\n    ✔ adds\n    ✔ subtracts\n\n\n  2 passing (4ms)\n", CHECK_PASSED, 2, UNTOLD},
    {"mocha, red",
     "  calc\n    ✔ adds\n    1) subtracts\n\n\n  1 passing (4ms)\n  1 failing\n\n  1) calc\n       "
     "subtracts:\n",
     CHECK_FAILED, 1, 1},
    {"node --test, green",
     "✔ adds (0.5ms)\nℹ tests 2\nℹ suites 0\nℹ pass 2\nℹ fail 0\nℹ cancelled 0\nℹ skipped 0\nℹ todo 0\n"
     "ℹ duration_ms 40.1\n",
     CHECK_PASSED, 2, 0},
    {"node --test, red",
     "TAP version 13\nnot ok 1 - adds\nok 2 - subtracts\n1..2\n# tests 2\n# pass 1\n# fail 1\n", CHECK_FAILED,
     1, 1},
    {"node --test, a todo that fails",
     "TAP version 13\nnot ok 1 - later # TODO\nok 2 - now\n1..2\n# tests 2\n# pass 1\n# fail 0\n# todo 1\n",
     CHECK_PASSED, 1, 0},
    {"playwright, green", "Running 4 tests using 2 workers\n  4 passed (3.1s)\n", CHECK_PASSED, 4, UNTOLD},
    {"playwright, red",
     "Running 4 tests using 2 workers\n  1) [chromium] › a.spec.ts:3:1 › logs in\n\n  1 failed\n"
     "    [chromium] › a.spec.ts:3:1 › logs in\n  3 passed (5.0s)\n",
     CHECK_FAILED, 3, 1},
    {"cypress, red",
     "  (Results)\n  ┌──────────────┐\n  │ Tests:        3 │\n  │ Passing:      2 │\n  │ Failing:      1 │\n"
     "  └──────────────┘\n  ✖  1 of 1 failed (100%)   00:03\n",
     CHECK_FAILED, 2, 1},
    {"eslint, findings",
     "/work/src/a.js\n  1:7  error  'x' is assigned a value but never used  no-unused-vars\n\n"
     "✖ 1 problem (1 error, 0 warnings)\n",
     CHECK_FAILED, UNTOLD, 1},
    {"eslint, warnings alone",
     "/work/src/a.js\n  1:7  warning  Unexpected console statement  no-console\n\n"
     "✖ 1 problem (0 errors, 1 warning)\n",
     CHECK_PASSED, UNTOLD, 0},
    {"eslint, silence", "", CHECK_UNKNOWN, UNTOLD, UNTOLD},
    {"tsc, red", "src/a.ts(3,5): error TS2322: Type 'string' is not assignable to type 'number'.\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"tsc --pretty, red",
     "src/a.ts:3:5 - error TS2322: Type 'string' is not assignable to type 'number'.\n\n3     n = 'x';\n     "
     " ~\n\n"
     "Found 1 error in src/a.ts:3\n",
     CHECK_FAILED, UNTOLD, 1},
    {"tsc --watch's sentence", "Found 0 errors. Watching for file changes.\n", CHECK_PASSED, UNTOLD, 0},
    {"biome, clean", "Checked 12 files in 5ms. No fixes applied.\n", CHECK_UNKNOWN, UNTOLD, UNTOLD},
    {"biome, findings", "Checked 12 files in 5ms. No fixes applied.\nFound 2 errors.\n", CHECK_FAILED, UNTOLD,
     2},
    {"oxlint, clean", "Found 0 warnings and 0 errors.\nFinished in 5ms on 12 files with 99 rules.\n",
     CHECK_PASSED, UNTOLD, 0},
    {"oxlint, findings", "Found 1 warning and 2 errors.\nFinished in 5ms on 12 files.\n", CHECK_FAILED,
     UNTOLD, 2},
    {"prettier --check, clean", "Checking formatting...\nAll matched files use Prettier code style!\n",
     CHECK_PASSED, UNTOLD, UNTOLD},
    {"prettier --check, findings",
     "Checking formatting...\n[warn] src/a.js\n[warn] Code style issues found in the above file. Run "
     "Prettier "
     "with --write to fix.\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"vite build",
     "vite v5.4.0 building for production...\n✓ 34 modules transformed.\n"
     "dist/index.html  0.46 kB │ gzip: 0.30 kB\n✓ built in 1.02s\n",
     CHECK_PASSED, UNTOLD, UNTOLD},
    {"vite build, red",
     "✗ Build failed in 120ms\nerror during build:\n[vite]: Rollup failed to resolve import\n", CHECK_FAILED,
     UNTOLD, UNTOLD},
    {"next build", " ✓ Compiled successfully\n ✓ Linting and checking validity of types\n", CHECK_PASSED,
     UNTOLD, UNTOLD},
    {"next build, red",
     "Failed to compile.\n\n./app/page.tsx:3:5\nType error: Type 'string' is not assignable\n", CHECK_FAILED,
     UNTOLD, UNTOLD},
    {"webpack", "webpack 5.95.0 compiled successfully in 812 ms\n", CHECK_PASSED, UNTOLD, UNTOLD},
    {"webpack, red", "webpack 5.95.0 compiled with 1 error in 812 ms\n", CHECK_FAILED, UNTOLD, 1},
    {"npm, a script that failed",
     "npm ERR! code ELIFECYCLE\nnpm ERR! errno 1\nnpm ERR! app@1.0.0 test: `jest`\nnpm ERR! Exit status 1\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"npm, no such script", "npm error Missing script: \"test\"\n", CHECK_FAILED, UNTOLD, UNTOLD},
    {"pnpm, a script that failed", " ELIFECYCLE  Test failed. See above for more details.\n", CHECK_FAILED,
     UNTOLD, UNTOLD},
    {"yarn, a script that failed", "error Command failed with exit code 1.\n", CHECK_FAILED, UNTOLD, UNTOLD},
    {"bun test, green",
     "bun test v1.1.30\n\na.test.ts:\n✓ adds [0.10ms]\n\n 2 pass\n 0 fail\n 3 expect() calls\n"
     "Ran 2 tests across 1 files. [12.00ms]\n",
     CHECK_PASSED, 2, 0},
    {"bun test, red", "a.test.ts:\n✗ adds [0.10ms]\n\n 1 pass\n 1 fail\n 2 expect() calls\n", CHECK_FAILED, 1,
     1},
    {"deno test, green",
     "running 2 tests from ./a_test.ts\nadds ... ok (1ms)\nsubtracts ... ok (0ms)\n\n"
     "ok | 2 passed | 0 failed (5ms)\n",
     CHECK_PASSED, 2, 0},
    {"deno test, red",
     "adds ... FAILED (1ms)\n\n ERRORS \n\nadds => ./a_test.ts:1:6\n\nFAILED | 1 passed | 1 failed (5ms)\n\n"
     "error: Test failed\n",
     CHECK_FAILED, 1, 1},
    /* Go, Rust, C */
    {"go test, green",
     "ok  \texample.com/app\t0.012s\nok  \texample.com/app/calc\t(cached)\n"
     "?   \texample.com/app/cmd\t[no test files]\n",
     CHECK_PASSED, UNTOLD, UNTOLD},
    {"go test, red",
     "--- FAIL: TestAdd (0.00s)\n    calc_test.go:8: got 3, want "
     "4\nFAIL\nFAIL\texample.com/app/calc\t0.002s\n"
     "ok  \texample.com/app\t0.012s\nFAIL\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"go test -v, a subtest that fails",
     "=== RUN   TestAdd\n=== RUN   TestAdd/two\n    --- FAIL: TestAdd/two (0.00s)\n--- FAIL: TestAdd "
     "(0.00s)\nFAIL\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"go test -v, green",
     "=== RUN   TestAdd\n--- PASS: TestAdd (0.00s)\nPASS\nok  \texample.com/app\t0.002s\n", CHECK_PASSED,
     UNTOLD, UNTOLD},
    {"go test, it does not build",
     "# example.com/app/calc [example.com/app/calc.test]\n./calc_test.go:5:9: undefined: Add\n"
     "FAIL\texample.com/app/calc [build failed]\nFAIL\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"go test, a panic",
     "panic: runtime error: index out of range [3] with length 3 [recovered]\n\ngoroutine 6 [running]:\n"
     "FAIL\texample.com/app\t0.004s\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"gotestsum", "DONE 12 tests, 1 failure in 0.512s\n", CHECK_FAILED, UNTOLD, 1},
    {"gotestsum, green", "DONE 12 tests in 0.512s\n", CHECK_PASSED, UNTOLD, UNTOLD},
    {"golangci-lint, findings", "calc.go:3:6: func `x` is unused (unused)\n1 issues:\n* unused: 1\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"golangci-lint, clean", "0 issues.\n", CHECK_PASSED, UNTOLD, UNTOLD},
    {"cargo test, green",
     "   Compiling app v0.1.0 (/work/app)\n    Finished `test` profile [unoptimized + debuginfo] target(s) "
     "in 0.5s\n"
     "     Running unittests src/lib.rs (target/debug/deps/app-1f)\n\nrunning 2 tests\ntest tests::adds ... "
     "ok\n"
     "test tests::fails_on_overflow ... ok\n\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 "
     "filtered out; finished in 0.00s\n\n   Doc-tests app\n\nrunning 0 tests\n\ntest result: ok. 0 passed; 0 "
     "failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
     CHECK_PASSED, 2, 0},
    {"cargo test, red",
     "running 2 tests\ntest tests::adds ... FAILED\ntest tests::subs ... ok\n\nfailures:\n    tests::adds\n\n"
     "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n"
     "error: test failed, to rerun pass `--lib`\n",
     CHECK_FAILED, 1, 1},
    {"cargo test, it does not build",
     "error[E0425]: cannot find value `x` in this scope\n --> src/lib.rs:3:5\n\n"
     "error: could not compile `app` (lib test) due to 1 previous error\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"cargo clippy, warnings alone",
     "warning: unused variable: `x`\n --> src/lib.rs:3:9\n\nwarning: `app` (lib) generated 1 warning\n"
     "    Finished `dev` profile [unoptimized + debuginfo] target(s) in 0.30s\n",
     CHECK_PASSED, UNTOLD, UNTOLD},
    {"cargo clippy -D warnings",
     "error: unused variable: `x`\n --> src/lib.rs:3:9\n\nerror: could not compile `app` (lib) due to 1 "
     "previous "
     "error\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"cargo nextest",
     "    Starting 3 tests across 1 binary\n        PASS [   0.004s] app tests::a\n        FAIL [   0.004s] "
     "app "
     "tests::b\n     Summary [   0.010s] 3 tests run: 2 passed, 1 failed, 0 skipped\n",
     CHECK_FAILED, 2, 1},
    {"cargo build, green",
     "   Compiling app v0.1.0 (/work/app)\n    Finished `dev` profile [unoptimized + "
     "debuginfo] target(s) in 1.20s\n",
     CHECK_PASSED, UNTOLD, UNTOLD},
    {"make, red",
     "cc -c a.c -o a.o\na.c:3:5: error: expected ';' before 'return'\nmake: *** [Makefile:7: a.o] "
     "Error 1\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"make below make, red",
     "make[1]: *** [Makefile:4: all] Error 2\nmake[1]: Leaving directory '/work/lib'\n", CHECK_FAILED, UNTOLD,
     UNTOLD},
    {"make, an error that is ignored",
     "rm build.lock\nrm: cannot remove 'build.lock': No such file or directory\n"
     "make: [Makefile:3: clean] Error 1 (ignored)\ncc -o a a.c\n",
     CHECK_UNKNOWN, UNTOLD, UNTOLD},
    {"make, nothing to do", "make: Nothing to be done for 'all'.\n", CHECK_UNKNOWN, UNTOLD, UNTOLD},
    {"gcc, an error",
     "a.c: In function 'main':\na.c:3:5: error: 'x' undeclared (first use in this function)\n", CHECK_FAILED,
     UNTOLD, UNTOLD},
    {"gcc, a fatal error",
     "a.c:1:10: fatal error: missing.h: No such file or directory\ncompilation terminated.\n", CHECK_FAILED,
     UNTOLD, UNTOLD},
    {"gcc, a warning", "a.c:3:5: warning: unused variable 'error' [-Wunused-variable]\n", CHECK_UNKNOWN,
     UNTOLD, UNTOLD},
    {"ld, undefined",
     "/usr/bin/ld: a.o: in function `main':\na.c:(.text+0x5): undefined reference to `f'\n"
     "collect2: error: ld returned 1 exit status\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"clang, sum of errors", "a.c:3:5: error: use of undeclared identifier 'x'\n1 error generated.\n",
     CHECK_FAILED, UNTOLD, 1},
    {"ninja, red", "FAILED: a.o \ncc -c a.c\nninja: build stopped: subcommand failed.\n", CHECK_FAILED,
     UNTOLD, UNTOLD},
    {"ctest, green",
     "      Start 1: a\n1/2 Test #1: a ................   Passed    0.01 sec\n      Start 2: b\n"
     "2/2 Test #2: b ................   Passed    0.01 sec\n\n100% tests passed, 0 tests failed out of 2\n\n"
     "Total Test time (real) =   0.03 sec\n",
     CHECK_PASSED, UNTOLD, 0},
    {"ctest, red",
     "2/2 Test #2: b ................***Failed    0.01 sec\n\n50% tests passed, 1 tests failed out of 2\n\n"
     "The following tests FAILED:\n\t  2 - b (Failed)\nErrors while running CTest\n",
     CHECK_FAILED, UNTOLD, 1},
    {"meson test, green",
     "1/2 a OK              0.01s\n2/2 b OK              0.01s\n\nOk:                2   \nFail:             "
     " 0   \n",
     CHECK_PASSED, 2, 0},
    {"meson test, a timeout",
     "Ok:                 1   \nExpected Fail:      0   \nFail:               0   \nUnexpected Pass:    0   "
     "\n"
     "Skipped:            0   \nTimeout:            1   \n",
     CHECK_FAILED, 1, 1},
    {"automake's make check",
     "PASS: a.test\nFAIL: "
     "b.test\n============================================================================\n"
     "Testsuite summary for app 1.0\n"
     "============================================================================\n# TOTAL: 2\n# PASS:  1\n"
     "# SKIP:  0\n# XFAIL: 0\n# FAIL:  1\n# XPASS: 0\n# ERROR: 0\n",
     CHECK_FAILED, 1, 1},
    {"automake's make check, green",
     "PASS: a.test\nPASS: b.test\n# TOTAL: 2\n# PASS:  2\n# SKIP:  0\n# XFAIL: 0\n# FAIL:  0\n# XPASS: 0\n"
     "# ERROR: 0\n",
     CHECK_PASSED, 2, 0},
    {"googletest, green",
     "[==========] Running 2 tests from 1 test suite.\n[ RUN      ] A.b\n[       OK ] A.b (0 ms)\n"
     "[==========] 2 tests from 1 test suite ran. (0 ms total)\n[  PASSED  ] 2 tests.\n",
     CHECK_PASSED, 2, UNTOLD},
    {"googletest, red",
     "[ RUN      ] A.b\na.cc:3: Failure\n[  FAILED  ] A.b (0 ms)\n[  PASSED  ] 1 test.\n"
     "[  FAILED  ] 1 test, listed below:\n[  FAILED  ] A.b\n\n 1 FAILED TEST\n",
     CHECK_FAILED, 1, 1},
    {"catch2, green",
     "===============================================================================\n"
     "All tests passed (12 assertions in 3 test cases)\n",
     CHECK_PASSED, UNTOLD, UNTOLD},
    {"catch2, red", "test cases: 3 | 2 passed | 1 failed\nassertions: 12 | 11 passed | 1 failed\n",
     CHECK_FAILED, 2, 1},
    {"bazel, green",
     "INFO: Build completed successfully, 12 total actions\n//app:a_test                    PASSED in "
     "0.3s\n\n"
     "Executed 1 out of 1 test: 1 test passes.\n",
     CHECK_PASSED, UNTOLD, UNTOLD},
    {"bazel, red",
     "//app:a_test                    FAILED in 0.3s\n  /root/.cache/test.log\n\n"
     "Executed 1 out of 1 test: 1 fails locally.\nINFO: Build completed, 1 test FAILED, 12 total actions\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"bazel, it does not build", "ERROR: Build did NOT complete successfully\nFAILED: \n", CHECK_FAILED,
     UNTOLD, UNTOLD},
    {"zig, green", "All 3 tests passed.\n", CHECK_PASSED, UNTOLD, UNTOLD},
    {"zig, red", "2 passed; 0 skipped; 1 failed.\n", CHECK_FAILED, 2, 1},
    {"valgrind", "==123== ERROR SUMMARY: 2 errors from 2 contexts (suppressed: 0 from 0)\n", CHECK_UNKNOWN,
     UNTOLD, UNTOLD},
    /* the JVM, .NET, Swift */
    {"maven, green",
     "[INFO] Tests run: 5, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.04 s -- in com.app.ATest\n"
     "[INFO] \n[INFO] Results:\n[INFO] \n[INFO] Tests run: 5, Failures: 0, Errors: 0, Skipped: 0\n[INFO] \n"
     "[INFO] ------------------------------------------------------------------------\n[INFO] BUILD SUCCESS\n"
     "[INFO] ------------------------------------------------------------------------\n"
     "[INFO] Total time:  3.4 s\n",
     CHECK_PASSED, UNTOLD, 0},
    {"maven, red",
     "[ERROR] Failures: \n[ERROR]   ATest.adds:9 expected: <4> but was: <3>\n[INFO] \n"
     "[ERROR] Tests run: 5, Failures: 1, Errors: 0, Skipped: 0\n[INFO] \n[INFO] BUILD FAILURE\n",
     CHECK_FAILED, UNTOLD, 1},
    {"maven, it does not compile",
     "[ERROR] COMPILATION ERROR : \n[ERROR] /work/A.java:[3,5] ';' expected\n[INFO] 1 error\n"
     "[INFO] BUILD FAILURE\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"gradle, green",
     "> Task :test\n\nBUILD SUCCESSFUL in 2s\n4 actionable tasks: 2 executed, 2 up-to-date\n", CHECK_PASSED,
     UNTOLD, UNTOLD},
    {"gradle, red",
     "> Task :test FAILED\n\nATest > adds() FAILED\n    org.opentest4j.AssertionFailedError at "
     "ATest.java:9\n\n"
     "5 tests completed, 1 failed\n\nFAILURE: Build failed with an exception.\n\n* What went wrong:\n"
     "Execution failed for task ':test'.\n\nBUILD FAILED in 2s\n",
     CHECK_FAILED, UNTOLD, 1},
    {"sbt, green",
     "[info] Tests: succeeded 5, failed 0, canceled 0, ignored 0, pending 0\n[info] All tests "
     "passed.\n[success] Total time: 3 s\n",
     CHECK_PASSED, UNTOLD, UNTOLD},
    {"sbt, red",
     "[info] *** 1 TEST FAILED ***\n[error] Failed: Total 5, Failed 1, Errors 0, Passed 4\n"
     "[error] (Test / test) sbt.TestsFailedException: Tests unsuccessful\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"dotnet test, green",
     "  Determining projects to restore...\nPassed!  - Failed:     0, Passed:     5, Skipped:     0, Total:  "
     "   5, "
     "Duration: 12 ms - App.Tests.dll (net8.0)\n",
     CHECK_PASSED, 5, 0},
    {"dotnet test, red",
     "  Failed App.Tests.A.Adds [3 ms]\nFailed!  - Failed:     1, Passed:     4, Skipped:     0, Total:     "
     "5, "
     "Duration: 20 ms - App.Tests.dll (net8.0)\n",
     CHECK_FAILED, 4, 1},
    {"dotnet build, green",
     "Build succeeded.\n    0 Warning(s)\n    0 Error(s)\n\nTime Elapsed 00:00:01.50\n", CHECK_PASSED, UNTOLD,
     UNTOLD},
    {"dotnet build, red",
     "/work/A.cs(3,9): error CS0103: The name 'x' does not exist in the current context "
     "[/work/App.csproj]\n\n"
     "Build FAILED.\n    0 Warning(s)\n    1 Error(s)\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"swift test, green",
     "Test Suite 'All tests' passed at 2026-10-01 10:00:00.000.\n"
     "\t Executed 4 tests, with 0 failures (0 unexpected) in 0.004 (0.005) seconds\n",
     CHECK_PASSED, UNTOLD, 0},
    {"swift test, red",
     "Test Suite 'All tests' failed at 2026-10-01 10:00:00.000.\n"
     "\t Executed 4 tests, with 1 failure (0 unexpected) in 0.004 (0.005) seconds\n",
     CHECK_FAILED, UNTOLD, 1},
    {"swift testing", "✔ Test run with 3 tests passed after 0.001 seconds.\n", CHECK_PASSED, UNTOLD, UNTOLD},
    {"swift build, red", "/work/A.swift:3:5: error: cannot find 'x' in scope\n", CHECK_FAILED, UNTOLD,
     UNTOLD},
    {"xcodebuild, red", "Testing failed:\n\tATests.testB()\n** TEST FAILED **\n", CHECK_FAILED, UNTOLD,
     UNTOLD},
    {"flutter, green", "00:02 +5: All tests passed!\n", CHECK_PASSED, UNTOLD, UNTOLD},
    {"flutter, red", "00:02 +4 -1: Some tests failed.\n", CHECK_FAILED, UNTOLD, UNTOLD},
    {"flutter analyze, clean", "Analyzing app...\nNo issues found! (ran in 1.2s)\n", CHECK_PASSED, UNTOLD,
     UNTOLD},
    {"flutter analyze, findings",
     "   info • Unused import • lib/a.dart:1:8 • unused_import\n\n1 issue found. (ran in "
     "1.2s)\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    /* Ruby, PHP, Elixir, shell */
    {"rspec, green",
     "...\n\nFinished in 0.003 seconds (files took 0.08 seconds to load)\n3 examples, 0 failures\n",
     CHECK_PASSED, UNTOLD, 0},
    {"rspec, red",
     "F..\n\nFailures:\n\n  1) Calc adds\n     Failure/Error: expect(3).to eq(4)\n\n3 examples, 1 failure, 1 "
     "pending\n\nFailed examples:\n\nrspec ./spec/calc_spec.rb:3 # Calc adds\n",
     CHECK_FAILED, UNTOLD, 1},
    {"rspec, an error outside", "0 examples, 0 failures, 1 error occurred outside of examples\n",
     CHECK_FAILED, UNTOLD, 1},
    {"minitest, green",
     "Finished in 0.001s, 2000 runs/s.\n3 runs, 5 assertions, 0 failures, 0 errors, 0 skips\n", CHECK_PASSED,
     UNTOLD, 0},
    {"minitest, red", "3 runs, 5 assertions, 1 failures, 0 errors, 0 skips\n", CHECK_FAILED, UNTOLD, 1},
    {"rubocop, clean", "Inspecting 3 files\n...\n\n3 files inspected, no offenses detected\n", CHECK_PASSED,
     UNTOLD, UNTOLD},
    {"rubocop, findings", "3 files inspected, 2 offenses detected, 1 offense autocorrectable\n", CHECK_FAILED,
     UNTOLD, UNTOLD},
    {"phpunit, green",
     "...                                    3 / 3 (100%)\n\nTime: 00:00.005, Memory: 8.00 MB\n\n"
     "OK (3 tests, 5 assertions)\n",
     CHECK_PASSED, UNTOLD, UNTOLD},
    {"phpunit, red",
     "There was 1 failure:\n\n1) CalcTest::testAdd\nFailed asserting that 3 matches expected "
     "4.\n\nFAILURES!\n"
     "Tests: 3, Assertions: 5, Failures: 1.\n",
     CHECK_FAILED, UNTOLD, 1},
    {"phpunit, errors", "ERRORS!\nTests: 3, Assertions: 4, Errors: 1.\n", CHECK_FAILED, UNTOLD, 1},
    {"phpunit, skips", "OK, but some tests were skipped!\nTests: 3, Assertions: 4, Skipped: 1.\n",
     CHECK_PASSED, UNTOLD, UNTOLD},
    {"pest, green", "  Tests:    3 passed (5 assertions)\n  Duration: 0.05s\n", CHECK_PASSED, 3, UNTOLD},
    {"pest, red", "  Tests:    1 failed, 2 passed (5 assertions)\n", CHECK_FAILED, 2, 1},
    {"phpstan, clean", " [OK] No errors\n", CHECK_PASSED, UNTOLD, UNTOLD},
    {"phpstan, findings",
     " ------ ----------\n  3      Undefined variable: $x\n ------ ----------\n\n [ERROR] Found "
     "1 error\n",
     CHECK_FAILED, UNTOLD, 1},
    {"exunit, green", "...\nFinished in 0.03 seconds (0.00s async, 0.03s sync)\n3 tests, 0 failures\n",
     CHECK_PASSED, UNTOLD, 0},
    {"exunit, red", "1 doctest, 3 tests, 1 failure\n", CHECK_FAILED, UNTOLD, 1},
    {"bats, red", "1..2\nok 1 adds\nnot ok 2 subtracts\n# (in test file a.bats, line 7)\n", CHECK_FAILED,
     UNTOLD, UNTOLD},
    {"bats, green", "1..2\nok 1 adds\nok 2 subtracts\n", CHECK_PASSED, UNTOLD, UNTOLD},
    {"bats --pretty", "a.bats\n ✓ adds\n ✗ subtracts\n\n2 tests, 1 failure\n", CHECK_FAILED, UNTOLD, 1},
    {"prove",
     "t/a.t .. ok\nt/b.t .. Failed 1/3 subtests\n\nTest Summary Report\nFiles=2, Tests=5\nResult: FAIL\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    {"busted, green", "●●●\n3 successes / 0 failures / 0 errors / 0 pending : 0.001 seconds\n", CHECK_PASSED,
     3, 0},
    {"busted, red", "●◼●\n2 successes / 1 failure / 0 errors / 0 pending : 0.001 seconds\n", CHECK_FAILED, 2,
     1},
    {"cabal", "1 of 1 test suites (1 of 1 test cases) passed.\n", CHECK_PASSED, UNTOLD, UNTOLD},
    {"terraform validate", "Success! The configuration is valid.\n", CHECK_PASSED, UNTOLD, UNTOLD},
    {"docker build, red",
     "ERROR: failed to solve: process \"/bin/sh -c npm ci\" did not complete successfully: exit "
     "code: 1\n",
     CHECK_FAILED, UNTOLD, UNTOLD},
    /* what is no summary */
    {"a sentence", "The suite had 2 failed tests yesterday and 5 passed today.\n", CHECK_UNKNOWN, UNTOLD,
     UNTOLD},
    {"a list of files", "tests/test_failed_login.py\ntests/test_errors.py\nsrc/error.rs\n", CHECK_UNKNOWN,
     UNTOLD, UNTOLD},
    {"source that is read", "    raise ValueError(\"1 failed\")\n    print(\"FAILED\")\n", CHECK_UNKNOWN,
     UNTOLD, UNTOLD},
    {"a log", "2026-10-01 10:00:00 ERROR worker 3 failed: timeout after 5 s\n", CHECK_UNKNOWN, UNTOLD,
     UNTOLD},
    {"coverage of a green run",
     "Name          Stmts   Miss  Cover\n---------------------------------\napp/errors.py      10      0   "
     "100%\n"
     "TOTAL              10      0   100%\n\n5 passed in 0.20s\n",
     CHECK_PASSED, 5, UNTOLD},
};

static void a_runner_is_believed_in_its_own_words(void **state)
{
    int wrong = 0, red = 0, green = 0;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(outputs); i++) {
        const struct output *o = &outputs[i];
        struct check_summary s;
        check_summary_read(str_of(o->text), STR("make check"), &s);
        red += o->outcome == CHECK_FAILED;
        green += o->outcome == CHECK_PASSED;
        if (s.outcome == o->outcome && s.passed == o->passed && s.failed == o->failed)
            continue;
        wrong++;
        print_message("%s: %s, %lld passed, %lld failed by \"%.*s\"; it is %s, %lld, %lld\n", o->name,
                      check_outcome_names[s.outcome], (long long)s.passed, (long long)s.failed,
                      STR_ARG(s.line), check_outcome_names[o->outcome], (long long)o->passed,
                      (long long)o->failed);
    }
    print_message("%zu outputs: %d green, %d red, %d read otherwise\n", COUNT_OF(outputs), green, red, wrong);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_runner_is_believed_in_its_own_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
