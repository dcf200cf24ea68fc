#include "transcripts/dir_listings.h"

#include "base/hash.h"
#include "io/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x317372696474736d) /* "mstdirs1" */
#define ALIGN 8

struct header {
    uint64_t magic, bytes; /* of the records that follow */
    uint64_t checksum;     /* of these */
};

struct record { /* in the file: its names follow, and zeros up to a multiple of ALIGN */
    struct dir_state state;
    uint32_t names_bytes, padding;
};

struct dir_listings {
    char *path;       /* owned */
    struct str old;   /* the file, mapped: it is replaced, never written to */
    struct buf fresh; /* records that were put */
    uint32_t *slots;  /* owned; offsets into old, 0: none; a power of two */
    bool *is_used;    /* owned; of each slot: found in this walk */
    size_t slot_count, old_count, used_count;
};

static size_t record_bytes(size_t names_bytes)
{
    return sizeof(struct record) + (names_bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static const struct record *record_at(const struct dir_listings *d, size_t offset)
{
    return (const struct record *)(const void *)(d->old.p + offset);
}

static size_t slot_of(const struct dir_listings *d, const struct dir_state *state)
{
    uint64_t mixed = ((uint64_t)state->inode ^ (uint64_t)state->device << 40) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed >> 32) & (d->slot_count - 1);
}

static void enter(struct dir_listings *d, size_t offset)
{
    size_t i = slot_of(d, &record_at(d, offset)->state);
    while (d->slots[i])
        i = (i + 1) & (d->slot_count - 1);
    d->slots[i] = (uint32_t)offset;
}

/* The next record, or the end; false when it reaches over the end. */
static bool step(const struct dir_listings *d, size_t *offset)
{
    size_t left = d->old.n - *offset;
    if (left < sizeof(struct record) || left < record_bytes(record_at(d, *offset)->names_bytes))
        return false;
    *offset += record_bytes(record_at(d, *offset)->names_bytes);
    return true;
}

static bool is_whole(struct dir_listings *d)
{
    struct header h;
    if (d->old.n < sizeof(h))
        return false;
    memcpy(&h, d->old.p, sizeof(h));
    struct str records = {d->old.p + sizeof(h), d->old.n - sizeof(h)};
    if (h.magic != MAGIC || h.bytes != records.n || h.checksum != hash_xx(records))
        return false;
    for (size_t at = sizeof(h); at < d->old.n; d->old_count++)
        if (!step(d, &at))
            return false;
    return true;
}

static void index_old(struct dir_listings *d)
{
    d->slot_count = 16;
    while (d->slot_count < 2 * d->old_count)
        d->slot_count *= 2;
    d->slots = xcalloc(d->slot_count, sizeof(d->slots[0]));
    d->is_used = xcalloc(d->slot_count, sizeof(d->is_used[0]));
    size_t at = sizeof(struct header);
    for (size_t i = 0; i < d->old_count; i++) {
        enter(d, at);
        (void)step(d, &at);
    }
}

static void map_file(struct dir_listings *d)
{
    CLEANUP(closep) int fd = open(d->path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= 0 || st.st_size > (off_t)DIR_LISTINGS_BYTES_MAX)
        return;
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map != MAP_FAILED)
        d->old = (struct str){map, (size_t)st.st_size};
}

static void unmap(struct dir_listings *d)
{
    if (d->old.p)
        (void)munmap((void *)(uintptr_t)d->old.p, d->old.n);
    d->old = (struct str){NULL, 0};
}

struct dir_listings *dir_listings_open(const char *path)
{
    struct dir_listings *d = xnew(struct dir_listings);
    d->path = path ? xstrdup(path) : NULL;
    buf_init(&d->fresh);
    if (path)
        map_file(d);
    if (!is_whole(d)) {
        unmap(d);
        d->old_count = 0;
    }
    index_old(d);
    return d;
}

struct dir_listings *dir_listings_free(struct dir_listings *d)
{
    if (!d)
        return NULL;
    unmap(d);
    buf_deinit(&d->fresh);
    free(d->slots);
    free(d->is_used);
    free(d->path);
    free(d);
    return NULL;
}

bool dir_listings_find(struct dir_listings *d, const struct dir_state *state, struct str *ret_names)
{
    for (size_t i = slot_of(d, state); d->slots[i]; i = (i + 1) & (d->slot_count - 1)) {
        const struct record *r = record_at(d, d->slots[i]);
        if (memcmp(&r->state, state, sizeof(*state)) != 0)
            continue;
        d->used_count += !d->is_used[i];
        d->is_used[i] = true;
        *ret_names = (struct str){(const char *)(r + 1), r->names_bytes};
        return true;
    }
    return false;
}

static void add_record(struct buf *to, const struct dir_state *state, struct str names)
{
    static const char zeros[ALIGN];
    struct record r = {.state = *state, .names_bytes = (uint32_t)names.n};
    buf_add(to, &r, sizeof(r));
    buf_add_str(to, names);
    buf_add(to, zeros, record_bytes(names.n) - sizeof(r) - names.n);
}

void dir_listings_put(struct dir_listings *d, const struct dir_state *state, int64_t now_ns, struct str names)
{
    int64_t rested_ns = now_ns - DIR_LISTINGS_REST_NS;
    if (d->path && state->mtime_ns <= rested_ns && state->ctime_ns <= rested_ns &&
        names.n < DIR_LISTINGS_BYTES_MAX / 4)
        add_record(&d->fresh, state, names);
}

static void add_used(const struct dir_listings *d, struct buf *to)
{
    for (size_t i = 0; i < d->slot_count; i++) {
        if (!d->is_used[i])
            continue;
        const struct record *r = record_at(d, d->slots[i]);
        add_record(to, &r->state, (struct str){(const char *)(r + 1), r->names_bytes});
    }
}

int dir_listings_save(struct dir_listings *d)
{
    bool is_mostly_gone = d->old_count > 2 * d->used_count;
    if (!d->path || (d->fresh.n == 0 && !is_mostly_gone))
        return 0;
    struct header h = {.magic = MAGIC};
    struct buf file = BUF_INIT;
    buf_add(&file, &h, sizeof(h));
    add_used(d, &file);
    buf_add_str(&file, buf_str(&d->fresh));
    h.bytes = file.n - sizeof(h);
    h.checksum = hash_xx((struct str){file.p + sizeof(h), h.bytes});
    memcpy(file.p, &h, sizeof(h));
    int rc =
        file.n < DIR_LISTINGS_BYTES_MAX ? file_write_atomic(d->path, buf_str(&file), 0600, false) : -EFBIG;
    buf_deinit(&file);
    return rc;
}
