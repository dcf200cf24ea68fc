/* test_file_walk.c -- a walk finds what a naive one finds, and remembering listings changes nothing (spec 60
 * T1). */
#include "transcripts/file_walk.h"

#include "base/buf.h"
#include "transcripts/dir_listings.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS 400

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* -- the peer: every directory is read, every name is looked at by its whole path -- */

struct found {
    char *path;
    struct stat st;
};
struct naive {
    struct found *files;
    size_t count;
};

static void naive_walk(struct naive *n, const char *dir, const struct stat *above, int depth)
{
    struct stat st[34];
    assert_true(depth < 34);
    if (depth > 0)
        memcpy(st, above, sizeof(st[0]) * (size_t)depth);
    if (stat(dir, &st[depth]) != 0)
        return;
    for (int i = 0; i < depth; i++)
        if (st[i].st_dev == st[depth].st_dev && st[i].st_ino == st[depth].st_ino)
            return;
    DIR *d = opendir(dir);
    for (const struct dirent *e; d && (e = readdir(d));) {
        struct stat its;
        struct str name = str_of(e->d_name);
        char path[4096];
        bool fits = (size_t)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) < sizeof(path);
        if (!fits || e->d_name[0] == '.' || stat(path, &its) != 0)
            continue;
        if (S_ISDIR(its.st_mode) && depth < 32)
            naive_walk(n, path, st, depth + 1);
        else if (S_ISREG(its.st_mode) &&
                 (str_ends_with(name, STR(".jsonl")) || str_ends_with(name, STR(".jsonl.zst")))) {
            n->files = xrealloc(n->files, (n->count + 1) * sizeof(*n->files));
            n->files[n->count++] = (struct found){xstrdup(path), its};
        }
    }
    if (d)
        (void)closedir(d);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct found *)a)->path, ((const struct found *)b)->path);
}

static bool is_there(const struct naive *n, struct str path)
{
    for (size_t i = 0; i < n->count; i++)
        if (str_equal(str_of(n->files[i].path), path))
            return true;
    return false;
}

static void add_line(struct buf *out, const char *path, int64_t device, int64_t inode, int64_t size,
                     int64_t mtime_ns, int64_t ctime_ns)
{
    buf_printf(out, "%s %lld %lld %lld %lld %lld\n", path, (long long)device, (long long)inode,
               (long long)size, (long long)mtime_ns, (long long)ctime_ns);
}

static int64_t ns(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Of the names of one file the smallest; of those the ones without a plain twin. */
static void naive_print(const char *root, struct buf *out)
{
    struct naive all = {0}, one = {0};
    naive_walk(&all, root, NULL, 0);
    if (all.count)
        qsort(all.files, all.count, sizeof(*all.files), by_path);
    one.files = xcalloc(all.count + 1, sizeof(*one.files));
    for (size_t i = 0; i < all.count; i++) {
        bool again = false;
        for (size_t k = 0; k < one.count; k++)
            again |= one.files[k].st.st_ino == all.files[i].st.st_ino &&
                     one.files[k].st.st_dev == all.files[i].st.st_dev;
        if (!again)
            one.files[one.count++] = all.files[i];
    }
    for (size_t i = 0; i < one.count; i++) {
        const struct stat *st = &one.files[i].st;
        struct str path = str_of(one.files[i].path);
        if (!str_ends_with(path, STR(".zst")) || !is_there(&one, (struct str){path.p, path.n - 4}))
            add_line(out, path.p, (int64_t)st->st_dev, (int64_t)st->st_ino, st->st_size, ns(st->st_mtim),
                     ns(st->st_ctim));
    }
    for (size_t i = 0; i < all.count; i++)
        free(all.files[i].path);
    free(all.files);
    free(one.files);
}

static void walk_print(const char *root, struct dir_listings *remembered, int64_t now_ns, struct buf *out)
{
    struct file_walk w = {.remembered = remembered, .now_ns = now_ns};
    file_walk_root(&w, root, TRANSCRIPT_CLAUDE);
    file_walk_finish(&w);
    for (size_t i = 0; i < w.count; i++) {
        const struct file_walk_entry *f = &w.files[i];
        assert_int_equal(f->name_offset, strlen(root) + 1);
        add_line(out, f->path, f->device, f->inode, f->size, f->mtime_ns, f->ctime_ns);
    }
    file_walk_deinit(&w);
}

/* -- the tree -- */

static char base[] = "/tmp/test_file_walk.XXXXXX", root[64], cache[64];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(base, sizeof(base), "/tmp/test_file_walk.XXXXXX");
    assert_non_null(mkdtemp(base));
    (void)snprintf(root, sizeof(root), "%s/root", base);
    (void)snprintf(cache, sizeof(cache), "%s/directories", base);
    return mkdir(root, 0700);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    (void)remove(path);
    return 0;
}

static void remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int tear_down(void **state)
{
    (void)state;
    remove_tree(base);
    return 0;
}

static void write_file(const char *path, const char *text, int how)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | how, 0600);
    if (fd >= 0 && text[0])
        assert_true(write(fd, text, strlen(text)) > 0);
    closep(&fd);
}

static void pick(uint32_t *seed, char path[256])
{
    static const char *const names[] = {"a.jsonl",   "b.jsonl",  "a.jsonl.zst", "b.jsonl.zst",
                                        "a-b.jsonl", "note.txt", "c.jsonl.zst", "d",
                                        "e",         "a",        "a.b",         "link"};
    int n = snprintf(path, 256, "%s", root);
    for (uint32_t depth = 1 + next(seed) % 3; depth > 0; depth--)
        n += snprintf(path + n, 256 - (size_t)n, "/%s",
                      depth > 1 ? names[7 + next(seed) % 5] : names[next(seed) % COUNT_OF(names)]);
}

static void change(uint32_t *seed)
{
    char a[256], b[256];
    int rc = 0; /* of what may fail: there is such a name, or none */
    pick(seed, a);
    pick(seed, b);
    switch (next(seed) % 12) {
    case 0:
    case 1:
    case 2:
        write_file(a, "{}\n", 0);
        break;
    case 3:
        write_file(a, "more\n", O_APPEND);
        break;
    case 4:
    case 5:
    case 6:
        (void)mkdir(a, 0700);
        break;
    case 7:
        (void)rename(a, b);
        break;
    case 8:
        (void)renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
        break;
    case 9:
        rc = symlink(next(seed) % 2 ? b : "..", a);
        break;
    case 10:
        rc = link(b, a);
        break;
    case 11:
        if (next(seed) % 3 == 0)
            remove_tree(a);
        else
            (void)unlink(a);
        break;
    }
    (void)rc;
}

/* What is changed from here on has another time than what was changed before. */
static void next_tick(void)
{
    struct timespec start, now;
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &start);
    do
        (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    while (ns(now) == ns(start));
}

static int64_t soon_ns(void) /* by then everything has been at rest long enough */
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return ns(now) + 2 * DIR_LISTINGS_REST_NS;
}

/* -- the rules -- */

static void T1_a_walk_with_remembered_listings_finds_what_a_naive_one_finds(void **state)
{
    (void)state;
    uint32_t seed = 11;
    struct buf expected = BUF_INIT, actual = BUF_INIT;
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t i = next(&seed) % 6; i > 0; i--)
            change(&seed);
        buf_clear(&expected);
        naive_print(root, &expected);
        for (int with = 0; with < 2; with++) {
            struct dir_listings *listings = with ? dir_listings_open(cache) : NULL;
            buf_clear(&actual);
            next_tick();
            walk_print(root, listings, soon_ns(), &actual);
            assert_string_equal(actual.p, expected.p);
            assert_true(!with || dir_listings_save(listings) == 0);
            (void)dir_listings_free(listings);
        }
    }
    assert_true(expected.n > 0);
    buf_deinit(&expected);
    buf_deinit(&actual);
}

static void a_listing_is_believed_while_the_directory_is_in_its_state(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/seen.jsonl", root);
    write_file(path, "{}\n", 0);
    struct stat st;
    assert_int_equal(stat(root, &st), 0);
    struct dir_state of = {(int64_t)st.st_dev, (int64_t)st.st_ino, ns(st.st_mtim), ns(st.st_ctim)};
    struct dir_listings *listings = dir_listings_open(cache);
    dir_listings_put(listings, &of, soon_ns(), (struct str){"fother.jsonl", sizeof("fother.jsonl")});
    assert_int_equal(dir_listings_save(listings), 0);
    (void)dir_listings_free(listings);
    struct buf told = BUF_INIT;
    listings = dir_listings_open(cache);
    walk_print(root, listings, soon_ns(), &told); /* "other.jsonl" is not there */
    assert_int_equal(told.n, 0);
    next_tick();
    (void)snprintf(path, sizeof(path), "%s/other.jsonl", root);
    write_file(path, "{}\n", 0);
    walk_print(root, listings, soon_ns(), &told); /* another state: it is read */
    assert_true(str_find(buf_str(&told), STR("seen.jsonl")) >= 0);
    assert_true(str_find(buf_str(&told), STR("other.jsonl")) >= 0);
    (void)dir_listings_free(listings);
    buf_deinit(&told);
}

static void what_has_changed_a_moment_ago_is_not_remembered(void **state)
{
    (void)state;
    struct dir_state of = {1, 2, 5 * DIR_LISTINGS_REST_NS, 5 * DIR_LISTINGS_REST_NS};
    struct str names = {"fa.jsonl", sizeof("fa.jsonl")}, found;
    static const int64_t at[] = {5, 6,
                                 6}; /* read in that instant, one before it is due, and when it is due */
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        struct dir_listings *listings = dir_listings_open(cache);
        dir_listings_put(listings, &of, at[i] * DIR_LISTINGS_REST_NS - (i == 1), names);
        assert_int_equal(dir_listings_save(listings), 0);
        (void)dir_listings_free(listings);
        listings = dir_listings_open(cache);
        assert_int_equal(dir_listings_find(listings, &of, &found), i == 2);
        (void)dir_listings_free(listings);
    }
}

static void nothing_is_known_when_any_byte_is_wrong_or_missing(void **state)
{
    (void)state;
    struct dir_state of = {1, 2, 3, 4};
    struct str names = {"fa.jsonl", sizeof("fa.jsonl")}, found;
    struct dir_listings *listings = dir_listings_open(cache);
    dir_listings_put(listings, &of, 2 * DIR_LISTINGS_REST_NS, names);
    assert_int_equal(dir_listings_save(listings), 0);
    (void)dir_listings_free(listings);
    int fd = open(cache, O_RDWR | O_CLOEXEC);
    off_t size = lseek(fd, 0, SEEK_END);
    for (off_t at = 0; at < size; at++) {
        unsigned char byte;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        listings = dir_listings_open(cache);
        assert_false(dir_listings_find(listings, &of, &found));
        (void)dir_listings_free(listings);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    listings = dir_listings_open(cache);
    assert_true(dir_listings_find(listings, &of, &found));
    assert_true(str_equal(found, names));
    (void)dir_listings_free(listings);
    for (off_t cut = size - 1; cut >= 0; cut--) {
        assert_int_equal(ftruncate(fd, cut), 0);
        listings = dir_listings_open(cache);
        assert_false(dir_listings_find(listings, &of, &found));
        (void)dir_listings_free(listings);
    }
    closep(&fd);
}

static void without_a_place_nothing_is_kept_and_nothing_fails(void **state)
{
    (void)state;
    struct dir_state of = {1, 2, 3, 4};
    struct str found;
    const char *const paths[] = {NULL, "/nowhere/at/all"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct dir_listings *listings = dir_listings_open(paths[i]);
        dir_listings_put(listings, &of, 2 * DIR_LISTINGS_REST_NS, (struct str){"fa", 3});
        assert_false(dir_listings_find(listings, &of, &found));
        assert_int_equal(dir_listings_save(listings), i ? -ENOENT : 0);
        (void)dir_listings_free(listings);
    }
    (void)dir_listings_free(NULL);
}

/* .../root/a -> .. : what is found through it again has smaller names, and is the same all the same. */
static void a_link_that_leads_above_the_root_gives_no_other_names(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/s.jsonl", root);
    write_file(path, "{}\n", 0);
    (void)snprintf(path, sizeof(path), "%s/a", root);
    assert_int_equal(symlink("..", path), 0);
    (void)snprintf(path, sizeof(path), "%s/s.jsonl ", root);
    for (int with = 0; with < 2; with++) {
        struct dir_listings *listings = with ? dir_listings_open(cache) : NULL;
        struct buf told = BUF_INIT;
        walk_print(root, listings, soon_ns(), &told);
        assert_true(str_starts_with(buf_str(&told), str_of(path)));
        buf_deinit(&told);
        (void)dir_listings_free(listings);
    }
}

static void a_directory_that_cannot_be_read_is_counted(void **state)
{
    (void)state;
    struct file_walk w = {0};
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/file", root);
    write_file(path, "", 0);
    file_walk_root(&w, path,
                   TRANSCRIPT_CLAUDE); /* for a user who may read everything it is one that is none */
    assert_int_equal(w.unreadable, 1);
    (void)snprintf(path, sizeof(path), "%s/gone", root);
    file_walk_root(&w, path, TRANSCRIPT_CLAUDE);
    assert_int_equal(w.unreadable, 1);
    file_walk_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define RULE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        RULE(T1_a_walk_with_remembered_listings_finds_what_a_naive_one_finds),
        RULE(a_listing_is_believed_while_the_directory_is_in_its_state),
        RULE(what_has_changed_a_moment_ago_is_not_remembered),
        RULE(nothing_is_known_when_any_byte_is_wrong_or_missing),
        RULE(without_a_place_nothing_is_kept_and_nothing_fails),
        RULE(a_link_that_leads_above_the_root_gives_no_other_names),
        RULE(a_directory_that_cannot_be_read_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
