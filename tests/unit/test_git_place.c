/* test_git_place.c -- what is read by hand of a repository, also of one that is none (spec 20 Q16).  What git
 * itself makes is read in tests/integration/git-evidence.test.mjs. */
#include "base/buf.h"
#include "io/git_place.h"
#include "io/git_status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef01234567"

static char top[64];

static void path_of(char path[256], const char *name)
{
    (void)snprintf(path, 256, "%s/%s", top, name);
}

static void put(const char *name, const char *text)
{
    char path[256];
    path_of(path, name);
    (void)unlink(path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void make(const char *name)
{
    char path[256];
    path_of(path, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(top, sizeof(top), "/tmp/muster-git-XXXXXX");
    return mkdtemp(top) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -r %s", top);
    return system(command);
}

static struct git_place place(bool is_one)
{
    struct git_place p;
    assert_int_equal(git_place_read(top, &p), is_one);
    return p;
}

static void assert_place(const char *branch, const char *head)
{
    struct git_place p = place(true);
    assert_string_equal(p.worktree, top);
    assert_string_equal(p.branch, branch);
    assert_string_equal(p.head, head);
}

static void a_branch_is_followed_to_its_commit_loose_or_packed(void **state)
{
    (void)state;
    make(".git");
    make(".git/refs");
    make(".git/refs/heads");
    make(".git/refs/heads/a");
    put(".git/HEAD", "ref: refs/heads/a/b\n");
    assert_place("a/b", ""); /* unborn */
    put(".git/packed-refs",
        "# pack-refs with: peeled fully-peeled sorted\nffffffffffffffffffffffffffffffffffffffff "
        "refs/heads/x/refs/heads/a/b\n" ID " refs/heads/a/b\n^ffffffffffffffffffffffffffffffffffffffff\n");
    assert_place("a/b", "0123456789ab");
    put(".git/refs/heads/a/b", "abcdef0123456789abcdef0123456789abcdef01\n");
    assert_place("a/b", "abcdef012345");
}

static void a_detached_head_is_a_commit_without_a_branch(void **state)
{
    (void)state;
    make(".git");
    put(".git/HEAD", ID "\n");
    assert_place("", "0123456789ab");
}

static void a_linked_worktree_has_its_own_head_and_the_refs_of_its_repository(void **state)
{
    (void)state;
    make("main");
    make("main/refs");
    make("main/refs/heads");
    make("main/w");
    put(".git", "gitdir: main/w\n");
    put("main/w/commondir", "..\n");
    put("main/w/HEAD", "ref: refs/heads/one\n");
    put("main/refs/heads/one", ID "\n");
    assert_place("one", "0123456789ab");
}

static void a_head_that_says_something_else_names_nothing(void **state)
{
    (void)state;
    static const char *const heads[] = {"",
                                        "ref: refs/heads/",
                                        "ref: refs/heads/../../../etc/passwd",
                                        "ref: /etc/passwd",
                                        "ref: refs/heads/.invalid",
                                        "0123",
                                        "ref: refs/heads/a\nb",
                                        "0123456789ABCDEF0123456789ABCDEF01234567"};
    make(".git");
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        put(".git/HEAD", heads[i]);
        assert_place("", "");
    }
}

static void what_is_no_regular_file_is_not_opened(void **state)
{
    (void)state;
    char path[256];
    path_of(path, ".git");
    assert_int_equal(mkfifo(path, 0600), 0); /* reading it would wait for ever */
    (void)place(false);
    assert_int_equal(unlink(path), 0);
    put(".git", "gitdir: /dev\n");
    (void)place(false);
    assert_int_equal(unlink(path), 0);
    make(".git");
    path_of(path, ".git/HEAD");
    assert_int_equal(symlink("/etc/hostname", path), 0);
    (void)place(false);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)place(false);
}

static void what_git_status_writes_is_counted_however_it_is_cut(void **state)
{
    (void)state;
    static const char text[] =
        " M a\0?? new\0R  to\0from\0!! ignored\0UU both\0?? last"; /* the last is not ended */
    for (size_t cut = 0; cut < sizeof(text) - 1; cut++) {
        struct git_entries e = {0};
        git_entries_add(&e, (struct str){text, cut});
        git_entries_add(&e, (struct str){text + cut, sizeof(text) - 1 - cut});
        assert_int_equal(e.modified, 3); /* a, to, both */
        assert_int_equal(e.untracked, 1);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_branch_is_followed_to_its_commit_loose_or_packed),
        TEST(a_detached_head_is_a_commit_without_a_branch),
        TEST(a_linked_worktree_has_its_own_head_and_the_refs_of_its_repository),
        TEST(a_head_that_says_something_else_names_nothing),
        TEST(what_is_no_regular_file_is_not_opened),
        TEST(what_git_status_writes_is_counted_however_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
