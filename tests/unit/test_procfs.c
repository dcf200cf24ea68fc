/* test_procfs.c -- lists, sums and identities over a /proc that the test writes; test_procfs_live.c asks the
 * kernel. */
#include "io/procfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/test_procfs.XXXXXX";
static struct procfs *procfs;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static int set_up(void **state)
{
    (void)state;
    memset(root + strlen(root) - 6, 'X', 6);
    if (!mkdtemp(root))
        return -1;
    procfs = procfs_new(root);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    procfs = procfs_free(procfs);
    return nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* In place, as the kernel does: a file that is kept open sees the new bytes. */
static void write_line(int64_t pid, const char *line)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%lld", root, (long long)pid);
    assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    (void)snprintf(path, sizeof(path), "%s/%lld/stat", root, (long long)pid);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(line, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void write_process(const struct procfs_process *p)
{
    char line[512];
    (void)snprintf(
        line, sizeof(line),
        "%lld (we) ird (name) %c %lld 0 0 0 -1 4194304 %lld 0 %lld 0 %lld %lld %lld %lld 20 0 %lld 0 %lld "
        "%lld %lld 18446744073709551615\n",
        (long long)p->pid, p->state ? p->state : 'S', (long long)p->ppid, (long long)p->minflt,
        (long long)p->majflt, (long long)p->utime, (long long)p->stime, (long long)p->cutime,
        (long long)p->cstime, (long long)(p->threads ? p->threads : 1), (long long)p->start_ticks,
        (long long)p->vsize_bytes, (long long)p->rss_pages);
    write_line(p->pid, line);
}
#define WRITE(...) write_process(&(struct procfs_process){__VA_ARGS__})

static void forget(int64_t pid)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%lld/stat", root, (long long)pid);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof(path), "%s/%lld", root, (long long)pid);
    assert_int_equal(rmdir(path), 0);
}

static int64_t scan(void)
{
    int64_t errors = -1;
    assert_int_equal(procfs_scan(procfs, &errors), 0);
    return errors;
}

static int64_t tree_ticks(int64_t pid, int64_t start_ticks)
{
    struct procfs_tree tree;
    return procfs_tree(procfs, pid, start_ticks, -1, -1, &tree) ? tree.cpu_ticks : -1;
}

static void a_scan_lists_processes_by_pid_and_nothing_else(void **state)
{
    (void)state;
    WRITE(.pid = 1000, .ppid = 9);
    WRITE(.pid = 9);
    WRITE(.pid = 88, .ppid = 9);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/sys", root);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/12a", root);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(scan(), 0);
    assert_int_equal(procfs_count(procfs), 3);
    assert_int_equal(procfs_at(procfs, 0)->pid, 9);
    assert_int_equal(procfs_at(procfs, 1)->pid, 88);
    assert_int_equal(procfs_at(procfs, 2)->pid, 1000);
    assert_int_equal(procfs_at(procfs, 0)->first_child, 1);
    assert_int_equal(procfs_at(procfs, 1)->next_sibling, 2);
    assert_true(procfs_at(procfs, 2)->next_sibling == PROCFS_NONE);
    assert_true(procfs_at(procfs, 2)->first_child == PROCFS_NONE);
    assert_ptr_equal(procfs_find(procfs, 88), procfs_at(procfs, 1));
    assert_null(procfs_find(procfs, 89));
}

static void every_field_is_the_one_of_its_number(void **state)
{
    (void)state;
    WRITE(.pid = 7, .ppid = 3, .start_ticks = 22, .state = 'R', .utime = 14, .stime = 15, .cutime = 16,
          .cstime = 17, .minflt = 10, .majflt = 12, .vsize_bytes = 23, .rss_pages = 24, .threads = 20);
    assert_int_equal(scan(), 0);
    const struct procfs_process *p = procfs_find(procfs, 7);
    assert_non_null(p);
    assert_int_equal(p->ppid, 3);
    assert_int_equal(p->start_ticks, 22);
    assert_int_equal(p->state, 'R');
    assert_int_equal(p->utime, 14);
    assert_int_equal(p->stime, 15);
    assert_int_equal(p->cutime, 16);
    assert_int_equal(p->cstime, 17);
    assert_int_equal(p->minflt, 10);
    assert_int_equal(p->majflt, 12);
    assert_int_equal(p->vsize_bytes, 23);
    assert_int_equal(p->rss_pages, 24);
    assert_int_equal(p->threads, 20);
}

static void a_line_that_is_none_is_left_out_and_counted(void **state)
{
    (void)state;
    WRITE(.pid = 1);
    write_line(2, "");
    write_line(3, "garbage\n");
    write_line(4, "4 (cut) S 1 0 0 0 -1 4194304 0 0 0 0 1 1 1");
    write_line(5, "6 (of another) S 1 0 0 0 -1 0 0 0 0 0 1 1 1 1 20 0 1 0 5 0 1 0\n");
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/7", root);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/7/stat", root);
    assert_int_equal(mkdir(path, 0700), 0); /* reading it gives EISDIR */
    WRITE(.pid = 8, .ppid = 1);
    assert_int_equal(scan(), 5);
    assert_int_equal(procfs_count(procfs), 2);
    assert_non_null(procfs_find(procfs, 8));
    WRITE(.pid = 3, .ppid = 1);
    assert_int_equal(scan(), 4);
    assert_non_null(procfs_find(procfs, 3));
}

static void a_process_that_ends_between_listing_and_reading_is_no_error(void **state)
{
    (void)state;
    WRITE(.pid = 1);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/2", root);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(scan(), 0);
    assert_int_equal(procfs_count(procfs), 1);
}

static void a_tree_is_the_sum_of_its_members_and_of_nobody_else(void **state)
{
    (void)state;
    WRITE(.pid = 1, .utime = 100000, .rss_pages = 100000, .start_ticks = 1);
    WRITE(.pid = 10, .ppid = 1, .start_ticks = 5, .utime = 1, .stime = 2, .cutime = 4, .cstime = 8,
          .rss_pages = 1);
    WRITE(.pid = 11, .ppid = 10, .utime = 16, .rss_pages = 2, .threads = 3);
    WRITE(.pid = 12, .ppid = 11, .stime = 32, .rss_pages = 4);
    WRITE(.pid = 13, .ppid = 10, .cutime = 64, .rss_pages = 8);
    WRITE(.pid = 14, .ppid = 1, .utime = 1000, .rss_pages = 1000);
    WRITE(.pid = 5, .ppid = 12, .utime = 128); /* a pid below that of its parent, as after a wrap */
    assert_int_equal(scan(), 0);
    struct procfs_tree tree;
    assert_true(procfs_tree(procfs, 10, 5, -1, -1, &tree));
    assert_int_equal(tree.cpu_ticks, 1 + 2 + 4 + 8 + 16 + 32 + 64 + 128);
    assert_int_equal(tree.rss_bytes, (1 + 2 + 4 + 8) * sysconf(_SC_PAGESIZE));
    assert_int_equal(tree.processes, 5);
    assert_int_equal(tree.threads, 7);
    assert_int_equal(tree_ticks(14, 0), 1000);
}

static void with_a_shim_the_tree_is_what_is_below_it_and_what_it_reaped(void **state)
{
    (void)state;
    WRITE(.pid = 1, .utime = 100000, .start_ticks = 1);
    WRITE(.pid = 10, .ppid = 1, .start_ticks = 4, .utime = 1000, .stime = 1000, .cutime = 1, .cstime = 2);
    WRITE(.pid = 11, .ppid = 10, .start_ticks = 5, .utime = 4);
    WRITE(.pid = 12, .ppid = 11, .utime = 8);
    WRITE(.pid = 13, .ppid = 10, .utime = 16); /* an orphan that came back to the shim */
    assert_int_equal(scan(), 0);
    struct procfs_tree tree;
    assert_true(procfs_tree(procfs, 11, 5, 10, 4, &tree));
    assert_int_equal(tree.cpu_ticks, 1 + 2 + 4 + 8 + 16);
    assert_int_equal(tree.processes, 3);
    /* Another process has the shim's pid, or the shim is gone, or it is not above the agent: the agent's own
     * tree. */
    assert_true(procfs_tree(procfs, 11, 5, 10, 3, &tree));
    assert_int_equal(tree.cpu_ticks, 4 + 8);
    assert_true(procfs_tree(procfs, 11, 5, 99, 4, &tree));
    assert_int_equal(tree.cpu_ticks, 4 + 8);
    assert_true(procfs_tree(procfs, 11, 5, 13, 0, &tree));
    assert_int_equal(tree.cpu_ticks, 4 + 8);
    assert_true(procfs_tree(procfs, 11, 5, 11, 5, &tree));
    assert_int_equal(tree.cpu_ticks, 4 + 8);
}

static void a_zombie_member_gives_its_ticks_and_is_no_process(void **state)
{
    (void)state;
    WRITE(.pid = 10, .start_ticks = 5, .utime = 1, .rss_pages = 1);
    WRITE(.pid = 11, .ppid = 10, .state = 'Z', .utime = 2, .start_ticks = 6);
    assert_int_equal(scan(), 0);
    struct procfs_tree tree;
    assert_true(procfs_tree(procfs, 10, 5, -1, -1, &tree));
    assert_int_equal(tree.cpu_ticks, 3);
    assert_int_equal(tree.processes, 1);
    assert_int_equal(tree.threads, 1);
    assert_int_equal(tree_ticks(11, 6), -1);
    assert_int_equal(procfs_start_ticks(root, 10), 5);
    assert_int_equal(procfs_start_ticks(root, 11), -1);
}

static void a_reused_pid_is_another_process(void **state)
{
    (void)state;
    WRITE(.pid = 10, .start_ticks = 5, .utime = 70);
    assert_int_equal(scan(), 0);
    assert_int_equal(tree_ticks(10, 5), 70);
    WRITE(.pid = 10, .start_ticks = 6, .utime = 3);
    assert_int_equal(scan(), 0);
    struct procfs_tree tree = {.cpu_ticks = -7};
    assert_false(procfs_tree(procfs, 10, 5, -1, -1, &tree));
    assert_int_equal(tree.cpu_ticks, -7);
    assert_int_equal(tree_ticks(10, 6), 3);
    assert_int_equal(procfs_start_ticks(root, 10), 6);
    forget(10);
    assert_int_equal(scan(), 0);
    assert_int_equal(tree_ticks(10, 6), -1);
    assert_int_equal(procfs_start_ticks(root, 10), -1);
    WRITE(.pid = 10, .start_ticks = 8, .utime = 4); /* a new file */
    assert_int_equal(scan(), 0);
    assert_int_equal(tree_ticks(10, 8), 4);
}

static void lines_that_tell_of_a_circle_end_a_walk_all_the_same(void **state)
{
    (void)state;
    WRITE(.pid = 10, .ppid = 12, .utime = 1);
    WRITE(.pid = 11, .ppid = 10, .utime = 2);
    WRITE(.pid = 12, .ppid = 11, .utime = 4);
    WRITE(.pid = 13, .ppid = 12, .utime = 8);
    WRITE(.pid = 14, .ppid = 14, .utime = 16);
    WRITE(.pid = 5, .ppid = 13, .utime = 32);
    assert_int_equal(scan(), 0);
    assert_int_equal(tree_ticks(10, 0), 1 + 2 + 4 + 8 + 32);
    assert_int_equal(tree_ticks(13, 0), 8 + 32);
    assert_int_equal(tree_ticks(14, 0), 16);
}

static void a_process_whose_parent_is_not_listed_keeps_its_children(void **state)
{
    (void)state;
    WRITE(.pid = 10, .ppid = 3, .utime = 1); /* as with hidepid */
    WRITE(.pid = 11, .ppid = 10, .utime = 2);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(scan(), 0);
        assert_int_equal(tree_ticks(10, 0), 1 + 2);
    }
}

static void a_root_that_cannot_be_listed_is_an_error_and_changes_nothing(void **state)
{
    (void)state;
    int64_t errors = -7;
    struct procfs *nowhere = procfs_new("/nonexistent/proc");
    assert_int_equal(procfs_scan(nowhere, &errors), -ENOENT);
    assert_int_equal(errors, -7);
    assert_int_equal(procfs_count(nowhere), 0);
    assert_null(procfs_free(nowhere));
    assert_null(procfs_free(NULL));
}

static int open_files(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

static void at_most_a_quarter_of_the_files_are_kept_and_all_processes_read(void **state)
{
    (void)state;
    struct rlimit old, low;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = old;
    low.rlim_cur = 64;
    int before = open_files();
    assert_true(before < 24);
    for (int64_t pid = 1; pid <= 200; pid++)
        WRITE(.pid = pid, .utime = pid);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(scan(), 0);
        assert_int_equal(procfs_count(procfs), 200);
        assert_int_equal(tree_ticks(200, 0), 200);
        assert_int_equal(open_files(), before + 1 + 16); /* the root, and a quarter of 64 */
    }
    for (int64_t pid = 1; pid <= 190; pid++)
        forget(pid);
    assert_int_equal(scan(), 0);
    assert_int_equal(procfs_count(procfs), 10);
    assert_int_equal(open_files(), before + 1 + 10);
    procfs = procfs_free(procfs);
    assert_int_equal(open_files(), before);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_scan_lists_processes_by_pid_and_nothing_else),
        TEST(every_field_is_the_one_of_its_number),
        TEST(a_line_that_is_none_is_left_out_and_counted),
        TEST(a_process_that_ends_between_listing_and_reading_is_no_error),
        TEST(a_tree_is_the_sum_of_its_members_and_of_nobody_else),
        TEST(with_a_shim_the_tree_is_what_is_below_it_and_what_it_reaped),
        TEST(a_zombie_member_gives_its_ticks_and_is_no_process),
        TEST(a_reused_pid_is_another_process),
        TEST(lines_that_tell_of_a_circle_end_a_walk_all_the_same),
        TEST(a_process_whose_parent_is_not_listed_keeps_its_children),
        TEST(a_root_that_cannot_be_listed_is_an_error_and_changes_nothing),
        TEST(at_most_a_quarter_of_the_files_are_kept_and_all_processes_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
