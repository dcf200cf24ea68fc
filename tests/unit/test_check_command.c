/* test_check_command.c -- which command lines run a check, and of what kind (spec 60 V1).  A row is a command
 * line as an agent writes it and the kinds of the checks in it, in order, as the manuals of the programs say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "core/check_command.h"

struct expectation {
    const char *command, *kinds;
};

static void expect_kinds(const struct expectation *rows, size_t count)
{
    struct buf told = BUF_INIT;
    struct arena a;
    int wrong = 0;
    arena_init(&a);
    for (size_t i = 0; i < count; i++) {
        struct shell_line line;
        enum check_kind kind;
        buf_clear(&told);
        shell_line_parse(str_of(rows[i].command), &a, &line);
        for (size_t k = 0; k < line.count; k++)
            if (check_command_kind(&line.commands[k], &kind))
                buf_printf(&told, "%s%s", told.n ? " " : "", check_kind_names[kind]);
        if (!str_equal(buf_str(&told), str_of(rows[i].kinds))) {
            print_message("%s\n  -> \"%.*s\", it is \"%s\"\n", rows[i].command, (int)told.n, told.p,
                          rows[i].kinds);
            wrong++;
        }
        arena_reset(&a);
    }
    buf_deinit(&told);
    assert_int_equal(wrong, 0);
}
#define EXPECT(rows) expect_kinds(rows, COUNT_OF(rows))

static void runners_of_the_common_ecosystems_are_checks(void **state)
{
    static const struct expectation rows[] = {
        {"npm test", "test"},
        {"npm t", "test"},
        {"npm run test:unit -- --silent", "test"},
        {"npm run build", "build"},
        {"npm --prefix web run lint", "lint"},
        {"pnpm test", "test"},
        {"pnpm -r test", "test"},
        {"pnpm --filter web typecheck", "types"},
        {"pnpm -F web lint", "lint"},
        {"pnpm vitest run", "test"},
        {"yarn jest", "test"},
        {"yarn tsc --noEmit", "types"},
        {"yarn workspace web test", "test"},
        {"bun test", "test"},
        {"bun run typecheck", "types"},
        {"npx vitest run", "test"},
        {"npx jest src/a.test.js", "test"},
        {"./node_modules/.bin/mocha", "test"},
        {"node --test tests/", "test"},
        {"node test.js", "test"},
        {"npx tsc --noEmit", "types"},
        {"npx eslint .", "lint"},
        {"npx prettier --check .", "lint"},
        {"deno task test", "test"},
        {"pytest -v", "test"},
        {"python -m pytest -q tests", "test"},
        {"python3 -m unittest discover", "test"},
        {"python manage.py test", "test"},
        {"python tests/test_parser.py", "test"},
        {"tox -e py311", "test"},
        {"nox -s tests", "test"},
        {"ruff check .", "lint"},
        {"flake8", "lint"},
        {"mypy src", "types"},
        {"pyright", "types"},
        {"black --check .", "lint"},
        {"go test ./...", "test"},
        {"go vet ./...", "lint"},
        {"go build ./...", "build"},
        {"golangci-lint run", "lint"},
        {"cargo test --workspace", "test"},
        {"cargo +nightly nextest run", "test"},
        {"cargo clippy -- -D warnings", "lint"},
        {"cargo check", "types"},
        {"cargo build --release", "build"},
        {"cargo fmt --check", "lint"},
        {"make check", "test"},
        {"make -j8 test", "test"},
        {"make -j 8 test", "test"},
        {"make -j test", "test"},
        {"make", "build"},
        {"make -C sub lint", "lint"},
        {"make muster", "build"},
        {"meson test -C build", "test"},
        {"ninja -C build test", "test"},
        {"ninja -C build", "build"},
        {"ctest -V", "test"},
        {"ctest --test-dir build --output-on-failure", "test"},
        {"cmake --build build", "build"},
        {"./gradlew :app:test", "test"},
        {"gradle clean build", "build"},
        {"mvn -q clean verify", "test"},
        {"./mvnw compile", "build"},
        {"dotnet test", "test"},
        {"dotnet build", "build"},
        {"bundle exec rspec", "test"},
        {"rake spec", "test"},
        {"vendor/bin/phpunit --testdox", "test"},
        {"swift test", "test"},
        {"xcodebuild -scheme App test", "test"},
        {"bazel test //...", "test"},
        {"just check", "test"},
        {"just ci", "test"},
        {"mix test", "test"},
        {"sbt test", "test"},
        {"prove -l t", "test"},
        {"./run-tests.sh", "test"},
        {"bash scripts/test.sh", "test"},
        {"sh test.sh", "test"},
        {"tools/check", "test"},
        {"shellcheck a.sh", "lint"},
    };
    (void)state;
    EXPECT(rows);
}

static void what_wraps_a_command_is_taken_off(void **state)
{
    static const struct expectation rows[] = {
        {"CI=1 npm test", "test"},
        {"env FOO=bar pytest", "test"},
        {"timeout 60 npm test", "test"},
        {"timeout -k 5 60s cargo test", "test"},
        {"cd web && npm run lint && npx tsc --noEmit && npm test", "lint types test"},
        {"(cd web && npm test)", "test"},
        {"npm test 2>&1 | tail -20", "test"},
        {"npm test || true", "test"},
        {"npm test; echo $?", "test"},
        {"if npm test; then echo ok; fi", "test"},
        {"for i in 1 2 3; do npm test; done", "test"},
        {"! pytest", "test"},
        {"uv run pytest -x", "test"},
        {"poetry run mypy .", "types"},
        {"sudo -u app make check", "test"},
        {"nice -n 5 ninja -C build", "build"},
        {"bash -c 'cd web && npm test'", "test"},
        {"bash -lc \"npm run lint && npm test\" || true", "lint test"},
        {"timeout 60 bash -c 'make check'", "test"},
        {"docker compose run --rm app pytest -q", "test"},
        {"docker exec app bash -lc 'npm test'", "test"},
        {"npm test &&\n  npm run build", "test build"},
        {"pytest \\\n  -q", "test"},
        {"source .venv/bin/activate && pytest", "test"},
        {"time make check > log 2>&1", "test"},
    };
    (void)state;
    EXPECT(rows);
}

static void what_only_looks_installs_or_tells_is_no_check(void **state)
{
    static const struct expectation rows[] = {
        {"npm ci", ""},
        {"npm install", ""},
        {"npm audit", ""},
        {"pnpm install", ""},
        {"yarn", ""},
        {"bun ci", ""},
        {"npm run", ""},
        {"npm run dev", ""},
        {"pip install pytest", ""},
        {"pytest --version", ""},
        {"pytest -V", ""},
        {"pytest --collect-only", ""},
        {"npx jest --listTests", ""},
        {"npx jest --watch", ""},
        {"cargo test --no-run", ""},
        {"ctest -N", ""},
        {"make -n test", ""},
        {"make clean", ""},
        {"make deploy", ""},
        {"make db-migrate", ""},
        {"go run main.go", ""},
        {"go mod tidy", ""},
        {"cargo run", ""},
        {"node server.js", ""},
        {"python app.py", ""},
        {"python -c 'import test'", ""},
        {"echo npm test", ""},
        {"echo 'npm test passed' && true", ""},
        {"printf '%s\\n' 'pytest'", ""},
        {"cat test.log", ""},
        {"grep -r 'npm test' .", ""},
        {"git commit -m 'make check passes'", ""},
        {"cat > run.sh <<'EOF'\nnpm test\nEOF", ""},
        {"# npm test", ""},
        {"ls tests/", ""},
        {"rm tests/test_a.py", ""},
        {"cd test", ""},
        {"which pytest", ""},
        {"bash -c 'cat docs/test'", ""},
        {"echo bash -c 'npm test'", ""},
        {"vim Makefile", ""},
        {"", ""},
        {"   ", ""},
        {"test -f package.json", ""},
        {"[ -f a ]", ""},
    };
    (void)state;
    EXPECT(rows);
}

static void a_command_that_changes_files_is_an_edit(void **state)
{
    static const struct {
        const char *command;
        bool edits;
    } rows[] = {
        {"sed -i s/a/b/ a.c", true},
        {"perl -pi -e s/a/b/ a.c", true},
        {"patch -p1 < a.patch", true},
        {"git apply a.patch", true},
        {"cat > a.c <<'EOF'\nx\nEOF", true},
        {"echo x >> a.c", true},
        {"apply_patch <<'EOF'\n*** Begin Patch\nEOF", true},
        {"sed -n 1,5p a.c", false},
        {"cat a.c", false},
        {"make check > log", false},
        {"echo x > /dev/null", false},
        {"git diff", false},
        {"echo x 2>&1", false},
        {"echo x > /tmp/marker", false},
        {"echo started >> run.log", false},
        {"git revert --no-edit HEAD", true},
        {"git checkout -- src/a.c", true},
        {"git -C sub restore a.c", true},
        {"git stash pop", true},
        {"git reset --hard HEAD~1", true},
        {"git checkout -b fix", false},
        {"git stash list", false},
        {"git reset HEAD a.c", false},
        {"git commit -m 'revert and merge'", false},
        {"git status && git add -A", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena a;
        struct shell_line line;
        bool edits = false;
        arena_init(&a);
        shell_line_parse(str_of(rows[i].command), &a, &line);
        for (size_t k = 0; k < line.count; k++)
            edits = edits || check_command_edits(&line.commands[k]);
        arena_reset(&a);
        if (edits != rows[i].edits)
            fail_msg("%s: %s", rows[i].command, edits ? "edits" : "does not edit");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runners_of_the_common_ecosystems_are_checks),
        cmocka_unit_test(what_wraps_a_command_is_taken_off),
        cmocka_unit_test(what_only_looks_installs_or_tells_is_no_check),
        cmocka_unit_test(a_command_that_changes_files_is_an_edit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
