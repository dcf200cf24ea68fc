/* test_agent_matcher.c -- which processes are agent CLIs (spec 20 Q16); the rows are processes of real ones
 * and of their neighbours. */
#include "core/agent_matcher.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct row {
    const char *comm, *exe, *args[6];
    const char *vendor; /* NULL: none */
};
static const struct row rows[] = {
    {"claude", "/root/.local/share/claude/claude.exe", {"claude"}, "claude"},
    {"claude",
     "/opt/node_modules/@anthropic-ai/claude-code-linux-x64/claude",
     {"claude", "-p", "x"},
     "claude"},
    {"claude", "/usr/bin/node", {"claude"}, "claude"}, /* node with another title */
    {"node", "/usr/bin/node", {"node", "/usr/lib/node_modules/.bin/codex", "exec"}, "codex"},
    {"node", "/usr/bin/node", {"node", "/x/node_modules/@openai/codex/bin/codex.js"}, "codex"},
    {"codex",
     "/x/vendor/x86_64-unknown-linux-musl/bin/codex",
     {"/x/vendor/bin/codex", "exec", "--json"},
     "codex"},
    {"codex", "/x/codex", {"codex", "app-server", "daemon", "pid-update-loop"}, NULL},
    {"node",
     "/usr/bin/node",
     {"node", "--max-old-space-size=4096", "/x/.bin/gemini", "-p", "claude"},
     "gemini"},
    {"node", "/usr/bin/node", {"node", "/x/@google/gemini-cli/bundle/gemini.js"}, "gemini"},
    {"opencode", "/x/opencode", {"opencode", "run"}, "opencode"},
    {"node", "/usr/bin/node", {"node", "/x/.bin/qwen"}, "qwen"},
    {"aider", "/usr/bin/python3.11", {"/usr/bin/python3", "/usr/local/bin/aider"}, "aider"},
    {"vim", "/usr/bin/vim.basic", {"vim", "claude"}, NULL},
    {"bash", "/usr/bin/bash", {"bash", "-c", "claude -p x"}, NULL},
    {"grep", "/usr/bin/grep", {"grep", "codex"}, NULL},
    {"node", "/usr/bin/node", {"node", "server.js", "codex"}, NULL},
    {"node", "/usr/bin/node", {"node", "-e", "codex"}, NULL},
    {"python3", "/usr/bin/python3", {"python3", "-m", "codex"}, NULL},
    {"notclaude", "/x/notclaude", {"notclaude"}, NULL},
    {"kworker/0:1", "", {NULL}, NULL},
    {"my-worker", "/opt/my-worker", {"/opt/my-worker", "--loop"}, "mine"}, /* of the configuration */
    {"python3", "/usr/bin/python3", {"python3", "/opt/agents/my-worker"}, "mine"},
};
static const char *const more[] = {"mine=my-worker", "broken", NULL};

static struct agent_process process_of(const struct row *r)
{
    struct agent_process p = {.comm = str_of(r->comm), .exe = str_of(r->exe)};
    while (p.arg_count < COUNT_OF(r->args) && r->args[p.arg_count]) {
        p.args[p.arg_count] = str_of(r->args[p.arg_count]);
        p.arg_count++;
    }
    return p;
}

static void real_command_lines_are_told_from_their_neighbours(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct agent_process p = process_of(&rows[i]);
        struct str found = agent_match(&p, more);
        if (!str_equal(found, str_of(rows[i].vendor)))
            fail_msg("row %zu (%s): \"%.*s\"", i, rows[i].comm, STR_ARG(found));
    }
}

static void a_command_line_is_split_at_its_NULs(void **state)
{
    struct agent_process p;
    (void)state;
    agent_process_args(&p, (struct str){"a\0\0b c\0", 7});
    assert_int_equal(p.arg_count, 3);
    assert_true(str_equal(p.args[1], STR("")));
    assert_true(str_equal(p.args[2], STR("b c")));
    agent_process_args(&p, (struct str){"cut", 3}); /* by its bound */
    assert_int_equal(p.arg_count, 1);
    agent_process_args(&p, (struct str){NULL, 0});
    assert_int_equal(p.arg_count, 0);
    char many[200] = {0}; /* 200 empty arguments: those that fit are kept */
    agent_process_args(&p, (struct str){many, sizeof(many)});
    assert_int_equal(p.arg_count, AGENT_ARGS_MAX);
}

static void a_matcher_of_the_configuration_is_a_name_and_a_word(void **state)
{
    (void)state;
    assert_true(agent_matcher_valid("a=b"));
    assert_false(agent_matcher_valid("a="));
    assert_false(agent_matcher_valid("=b"));
    assert_false(agent_matcher_valid("a"));
    assert_false(agent_matcher_valid("a=b=c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_command_lines_are_told_from_their_neighbours),
        cmocka_unit_test(a_command_line_is_split_at_its_NULs),
        cmocka_unit_test(a_matcher_of_the_configuration_is_a_name_and_a_word),
    };
    return cmocka_run_group_tests_name("agent_matcher", tests, NULL, NULL);
}
