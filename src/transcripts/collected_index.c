#include "transcripts/collected_index.h"

#include "base/hash.h"
#include "base/parse.h"

void collected_index_init(struct collected_index *x)
{
    *x = (struct collected_index){.count = 0};
    map_init(&x->by_source);
    map_init(&x->by_name);
}

void collected_index_deinit(struct collected_index *x)
{
    for (size_t i = 0; i < x->count; i++) {
        free(x->items[i]->name);
        free(x->items[i]->source);
        free(x->items[i]);
    }
    free(x->items);
    map_deinit(&x->by_source);
    map_deinit(&x->by_name);
}

static struct collected *add(struct collected_index *x, char *name, char *source)
{
    if (x->count == x->capacity) {
        x->capacity = MAX(64, 2 * x->capacity);
        x->items = xrealloc(x->items, x->capacity * sizeof(*x->items));
    }
    struct collected *c = x->items[x->count++] = xnew(struct collected);
    *c = (struct collected){.name = name, .source = source, .size = -1, .copied = -1};
    (void)map_put(&x->by_source, str_of(source), c);
    (void)map_put(&x->by_name, str_of(name), c);
    return c;
}

/* -- a line: NAME SOURCE DEVICE INODE SIZE MTIME COPIED, any byte that parts or ends one as %XX -- */

static void put_word(struct buf *out, const char *word)
{
    for (const unsigned char *p = (const unsigned char *)word; *p; p++)
        if (*p <= ' ' || *p == '%' || *p == 0x7f)
            buf_printf(out, "%%%02X", *p);
        else
            buf_add_char(out, (char)*p);
    buf_add_char(out, ' ');
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static char *get_word(struct str s)
{
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < s.n; i++) {
        bool coded = s.p[i] == '%' && i + 2 < s.n && digit(s.p[i + 1]) >= 0 && digit(s.p[i + 2]) >= 0;
        char c = coded ? (char)(digit(s.p[i + 1]) << 4 | digit(s.p[i + 2])) : s.p[i];
        if (c == '\0')
            break;
        buf_add_char(&out, c);
        i += coded ? 2 : 0;
    }
    return buf_take(&out);
}

static bool is_file_name(const char *name)
{
    return name[0] && name[0] != '.' && !strchr(name, '/') && strlen(name) < 256;
}

static void read_line(struct collected_index *x, struct str line)
{
    struct str words[2], number;
    int64_t numbers[5];
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (!str_split(&line, ' ', &words[i]))
            return;
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (!str_split(&line, ' ', &number) || !parse_i64(number, &numbers[i]))
            return;
    char *name = get_word(words[0]), *source = get_word(words[1]);
    if (!is_file_name(name) || map_get(&x->by_name, str_of(name)) || map_get(&x->by_source, str_of(source))) {
        free(name);
        free(source);
        return;
    }
    struct collected *c = add(x, name, source);
    c->device = numbers[0];
    c->inode = numbers[1];
    c->size = numbers[2];
    c->mtime_ns = numbers[3];
    c->copied = numbers[4];
}

void collected_index_read(struct collected_index *x, struct str text)
{
    struct str line;
    while (str_split(&text, '\n', &line))
        read_line(x, line);
}

void collected_index_write(const struct collected_index *x, struct buf *out)
{
    for (size_t i = 0; i < x->count; i++) {
        const struct collected *c = x->items[i];
        put_word(out, c->name);
        put_word(out, c->source);
        buf_printf(out, "%lld %lld %lld %lld %lld\n", (long long)c->device, (long long)c->inode,
                   (long long)c->size, (long long)c->mtime_ns, (long long)c->copied);
    }
}

/* "S.jsonl" with a mark: "S.0123abcd….jsonl"; with more of the digest should even that be taken. */
static char *marked_name(const char *base, const char *source, size_t digits)
{
    char digest[HASH_SHA256_HEX];
    struct str name = str_of(base);
    size_t suffix = str_ends_with(name, STR(".jsonl.zst")) ? 10 : str_ends_with(name, STR(".jsonl")) ? 6 : 0;
    struct buf out = BUF_INIT;
    hash_sha256_hex(str_of(source), digest);
    buf_printf(&out, "%.*s.%.*s%s", (int)MIN(name.n - suffix, 150), base, (int)digits, digest,
               base + name.n - suffix);
    return buf_take(&out);
}

struct collected *collected_index_of(struct collected_index *x, const char *source)
{
    struct collected *c = map_get(&x->by_source, str_of(source));
    const char *slash = strrchr(source, '/'), *base = slash ? slash + 1 : source;
    if (c)
        return c;
    char *name = is_file_name(base) ? xstrdup(base) : marked_name("session.jsonl", source, 16);
    for (size_t digits = 16; map_get(&x->by_name, str_of(name)) && digits <= 64; digits += 16) {
        free(name);
        name = marked_name(is_file_name(base) ? base : "session.jsonl", source, digits);
    }
    return add(x, name, xstrdup(source));
}
