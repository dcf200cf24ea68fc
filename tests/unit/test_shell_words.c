/* test_shell_words.c -- a command line taken apart as POSIX (Shell Command Language, 2.2-2.10) has it.  A row
 * is a line and its simple commands as [word|word]operator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "core/shell_words.h"

static void print(const struct shell_line *line, struct buf *out)
{
    static const char *const operators[] = {
        [SHELL_END] = "",       [SHELL_AND] = "&&", [SHELL_OR] = "||",
        [SHELL_SEQUENCE] = ";", [SHELL_PIPE] = "|", [SHELL_BACKGROUND] = "&"};
    buf_clear(out);
    for (size_t i = 0; i < line->count; i++) {
        const struct shell_command *c = &line->commands[i];
        for (size_t w = 0; w < c->count; w++)
            buf_printf(out, "%s%.*s", w ? "|" : "[", (int)c->words[w].n, c->words[w].p);
        buf_printf(out, "]%s%s", c->writes_file ? ">" : "", operators[c->behind]);
    }
}

static void commands_words_and_operators(void **state)
{
    static const struct {
        const char *text, *commands;
    } rows[] = {
        {"", ""},
        {"  \n ", ""},
        {"make check", "[make|check]"},
        {"a && b || c; d | e & f", "[a]&&[b]||[c];[d]|[e]&[f]"},
        {"a;", "[a]"},
        {"a\nb", "[a];[b]"},
        {"a |& b", "[a]|[b]"},
        {"echo 'a b' \"c d\" e\\ f", "[echo|a b|c d|e f]"},
        {"echo 'a && b'", "[echo|a && b]"},
        {"echo \"a \\\"b\\\" $x\"", "[echo|a \"b\" $x]"},
        {"echo ''", "[echo|]"},
        {"a \\\n b", "[a|b]"},
        {"a # b && c", "[a]"},
        {"a#b", "[a#b]"},
        {"a $(b && c) d", "[a|$(b && c)|d]"},
        {"a 2>&1 | b", "[a]|[b]"},
        {"a > f", "[a]>"},
        {"a >> f 2>&1", "[a]>"},
        {"a > /dev/null", "[a]"},
        {"a > /tmp/x", "[a]"},
        {"a > x.log", "[a]"},
        {"ssh -p 22 host 'a && b' && c", "[a]&&[b]&&[c]"},
        {"ssh host a b", "[a|b]"},
        {"ssh host", "[ssh|host]"},
        {"eval 'a; b'", "[a];[b]"},
        {"su - app -c 'a | b'", "[a]|[b]"},
        {"kubectl exec -it pod -- bash -c 'a'", "[a]"},
        {"a &> f", "[a]>"},
        {"a < f", "[a]"},
        {"cat <<EOF\na && b\nEOF\nc", "[cat];[c]"},
        {"cat <<'EOF' > f\nx\nEOF", "[cat]>"},
        {"cat <<EOF\nnever ended && a", "[cat]"},
        {"a <<< 'b'", "[a]"},
        {"(a; b)", "[a];[b]"},
        {"bash -c 'a && b' && c", "[a]&&[b]&&[c]"},
        {"bash -lc \"a | b\"", "[a]|[b]"},
        {"bash -x a.sh", "[bash|-x|a.sh]"},
        {"bash --norc -c a", "[a]"},
        {"echo bash -c a", "[echo|bash|-c|a]"},
        {"timeout 5 sh -c 'a; b' || c", "[a];[b]||[c]"},
        {"bash -c ''", "[bash|-c|]"},
        {"'never ended", "[never ended]"},
        {"\"never ended", "[never ended]"},
        {"a $(never ended", "[a|$(never ended]"},
        {"a \\", "[a|\\]"},
        {"&& ||", ""},
    };
    struct buf out = BUF_INIT;
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena a;
        struct shell_line line;
        arena_init(&a);
        shell_line_parse(str_of(rows[i].text), &a, &line);
        print(&line, &out);
        if (!str_equal(buf_str(&out), str_of(rows[i].commands))) {
            print_message("%s\n  -> %.*s, it is %s\n", rows[i].text, (int)out.n, out.p, rows[i].commands);
            wrong++;
        }
        arena_reset(&a);
    }
    buf_deinit(&out);
    assert_int_equal(wrong, 0);
}

static void what_is_over_a_limit_is_dropped(void **state)
{
    struct buf text = BUF_INIT;
    struct arena a;
    struct shell_line line;
    (void)state;
    arena_init(&a);
    for (int i = 0; i < 2 * SHELL_COMMANDS_MAX; i++)
        buf_printf(&text, "a%d b;", i);
    shell_line_parse(buf_str(&text), &a, &line);
    assert_int_equal(line.count, SHELL_COMMANDS_MAX);
    buf_clear(&text);
    for (int i = 0; i < 2 * SHELL_WORDS_MAX; i++)
        buf_printf(&text, "w%d ", i);
    shell_line_parse(buf_str(&text), &a, &line);
    assert_int_equal(line.count, 1);
    assert_int_equal(line.commands[0].count, SHELL_WORDS_MAX);
    buf_clear(&text);
    for (int i = 0; i < SHELL_COMMANDS_MAX - 1; i++)
        buf_printf(&text, "a;");
    buf_printf(&text, "bash -c 'b; c; d'"); /* has no room to be entered */
    shell_line_parse(buf_str(&text), &a, &line);
    assert_int_equal(line.count, SHELL_COMMANDS_MAX);
    assert_true(str_equal(line.commands[SHELL_COMMANDS_MAX - 1].words[0], STR("bash")));
    arena_reset(&a);
    buf_deinit(&text);
}

static void pipefail_is_known(void **state)
{
    struct arena a;
    struct shell_line line;
    (void)state;
    arena_init(&a);
    shell_line_parse(STR("set -euo pipefail; a | b"), &a, &line);
    assert_true(line.has_pipefail);
    shell_line_parse(STR("echo pipefail; a | b"), &a, &line);
    assert_false(line.has_pipefail);
    arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_words_and_operators),
        cmocka_unit_test(what_is_over_a_limit_is_dropped),
        cmocka_unit_test(pipefail_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
