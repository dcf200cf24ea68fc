#include "cli/fill.h"

static size_t columns_of(struct str s)
{
    size_t columns = 0;
    for (size_t i = 0; i < s.n; i++)
        columns += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return columns;
}

size_t fill_columns(const char *text)
{
    return columns_of(str_of(text));
}

void fill_pad(struct buf *out, size_t used, size_t width)
{
    for (; used < width; used++)
        buf_add_char(out, ' ');
}

struct filler {
    struct buf *out;
    size_t column, indent, width;
    bool any; /* a word stands on this line already */
};

static void break_line(struct filler *f)
{
    buf_add_char(f->out, '\n');
    f->column = 0;
    f->any = false;
}

static void add_word(struct filler *f, struct str word)
{
    size_t columns = columns_of(word);
    if (f->any && f->column + 1 + columns > f->width)
        break_line(f);
    if (f->any)
        buf_add_char(f->out, ' ');
    else if (f->column < f->indent)
        fill_pad(f->out, f->column, f->indent);
    f->column = f->any ? f->column + 1 : MAX(f->column, f->indent);
    buf_add_str(f->out, word);
    f->column += columns;
    f->any = true;
}

void fill_text(struct buf *out, const char *text, size_t column, size_t indent, size_t width)
{
    struct filler f = {.out = out, .column = column, .indent = indent, .width = width};
    struct str rest = str_of(text), line, word;
    while (str_split(&rest, '\n', &line)) {
        bool stands = line.n == 0 || line.p[0] == ' ';
        if (stands && (f.any || f.column > 0))
            break_line(&f);
        if (stands) {
            fill_pad(out, 0, line.n ? indent : 0);
            buf_add_str(out, line);
            break_line(&f);
            continue;
        }
        while (str_split(&line, ' ', &word))
            if (word.n > 0)
                add_word(&f, word);
    }
    if (f.any || f.column > 0)
        break_line(&f);
}

void fill_row(struct buf *out, const char *name, const char *text, size_t indent, size_t width)
{
    size_t used = 2 + fill_columns(name);
    buf_printf(out, "  %s", name);
    if (used >= indent) {
        buf_add_char(out, '\n');
        used = 0;
    }
    fill_pad(out, used, indent);
    fill_text(out, text, indent, indent, width);
}
