#include "core/check_command.h"

const char *const check_kind_names[CHECK_KINDS] = {"test", "lint", "types", "build"};

struct words { /* of a command, what wraps it taken off */
    const struct str *p;
    size_t n;
};

static bool is_word(const struct words *w, size_t i, const char *text)
{
    return i < w->n && str_equal(w->p[i], str_of(text));
}

/* The program's name without its folder. */
static struct str program_of(struct str word)
{
    for (size_t i = word.n; i > 0; i--)
        if (word.p[i - 1] == '/')
            return (struct str){word.p + i, word.n - i};
    return word;
}

static bool is_one_of(struct str s, const char *const *names)
{
    for (; *names; names++)
        if (str_equal(s, str_of(*names)))
            return true;
    return false;
}

static bool is_assignment(struct str s)
{
    ptrdiff_t at = str_find(s, STR("="));
    if (at <= 0)
        return false;
    for (ptrdiff_t i = 0; i < at; i++)
        if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= 'a' && s.p[i] <= 'z') || s.p[i] == '_' ||
              (i > 0 && s.p[i] >= '0' && s.p[i] <= '9')))
            return false;
    return true;
}

/* -- what wraps a command -- */

#define CONTAINER_VALUES                                                                                     \
    "-v -w -e -u -p -h -m -l -f --name --network --env-file --entrypoint --volume --workdir --env --user "   \
    "--platform --mount --memory --cpus --label --add-host --file --project-name --index"
static const struct wrapper {
    const char *name, *verb; /* verb: a word that must follow, NULL for none */
    int arguments;           /* words of its own behind the options */
    const char *values;      /* options that take one, beside those of all */
} wrappers[] = {
    {"env", NULL, 0, NULL},
    {"sudo", NULL, 0, "-g -D"},
    {"time", NULL, 0, "-f"},
    {"nice", NULL, 0, NULL},
    {"ionice", NULL, 0, "-c"},
    {"nohup", NULL, 0, NULL},
    {"command", NULL, 0, NULL},
    {"exec", NULL, 0, NULL},
    {"stdbuf", NULL, 0, NULL},
    {"timeout", NULL, 1, NULL},
    {"gtimeout", NULL, 1, NULL},
    {"xvfb-run", NULL, 0, NULL},
    {"xargs", NULL, 0, "-P -I -d -L -a"},
    {"npx", NULL, 0, "-w"},
    {"bunx", NULL, 0, NULL},
    {"pnpx", NULL, 0, NULL},
    {"pnpm", "exec", 0, NULL},
    {"pnpm", "dlx", 0, NULL},
    {"npm", "exec", 0, NULL},
    {"yarn", "exec", 0, NULL},
    {"yarn", "dlx", 0, NULL},
    {"poetry", "run", 0, NULL},
    {"uv", "run", 0, "--python --extra --group --package"},
    {"pipenv", "run", 0, NULL},
    {"pdm", "run", 0, NULL},
    {"rye", "run", 0, NULL},
    {"hatch", "run", 0, NULL},
    {"bundle", "exec", 0, NULL},
    {"coverage", "run", 0, NULL},
    {"if", NULL, 0, NULL},
    {"elif", NULL, 0, NULL},
    {"while", NULL, 0, NULL},
    {"until", NULL, 0, NULL},
    {"then", NULL, 0, NULL},
    {"do", NULL, 0, NULL},
    {"else", NULL, 0, NULL},
    {"!", NULL, 0, NULL},
    {"{", NULL, 0, NULL},
    {"unbuffer", NULL, 0, NULL},
    {"dotenv", NULL, 0, NULL},
    {"cross-env", NULL, 0, NULL},
    {"docker", "exec", 1, CONTAINER_VALUES},
    {"podman", "exec", 1, CONTAINER_VALUES},
    {"docker", "run", 1, CONTAINER_VALUES},
    {"podman", "run", 1, CONTAINER_VALUES},
    {"compose", "run", 1, CONTAINER_VALUES},
    {"compose", "exec", 1, CONTAINER_VALUES},
    {"docker-compose", "run", 1, CONTAINER_VALUES},
    {"docker-compose", "exec", 1, CONTAINER_VALUES},
    {"kubectl", "exec", 1, "-c --namespace --container --context"},
    {"direnv", "exec", 1, NULL},
    {"nix", "develop", 0, NULL},
    {"mise", "exec", 0, NULL},
    {"bun", "x", 0, NULL},
    {"uvx", NULL, 0, NULL},
};

static void drop(struct words *w, size_t n)
{
    n = MIN(n, w->n);
    w->p += n;
    w->n -= n;
}

static bool is_listed(struct str word, const char *list) /* of words with blanks between */
{
    struct str rest = str_of(list), one;
    while (rest.n && str_split(&rest, ' ', &one))
        if (str_equal(word, one))
            return true;
    return false;
}

/* How many words the option at i has; 0: it is none. */
static size_t option_words(const struct words *w, size_t i, const char *values)
{
    static const char with_value[] = "-n -k -s -u -C --kill-after --signal -p --project --with -o -e";
    if (i >= w->n || ((w->p[i].n < 2 || w->p[i].p[0] != '-') && !is_assignment(w->p[i])))
        return 0;
    bool has_value = (is_listed(w->p[i], with_value) || is_listed(w->p[i], values)) && w->n - i > 2;
    return has_value ? 2 : 1;
}

static void drop_options(struct words *w, const char *values)
{
    size_t n;
    while ((n = option_words(w, 0, values)) > 0) {
        bool is_end = str_equal(w->p[0], STR("--"));
        drop(w, n);
        if (is_end)
            return;
    }
}

/* Behind the wrapper's name and, where it has one, its verb, which options may stand before; 0: it is
 * another. */
static size_t wrapper_words(const struct words *w, const struct wrapper *x)
{
    size_t at = 1, n;
    if (w->n < 2 || !str_equal(program_of(w->p[0]), str_of(x->name)))
        return 0;
    if (!x->verb)
        return 1;
    while ((n = option_words(w, at, x->values ? x->values : "--filter -F --dir -w")) > 0)
        at += n;
    return is_word(w, at, x->verb) ? at + 1 : 0;
}

static bool unwrap_once(struct words *w)
{
    struct str program = w->n ? program_of(w->p[0]) : (struct str){NULL, 0};
    for (size_t i = 0; i < COUNT_OF(wrappers); i++) {
        const struct wrapper *x = &wrappers[i];
        size_t n = wrapper_words(w, x);
        if (n == 0)
            continue;
        drop(w, n);
        drop_options(w, x->values);
        drop(w, (size_t)x->arguments);
        if (x->arguments && is_word(w, 0, "--"))
            drop(w, 1);
        return true;
    }
    if (w->n > 2 && str_starts_with(program, STR("python")) && is_word(w, 1, "-m")) {
        drop(w, 2); /* python -m pytest */
        return true;
    }
    return false;
}

static bool script_kind(struct str name, enum check_kind *ret);

/* `pdm run test`: what the project's file calls so, where it is no program. */
static bool runs_own_script(const struct words *w)
{
    static const char *const runners[] = {"pdm", "hatch", "rye", "pipenv", NULL};
    enum check_kind kind;
    return w->n > 2 && is_one_of(program_of(w->p[0]), runners) && is_word(w, 1, "run") &&
           str_find(w->p[2], STR("/")) < 0 && script_kind(w->p[2], &kind);
}

static struct words words_of(const struct shell_command *c)
{
    struct words w = {c->words, c->count};
    while (w.n > 0 && is_assignment(w.p[0]))
        drop(&w, 1);
    if (w.n > 1 && str_equal(w.p[0], STR("docker")) && is_word(&w, 1, "compose"))
        drop(&w, 1); /* of two words; only "compose" can be told from a program's name */
    for (int i = 0; i < 8 && !runs_own_script(&w) && unwrap_once(&w); i++)
        continue;
    return w;
}

/* -- the table -- */

#define ANY NULL
static const struct check {
    const char *program;
    const char *verb; /* the first word that is no option; ANY: whatever */
    enum check_kind kind;
} checks[] = {
    /* JavaScript */
    {"vitest", ANY, CHECK_TEST},
    {"jest", ANY, CHECK_TEST},
    {"mocha", ANY, CHECK_TEST},
    {"ava", ANY, CHECK_TEST},
    {"tap", ANY, CHECK_TEST},
    {"karma", "start", CHECK_TEST},
    {"cypress", "run", CHECK_TEST},
    {"playwright", "test", CHECK_TEST},
    {"bun", "test", CHECK_TEST},
    {"deno", "test", CHECK_TEST},
    {"deno", "lint", CHECK_LINT},
    {"deno", "check", CHECK_TYPES},
    {"eslint", ANY, CHECK_LINT},
    {"biome", ANY, CHECK_LINT},
    {"oxlint", ANY, CHECK_LINT},
    {"stylelint", ANY, CHECK_LINT},
    {"standard", ANY, CHECK_LINT},
    {"tsc", ANY, CHECK_TYPES},
    {"vue-tsc", ANY, CHECK_TYPES},
    {"tsd", ANY, CHECK_TYPES},
    {"svelte-check", ANY, CHECK_TYPES},
    {"vite", "build", CHECK_BUILD},
    {"next", "build", CHECK_BUILD},
    {"next", "lint", CHECK_LINT},
    {"webpack", ANY, CHECK_BUILD},
    {"rollup", ANY, CHECK_BUILD},
    {"esbuild", ANY, CHECK_BUILD},
    {"turbo", "test", CHECK_TEST},
    {"turbo", "lint", CHECK_LINT},
    {"turbo", "build", CHECK_BUILD},
    {"nx", "test", CHECK_TEST},
    {"nx", "lint", CHECK_LINT},
    {"nx", "build", CHECK_BUILD},
    {"ng", "test", CHECK_TEST},
    {"ng", "build", CHECK_BUILD},
    /* Python */
    {"pytest", ANY, CHECK_TEST},
    {"py.test", ANY, CHECK_TEST},
    {"unittest", ANY, CHECK_TEST},
    {"nose2", ANY, CHECK_TEST},
    {"nosetests", ANY, CHECK_TEST},
    {"tox", ANY, CHECK_TEST},
    {"nox", ANY, CHECK_TEST},
    {"behave", ANY, CHECK_TEST},
    {"hatch", "test", CHECK_TEST},
    {"doctest", ANY, CHECK_TEST},
    {"ruff", "check", CHECK_LINT},
    {"flake8", ANY, CHECK_LINT},
    {"pylint", ANY, CHECK_LINT},
    {"bandit", ANY, CHECK_LINT},
    {"mypy", ANY, CHECK_TYPES},
    {"dmypy", "run", CHECK_TYPES},
    {"pyright", ANY, CHECK_TYPES},
    {"basedpyright", ANY, CHECK_TYPES},
    {"pyre", ANY, CHECK_TYPES},
    {"ty", "check", CHECK_TYPES},
    {"compileall", ANY, CHECK_BUILD},
    {"py_compile", ANY, CHECK_BUILD},
    /* Go, Rust, C and C++ */
    {"go", "test", CHECK_TEST},
    {"go", "vet", CHECK_LINT},
    {"go", "build", CHECK_BUILD},
    {"gotestsum", ANY, CHECK_TEST},
    {"golangci-lint", ANY, CHECK_LINT},
    {"staticcheck", ANY, CHECK_LINT},
    {"cargo", "test", CHECK_TEST},
    {"cargo", "nextest", CHECK_TEST},
    {"cargo", "clippy", CHECK_LINT},
    {"cargo", "check", CHECK_TYPES},
    {"cargo", "build", CHECK_BUILD},
    {"ctest", ANY, CHECK_TEST},
    {"meson", "test", CHECK_TEST},
    {"meson", "compile", CHECK_BUILD},
    {"gcc", ANY, CHECK_BUILD},
    {"g++", ANY, CHECK_BUILD},
    {"clang", ANY, CHECK_BUILD},
    {"clang++", ANY, CHECK_BUILD},
    {"cc", ANY, CHECK_BUILD},
    {"clang-tidy", ANY, CHECK_LINT},
    {"cppcheck", ANY, CHECK_LINT},
    {"bazel", "test", CHECK_TEST},
    {"bazel", "build", CHECK_BUILD},
    {"bazelisk", "test", CHECK_TEST},
    {"bazelisk", "build", CHECK_BUILD},
    {"zig", "test", CHECK_TEST},
    {"zig", "build", CHECK_BUILD},
    /* the JVM, .NET, Swift */
    {"mvn", "test", CHECK_TEST},
    {"mvn", "verify", CHECK_TEST},
    {"mvn", "compile", CHECK_BUILD},
    {"mvn", "package", CHECK_BUILD},
    {"mvn", "install", CHECK_BUILD},
    {"mvnw", "test", CHECK_TEST},
    {"mvnw", "verify", CHECK_TEST},
    {"mvnw", "compile", CHECK_BUILD},
    {"mvnw", "package", CHECK_BUILD},
    {"mvnw", "install", CHECK_BUILD},
    {"gradle", "test", CHECK_TEST},
    {"gradle", "check", CHECK_TEST},
    {"gradle", "lint", CHECK_LINT},
    {"gradle", "build", CHECK_BUILD},
    {"gradlew", "test", CHECK_TEST},
    {"gradlew", "check", CHECK_TEST},
    {"gradlew", "lint", CHECK_LINT},
    {"gradlew", "build", CHECK_BUILD},
    {"sbt", "test", CHECK_TEST},
    {"sbt", "compile", CHECK_BUILD},
    {"dotnet", "test", CHECK_TEST},
    {"dotnet", "build", CHECK_BUILD},
    {"swift", "test", CHECK_TEST},
    {"swift", "build", CHECK_BUILD},
    {"xcodebuild", "test", CHECK_TEST},
    {"xcodebuild", "build", CHECK_BUILD},
    {"flutter", "test", CHECK_TEST},
    {"flutter", "analyze", CHECK_LINT},
    {"dart", "test", CHECK_TEST},
    {"dart", "analyze", CHECK_LINT},
    /* Ruby, PHP, Elixir, the shell */
    {"rspec", ANY, CHECK_TEST},
    {"rake", "test", CHECK_TEST},
    {"rake", "spec", CHECK_TEST},
    {"rails", "test", CHECK_TEST},
    {"minitest", ANY, CHECK_TEST},
    {"rubocop", ANY, CHECK_LINT},
    {"phpunit", ANY, CHECK_TEST},
    {"pest", ANY, CHECK_TEST},
    {"artisan", "test", CHECK_TEST},
    {"composer", "test", CHECK_TEST},
    {"phpstan", ANY, CHECK_TYPES},
    {"psalm", ANY, CHECK_TYPES},
    {"phpcs", ANY, CHECK_LINT},
    {"mix", "test", CHECK_TEST},
    {"mix", "credo", CHECK_LINT},
    {"mix", "compile", CHECK_BUILD},
    {"lein", "test", CHECK_TEST},
    {"stack", "test", CHECK_TEST},
    {"stack", "build", CHECK_BUILD},
    {"cabal", "test", CHECK_TEST},
    {"cabal", "build", CHECK_BUILD},
    {"dune", "test", CHECK_TEST},
    {"dune", "build", CHECK_BUILD},
    {"rebar3", "eunit", CHECK_TEST},
    {"prove", ANY, CHECK_TEST},
    {"busted", ANY, CHECK_TEST},
    {"bats", ANY, CHECK_TEST},
    {"shellcheck", ANY, CHECK_LINT},
    {"hadolint", ANY, CHECK_LINT},
    {"yamllint", ANY, CHECK_LINT},
    {"actionlint", ANY, CHECK_LINT},
    {"pre-commit", "run", CHECK_LINT},
    {"docker", "build", CHECK_BUILD},
    {"podman", "build", CHECK_BUILD},
    {"terraform", "validate", CHECK_LINT},
    {"ansible-lint", ANY, CHECK_LINT},
};

/* Runners of a project's own scripts: what the script is called says what it does. */
static const char *const script_runners[] = {
    "npm", "pnpm", "yarn", "bun",  "make", "gmake", "just", "task",  "ninja", "rake",   "composer", "invoke",
    "inv", "deno", "mage", "mise", "poe",  "moon",  "pdm",  "hatch", "rye",   "pipenv", NULL};
static const struct script_word {
    const char *word;
    enum check_kind kind;
} script_words[] = {{"test", CHECK_TEST},        {"tests", CHECK_TEST},       {"check", CHECK_TEST},
                    {"spec", CHECK_TEST},        {"e2e", CHECK_TEST},         {"unit", CHECK_TEST},
                    {"integration", CHECK_TEST}, {"verify", CHECK_TEST},      {"ci", CHECK_TEST},
                    {"lint", CHECK_LINT},        {"eslint", CHECK_LINT},      {"vet", CHECK_LINT},
                    {"typecheck", CHECK_TYPES},  {"type-check", CHECK_TYPES}, {"types", CHECK_TYPES},
                    {"tsc", CHECK_TYPES},        {"mypy", CHECK_TYPES},       {"build", CHECK_BUILD},
                    {"compile", CHECK_BUILD},    {"all", CHECK_BUILD},        {"check-types", CHECK_TYPES}};

/* "test:unit", "unit-test", "lint_fix": the first part that says something. */
static bool script_kind(struct str name, enum check_kind *ret)
{
    for (size_t i = 0; i < COUNT_OF(script_words); i++)
        if (str_equal(name, str_of(script_words[i].word))) {
            *ret = script_words[i].kind;
            return true;
        }
    for (size_t start = 0, at = 0; at <= name.n; at++) {
        if (at < name.n && !strchr(":-_./", name.p[at]))
            continue;
        struct str part = {name.p + start, at - start};
        for (size_t i = 0; i < COUNT_OF(script_words); i++)
            if (str_equal(part, str_of(script_words[i].word))) {
                *ret = script_words[i].kind;
                return true;
            }
        start = at + 1;
    }
    return false;
}

/* "-j 8", but not "-j test". */
static bool is_jobs(const struct words *w, size_t i)
{
    return is_word(w, i, "-j") && i + 1 < w->n && w->p[i + 1].n > 0 && w->p[i + 1].p[0] >= '0' &&
           w->p[i + 1].p[0] <= '9';
}

static size_t first_plain(const struct words *w, size_t from)
{
    static const char *const with_value[] = {
        "-C",    "-f", "-p",    "--prefix",        "--filter",    "-w", "--workspace",
        "--dir", "-F", "--cwd", "--manifest-path", "--directory", NULL};
    for (size_t i = from; i < w->n; i++) {
        if (is_one_of(w->p[i], with_value) || is_jobs(w, i))
            i++;
        else if (w->p[i].n == 0 || (w->p[i].p[0] != '-' && w->p[i].p[0] != '+' && !is_assignment(w->p[i])))
            return i;
    }
    return w->n;
}

static bool is_make(struct str program)
{
    static const char *const names[] = {"make", "gmake", "ninja", NULL};
    return is_one_of(program, names);
}

/* Unless it is known to be something else, a target is something to be built. */
static bool runs_target(struct str target, enum check_kind *ret)
{
    static const char *const others[] = {
        "clean",   "distclean", "install", "uninstall", "run",     "help",    "format", "fmt",
        "up",      "down",      "dev",     "start",     "stop",    "restart", "deploy", "serve",
        "watch",   "setup",     "deps",    "init",      "db",      "migrate", "seed",   "release",
        "publish", "push",      "docs",    "doc",       "tags",    "shell",   "logs",   "bootstrap",
        "fix",     "generate",  "version", "update",    "upgrade", NULL};
    if (script_kind(target, ret))
        return true;
    *ret = CHECK_BUILD;
    struct str rest = target, part;
    while (rest.p && str_split(&rest, '-', &part))
        if (is_one_of(part, others))
            return false;
    return true;
}

/* `npm ci` installs; npm runs a script but `test` only when told to, the others do without. */
static bool needs_run_word(struct str program, struct str name)
{
    static const char *const installers[] = {"pnpm", "yarn", "bun", NULL};
    return (str_equal(program, STR("npm")) && !str_equal(name, STR("test"))) ||
           (is_one_of(program, installers) && str_equal(name, STR("ci")));
}

static bool by_table(const struct words *w, struct str program, enum check_kind *ret);

static bool runs_script(const struct words *w, struct str program, enum check_kind *ret)
{
    static const char *const run_words[] = {"run", "run-script", "task", NULL};
    static const char *const runs_programs[] = {"pnpm", "yarn", "bun", NULL};
    size_t at = first_plain(w, 1);
    bool told = false;
    if (is_word(w, at, "workspace")) /* yarn workspace web test */
        at = first_plain(w, at + 2);
    for (; at < w->n && is_one_of(w->p[at], run_words); told = true)
        at = first_plain(w, at + 1);
    if (at >= w->n) { /* the default target */
        *ret = CHECK_BUILD;
        return is_make(program);
    }
    if (is_make(program))
        return runs_target(w->p[at], ret);
    if (str_equal(program, STR("npm")) && (is_word(w, at, "t") || is_word(w, at, "tst"))) {
        *ret = CHECK_TEST;
        return true;
    }
    struct words inner = {w->p + at, w->n - at};
    if (is_one_of(program, runs_programs) && by_table(&inner, inner.p[0], ret))
        return true;
    return (told || !needs_run_word(program, w->p[at])) && script_kind(w->p[at], ret);
}

/* "./run-tests.sh", "scripts/test", "tools/check": by the name of the file. */
static bool is_own_script(const struct words *w, enum check_kind *ret)
{
    static const char *const shells[] = {"bash", "sh", "zsh", "dash", NULL};
    static const char *const interpreters[] = {"python", "python3", "node", "ruby", "tsx", "perl", NULL};
    static const struct str endings[] = {{".bash", 5}, {".mjs", 4}, {".cjs", 4}, {".sh", 3}, {".py", 3},
                                         {".js", 3},   {".ts", 3},  {".rb", 3},  {".pl", 3}};
    bool interpreted = is_one_of(program_of(w->p[0]), interpreters),
         told = interpreted || is_one_of(program_of(w->p[0]), shells), has_ending = false;
    size_t at = told ? first_plain(w, 1) : 0;
    if (at >= w->n || str_find(w->p[at], STR(" ")) >= 0)
        return false;
    struct str name = program_of(w->p[at]);
    for (size_t i = 0; i < COUNT_OF(endings) && !has_ending; i++)
        if (str_ends_with(name, endings[i])) {
            name.n -= endings[i].n;
            has_ending = true;
        }
    if (told ? !has_ending && (interpreted || str_find(w->p[at], STR("/")) < 0)
             : str_find(w->p[at], STR("/")) < 0)
        return false;
    return script_kind(name, ret) && (!interpreted || *ret == CHECK_TEST);
}

static bool has_word(const struct words *w, const char *const *words)
{
    for (size_t i = 1; i < w->n; i++)
        if (is_one_of(w->p[i], words))
            return true;
    return false;
}

static bool asks_only(const struct words *w)
{
    static const char *const words[] = {
        "--help",     "-h",       "--version",    "--collect-only", "--co",          "--listTests",
        "--list",     "--watch",  "--dry-run",    "--init",         "--showConfig",  "--markers",
        "--fixtures", "--no-run", "--list-tests", "--print-config", "--show-config", "--just-print",
        NULL};
    bool is_quiet = str_equal(program_of(w->p[0]), STR("ctest")) || is_make(program_of(w->p[0]));
    return has_word(w, words) || (is_quiet && is_word(w, 1, "-n")) || is_word(w, 1, "-N") ||
           (!is_quiet && w->n == 2 && is_word(w, 1, "-V"));
}

/* `command -v mypy` */
static bool asks_for_program(const struct shell_command *c)
{
    return c->count > 1 && str_equal(c->words[0], STR("command")) &&
           (str_equal(c->words[1], STR("-v")) || str_equal(c->words[1], STR("-V")));
}

static bool takes_verbs(const char *program) /* several, or one behind other words */
{
    return strncmp(program, "mvn", 3) == 0 || strncmp(program, "gradle", 6) == 0 ||
           strcmp(program, "xcodebuild") == 0;
}

static bool by_table(const struct words *w, struct str program, enum check_kind *ret)
{
    static const char *const with_run[] = {"turbo", "nx", NULL};
    size_t at = first_plain(w, 1);
    if (is_one_of(program, with_run) && is_word(w, at, "run"))
        at = first_plain(w, at + 1);
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        const struct check *c = &checks[i];
        if (!str_equal(program, str_of(c->program)))
            continue;
        bool fits = c->verb == ANY;
        for (size_t k = at; k < w->n && !fits; k = first_plain(w, k + 1)) {
            fits = str_equal(w->p[k], str_of(c->verb)) ||
                   (w->p[k].n > strlen(c->verb) && str_ends_with(w->p[k], str_of(c->verb)) &&
                    w->p[k].p[w->p[k].n - strlen(c->verb) - 1] == ':'); /* gradle :app:test */
            if (!takes_verbs(c->program))
                break;
        }
        if (fits) {
            *ret = c->kind;
            return true;
        }
    }
    return false;
}

static bool by_option(const struct words *w, struct str program, enum check_kind *ret)
{
    static const struct {
        const char *program, *option;
        enum check_kind kind;
    } rows[] = {{"node", "--test", CHECK_TEST},
                {"prettier", "--check", CHECK_LINT},
                {"prettier", "-c", CHECK_LINT},
                {"black", "--check", CHECK_LINT},
                {"isort", "--check", CHECK_LINT},
                {"ruff", "--check", CHECK_LINT},
                {"rustfmt", "--check", CHECK_LINT},
                {"cmake", "--build", CHECK_BUILD},
                {"cargo", "--check", CHECK_LINT},
                {"clang-format", "--dry-run", CHECK_LINT},
                {"tsx", "--test", CHECK_TEST},
                {"node", "--check", CHECK_BUILD},
                {"dotnet", "--verify-no-changes", CHECK_LINT}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t k = 1; k < w->n && str_equal(program, str_of(rows[i].program)); k++)
            if (str_equal(w->p[k], str_of(rows[i].option))) {
                *ret = rows[i].kind;
                return true;
            }
    return false;
}

bool check_command_kind(const struct shell_command *c, enum check_kind *ret)
{
    struct words w = words_of(c);
    if (w.n == 0 || asks_for_program(c))
        return false;
    struct str program = program_of(w.p[0]);
    if (by_option(&w, program, ret))
        return true;
    if (asks_only(&w))
        return false;
    if (by_table(&w, program, ret))
        return true;
    if (is_one_of(program, script_runners))
        return runs_script(&w, program, ret);
    if (str_starts_with(program, STR("python")) && w.n > 1) { /* manage.py test */
        bool tests = is_word(&w, 2, "test") &&
                     (str_ends_with(w.p[1], STR("manage.py")) || str_equal(w.p[1], STR("setup.py")));
        *ret = CHECK_TEST;
        return tests || is_own_script(&w, ret);
    }
    if (str_equal(program, STR("php")) && w.n > 2 && str_ends_with(w.p[1], STR("artisan")) &&
        is_word(&w, 2, "test")) {
        *ret = CHECK_TEST;
        return true;
    }
    return is_own_script(&w, ret);
}

bool check_command_is_aside(const struct shell_command *c)
{
    static const char *const names[] = {"cd",     "pushd", "popd",  "export", "source", ".",  "set",   "echo",
                                        "printf", "true",  ":",     "mkdir",  "pwd",    "ls", "cat",   "date",
                                        "which",  "umask", "sleep", "ulimit", "unset",  "rm", "touch", NULL};
    struct words w = words_of(c);
    return w.n == 0 || is_one_of(program_of(w.p[0]), names);
}

static bool git_edits(const struct words *w)
{
    static const struct {
        const char *verb, *word; /* word: one that must stand behind; NULL: none */
    } rows[] = {{"apply", NULL},    {"am", NULL},          {"restore", NULL}, {"revert", NULL},
                {"merge", NULL},    {"cherry-pick", NULL}, {"pull", NULL},    {"rebase", NULL},
                {"checkout", "--"}, {"reset", "--hard"},   {"stash", "pop"},  {"stash", "apply"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (is_word(w, first_plain(w, 1), rows[i].verb) &&
            (!rows[i].word || has_word(w, (const char *const[]){rows[i].word, NULL})))
            return true;
    return false;
}

bool check_command_edits(const struct shell_command *c)
{
    static const char *const programs[] = {"patch", "apply_patch", NULL};
    static const char *const in_place[] = {"-i", "--in-place", "-pi", "-i.bak", NULL};
    struct words w = words_of(c);
    if (w.n == 0)
        return false;
    struct str program = program_of(w.p[0]);
    if (is_one_of(program, programs))
        return true;
    if ((str_equal(program, STR("sed")) || str_equal(program, STR("perl"))) && has_word(&w, in_place))
        return true;
    if (str_equal(program, STR("git")))
        return git_edits(&w);
    return c->writes_file && (str_equal(program, STR("cat")) || str_equal(program, STR("echo")) ||
                              str_equal(program, STR("printf")) || str_equal(program, STR("tee")));
}
