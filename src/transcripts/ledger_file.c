#include "transcripts/ledger_file.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/pages.h"
#include "io/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x3167646c7473756d) /* "mustldg1" */
#define BATCH_MAGIC UINT64_C(0x6863746162666c6d)
#define CHANGES_MAX ((size_t)16 * 1024)
#define JOURNAL_MAX ((size_t)2 * 1024 * 1024)
#define SNAPSHOT_NAME "ledger"
#define JOURNAL_NAME "ledger.journal"
#define LOCK_NAME "ledger.lock"
#define ALIGN 64
#define GROWTH_BYTES ((size_t)64 * 1024)

struct snapshot_section {
    uint64_t offset, count, capacity, used;
};
struct snapshot_header {
    uint64_t magic, generation, total_bytes;
    uint32_t format, section_count;
    struct snapshot_section sections[LEDGER_SECTIONS_MAX];
    uint64_t checksum; /* of all before it */
};
struct batch_header {
    uint64_t magic, generation, bytes; /* of the body that follows */
    uint64_t checksum;                 /* of the body */
};

static uint64_t checksum_of(const void *p, size_t n)
{
    return hash_xx((struct str){p, n});
}

static char *path_in(const struct ledger_file *f, const char *name)
{
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/%s", f->dir, name);
    return buf_take(&path);
}

/* -- items -- */

static void grow(struct ledger_file *f, size_t section, size_t least)
{
    struct ledger_section *s = &f->sections[section];
    size_t item = f->types[section].item_bytes,
           capacity = MAX(s->capacity + s->capacity / 4, least + GROWTH_BYTES / item);
    if (s->is_mapped) {
        char *items = pages_grow(NULL, 0, capacity * item);
        memcpy(items, s->items, s->count * item);
        s->items = items;
        s->is_mapped = false;
        f->wants_snapshot = true;
    } else {
        s->items = pages_grow(s->items, s->capacity * item, capacity * item);
    }
    s->capacity = capacity;
}

static void changed(struct ledger_file *f, size_t section, size_t item)
{
    if (f->wants_snapshot)
        return;
    if (f->change_count == CHANGES_MAX) {
        f->wants_snapshot = true;
        return;
    }
    if (f->change_count == f->change_capacity) {
        f->change_capacity = MAX(256, f->change_capacity * 2);
        f->changes = xrealloc(f->changes, f->change_capacity * sizeof(f->changes[0]));
    }
    f->changes[f->change_count++] = (struct ledger_change){(uint32_t)section, (uint32_t)item};
}

void *ledger_edit(struct ledger_file *f, size_t section, size_t i)
{
    assert(i < f->sections[section].count);
    changed(f, section, i);
    return f->sections[section].items + i * f->types[section].item_bytes;
}

uint32_t ledger_append(struct ledger_file *f, size_t section, const void *item)
{
    struct ledger_section *s = &f->sections[section];
    if (s->count == s->capacity)
        grow(f, section, s->count + 1);
    size_t bytes = f->types[section].item_bytes;
    memcpy(s->items + s->count * bytes, item, bytes);
    changed(f, section, s->count);
    return (uint32_t)s->count++;
}

uint32_t ledger_append_bytes(struct ledger_file *f, size_t section, struct str bytes)
{
    struct ledger_section *s = &f->sections[section];
    assert(f->types[section].item_bytes == 1);
    if (s->count + bytes.n > s->capacity)
        grow(f, section, s->count + bytes.n);
    if (bytes.n)
        memcpy(s->items + s->count, bytes.p, bytes.n);
    uint32_t first = (uint32_t)s->count;
    s->count += bytes.n;
    for (size_t i = 0; i < bytes.n; i++)
        changed(f, section, first + i);
    return first;
}

/* -- indexes -- */

static uint32_t *slots(const struct ledger_section *s)
{
    return (uint32_t *)(void *)s->items;
}

bool ledger_find(const struct ledger_file *f, size_t index, uint64_t hash, ledger_same same, const void *key,
                 uint32_t *ret)
{
    const struct ledger_section *s = &f->sections[index];
    for (size_t i = hash, mask = s->capacity - 1; s->capacity; i++) {
        uint32_t slot = slots(s)[i & mask];
        if (slot == 0)
            return false;
        if (same(f, slot - 1, key)) {
            *ret = slot - 1;
            return true;
        }
    }
    return false;
}

void ledger_prefetch(const struct ledger_file *f, size_t index, uint64_t hash)
{
    const struct ledger_section *s = &f->sections[index];
    if (s->capacity)
        __builtin_prefetch(&slots(s)[hash & (s->capacity - 1)]);
}

static size_t put(struct ledger_section *s, uint64_t hash, uint32_t item)
{
    size_t mask = s->capacity - 1, i = hash & mask;
    while (slots(s)[i])
        i = (i + 1) & mask;
    slots(s)[i] = item + 1;
    s->used++;
    return i;
}

static void grow_index(struct ledger_file *f, size_t index, ledger_hash hash_of)
{
    struct ledger_section *s = &f->sections[index], old = *s;
    s->capacity = old.capacity ? old.capacity * 2 : 256;
    s->count = s->capacity;
    s->items = pages_grow(NULL, 0, s->capacity * sizeof(uint32_t));
    s->used = 0;
    s->is_mapped = false;
    for (size_t i = 0; i < old.capacity; i++)
        if (slots(&old)[i])
            (void)put(s, hash_of(f, slots(&old)[i] - 1), slots(&old)[i] - 1);
    if (!old.is_mapped)
        pages_free(old.items, old.capacity * sizeof(uint32_t));
    f->wants_snapshot = true;
}

void ledger_enter(struct ledger_file *f, size_t index, uint64_t hash, uint32_t item, ledger_hash hash_of)
{
    struct ledger_section *s = &f->sections[index];
    if ((s->used + 1) * 2 > s->capacity)
        grow_index(f, index, hash_of);
    changed(f, index, put(s, hash, item));
}

/* -- opening -- */

static bool section_fits(const struct ledger_file *f, const struct snapshot_header *h, size_t i)
{
    const struct snapshot_section *s = &h->sections[i];
    bool power = (s->capacity & (s->capacity - 1)) == 0;
    return s->offset <= h->total_bytes && s->count <= s->capacity &&
           s->capacity <= (h->total_bytes - s->offset) / f->types[i].item_bytes && s->offset % ALIGN == 0 &&
           (!f->types[i].is_index || (power && s->count == s->capacity && s->used <= s->count));
}

static bool header_is_good(const struct ledger_file *f, const struct snapshot_header *h, size_t size)
{
    if (size < sizeof(*h) || h->magic != MAGIC || h->format != f->format || h->total_bytes != size ||
        h->section_count != f->section_count ||
        h->checksum != checksum_of(h, offsetof(struct snapshot_header, checksum)))
        return false;
    for (size_t i = 0; i < f->section_count; i++)
        if (!section_fits(f, h, i))
            return false;
    return true;
}

static void map_snapshot(struct ledger_file *f)
{
    CLEANUP(freep) char *path = path_in(f, SNAPSHOT_NAME);
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size < (off_t)sizeof(struct snapshot_header))
        return;
    size_t size = (size_t)st.st_size;
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return;
    const struct snapshot_header *h = map;
    if (!header_is_good(f, h, size)) {
        (void)munmap(map, size);
        return;
    }
    f->map = map;
    f->map_bytes = size;
    f->generation = h->generation;
    for (size_t i = 0; i < f->section_count; i++) {
        const struct snapshot_section *s = &h->sections[i];
        f->sections[i] =
            (struct ledger_section){(char *)map + s->offset, s->count, s->capacity, s->used, true};
    }
}

/* One item of a batch: section, item, its bytes. */
static bool apply_item(struct ledger_file *f, const char **p, const char *end)
{
    struct ledger_change c;
    if ((size_t)(end - *p) < sizeof(c))
        return false;
    memcpy(&c, *p, sizeof(c));
    *p += sizeof(c);
    if (c.section >= f->section_count || c.item >= f->sections[c.section].capacity)
        return false;
    size_t bytes = f->types[c.section].item_bytes;
    if ((size_t)(end - *p) < bytes)
        return false;
    memcpy(f->sections[c.section].items + c.item * bytes, *p, bytes);
    *p += bytes;
    return true;
}

/* Whether the counts at the head of a batch fit the file: they do unless it is another one's. */
static bool batch_fits(const struct ledger_file *f, const char *p)
{
    for (size_t i = 0; i < f->section_count; i++, p += 2 * sizeof(uint64_t)) {
        uint64_t count;
        memcpy(&count, p, sizeof(count));
        if (count > f->sections[i].capacity)
            return false;
    }
    return true;
}

static bool apply_batch(struct ledger_file *f, const char *p, const char *end)
{
    for (size_t i = 0; i < f->section_count; i++) {
        uint64_t counts[2];
        memcpy(counts, p, sizeof(counts));
        p += sizeof(counts);
        f->sections[i].count = counts[0];
        f->sections[i].used = counts[1];
    }
    while (p < end)
        if (!apply_item(f, &p, end))
            return false;
    return true;
}

static void replay_journal(struct ledger_file *f)
{
    struct buf journal = BUF_INIT;
    CLEANUP(freep) char *path = path_in(f, JOURNAL_NAME);
    if (f->map && file_read_small(path, 4 * JOURNAL_MAX, &journal) == 0) {
        size_t at = 0;
        struct batch_header h;
        while (journal.n - at >= sizeof(h)) {
            memcpy(&h, journal.p + at, sizeof(h));
            const char *body = journal.p + at + sizeof(h);
            size_t left = journal.n - at - sizeof(h);
            if (h.magic != BATCH_MAGIC || h.generation != f->generation || h.bytes > left ||
                h.bytes < f->section_count * 16 || h.checksum != checksum_of(body, h.bytes))
                break;
            if (!batch_fits(f, body) || !apply_batch(f, body, body + h.bytes))
                break;
            at += sizeof(h) + h.bytes;
        }
        f->journal_bytes = at;
    }
    buf_deinit(&journal);
}

void ledger_file_open(struct ledger_file *f, const char *dir, uint32_t format,
                      const struct ledger_section_type *types, size_t section_count)
{
    assert(section_count <= LEDGER_SECTIONS_MAX);
    *f =
        (struct ledger_file){.types = types, .section_count = section_count, .format = format, .lock_fd = -1};
    if (!dir || file_mkdirs(dir, 0700) != 0)
        return;
    f->dir = xstrdup(dir);
    CLEANUP(freep) char *lock = path_in(f, LOCK_NAME);
    f->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (f->lock_fd >= 0 && flock(f->lock_fd, LOCK_EX | LOCK_NB) != 0)
        closep(&f->lock_fd);
    map_snapshot(f);
    replay_journal(f);
}

void ledger_file_close(struct ledger_file *f)
{
    for (size_t i = 0; i < f->section_count; i++)
        if (!f->sections[i].is_mapped)
            pages_free(f->sections[i].items, f->sections[i].capacity * f->types[i].item_bytes);
    if (f->map)
        (void)munmap(f->map, f->map_bytes);
    closep(&f->lock_fd);
    free(f->changes);
    free(f->dir);
    *f = (struct ledger_file){.lock_fd = -1};
}

/* -- saving -- */

static int write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        p += k;
        n -= (size_t)k;
    }
    return 0;
}

static size_t aligned(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* Each array gets room to grow into, so that a later change is a journal and not a new file. */
static void lay_out(const struct ledger_file *f, struct snapshot_header *h)
{
    size_t at = aligned(sizeof(*h));
    *h = (struct snapshot_header){
        .magic = MAGIC, .format = f->format, .section_count = (uint32_t)f->section_count};
    hash_random((uint8_t *)&h->generation, sizeof(h->generation));
    for (size_t i = 0; i < f->section_count; i++) {
        const struct ledger_section *s = &f->sections[i];
        size_t capacity =
            f->types[i].is_index ? s->capacity : s->count + s->count / 8 + 4096 / f->types[i].item_bytes;
        h->sections[i] = (struct snapshot_section){at, s->count, capacity, s->used};
        at = aligned(at + capacity * f->types[i].item_bytes);
    }
    h->total_bytes = at;
    h->checksum = checksum_of(h, offsetof(struct snapshot_header, checksum));
}

static int write_sections(const struct ledger_file *f, const struct snapshot_header *h, int fd)
{
    int rc = ftruncate(fd, (off_t)h->total_bytes) != 0 ? -errno : 0;
    if (rc == 0)
        rc = write_all(fd, (const char *)h, sizeof(*h));
    for (size_t i = 0; rc == 0 && i < f->section_count; i++) {
        if (lseek(fd, (off_t)h->sections[i].offset, SEEK_SET) < 0)
            return -errno;
        rc = write_all(fd, f->sections[i].items, f->sections[i].count * f->types[i].item_bytes);
    }
    return rc == 0 && fdatasync(fd) != 0 ? -errno : rc;
}

static int save_snapshot(struct ledger_file *f)
{
    struct snapshot_header h;
    lay_out(f, &h);
    CLEANUP(freep) char *fresh = path_in(f, FILE_TEMPORARY SNAPSHOT_NAME);
    CLEANUP(freep) char *path = path_in(f, SNAPSHOT_NAME);
    CLEANUP(closep) int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int rc = fd < 0 ? -errno : write_sections(f, &h, fd);
    if (rc == 0 && rename(fresh, path) != 0)
        rc = -errno;
    if (rc != 0) {
        (void)unlink(fresh);
        return rc;
    }
    CLEANUP(freep) char *journal = path_in(f, JOURNAL_NAME);
    (void)unlink(journal); /* of the snapshot before: it would be ignored anyway */
    return 0;
}

static void write_batch(const struct ledger_file *f, struct buf *out)
{
    for (size_t i = 0; i < f->section_count; i++) {
        uint64_t counts[] = {f->sections[i].count, f->sections[i].used};
        buf_add(out, counts, sizeof(counts));
    }
    for (size_t i = 0; i < f->change_count; i++) {
        struct ledger_change c = f->changes[i];
        buf_add(out, &c, sizeof(c));
        buf_add(out, ledger_item(f, c.section, c.item), f->types[c.section].item_bytes);
    }
}

static int append_journal(struct ledger_file *f, struct str batch)
{
    CLEANUP(freep) char *path = path_in(f, JOURNAL_NAME);
    CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)f->journal_bytes) != 0 || lseek(fd, 0, SEEK_END) < 0)
        return -errno;
    return write_all(fd, batch.p, batch.n);
}

int ledger_file_save(struct ledger_file *f)
{
    bool nothing = f->change_count == 0 && !f->wants_snapshot;
    if (!f->dir || f->lock_fd < 0 || nothing)
        return 0;
    if (f->wants_snapshot || !f->map)
        return save_snapshot(f);
    struct buf body = BUF_INIT, batch = BUF_INIT;
    write_batch(f, &body);
    struct batch_header h = {BATCH_MAGIC, f->generation, body.n, checksum_of(body.p, body.n)};
    buf_add(&batch, &h, sizeof(h));
    buf_add_str(&batch, buf_str(&body));
    int rc = f->journal_bytes + batch.n > JOURNAL_MAX ? save_snapshot(f) : append_journal(f, buf_str(&batch));
    buf_deinit(&body);
    buf_deinit(&batch);
    return rc;
}
