#include "io/json_place.h"

/* at: behind the opening quote.  Returns the closing one's offset. */
static size_t string_end(struct str text, size_t at)
{
    while (at < text.n && text.p[at] != '"')
        at += text.p[at] == '\\' ? 2 : 1;
    return MIN(at, text.n);
}

static bool place_open(struct json_place *w, bool array)
{
    if (w->depth == JSON_PLACE_DEPTH_MAX)
        return false;
    w->frames[w->depth++] = (struct json_frame){.array = array};
    w->key_next = !array;
    return true;
}

static void place_comma(struct json_place *w)
{
    if (w->depth == 0)
        return;
    struct json_frame *f = &w->frames[w->depth - 1];
    f->index++;
    w->key_next = !f->array;
}

static size_t place_string(struct json_place *w, struct str text, size_t at)
{
    size_t end = string_end(text, at + 1);
    if (w->key_next && w->depth > 0)
        w->frames[w->depth - 1].key = (struct str){text.p + at + 1, end - at - 1};
    w->key_next = false;
    return end;
}

/* Follows the nesting up to offset `until`; false when it is deeper than the limit.  Knows no more of JSON
 * than that: the parser does, whose own limit (2048) would let a small body use a large stack. */
bool json_place_follow(struct json_place *w, struct str text, size_t until)
{
    for (size_t at = 0; at < until; at++) {
        switch (text.p[at]) {
        case '"':
            at = place_string(w, text, at);
            break;
        case '{':
        case '[':
            if (!place_open(w, text.p[at] == '['))
                return false;
            break;
        case '}':
        case ']':
            w->depth -= w->depth > 0;
            break;
        case ',':
            place_comma(w);
            break;
        default:
            break;
        }
    }
    return true;
}

void json_pointer_add(struct buf *out, struct str name)
{
    buf_add_char(out, '/');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '~')
            buf_add_text(out, "~0");
        else if (name.p[i] == '/')
            buf_add_text(out, "~1");
        else
            buf_add_char(out, name.p[i]);
    }
}

void json_place_pointer(const struct json_place *w, struct buf *out)
{
    for (int i = 0; i < w->depth; i++) {
        const struct json_frame *f = &w->frames[i];
        if (f->array)
            buf_printf(out, "/%lld", (long long)f->index);
        else
            json_pointer_add(out, f->key);
    }
}
