#include "cli/manual/roff.h"

#define LINE_BYTES 76 /* of the source; mandoc's lint asks for less than 80 */

void roff_title(struct buf *out, const char *name, int section)
{
    buf_add_text(out, ".\\\" Printed by `muster manual` from the tables of the program.\n.TH ");
    for (const char *p = name; *p; p++)
        buf_add_char(out, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
    buf_printf(out, " %d %s \"muster %s\" \"muster\"\n", section, MUSTER_DATE, MUSTER_VERSION);
}

void roff_section(struct buf *out, const char *title)
{
    buf_printf(out, ".SH %s\n", title);
}

void roff_subsection(struct buf *out, const char *title)
{
    buf_add_text(out, ".SS ");
    roff_inline(out, str_of(title), false);
    buf_add_char(out, '\n');
}

/* The first character in UTF-8, which what is compiled in always is, and its bytes. */
static size_t decode(struct str s, unsigned *ret)
{
    unsigned char first = (unsigned char)s.p[0];
    size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    unsigned c = n == 1 ? first : first & (0xffU >> (n + 1));
    if (n > s.n) {
        *ret = '?';
        return s.n;
    }
    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((unsigned char)s.p[i] & 0x3fU);
    *ret = c;
    return n;
}

static const char *escape_of(unsigned c)
{
    static const struct {
        char c;
        const char *escape;
    } escapes[] = {{'\\', "\\e"},  {'-', "\\-"},   {'\'', "\\(aq"}, {'`', "\\(ga"},
                   {'"', "\\(dq"}, {'^', "\\(ha"}, {'~', "\\(ti"}};
    for (size_t i = 0; i < COUNT_OF(escapes); i++)
        if (c == (unsigned char)escapes[i].c)
            return escapes[i].escape;
    return NULL;
}

void roff_inline(struct buf *out, struct str text, bool bold)
{
    bool start = out->n == 0 || out->p[out->n - 1] == '\n';
    bool in_bold = bold;
    buf_add_text(out, bold ? "\\fB" : start && text.n && text.p[0] == '.' ? "\\&" : "");
    while (text.n > 0) {
        unsigned c;
        size_t n = decode(text, &c);
        const char *escape = escape_of(c);
        if (c == '`' && !bold) {
            in_bold = !in_bold;
            buf_add_text(out, in_bold ? "\\fB" : "\\fR");
        } else if (escape) {
            buf_add_text(out, escape);
        } else if (c >= 0x80) {
            buf_printf(out, "\\[u%04X]", c);
        } else {
            buf_add_char(out, (char)c);
        }
        text = (struct str){text.p + n, text.n - n};
    }
    buf_add_text(out, in_bold ? "\\fR" : "");
}

static bool ends_sentence(struct str word)
{
    return word.n > 1 && strchr(".!?", word.p[word.n - 1]);
}

/* What lies between backquotes stays on one line, so that bold begins and ends there. */
static bool next_word(struct str *rest, struct str *ret)
{
    bool quoted = false;
    while (rest->n > 0 && rest->p[0] == ' ')
        *rest = (struct str){rest->p + 1, rest->n - 1};
    size_t n = 0;
    for (; n < rest->n && (quoted || rest->p[n] != ' '); n++)
        quoted ^= rest->p[n] == '`';
    *ret = (struct str){rest->p, n};
    *rest = (struct str){rest->p + n, rest->n - n};
    return n > 0;
}

static void add_line(struct buf *out, struct str line, size_t *column)
{
    struct str word;
    while (next_word(&line, &word)) {
        bool breaks = *column > 0 && *column + 1 + word.n > LINE_BYTES;
        if (*column > 0)
            buf_add_char(out, breaks ? '\n' : ' ');
        *column = breaks || *column == 0 ? 0 : *column + 1;
        size_t before = out->n;
        roff_inline(out, word, false);
        *column += out->n - before;
        if (ends_sentence(word)) {
            buf_add_char(out, '\n');
            *column = 0;
        }
    }
}

static void end_line(struct buf *out, size_t *column)
{
    if (*column > 0)
        buf_add_char(out, '\n');
    *column = 0;
}

static void add_standing(struct buf *out, struct str line)
{
    buf_add_text(out, ".nf\n    ");
    roff_inline(out, str_trim(line), false);
    buf_add_text(out, "\n.fi\n");
}

/* `between` parts paragraphs: .PP, or .IP within an entry. */
static void add_paragraphs(struct buf *out, const char *text, const char *between)
{
    struct str rest = str_of(text), line;
    size_t column = 0;
    bool parted = false;
    while (str_split(&rest, '\n', &line)) {
        bool stands = line.n > 0 && line.p[0] == ' ';
        if (stands || line.n == 0)
            end_line(out, &column);
        if (line.n > 0 && parted)
            buf_add_text(out, between);
        parted = line.n == 0;
        if (stands)
            add_standing(out, line);
        else
            add_line(out, line, &column);
    }
    end_line(out, &column);
}

void roff_text(struct buf *out, const char *text)
{
    add_paragraphs(out, text, ".PP\n");
}

void roff_entry(struct buf *out, const char *head, const char *argument, const char *text)
{
    buf_add_text(out, ".TP\n");
    roff_inline(out, str_of(head), true);
    if (argument && argument[0]) {
        buf_add_text(out, " \\fI");
        roff_inline(out, str_of(argument), false);
        buf_add_text(out, "\\fR");
    }
    buf_add_char(out, '\n');
    add_paragraphs(out, text, ".IP\n");
}

void roff_verbatim(struct buf *out, const char *text)
{
    struct str rest = str_of(text), line;
    buf_add_text(out, ".PP\n.RS 4\n.nf\n");
    while (str_split(&rest, '\n', &line)) {
        if (line.n > 0)
            roff_inline(out, line, false);
        buf_add_char(out, '\n');
    }
    buf_add_text(out, ".fi\n.RE\n");
}
