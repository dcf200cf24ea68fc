/* test_session_watch.c -- whatever happens to directories and files, a look tells what a walk tells (spec 60
 * T1, T2). */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "io/file.h"
#include "transcripts/session_file.h"
#include "transcripts/session_watch.h"

static char home[64], other[96]; /* other: outside of all roots */
static char *roots[2];

static int make_home(void **state)
{
    (void)state;
    (void)snprintf(home, sizeof(home), "/tmp/muster-test-watch-XXXXXX");
    assert_non_null(mkdtemp(home));
    (void)snprintf(other, sizeof(other), "%s/other", home);
    struct buf root = BUF_INIT;
    buf_printf(&root, "%s/sessions", home);
    roots[0] = buf_take(&root);
    assert_int_equal(mkdir(other, 0700), 0);
    assert_int_equal(setenv("HOME", home, 1), 0);
    (void)unsetenv("CLAUDE_CONFIG_DIR");
    (void)unsetenv("CODEX_HOME");
    return 0;
}

static void remove_all(const char *path)
{
    char command[256];
    (void)snprintf(command, sizeof(command), "rm -rf -- '%.200s'", path);
    assert_int_equal(system(command), 0);
}

static int remove_home(void **state)
{
    (void)state;
    remove_all(home);
    free(roots[0]);
    return 0;
}

static void expect_what_a_walk_tells(struct session_watch *w, const char *after)
{
    struct file_walk told, walked = {.count = 0};
    session_watch_files(w, &told);
    session_files_walk(&walked, roots);
    if (told.count != walked.count)
        fail_msg("after %s: %zu files are told, and %zu are there", after, told.count, walked.count);
    for (size_t i = 0; i < walked.count; i++) {
        const struct file_walk_entry *a = &told.files[i], *b = &walked.files[i];
        assert_string_equal(a->path, b->path);
        assert_int_equal(a->name_offset, b->name_offset);
        assert_int_equal(a->format, b->format);
        const struct file_look x = session_file_look(a), y = session_file_look(b);
        if (!file_look_equal(&x, &y))
            fail_msg("after %s: other facts of %s", after, a->path);
    }
    file_walk_deinit(&told);
    file_walk_deinit(&walked);
}

/* -- what may happen -- */

static uint32_t seed;
static unsigned pick(unsigned n)
{
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 8) % n;
}

static const char *const dirs[] = {"/.claude",
                                   "/.claude/projects",
                                   "/.claude/projects/p",
                                   "/.claude/projects/q",
                                   "/.claude/projects/p/s/subagents",
                                   "/.codex/sessions",
                                   "/.codex/sessions/2026/11/28",
                                   "/.gemini/tmp/x/chats",
                                   "/sessions",
                                   "/sessions/ann",
                                   "/other",
                                   "/other/d"};
static const char *const names[] = {"a.jsonl", "b.jsonl", "b.jsonl.zst", "c.txt", "link", "e.jsonl"};

static char *some_dir(void)
{
    struct buf b = BUF_INIT;
    buf_printf(&b, "%s%s", home, dirs[pick(COUNT_OF(dirs))]);
    return buf_take(&b);
}

static char *some_path(void)
{
    CLEANUP(freep) char *dir = some_dir();
    struct buf b = BUF_INIT;
    buf_printf(&b, "%s/%s", dir, names[pick(COUNT_OF(names))]);
    return buf_take(&b);
}

static void make_dirs(const char *path)
{
    char command[256];
    (void)snprintf(command, sizeof(command), "mkdir -p -- '%.200s' 2>/dev/null", path);
    (void)!system(command);
}

static bool is_below_a_root(const char *path)
{
    static const char *const below[] = {"/.claude/projects/", "/.codex/sessions/", "/.gemini/tmp/",
                                        "/sessions/"};
    for (size_t i = 0; i < COUNT_OF(below); i++)
        if (strncmp(path + strlen(home), below[i], strlen(below[i])) == 0)
            return true;
    return false;
}

/* Some of these fail, as there is nothing there: then nothing happened. */
static const char *happen(void)
{
    CLEANUP(freep) char *a = some_path();
    CLEANUP(freep) char *b = some_path();
    CLEANUP(freep) char *d = some_dir();
    CLEANUP(freep) char *e = some_dir();
    int fd = -1;
    switch (pick(12)) {
    case 0:
        make_dirs(d);
        return "mkdir";
    case 1:
    case 2:
    case 3: /* most of what happens */
        fd = open(a, O_WRONLY | O_CREAT | O_APPEND, 0600);
        (void)!write(fd, "{}\n", 3);
        (void)close(fd);
        return "append";
    case 4:
        (void)!truncate(a, 1);
        return "truncate";
    case 5:
        (void)rename(a, b);
        return "rename";
    case 6:
        (void)unlink(a);
        return "unlink";
    case 7:
        (void)!symlink(pick(2) ? a : d, b);
        return "symlink";
    case 8:
        if (is_below_a_root(b)) /* of one that is made elsewhere no directory is told */
            (void)!link(a, b);
        return "link";
    case 9:
        (void)rename(d, e);
        return "rename of a directory";
    case 10:
        if (pick(4) == 0)
            remove_all(d);
        return "rm -r";
    default:
        (void)chmod(a, 0640);
        return "chmod";
    }
}

static void T2_a_look_tells_what_a_walk_tells(void **state)
{
    (void)state;
    for (uint32_t round = 1; round <= 12; round++) {
        struct session_watch *w = session_watch_new(roots);
        struct session_watch_facts facts;
        seed = round;
        for (int i = 0; i < 120; i++) {
            const char *after = "nothing";
            for (unsigned n = pick(4); n > 0; n--)
                after = happen();
            expect_what_a_walk_tells(w, after);
        }
        session_watch_facts(w, &facts);
        assert_int_equal(facts.looks, 120);
        assert_string_equal(facts.why_not, "");
        assert_true(facts.walks < facts.looks); /* or the test would prove nothing */
        (void)session_watch_free(w);
    }
}

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static void T2_what_is_appended_costs_no_walk(void **state)
{
    (void)state;
    char dir[128], file[160];
    struct session_watch_facts facts;
    (void)snprintf(dir, sizeof(dir), "%s/.claude/projects/plain", home);
    (void)snprintf(file, sizeof(file), "%s/s.jsonl", dir);
    remove_all(dir);
    make_dirs(dir);
    put(file, "{}\n");
    struct session_watch *w = session_watch_new(roots);
    for (int i = 0; i < 50; i++) {
        expect_what_a_walk_tells(w, "an append");
        put(file, "{}\n");
    }
    session_watch_facts(w, &facts);
    assert_int_equal(facts.walks, 1);
    assert_int_equal(facts.looks, 50);
    assert_true(facts.directories > 0);
    (void)session_watch_free(w);
}

static void T2_more_than_the_kernel_keeps_is_a_walk_and_nothing_is_lost(void **state)
{
    (void)state;
    char dir[128], file[180];
    (void)snprintf(dir, sizeof(dir), "%s/.claude/projects/many", home);
    make_dirs(dir);
    struct session_watch *w = session_watch_new(roots);
    expect_what_a_walk_tells(w, "nothing");
    for (int i = 0; i < 20000; i++) { /* fs.inotify.max_queued_events is 16384 */
        (void)snprintf(file, sizeof(file), "%s/%d.jsonl", dir, i % 300);
        put(file, "{}\n");
    }
    expect_what_a_walk_tells(w, "20000 appends");
    (void)session_watch_free(w);
    remove_all(dir);
}

/* Where the kernel gives no more than three watches, which a user namespace of one's own can be told. */
static void T2_where_the_kernel_gives_too_few_watches_every_look_is_a_walk(void **state)
{
    (void)state;
    char dir[128], file[160];
    struct session_watch_facts facts;
    for (int i = 0; i < 8; i++) {
        (void)snprintf(dir, sizeof(dir), "%s/.claude/projects/%d", home, i);
        make_dirs(dir);
    }
    (void)snprintf(file, sizeof(file), "%s/s.jsonl", dir);
    struct session_watch *w = session_watch_new(roots);
    for (int i = 0; i < 4; i++) {
        put(file, "{}\n");
        expect_what_a_walk_tells(w, "an append");
    }
    session_watch_facts(w, &facts);
    assert_int_equal(facts.walks, 4);
    assert_int_equal(facts.directories, 0);
    assert_non_null(strstr(facts.why_not, "max_user_watches"));
    (void)session_watch_free(w);
}

static void T2_too_few_watches_are_enough(void **state)
{
    (void)state;
    char self[256], command[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(n > 0);
    self[n] = '\0';
    (void)snprintf(command, sizeof(command),
                   "exec unshare --user --map-root-user sh -c 'echo 3 "
                   ">/proc/sys/user/max_inotify_watches && exec \"$0\" limited' '%s' >&2",
                   self);
    assert_int_equal(system(command), 0);
}

static void a_file_system_that_others_write_to_is_told_from_one_that_is_our_own(void **state)
{
    (void)state;
    assert_true(file_system_is_local("/tmp"));
    assert_false(file_system_is_local("/proc"));
    assert_false(file_system_is_local("/tmp/there-is-no-such-thing-here"));
}

static int run_limited(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        T2_where_the_kernel_gives_too_few_watches_every_look_is_a_walk, make_home, remove_home)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return run_limited();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(T2_a_look_tells_what_a_walk_tells, make_home, remove_home),
        cmocka_unit_test_setup_teardown(T2_what_is_appended_costs_no_walk, make_home, remove_home),
        cmocka_unit_test_setup_teardown(T2_more_than_the_kernel_keeps_is_a_walk_and_nothing_is_lost,
                                        make_home, remove_home),
        cmocka_unit_test(T2_too_few_watches_are_enough),
        cmocka_unit_test_setup_teardown(a_file_system_that_others_write_to_is_told_from_one_that_is_our_own,
                                        make_home, remove_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
