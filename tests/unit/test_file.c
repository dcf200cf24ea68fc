/* test_file.c -- whole bytes or the old bytes, whatever fails on the way. */
#include "io/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/test_file.XXXXXX";

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

/* Every test runs in an empty directory of its own. */
static int set_up(void **state)
{
    (void)state;
    memset(root + strlen(root) - 6, 'X', 6);
    return mkdtemp(root) ? chdir(root) : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return chdir("/") || nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static int write_text(const char *path, const char *text)
{
    return file_write_atomic(path, str_of(text), 0644, false);
}

static void assert_holds(const char *path, const char *text)
{
    CLEANUP(buf_deinit) struct buf b = BUF_INIT;
    assert_int_equal(file_read_small(path, 1 << 20, &b), 0);
    assert_string_equal(b.p, text);
}

/* Names in `path`, without . and .. */
static int entries(const char *path)
{
    int n = -2;
    DIR *d = opendir(path);
    assert_non_null(d);
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

static void a_file_is_read_whole_or_not_at_all(void **state)
{
    (void)state;
    CLEANUP(buf_deinit) struct buf b = BUF_INIT;
    buf_add_text(&b, "before ");
    assert_int_equal(file_write_atomic("f", STR("a\0b\n"), 0600, false), 0);
    assert_int_equal(file_read_small("f", 3, &b), -EFBIG);
    assert_string_equal(b.p, "before ");
    assert_int_equal(file_read_small("f", 4, &b), 0);
    assert_true(str_equal(buf_str(&b), STR("before a\0b\n")));
}

static void a_file_of_several_chunks_is_read_whole(void **state)
{
    (void)state;
    enum { BYTES = 100001 };
    CLEANUP(freep) char *bytes = xcalloc(1, BYTES);
    CLEANUP(buf_deinit) struct buf b = BUF_INIT;
    for (int i = 0; i < BYTES; i++)
        bytes[i] = (char)(i % 251);
    assert_int_equal(file_write_atomic("f", (struct str){bytes, BYTES}, 0600, true), 0);
    assert_int_equal(file_read_small("f", BYTES - 1, &b), -EFBIG);
    assert_int_equal(file_read_small("f", BYTES, &b), 0);
    assert_int_equal(b.n, BYTES);
    assert_memory_equal(b.p, bytes, BYTES);
}

static void a_file_whose_size_says_0_is_read_too(void **state)
{
    (void)state;
    CLEANUP(buf_deinit) struct buf b = BUF_INIT;
    assert_int_equal(file_read_small("/proc/self/status", 1 << 20, &b), 0);
    assert_true(str_starts_with(buf_str(&b), STR("Name:\t")));
}

static void what_cannot_be_read_says_why(void **state)
{
    (void)state;
    CLEANUP(buf_deinit) struct buf b = BUF_INIT;
    assert_int_equal(file_read_small("absent", 10, &b), -ENOENT);
    assert_int_equal(file_read_small(root, 10, &b), -EISDIR);
    assert_int_equal(write_text("f", "x"), 0);
    assert_int_equal(file_read_small("f/g", 10, &b), -ENOTDIR);
    assert_int_equal(b.n, 0);
}

static void the_mode_is_the_one_asked_for_whatever_the_umask(void **state)
{
    (void)state;
    struct stat st;
    mode_t old = umask(077);
    assert_int_equal(file_write_atomic("f", STR("x"), 0664, false), 0);
    (void)umask(0);
    assert_int_equal(file_write_atomic("g", STR("x"), 0600, false), 0);
    (void)umask(old);
    assert_int_equal(stat("f", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0664);
    assert_int_equal(stat("g", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void who_has_the_old_file_open_goes_on_reading_the_old_bytes(void **state)
{
    (void)state;
    char old[8] = "";
    assert_int_equal(write_text("f", "old"), 0);
    int fd = open("f", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write_text("f", "new"), 0);
    assert_int_equal(read(fd, old, sizeof(old) - 1), 3);
    assert_string_equal(old, "old");
    assert_holds("f", "new");
    assert_int_equal(entries("."), 1);
    (void)close(fd);
}

static void every_form_of_a_path_names_the_same_file(void **state)
{
    (void)state;
    char path[128], longest[NAME_MAX + 1];
    (void)snprintf(path, sizeof(path), "%s/f", root);
    assert_int_equal(write_text(path, "1"), 0);
    assert_holds("f", "1");
    assert_int_equal(write_text("./f", "2"), 0);
    assert_holds(path, "2");
    assert_int_equal(write_text("f/", "3"), -EISDIR);
    assert_int_equal(write_text("", "3"), -ENOENT);
    memset(longest, 'n', NAME_MAX);
    longest[NAME_MAX] = '\0';
    assert_int_equal(write_text(longest, "4"), 0);
    assert_holds(longest, "4");
    assert_int_equal(entries("."), 2);
}

static void a_symbolic_link_is_replaced_and_its_target_left_alone(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(write_text("target", "old"), 0);
    assert_int_equal(symlink("target", "link"), 0);
    assert_int_equal(write_text("link", "new"), 0);
    assert_holds("target", "old");
    assert_int_equal(lstat("link", &st), 0);
    assert_true(S_ISREG(st.st_mode));
}

static void what_is_in_the_way_stays_and_no_temporary_file_does(void **state)
{
    (void)state;
    assert_int_equal(write_text("absent/f", "x"), -ENOENT);
    assert_int_equal(mkdir("d", 0700), 0);
    assert_int_equal(write_text("d", "x"), -EISDIR);
    assert_int_equal(write_text("f", "x"), 0);
    assert_int_equal(write_text("f/g", "x"), -ENOTDIR);
    assert_int_equal(entries("."), 2);
    assert_int_equal(entries("d"), 0);
}

/* The limit on the size of a file stops a write in the middle, as a full disk does, and needs no privileges.
 */
static void a_write_that_fails_half_way_leaves_the_old_bytes(void **state)
{
    (void)state;
    enum { BYTES = 50000 };
    struct rlimit old, low;
    CLEANUP(freep) char *bytes = xcalloc(1, BYTES);
    assert_int_equal(write_text("f", "old"), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    low = old;
    low.rlim_cur = 30000;
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    int rc = file_write_atomic("f", (struct str){bytes, BYTES}, 0600, true);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(rc, -EFBIG);
    assert_holds("f", "old");
    assert_int_equal(entries("."), 1);
}

static void a_full_disk_leaves_the_old_bytes(void **state)
{
    (void)state;
    enum { BYTES = 1 << 20 };
    CLEANUP(freep) char *bytes = xcalloc(1, BYTES);
    assert_int_equal(mkdir("small", 0700), 0);
    if (mount("tmpfs", "small", "tmpfs", 0, "size=64k") < 0) {
        print_message("LEFT OUT: this user may not mount a small file system: %s\n", strerror(errno));
        skip();
    }
    int first = write_text("small/f", "old");
    int full = file_write_atomic("small/f", (struct str){bytes, BYTES}, 0600, true);
    int files = entries("small");
    CLEANUP(buf_deinit) struct buf b = BUF_INIT;
    int reading = file_read_small("small/f", 100, &b);
    int again = write_text("small/f", "new");
    assert_int_equal(umount("small"), 0);
    assert_int_equal(first, 0);
    assert_int_equal(full, -ENOSPC);
    assert_int_equal(files, 1);
    assert_int_equal(reading, 0);
    assert_string_equal(b.p, "old");
    assert_int_equal(again, 0);
}

#define REPLACED_BYTES 40000
#define REPLACEMENTS 400

static void replace_again_and_again(char letter)
{
    CLEANUP(freep) char *bytes = xcalloc(1, REPLACED_BYTES);
    memset(bytes, letter, REPLACED_BYTES);
    for (int i = 0; i < REPLACEMENTS; i++)
        if (file_write_atomic("f", (struct str){bytes, REPLACED_BYTES}, 0600, false) != 0)
            _exit(1);
}

static void readers_never_see_half_of_a_file_that_two_replace(void **state)
{
    (void)state;
    pid_t writers[2];
    int status, ended = 0;
    bool changed = false;
    replace_again_and_again('z');
    for (int i = 0; i < 2; i++) {
        writers[i] = fork();
        if (writers[i] == 0) {
            replace_again_and_again((char)('a' + i));
            _exit(0);
        }
    }
    while (ended < 2) {
        CLEANUP(buf_deinit) struct buf b = BUF_INIT;
        assert_int_equal(file_read_small("f", REPLACED_BYTES, &b), 0);
        assert_int_equal(b.n, REPLACED_BYTES);
        assert_memory_equal(b.p, b.p + 1, REPLACED_BYTES - 1);
        changed |= b.p[0] != 'z';
        if (waitpid(-1, &status, WNOHANG) > 0) {
            assert_int_equal(status, 0);
            ended++;
        }
    }
    assert_true(changed);
    assert_int_equal(entries("."), 1);
}

static void directories_are_made_down_the_path(void **state)
{
    (void)state;
    struct stat st;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/x//y/z/", root);
    assert_int_equal(file_mkdirs("a/b/c", 0700), 0);
    assert_int_equal(file_mkdirs("a/b/c", 0755), 0);
    assert_int_equal(stat("a/b", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(file_mkdirs(path, 0700), 0);
    assert_true(file_exists("x/y/z"));
    assert_int_equal(file_mkdirs("/", 0700), 0);
    assert_int_equal(file_mkdirs("", 0700), -ENOENT);
}

static void a_file_in_the_way_of_a_directory_is_refused(void **state)
{
    (void)state;
    assert_int_equal(write_text("f", "x"), 0);
    assert_int_equal(file_mkdirs("f", 0700), -ENOTDIR);
    assert_int_equal(file_mkdirs("f/g", 0700), -ENOTDIR);
    assert_int_equal(mkdir("d", 0700), 0);
    assert_int_equal(symlink("d", "link"), 0);
    assert_int_equal(file_mkdirs("link/e", 0700), 0);
    assert_true(file_exists("d/e"));
    assert_holds("f", "x");
}

static void what_exists_is_what_a_path_leads_to(void **state)
{
    (void)state;
    assert_int_equal(write_text("f", "x"), 0);
    assert_int_equal(symlink("absent", "dangling"), 0);
    assert_true(file_exists("f"));
    assert_true(file_exists("."));
    assert_false(file_exists("absent"));
    assert_false(file_exists("dangling"));
    assert_false(file_exists("f/g"));
    assert_false(file_exists(""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_read_whole_or_not_at_all),
        TEST(a_file_of_several_chunks_is_read_whole),
        TEST(a_file_whose_size_says_0_is_read_too),
        TEST(what_cannot_be_read_says_why),
        TEST(the_mode_is_the_one_asked_for_whatever_the_umask),
        TEST(who_has_the_old_file_open_goes_on_reading_the_old_bytes),
        TEST(every_form_of_a_path_names_the_same_file),
        TEST(a_symbolic_link_is_replaced_and_its_target_left_alone),
        TEST(what_is_in_the_way_stays_and_no_temporary_file_does),
        TEST(a_write_that_fails_half_way_leaves_the_old_bytes),
        TEST(a_full_disk_leaves_the_old_bytes),
        TEST(readers_never_see_half_of_a_file_that_two_replace),
        TEST(directories_are_made_down_the_path),
        TEST(a_file_in_the_way_of_a_directory_is_refused),
        TEST(what_exists_is_what_a_path_leads_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
