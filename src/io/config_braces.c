#include "io/config_internal.h"

#include "io/file.h"

#define FILE_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define DEPTH_MAX 16

struct scanner {
    const char *p, *end;
    int line, depth;
    int opened[DEPTH_MAX]; /* lines of the braces that are open */
    bool at_token_start;
};

static void skip_to(struct scanner *s, const char *end)
{
    for (; s->p < end; s->p++)
        s->line += *s->p == '\n';
}

static void skip_string(struct scanner *s)
{
    char quote = *s->p;
    const char *p = s->p + 1;
    while (p < s->end && *p != quote)
        p += *p == '\\' && p + 1 < s->end ? 2 : 1;
    skip_to(s, p < s->end ? p + 1 : s->end);
}

static void skip_line(struct scanner *s)
{
    const char *end = memchr(s->p, '\n', (size_t)(s->end - s->p));
    skip_to(s, end ? end : s->end);
}

static void skip_comment(struct scanner *s)
{
    const char *end = memmem(s->p + 2, (size_t)(s->end - s->p - 2), "*/", 2);
    skip_to(s, end ? end + 2 : s->end);
}

static void brace(struct scanner *s)
{
    if (*s->p == '{' && s->depth++ < DEPTH_MAX)
        s->opened[s->depth - 1] = s->line;
    if (*s->p == '}' && s->depth > 0)
        s->depth--;
    s->p++;
}

/* A URL may stand without quotes: what begins within a word is no comment. */
static void step(struct scanner *s)
{
    bool two = s->p + 1 < s->end && s->at_token_start && *s->p == '/';
    bool was_start = s->at_token_start;
    s->at_token_start = strchr(" \t\r\n{}=,()+", *s->p) != NULL;
    if (*s->p == '"' || *s->p == '\'')
        skip_string(s);
    else if (*s->p == '#' || (two && s->p[1] == '/'))
        skip_line(s);
    else if (two && was_start && s->p[1] == '*')
        skip_comment(s);
    else if (*s->p == '{' || *s->p == '}')
        brace(s);
    else
        skip_to(s, s->p + 1);
}

void config_check_braces(const char *path, struct config_errors *errors)
{
    struct buf text = BUF_INIT;
    if (file_read_small(path, FILE_BYTES_MAX, &text) == 0) {
        struct scanner s = {.p = text.p, .end = text.p + text.n, .line = 1, .at_token_start = true};
        while (s.p < s.end)
            step(&s);
        if (s.depth > 0) {
            char place[ERR_PLACE_MAX];
            (void)snprintf(place, sizeof(place), "%s:%d", path, s.opened[MIN(s.depth, DEPTH_MAX) - 1]);
            config_complain(errors, place, "the block that begins here is not closed");
        }
    }
    buf_deinit(&text);
}
