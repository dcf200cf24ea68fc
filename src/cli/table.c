#include "cli/table.h"

#include "base/buf.h"
#include "base/parse.h"

#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define BORDER 2 /* spaces between columns */
#define ELLIPSIS "\xe2\x80\xa6"

struct cell {
    char *text;   /* clean */
    size_t width; /* screen columns */
};

struct table {
    const struct table_column *columns;
    size_t count;       /* of columns */
    struct cell *cells; /* row by row, the titles first */
    size_t rows, capacity;
    locale_t utf8; /* 0 when the system has none: the program's own is used then */
};

/* The first character of `text`, in bytes, and how many columns it takes.  What is no character is one byte
 * and '?'. */
static size_t next_character(const char *text, wchar_t *ret, size_t *ret_width)
{
    mbstate_t start = {0};
    size_t n = mbrtowc(ret, text, MB_LEN_MAX, &start);
    if (n == 0 || n > MB_LEN_MAX || *ret > 0x10ffff) { /* glibc reads the five bytes of old, too */
        n = 1;
        *ret = L'?';
    }
    int width = wcwidth(*ret);
    *ret_width = width < 0 ? 1 : (size_t)width; /* a character newer than the C library */
    return n;
}

static bool is_space(wchar_t c)
{
    return c == L' ' || (c >= L'\t' && c <= L'\r') || c == 0x85 || c == 0x2028 || c == 0x2029;
}

/* Control characters of both ranges, and what overrides or embeds a direction of writing. */
static bool is_dangerous(wchar_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

static struct cell clean_cell(const char *text)
{
    CLEANUP(buf_deinit) struct buf b = BUF_INIT;
    size_t total = 0;
    bool space = false;
    for (const char *at = text; at && *at != '\0';) {
        wchar_t c;
        size_t width;
        size_t n = next_character(at, &c, &width);
        if (is_space(c)) {
            space = b.n > 0;
        } else {
            bool dangerous = is_dangerous(c);
            total += (dangerous ? 1 : width) + space;
            if (space)
                buf_add_char(&b, ' ');
            if (dangerous || n == 1)
                buf_add_char(&b, dangerous ? '?' : (char)c);
            else
                buf_add(&b, at, n);
            space = false;
        }
        at += n;
    }
    if (b.n == 0) {
        buf_add_char(&b, '-');
        total = 1;
    }
    return (struct cell){.text = buf_take(&b), .width = total};
}

void table_add(struct table *t, const char *const *cells)
{
    if (t->rows == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 32;
        t->cells = xrealloc(t->cells, t->capacity * t->count * sizeof(*t->cells));
    }
    locale_t old = uselocale(t->utf8);
    for (size_t i = 0; i < t->count; i++)
        t->cells[t->rows * t->count + i] = clean_cell(cells[i]);
    (void)uselocale(old);
    t->rows++;
}

struct table *table_new(const struct table_column *columns, size_t count)
{
    assert(count > 0);
    struct table *t = xnew(struct table);
    CLEANUP(freep) const char **titles = xcalloc(count, sizeof(*titles));
    t->columns = columns;
    t->count = count;
    t->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    for (size_t i = 0; i < count; i++)
        titles[i] = columns[i].title;
    table_add(t, titles);
    return t;
}

struct table *table_free(struct table *t)
{
    if (!t)
        return NULL;
    for (size_t i = 0; i < t->rows * t->count; i++)
        free(t->cells[i].text);
    if (t->utf8)
        freelocale(t->utf8);
    free(t->cells);
    free(t);
    return NULL;
}

static size_t line_width(const struct table *t, const size_t *widths)
{
    size_t sum = (t->count - 1) * BORDER;
    for (size_t i = 0; i < t->count; i++)
        sum += widths[i];
    return sum;
}

/* The widest of those that can still give way, or `count`. */
static size_t widest_that_gives_way(const struct table *t, const size_t *widths)
{
    size_t widest = t->count;
    for (size_t i = 0; i < t->count; i++)
        if (t->columns[i].gives_way && widths[i] > TABLE_NARROWEST &&
            (widest == t->count || widths[i] > widths[widest]))
            widest = i;
    return widest;
}

/* `limit` 0 is none. */
static void find_widths(const struct table *t, size_t limit, size_t *ret_widths)
{
    for (size_t i = 0; i < t->rows * t->count; i++)
        ret_widths[i % t->count] = MAX(ret_widths[i % t->count], t->cells[i].width);
    if (limit == 0)
        return;
    for (size_t i = 0; i < t->count; i++)
        if (t->columns[i].gives_way)
            ret_widths[i] = MIN(ret_widths[i], MAX(limit, TABLE_NARROWEST));
    size_t widest;
    while (line_width(t, ret_widths) > limit && (widest = widest_that_gives_way(t, ret_widths)) < t->count)
        ret_widths[widest]--;
}

/* Adds `text`, cut to `limit` columns, and returns how many it took. */
static size_t add_cut(struct buf *b, const char *text, size_t width, size_t limit)
{
    if (width <= limit) {
        buf_add_text(b, text);
        return width;
    }
    size_t used = 0;
    for (const char *at = text; *at != '\0';) {
        wchar_t c;
        size_t columns, n = next_character(at, &c, &columns);
        if (used + columns > limit - 1)
            break;
        buf_add(b, at, n);
        used += columns;
        at += n;
    }
    buf_add_text(b, ELLIPSIS);
    return used + 1;
}

static void add_spaces(struct buf *b, size_t n)
{
    for (; n > 0; n--)
        buf_add_char(b, ' ');
}

/* One line without its end, and without spaces there. */
static void add_line(const struct table *t, const struct cell *row, const size_t *widths, size_t limit,
                     struct buf *b)
{
    CLEANUP(buf_deinit) struct buf line = BUF_INIT, cut = BUF_INIT;
    size_t width = 0;
    for (size_t i = 0; i < t->count; i++) {
        bool last = i + 1 == t->count;
        buf_clear(&cut);
        size_t used = add_cut(&cut, row[i].text, row[i].width, widths[i]);
        size_t padding = widths[i] - used;
        add_spaces(&line, t->columns[i].right ? padding : 0);
        buf_add_str(&line, buf_str(&cut));
        add_spaces(&line, last ? 0 : (t->columns[i].right ? 0 : padding) + BORDER);
        width += used + (last && !t->columns[i].right ? 0 : padding) + (last ? 0 : BORDER);
    }
    (void)add_cut(b, line.p, width, limit ? limit : SIZE_MAX);
}

static bool wants_bold(bool terminal, bool color)
{
    const char *no_color = getenv("NO_COLOR"); /* no-color.org: set and not empty */
    return terminal && color && !(no_color && no_color[0] != '\0');
}

void table_print(const struct table *t, FILE *out, bool terminal, int width, bool color)
{
    CLEANUP(buf_deinit) struct buf b = BUF_INIT;
    CLEANUP(freep) size_t *widths = xcalloc(t->count, sizeof(*widths));
    size_t limit = terminal && width > 0 ? (size_t)width : 0;
    bool bold = wants_bold(terminal, color);
    locale_t old = uselocale(t->utf8);
    find_widths(t, limit, widths);
    for (size_t row = 0; row < t->rows; row++) {
        buf_add_text(&b, bold && row == 0 ? "\033[1m" : "");
        add_line(t, &t->cells[row * t->count], widths, limit, &b);
        buf_add_text(&b, bold && row == 0 ? "\033[0m\n" : "\n");
    }
    (void)uselocale(old);
    (void)fwrite(b.p, 1, b.n, out);
}

static int terminal_width(int fd)
{
    struct winsize size;
    int64_t columns;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return parse_i64_in(str_of(getenv("COLUMNS")), 1, 10000, &columns) ? (int)columns : 0;
}

void table_show(const struct table *t, FILE *out)
{
    int fd = fileno(out);
    bool terminal = fd >= 0 && isatty(fd);
    const char *term = getenv("TERM");
    bool dumb = !term || term[0] == '\0' || str_equal(str_of(term), STR("dumb"));
    table_print(t, out, terminal, terminal ? terminal_width(fd) : 0, !dumb);
}
