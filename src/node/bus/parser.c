#include "node/bus/parser.h"

#include "base/parse.h"

#define VERB_BYTES_MAX 7 /* CONNECT */
#define PAYLOAD_TAIL 2   /* CR LF */
#define SIZE_DIGITS_MAX 9

void bus_parser_init(struct bus_parser *p, size_t max_control_line, size_t max_payload)
{
    *p = (struct bus_parser){.max_control_line = max_control_line, .max_payload = max_payload};
    buf_init(&p->partial);
}

void bus_parser_deinit(struct bus_parser *p)
{
    buf_deinit(&p->partial);
}

/* -- words -- */

struct words {
    struct str word[BUS_WORDS_MAX];
    size_t count; /* BUS_WORDS_MAX: that many or more */
};

static inline bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static void split(struct str args, struct words *w)
{
    const char *p = args.p, *end = args.p + args.n;
    w->count = 0;
    while (w->count < BUS_WORDS_MAX) {
        while (p < end && is_space(*p))
            p++;
        if (p == end)
            return;
        const char *start = p;
        while (p < end && !is_space(*p))
            p++;
        w->word[w->count++] = (struct str){start, (size_t)(p - start)};
    }
}

static struct str last_word(struct str args)
{
    size_t end = args.n, start;
    while (end > 0 && is_space(args.p[end - 1]))
        end--;
    for (start = end; start > 0 && !is_space(args.p[start - 1]);)
        start--;
    return (struct str){args.p + start, end - start};
}

/* A size is digits alone, and few of them. */
static bool number_of(struct str word, int64_t *ret)
{
    int64_t value = 0;
    if (word.n == 0 || word.n > SIZE_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] < '0' || word.p[i] > '9')
            return false;
        value = value * 10 + (word.p[i] - '0');
    }
    *ret = value;
    return true;
}

/* -- lines: what stands behind each verb -- */

struct line { /* an operation whose line is known; its payload may still be on the way */
    struct bus_operation op;
    int64_t header_bytes, payload_bytes; /* of PUB and HPUB; payload_bytes with the headers, -1: has none */
};

static enum bus_parser_error no_words(const struct bus_parser *p, struct str args, struct line *line)
{
    (void)p;
    (void)args;
    (void)line;
    return BUS_PARSER_OK;
}

static enum bus_parser_error whole_text(const struct bus_parser *p, struct str args, struct line *line)
{
    (void)p;
    line->op.text = str_trim(args);
    return BUS_PARSER_OK;
}

/* "subject [reply] [header bytes] bytes"; a subject with spaces in it leaves words over, and the payload is
 * taken all the same, so that the connection goes on (spec 40 B2). */
static enum bus_parser_error publish(const struct bus_parser *p, struct str args, size_t numbers,
                                     struct line *line)
{
    struct words w;
    split(args, &w);
    line->op.bad_subject = w.count > numbers + 2;
    if (w.count < numbers + 1 || (line->op.bad_subject && numbers > 1))
        return BUS_PARSER_E_WORDS;
    struct str total = line->op.bad_subject ? last_word(args) : w.word[w.count - 1];
    if (!number_of(total, &line->payload_bytes))
        return BUS_PARSER_E_WORDS;
    if (numbers > 1 &&
        (!number_of(w.word[w.count - 2], &line->header_bytes) || line->header_bytes > line->payload_bytes))
        return BUS_PARSER_E_WORDS;
    if ((size_t)line->payload_bytes > p->max_payload)
        return BUS_PARSER_E_PAYLOAD;
    line->op.subject = w.word[0];
    if (w.count == numbers + 2)
        line->op.reply = w.word[1];
    return BUS_PARSER_OK;
}

static enum bus_parser_error pub(const struct bus_parser *p, struct str args, struct line *line)
{
    return publish(p, args, 1, line);
}

static enum bus_parser_error hpub(const struct bus_parser *p, struct str args, struct line *line)
{
    return publish(p, args, 2, line);
}

static enum bus_parser_error sub(const struct bus_parser *p, struct str args, struct line *line)
{
    struct words w;
    (void)p;
    split(args, &w);
    if (w.count < 2 || w.count > 3)
        return BUS_PARSER_E_WORDS;
    line->op.subject = w.word[0];
    line->op.sid = w.word[w.count - 1];
    if (w.count == 3)
        line->op.queue = w.word[1];
    return BUS_PARSER_OK;
}

static enum bus_parser_error unsub(const struct bus_parser *p, struct str args, struct line *line)
{
    struct words w;
    (void)p;
    split(args, &w);
    if (w.count < 1 || w.count > 2 || (w.count == 2 && !number_of(w.word[1], &line->op.max)))
        return BUS_PARSER_E_WORDS;
    line->op.sid = w.word[0];
    return BUS_PARSER_OK;
}

static const struct verb_row {
    const char *name;
    enum bus_verb verb;
    enum bus_parser_error (*read)(const struct bus_parser *p, struct str args, struct line *line);
} verbs[] = {
    {"PUB", BUS_VERB_PUB, pub},
    {"HPUB", BUS_VERB_HPUB, hpub},
    {"PING", BUS_VERB_PING, no_words},
    {"PONG", BUS_VERB_PONG, no_words},
    {"SUB", BUS_VERB_SUB, sub},
    {"UNSUB", BUS_VERB_UNSUB, unsub},
    {"CONNECT", BUS_VERB_CONNECT, whole_text},
    {"+OK", BUS_VERB_OK, no_words},
    {"-ERR", BUS_VERB_ERROR, whole_text},
    {"INFO", BUS_VERB_INFO, no_words},
    {"RS+", BUS_VERB_CLUSTER, no_words},
    {"RS-", BUS_VERB_CLUSTER, no_words},
    {"RMSG", BUS_VERB_CLUSTER, no_words},
    {"LS+", BUS_VERB_CLUSTER, no_words},
    {"LS-", BUS_VERB_CLUSTER, no_words},
    {"LMSG", BUS_VERB_CLUSTER, no_words},
    {"A+", BUS_VERB_CLUSTER, no_words},
    {"A-", BUS_VERB_CLUSTER, no_words},
};

static const struct verb_row *verb_of(struct str word)
{
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        if (str_equal_nocase(word, str_of(verbs[i].name)))
            return &verbs[i];
    return NULL;
}

static bool begins_a_verb(struct str word)
{
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        if (word.n <= strlen(verbs[i].name) && str_equal_nocase(word, (struct str){verbs[i].name, word.n}))
            return true;
    return false;
}

/* The verb of a line that may not have ended yet: up to a space, at most one byte more than any has. */
static struct str verb_word(struct str line)
{
    size_t n = 0;
    while (n < line.n && n <= VERB_BYTES_MAX && !is_space(line.p[n]) && line.p[n] != '\r')
        n++;
    return (struct str){line.p, n};
}

static enum bus_parser_error check_unended(const struct bus_parser *p, struct str line)
{
    struct str word = verb_word(line);
    if (word.n < line.n && is_space(line.p[word.n])) {
        if (!verb_of(word))
            return BUS_PARSER_E_VERB;
        return line.n > word.n + 1 + p->max_control_line + 1 ? BUS_PARSER_E_LINE : BUS_PARSER_OK;
    }
    if (word.n < line.n) /* CR, and nothing but LF may follow; or too long for a verb */
        return line.p[word.n] == '\r' && line.n == word.n + 1 && verb_of(word) ? BUS_PARSER_OK
                                                                               : BUS_PARSER_E_VERB;
    return begins_a_verb(word) ? BUS_PARSER_OK : BUS_PARSER_E_VERB;
}

/* `text` is without its LF. */
static enum bus_parser_error read_line(const struct bus_parser *p, struct str text, struct line *line)
{
    enum bus_parser_error early = check_unended(p, text);
    if (early)
        return early;
    if (text.n > 0 && text.p[text.n - 1] == '\r')
        text.n--;
    struct str word = verb_word(text);
    const struct verb_row *row = verb_of(word);
    if (!row)
        return BUS_PARSER_E_VERB;
    struct str args = {text.p + word.n, text.n - word.n};
    if (args.n > p->max_control_line + 1)
        return BUS_PARSER_E_LINE;
    *line = (struct line){.op.verb = row->verb, .payload_bytes = -1};
    return row->read(p, args, line);
}

/* -- whole operations -- */

static struct str line_of(struct str bytes, size_t *ret_next)
{
    const char *end = memchr(bytes.p, '\n', bytes.n);
    if (!end)
        return (struct str){0};
    *ret_next = (size_t)(end - bytes.p) + 1;
    return (struct str){bytes.p, (size_t)(end - bytes.p)};
}

/* Takes one operation from the front of *bytes.  *ret_wanted: bytes of it in all when it is cut, 0 when not
 * even its line is whole. */
static enum bus_parser_error take(struct bus_parser *p, struct str *bytes, struct line *line, bool *ret_whole,
                                  size_t *ret_wanted)
{
    size_t next;
    struct str text = line_of(*bytes, &next);
    *ret_whole = false;
    *ret_wanted = 0;
    if (!text.p)
        return check_unended(p, *bytes);
    enum bus_parser_error rc = read_line(p, text, line);
    if (rc)
        return rc;
    if (line->payload_bytes >= 0) {
        size_t body = (size_t)line->payload_bytes, end = next + body;
        const char *b = bytes->p;
        if (bytes->n > end && b[end] != '\r')
            return BUS_PARSER_E_PAYLOAD_TAIL;
        *ret_wanted = end + PAYLOAD_TAIL;
        if (bytes->n < *ret_wanted)
            return BUS_PARSER_OK;
        if (b[end + 1] != '\n')
            return BUS_PARSER_E_PAYLOAD_TAIL;
        line->op.headers = (struct str){b + next, (size_t)line->header_bytes};
        line->op.payload = (struct str){b + next + line->header_bytes, body - (size_t)line->header_bytes};
        next = *ret_wanted;
    }
    *bytes = (struct str){bytes->p + next, bytes->n - next};
    *ret_whole = true;
    return BUS_PARSER_OK;
}

/* How many bytes of `bytes` the operation that was cut can still use. */
static size_t missing(const struct bus_parser *p, struct str bytes)
{
    if (p->wanted)
        return MIN(p->wanted - p->partial.n, bytes.n);
    const char *end = memchr(bytes.p, '\n', bytes.n);
    return end ? (size_t)(end - bytes.p) + 1 : bytes.n;
}

/* Goes on with the operation that was cut.  *ret_more: it is whole and was handled. */
static enum bus_parser_error resume(struct bus_parser *p, struct str *bytes, bus_operation_handler handle,
                                    void *arg, bool *ret_go_on)
{
    *ret_go_on = true;
    while (p->partial.n > 0 && bytes->n > 0) {
        struct line line;
        bool whole;
        size_t n = missing(p, *bytes);
        buf_add(&p->partial, bytes->p, n);
        *bytes = (struct str){bytes->p + n, bytes->n - n};
        struct str all = buf_str(&p->partial);
        enum bus_parser_error rc = take(p, &all, &line, &whole, &p->wanted);
        if (rc)
            return rc;
        if (!whole)
            continue;
        struct buf used = p->partial;
        buf_init(&p->partial);
        p->wanted = 0;
        *ret_go_on = handle(arg, &line.op);
        buf_deinit(&used);
    }
    return BUS_PARSER_OK;
}

static enum bus_parser_error feed(struct bus_parser *p, struct str bytes, bus_operation_handler handle,
                                  void *arg)
{
    bool go_on;
    enum bus_parser_error rc = resume(p, &bytes, handle, arg, &go_on);
    while (!rc && go_on && bytes.n > 0) {
        struct line line;
        bool whole;
        rc = take(p, &bytes, &line, &whole, &p->wanted);
        if (!rc && !whole) {
            buf_add(&p->partial, bytes.p, bytes.n);
            break;
        }
        if (!rc)
            go_on = handle(arg, &line.op);
    }
    return rc;
}

enum bus_parser_error bus_parser_feed(struct bus_parser *p, struct str bytes, bus_operation_handler handle,
                                      void *arg)
{
    if (!p->error)
        p->error = feed(p, bytes, handle, arg);
    if (p->error)
        buf_deinit(&p->partial);
    return p->error;
}
