#include "io/bus_wire.h"

#include "base/parse.h"

void bus_wire_init(struct bus_wire *w)
{
    *w = (struct bus_wire){.line = BUF_INIT, .payload = BUF_INIT};
}

void bus_wire_deinit(struct bus_wire *w)
{
    buf_deinit(&w->line);
    buf_deinit(&w->payload);
}

void bus_wire_clear(struct bus_wire *w)
{
    buf_clear(&w->line);
    buf_clear(&w->payload);
    w->want = 0;
    w->complete = false;
}

static void advance(struct str *s, size_t n)
{
    *s = (struct str){s->p + n, s->n - n};
}

/* Up to and with a line feed, which is not kept; 1 when the line is whole. */
static int read_line(struct bus_wire *w, struct str *bytes)
{
    const char *end = bytes->n ? memchr(bytes->p, '\n', bytes->n) : NULL;
    size_t n = end ? (size_t)(end - bytes->p) : bytes->n;
    if (w->line.n + n > BUS_WIRE_LINE_MAX)
        return -EPROTO;
    if (n)
        buf_add(&w->line, bytes->p, n);
    advance(bytes, end ? n + 1 : n);
    return end != NULL;
}

static struct str next_word(struct str *rest)
{
    size_t start = 0, end;
    while (start < rest->n && (rest->p[start] == ' ' || rest->p[start] == '\t'))
        start++;
    for (end = start; end < rest->n && rest->p[end] != ' ' && rest->p[end] != '\t';)
        end++;
    struct str word = {rest->p + start, end - start};
    advance(rest, end);
    return word;
}

/* MSG subject sid [reply-to] #bytes */
static int read_msg_line(struct bus_wire *w, struct str rest, struct bus_wire_item *ret)
{
    struct str words[4];
    size_t count = 0;
    int64_t bytes;
    for (struct str word; (word = next_word(&rest)).n; count++) {
        if (count == COUNT_OF(words))
            return -EPROTO;
        words[count] = word;
    }
    if (count < 3 || !parse_i64_in(words[count - 1], 0, BUS_WIRE_PAYLOAD_MAX, &bytes))
        return -EPROTO;
    *ret = (struct bus_wire_item){.type = BUS_WIRE_MSG, .subject = words[0], .sid = words[1]};
    if (count == 4)
        ret->reply = words[2];
    w->want = (size_t)bytes + 2;
    return 0;
}

static struct str without_quotes(struct str s)
{
    s = str_trim(s);
    if (s.n >= 2 && s.p[0] == '\'' && s.p[s.n - 1] == '\'')
        s = (struct str){s.p + 1, s.n - 2};
    return s;
}

/* 1: the line is an item; 0: it is the head of a message. */
static int read_head(struct bus_wire *w, struct bus_wire_item *ret)
{
    static const struct {
        struct str verb;
        enum bus_wire_type type;
    } verbs[] = {{{"INFO", 4}, BUS_WIRE_INFO}, {{"MSG", 3}, BUS_WIRE_MSG}, {{"PING", 4}, BUS_WIRE_PING},
                 {{"PONG", 4}, BUS_WIRE_PONG}, {{"+OK", 3}, BUS_WIRE_OK},  {{"-ERR", 4}, BUS_WIRE_ERR}};
    struct str rest = buf_str(&w->line);
    if (rest.n && rest.p[rest.n - 1] == '\r')
        rest.n--;
    struct str verb = next_word(&rest);
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        if (!str_equal_nocase(verb, verbs[i].verb))
            continue;
        if (verbs[i].type == BUS_WIRE_MSG)
            return read_msg_line(w, rest, ret);
        *ret = (struct bus_wire_item){.type = verbs[i].type, .text = str_trim(rest)};
        if (ret->type == BUS_WIRE_ERR)
            ret->text = without_quotes(rest);
        return 1;
    }
    return -EPROTO;
}

static int read_payload(struct bus_wire *w, struct str *bytes, struct bus_wire_item *ret)
{
    size_t n = MIN(bytes->n, w->want - w->payload.n);
    if (n)
        buf_add(&w->payload, bytes->p, n);
    advance(bytes, n);
    if (w->payload.n < w->want)
        return 0;
    struct str all = buf_str(&w->payload);
    if (!str_ends_with(all, STR("\r\n")))
        return -EPROTO;
    int rc = read_head(w, ret); /* its words again: the line has been kept */
    ret->payload = (struct str){all.p, all.n - 2};
    w->complete = true;
    return rc == 0 ? 1 : -EPROTO;
}

int bus_wire_next(struct bus_wire *w, struct str *bytes, struct bus_wire_item *ret)
{
    if (w->complete)
        bus_wire_clear(w);
    if (w->want == 0) {
        int rc = read_line(w, bytes);
        if (rc <= 0)
            return rc;
        rc = read_head(w, ret);
        if (rc != 0) {
            w->complete = true;
            return rc;
        }
    }
    return read_payload(w, bytes, ret);
}
