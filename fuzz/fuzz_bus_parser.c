/* fuzz_bus_parser.c -- the bus protocol: a stream cut anywhere gives the same operations and the same error.
 *
 * The first two bytes choose how the rest is cut; it is parsed in one piece, in pieces of one length, and
 * byte by byte. */
#include "node/bus/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONTROL_LINE 64
#define PAYLOAD 256

static bool write_down(void *log, const struct bus_operation *op)
{
    const struct str parts[] = {op->subject, op->reply,   op->queue, op->sid,
                                op->headers, op->payload, op->text};
    buf_printf(log, "%d %lld %d", op->verb, (long long)op->max, op->bad_subject);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        buf_printf(log, " %zu:", parts[i].n);
        buf_add_str(log, parts[i]);
    }
    return true;
}

static void parse(struct str bytes, size_t piece, struct buf *log)
{
    struct bus_parser p;
    enum bus_parser_error error = BUS_PARSER_OK;
    struct str rest = bytes;
    bus_parser_init(&p, CONTROL_LINE, PAYLOAD);
    while (rest.n > 0 && !error) {
        size_t n = MIN(piece, rest.n);
        char *copy = xcalloc(1, n); /* of its own size, so that a read past it is seen */
        memcpy(copy, rest.p, n);
        error = bus_parser_feed(&p, (struct str){copy, n}, write_down, log);
        free(copy);
        rest = (struct str){rest.p + n, rest.n - n};
        if (p.partial.n > CONTROL_LINE + 16 + PAYLOAD + 2 + piece)
            abort(); /* what is kept is bounded */
    }
    buf_printf(log, " error %d", error);
    bus_parser_deinit(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = BUF_INIT, cut = BUF_INIT, single = BUF_INIT;
    if (size < 3)
        return 0;
    struct str bytes = {(const char *)data + 2, size - 2};
    parse(bytes, bytes.n, &whole);
    parse(bytes, (size_t)data[0] + data[1] + 1u, &cut);
    parse(bytes, 1, &single);
    if (!str_equal(buf_str(&whole), buf_str(&cut)) || !str_equal(buf_str(&whole), buf_str(&single)))
        abort();
    buf_deinit(&whole);
    buf_deinit(&cut);
    buf_deinit(&single);
    return 0;
}
