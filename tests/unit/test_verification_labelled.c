/* test_verification_labelled.c -- commands as agents write them, with what they print and how they end, each
 * labelled by what really ran and how it went (spec 60 V1); in the shapes of all three CLIs.  A label follows
 * from the shell's rules and the program's own words.  Prints precision and recall of each outcome. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/verification.h"
#include "transcript_script.h"

#define GREEN "===== 12 passed in 1.00s =====\n"
#define RED "FAILED tests/test_a.py::test_b - assert 3 == 4\n===== 1 failed, 11 passed in 1.00s =====\n"
#define JEST_GREEN "Test Suites: 1 passed, 1 total\nTests:       3 passed, 3 total\n"
#define JEST_RED "Test Suites: 1 failed, 1 total\nTests:       1 failed, 2 passed, 3 total\n"

static const struct run {
    const char *command, *output;
    int code;
    const char *rows; /* "test passed;lint failed;" */
} runs[] = {
    /* the status is the check's own */
    {"pytest", GREEN, 0, "test passed;"},
    {"pytest", RED, 1, "test failed;"},
    {"pytest -q tests/test_a.py::test_b", "1 passed in 0.01s\n", 0, "test passed;"},
    {"pytest", "no tests ran in 0.01s\n", 5, "test failed;"},
    {"cd backend && pytest", GREEN, 0, "test passed;"},
    {"cd backend && pytest", RED, 1, "test failed;"},
    {"PYTHONPATH=. DJANGO_SETTINGS_MODULE=a.b pytest", GREEN, 0, "test passed;"},
    {"timeout 60 pytest", GREEN, 0, "test passed;"},
    {"timeout --kill-after=5 60 pytest", RED, 1, "test failed;"},
    {"time make", "cc -o a a.c\n\nreal\t0m1.2s\nuser\t0m1.0s\nsys\t0m0.1s\n", 0, "build passed;"},
    {"time make", "a.c:3:5: error: expected ';'\nmake: *** [Makefile:3: a] Error 1\n\nreal\t0m1.2s\n", 2,
     "build failed;"},
    {"npm run test -- --watch=false", JEST_GREEN, 0, "test passed;"},
    {"npm run test -- --watchAll=false --ci", JEST_RED, 1, "test failed;"},
    {"CI=true npm test -- --coverage", JEST_GREEN, 0, "test passed;"},
    {"npx vitest run --reporter=dot", " Test Files  1 passed (1)\n      Tests  3 passed (3)\n", 0,
     "test passed;"},
    {"docker compose exec app pytest", GREEN, 0, "test passed;"},
    {"docker compose exec -T app pytest", RED, 1, "test failed;"},
    {"docker compose -f ci.yml run --rm app npm test", JEST_GREEN, 0, "test passed;"},
    {"docker run --rm -v $PWD:/src -w /src node:20 npm test", JEST_GREEN, 0, "test passed;"},
    {"kubectl exec deploy/app -- pytest", GREEN, 0, "test passed;"},
    {"bash -c \"pytest -q\"", GREEN, 0, "test passed;"},
    {"bash -lc 'source .venv/bin/activate && pytest -q'", RED, 1, "test failed;"},
    {"(cd web && npm test)", JEST_GREEN, 0, "test passed;"},
    {"( cd web; npm test )", JEST_RED, 1, "test failed;"},
    {"{ cd web; npm test; }", JEST_GREEN, 0, "test passed;"},
    {"set -e; npm run lint; npm test", JEST_GREEN, 0, "lint passed;test passed;"},
    {"set -euo pipefail\npytest | tee log", GREEN, 0, "test passed;"},
    {"set -o pipefail; pytest 2>&1 | tail -5", RED, 1, "test failed;"},
    {"npm test > out.log 2>&1", "", 0, "test passed;"},
    {"npm test > out.log 2>&1", "", 1, "test failed;"},
    {"npm test &> out.log && tail -3 out.log", JEST_GREEN, 0, "test passed;"},
    {"mvn -q -DskipTests=false test", "", 0, "test passed;"},
    {"mvn -B test", "[INFO] Tests run: 5, Failures: 0, Errors: 0, Skipped: 0\n[INFO] BUILD SUCCESS\n", 0,
     "test passed;"},
    {"./gradlew test --info", "> Task :test FAILED\n5 tests completed, 1 failed\nBUILD FAILED in 2s\n", 1,
     "test failed;"},
    {"dotnet test --no-build", "Passed!  - Failed:     0, Passed:     5, Skipped:     0, Total:     5\n", 0,
     "test passed;"},
    {"go test -race ./...", "ok  \texample.com/a\t0.1s\n", 0, "test passed;"},
    {"go test ./... -run TestX", "--- FAIL: TestX (0.00s)\nFAIL\nFAIL\texample.com/a\t0.1s\nFAIL\n", 1,
     "test failed;"},
    {"cargo test --all-features", "test result: ok. 4 passed; 0 failed; 0 ignored\n", 0, "test passed;"},
    {"RUSTFLAGS='-D warnings' cargo clippy --all-targets", "    Finished `dev` profile target(s) in 0.1s\n",
     0, "lint passed;"},
    {"vendor/bin/phpunit", "OK (3 tests, 5 assertions)\n", 0, "test passed;"},
    {"php artisan test", "  Tests:    1 failed, 2 passed (5 assertions)\n", 1, "test failed;"},
    {"bundle exec rspec", "3 examples, 0 failures\n", 0, "test passed;"},
    {"bin/rails test", "3 runs, 5 assertions, 1 failures, 0 errors, 0 skips\n", 1, "test failed;"},
    {"npx tsc --noEmit", "", 0, "types passed;"},
    {"npx tsc -p .", "src/a.ts(3,5): error TS2322: Type 'string' is not assignable\n", 2, "types failed;"},
    {"npx eslint src --max-warnings=0",
     "✖ 1 problem (0 errors, 1 warning)\n\nESLint found too many warnings\n", 1, "lint failed;"},
    {"npx eslint . --fix", "", 0, "lint passed;"},
    {"ruff check . && ruff format --check . && mypy src && pytest", GREEN, 0,
     "lint passed;lint passed;types passed;test passed;"},
    {"make check",
     "a.c:3:5: error: of a test that expects one\nAll tests passed (3 assertions in 1 test case)\n", 0,
     "test passed;"},
    {"make test", "make[1]: *** [Makefile:4: all] Error 2\nmake: *** [Makefile:2: sub] Error 2\n", 2,
     "test failed;"},
    {"ctest --test-dir build -j4", "100% tests passed, 0 tests failed out of 2\n", 0, "test passed;"},
    {"bazel test //... --test_output=errors", "Executed 1 out of 1 test: 1 fails locally.\n", 3,
     "test failed;"},
    {"swift test --parallel", "Executed 4 tests, with 0 failures (0 unexpected) in 0.1 seconds\n", 0,
     "test passed;"},
    {"deno test -A", "ok | 2 passed | 0 failed (5ms)\n", 0, "test passed;"},
    {"bun test", " 1 pass\n 1 fail\n", 1, "test failed;"},
    {"tox -e py311,lint", "  evaluation failed :( (2.05 seconds)\n", 1, "test failed;"},
    {"nox -s tests", "nox > Session tests was successful.\n", 0, "test passed;"},
    {"pre-commit run --all-files",
     "ruff.....................................................................Failed\n", 1, "lint failed;"},
    {"pre-commit run --all-files",
     "ruff.....................................................................Passed\n", 0, "lint passed;"},
    /* what stands behind it hides its status: its words decide */
    {"pytest || true", RED, 0, "test failed;"},
    {"pytest || true", GREEN, 0, "test passed;"},
    {"pytest || true", "", 0, "test unknown;"},
    {"pytest | tail -5", GREEN, 0, "test passed;"},
    {"pytest | tail -5", RED, 0, "test failed;"},
    {"pytest 2>&1 | head -20", "collected 12 items\n", 0, "test unknown;"},
    {"pytest 2>&1 | tee test.log", RED, 0, "test failed;"},
    {"pytest 2>&1 | tee test.log | tail -3", GREEN, 0, "test passed;"},
    {"npm test 2>&1 | grep -E 'Tests:|Suites:'", JEST_RED, 0, "test failed;"},
    {"npx tsc --noEmit | head -20", "src/a.ts(3,5): error TS2322: Type 'string' is not assignable\n", 0,
     "types failed;"},
    {"npx tsc --noEmit | head -20", "", 0, "types unknown;"},
    {"cargo build 2>&1 | tail -3", "error: could not compile `app` (bin \"app\") due to 1 previous error\n",
     0, "build failed;"},
    {"cargo build 2>&1 | tail -3", "    Finished `dev` profile [unoptimized] target(s) in 1.2s\n", 0,
     "build passed;"},
    {"make 2>&1 | tail -3", "a.c:3:5: error: expected ';'\nmake: *** [Makefile:3: a] Error 1\n", 0,
     "build failed;"},
    {"gcc -c a.c 2>&1 | head", "a.c:3:5: error: expected ';'\n", 0, "build failed;"},
    {"go vet ./... | cat", "", 0, "lint unknown;"},
    {"npm test; npm run lint", "Tests:       3 passed, 3 total\n", 0, "test passed;lint passed;"},
    {"npm test; true", "", 0, "test unknown;"},
    {"npm test; exit 0", JEST_RED, 0, "test failed;"},
    {"pytest; echo \"exit: $?\"", "12 passed in 1.0s\nexit: 0\n", 0, "test passed;"},
    {"pytest > log; echo EXIT=$?", "EXIT=1\n", 0, "test failed;"},
    {"pytest | tail -3; echo ${PIPESTATUS[0]}", "....\n1\n", 0, "test failed;"},
    {"pytest | tail -3; echo ${PIPESTATUS[0]}", "....\n0\n", 0, "test passed;"},
    {"pytest | tail -3; echo $?", "....\n0\n", 0, "test unknown;"}, /* tail's */
    {"set -o pipefail; pytest | tail -3; echo $?", "....\n1\n", 0, "test failed;"},
    {"pytest > log 2>&1; tail -1 log; echo $?", "....\n0\n", 0, "test unknown;"},
    {"npm run lint > log && npm test > log; echo $?", "0\n", 0, "lint passed;test passed;"},
    {"pytest || true; echo $?", "0\n", 0, "test unknown;"},
    {"pytest && echo OK || echo BROKEN", "BROKEN\n", 0, "test unknown;"},
    {"if pytest -q; then echo GOOD; else echo BAD; fi", GREEN "GOOD\n", 0, "test passed;"},
    {"if pytest -q; then echo GOOD; else echo BAD; fi", RED "BAD\n", 0, "test failed;"},
    /* who prints it is not who knows it */
    {"echo 'All tests passed'", "All tests passed\n", 0, ""},
    {"echo '12 passed in 1.00s'", "12 passed in 1.00s\n", 0, ""},
    {"pytest > /dev/null; echo '12 passed in 1.00s'", "12 passed in 1.00s\n", 0, "test unknown;"},
    {"make check >/dev/null 2>&1; echo \"All tests passed\"", "All tests passed\n", 0, "test unknown;"},
    {"make check || echo 'BUILD SUCCESSFUL'", "BUILD SUCCESSFUL\n", 0, "test unknown;"},
    {"printf 'OK (3 tests, 5 assertions)\\n'", "OK (3 tests, 5 assertions)\n", 0, ""},
    {"cat test-output.txt", RED, 0, ""},
    {"tail -50 ci.log", GREEN, 0, ""},
    {"grep -rn 'failed' logs/", "logs/a:3 failed, 2 passed in 1.0s\n", 0, ""},
    /* it only speaks of checks */
    {"cat tests/test_a.py", "def test_a():\n    assert True\n", 0, ""},
    {"grep -n pytest pyproject.toml", "12:pytest = \"^8\"\n", 0, ""},
    {"sed -n '1,80p' tests/test_a.py", "import pytest\n", 0, ""},
    {"head -5 jest.config.js", "module.exports = {}\n", 0, ""},
    {"ls tests && cat package.json", "test_a.py\n{\"scripts\":{\"test\":\"jest\"}}\n", 0, ""},
    {"find . -name '*test*' -path '*/tests/*'", "./tests/test_a.py\n", 0, ""},
    {"rg \"npm test\" .github", ".github/ci.yml: npm test\n", 0, ""},
    {"# run pytest later\nls", "a\n", 0, ""},
    {"ls # then make check", "a\n", 0, ""},
    {"git commit -m 'All tests pass; run pytest and make check'", "[main 1f] All tests pass\n", 0, ""},
    {"git commit -m \"$(cat <<'EOF'\nFix it\n\nnpm test passes now\nmake check\nEOF\n)\"",
     "[main 1f] Fix it\n", 0, ""},
    {"git log --grep 'pytest'", "", 0, ""},
    {"git add -A && git commit -m test && git push", "", 0, ""},
    {"cat > ci.sh <<'EOF'\n#!/bin/sh\nset -e\nnpm test\npytest\nEOF\nchmod +x ci.sh", "", 0, ""},
    {"tee Makefile <<EOF\ncheck:\n\tpytest\nEOF", "", 0, ""},
    {"python - <<'EOF'\nprint('make check')\nEOF", "make check\n", 0, ""},
    {"gh pr create --title 'Fix' --body 'Ran npm test'", "https://github.com/a/b/pull/1\n", 0, ""},
    {"gh run view --log-failed", "1 failed, 2 passed in 1.0s\n", 0, ""},
    {"pip install pytest mypy ruff", "Successfully installed pytest-8\n", 0, ""},
    {"npm install --save-dev jest", "added 200 packages\n", 0, ""},
    {"npm run dev", "ready\n", 0, ""},
    {"docker compose up -d", "", 0, ""},
    {"pytest --fixtures", "tmp_path\n", 0, ""},
    {"npx jest --showConfig", "{}\n", 0, ""},
    {"npx eslint --version", "v9.1.0\n", 0, ""},
    {"npx eslint --print-config a.js", "{}\n", 0, ""},
    {"cargo test -- --list", "tests::a: test\n", 0, ""},
    {"make help", "check  run the tests\n", 0, ""},
    {"man make", "", 0, ""},
    {"type pytest", "pytest is /usr/bin/pytest\n", 0, ""},
    {"command -v mypy", "/usr/bin/mypy\n", 0, ""},
    {"history | grep 'make check'", "12 make check\n", 0, ""},
    /* it did not run to its end */
    {"pytest", "bash: pytest: command not found\n", 127, "test unknown;"},
    {"timeout 60 make check", "", 124, "test unknown;"},
    {"pytest", NULL, -1, "test unknown;"},
    /* a heredoc feeds what does run */
    {"docker compose exec -T app bash -lc 'cd /app && pytest -q'", GREEN, 0, "test passed;"},
    {"npm test <<< ''", JEST_GREEN, 0, "test passed;"},
    {"yes | npm test", JEST_GREEN, 0, "test passed;"},
    {"npm test && git commit -am 'Tests pass'", JEST_GREEN "[main 1f] Tests pass\n", 0, "test passed;"},
    {"git stash && npm test; git stash pop", JEST_RED "Dropped refs/stash@{0}\n", 0, "test failed;"},
    {"for t in a b; do pytest tests/$t || exit 1; done", GREEN GREEN, 0, "test passed;"},
    {"while ! pytest -q; do sleep 1; done", GREEN, 0, "test passed;"},
    {"pnpm --filter @app/web run test", JEST_GREEN, 0, "test passed;"},
    {"pnpm -C web exec vitest run", " Test Files  1 failed (1)\n      Tests  1 failed (1)\n", 1,
     "test failed;"},
    {"yarn --cwd web test", JEST_GREEN, 0, "test passed;"},
    {"uv run --frozen pytest", GREEN, 0, "test passed;"},
    {"uv run -- python -m pytest", RED, 1, "test failed;"},
    {"poetry run python -m pytest", GREEN, 0, "test passed;"},
    {"python3.12 -m pytest", GREEN, 0, "test passed;"},
    {".venv/bin/python -m pytest", GREEN, 0, "test passed;"},
    {"./venv/bin/pytest -x", RED, 1, "test failed;"},
    {"coverage run -m pytest && coverage report", GREEN, 0, "test passed;"},
    {"python -m coverage run -m pytest", RED, 1, "test failed;"},
    {"xvfb-run -a npx playwright test", "  4 passed (3.1s)\n", 0, "test passed;"},
    {"npx turbo run test lint", JEST_GREEN, 0, "test passed;"},
    {"npx nx run app:test", JEST_GREEN, 0, "test passed;"},
    {"make -C build -j$(nproc) check", "# TOTAL: 2\n# PASS:  2\n# FAIL:  0\n# ERROR: 0\n", 0, "test passed;"},
    {"ninja -C build && meson test -C build", "Ok:                 2   \nFail:               0   \n", 0,
     "build passed;test passed;"},
    {"cmake -B build && cmake --build build -j && ctest --test-dir build",
     "100% tests passed, 0 tests failed out of 2\n", 0, "build passed;test passed;"},
    {"nix develop -c make check", "", 0, "test passed;"},
    {"nix develop --command bash -c 'make check'", "make: *** [Makefile:2: check] Error 1\n", 2,
     "test failed;"},
    {"just test", "", 0, "test passed;"},
    {"task lint", "", 0, "lint passed;"},
    {"su - app -c 'cd /app && make check'", "make: *** [Makefile:2: check] Error 1\n", 2, "test failed;"},
    {"eval \"$(direnv hook bash)\" && pytest", GREEN, 0, "test passed;"},
    {"eval 'make check'", "", 0, "test passed;"},
    {"git diff --name-only | xargs npx eslint", "✖ 1 problem (1 error, 0 warnings)\n", 123, "lint failed;"},
    {"pdm run lint", "", 0, "lint passed;"},
    {"hatch run types:check", "Found 1 error in 1 file\n", 1, "types failed;"},
    {"docker-compose -f ci.yml exec -T app npm run lint", "", 0, "lint passed;"},
    {"poe test", GREEN, 0, "test passed;"},
    {"mise run test", JEST_GREEN, 0, "test passed;"},
    {"hatch test", GREEN, 0, "test passed;"},
    {"pdm run pytest", GREEN, 0, "test passed;"},
    {"node --test --experimental-strip-types tests/", "ℹ pass 2\nℹ fail 0\n", 0, "test passed;"},
    {"npx tsx --test src/*.test.ts", "ℹ pass 1\nℹ fail 1\n", 1, "test failed;"},
    {"npm --workspace=web run test", JEST_GREEN, 0, "test passed;"},
    {"sudo docker build -t app .", "ERROR: failed to solve: process \"/bin/sh -c npm ci\" did not complete\n",
     1, "build failed;"},
    {"ssh build@host 'cd app && make check'", "make: *** [Makefile:2: check] Error 1\n", 2, "test failed;"},
};

static struct verification *run_of(const struct run *r, enum transcript_format format)
{
    const struct step steps[] = {{PROMPT, "Fix it", NULL, 0}, {SHELL, r->command, r->output, r->code}, {0}};
    struct buf text = BUF_INIT;
    struct verification *v = verification_new();
    struct turn_reader *reader;
    const struct turn *turns;
    size_t count;
    script_render(steps, format, &text);
    char *path = script_file(buf_str(&text));
    assert_int_equal(turn_reader_open(path, format, &reader), 0);
    while (turn_reader_next(reader, &turns, &count) == 1)
        for (size_t i = 0; i < count; i++)
            verification_turn(v, &turns[i]);
    (void)turn_reader_free(reader);
    (void)unlink(path);
    free(path);
    buf_deinit(&text);
    return v;
}

struct score {
    int told[CHECK_OUTCOMES], is[CHECK_OUTCOMES], right[CHECK_OUTCOMES];
};

static bool take_label(struct str *rest, struct str *ret_kind, enum check_outcome *ret)
{
    struct str row, kind;
    if (rest->n == 0 || !str_split(rest, ';', &row) || row.n == 0)
        return false;
    (void)str_split(&row, ' ', &kind);
    *ret_kind = kind;
    for (int k = 0; k < CHECK_OUTCOMES; k++)
        if (str_equal(row, str_of(check_outcome_names[k])))
            *ret = (enum check_outcome)k;
    return true;
}

/* A row is right when the label has one there, of its kind and outcome. */
static void score(const struct verification_result *r, const char *label, struct score *s)
{
    struct str rest = str_of(label), kind;
    enum check_outcome outcome = CHECK_UNKNOWN;
    for (size_t i = 0;; i++) {
        bool has_row = i < r->count, has_label = take_label(&rest, &kind, &outcome);
        if (!has_row && !has_label)
            return;
        s->told[has_row ? r->rows[i].outcome : CHECK_UNKNOWN] += has_row;
        s->is[outcome] += has_label;
        s->right[outcome] += has_row && has_label && r->rows[i].outcome == outcome &&
                             str_equal(kind, str_of(check_kind_names[r->rows[i].kind]));
    }
}

static void what_ran_and_how_it_went(void **state)
{
    static const char *const format_names[] = {"claude", "codex", "gemini"};
    struct score s = {{0}, {0}, {0}};
    struct buf rows = BUF_INIT;
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(runs); i++)
        for (int f = 0; f < TRANSCRIPT_FORMAT_COUNT; f++) {
            struct verification_result r;
            struct verification *v = run_of(&runs[i], (enum transcript_format)f);
            verification_result(v, &r);
            buf_clear(&rows);
            for (size_t k = 0; k < r.count; k++)
                buf_printf(&rows, "%s %s;", check_kind_names[r.rows[k].kind],
                           check_outcome_names[r.rows[k].outcome]);
            score(&r, runs[i].rows, &s);
            (void)verification_free(v);
            if (str_equal(buf_str(&rows), str_of(runs[i].rows)))
                continue;
            wrong++;
            print_message("%s, %d, %s: \"%.*s\"; it is \"%s\"\n", runs[i].command, runs[i].code,
                          format_names[f], STR_ARG(buf_str(&rows)), runs[i].rows);
        }
    for (int k = 0; k < CHECK_OUTCOMES; k++)
        print_message("%s: precision %.3f of %d, recall %.3f of %d\n", check_outcome_names[k],
                      s.told[k] ? (double)s.right[k] / s.told[k] : 1, s.told[k], (double)s.right[k] / s.is[k],
                      s.is[k]);
    print_message("%zu commands in %d formats, %d read otherwise\n", COUNT_OF(runs), TRANSCRIPT_FORMAT_COUNT,
                  wrong);
    buf_deinit(&rows);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_ran_and_how_it_went)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
