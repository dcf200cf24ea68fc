/* test_bus_wire.c -- a server's bytes as a client reads them, in pieces of any size. */
#include "io/bus_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Items as text, one per line, so that two readings can be compared. */
static int read_all(struct str all, size_t piece, struct buf *out)
{
    struct bus_wire w;
    struct bus_wire_item item;
    int rc = 0;
    bus_wire_init(&w);
    for (size_t at = 0; at < all.n && rc == 0; at += piece) {
        struct str part = {all.p + at, MIN(piece, all.n - at)};
        while ((rc = bus_wire_next(&w, &part, &item)) == 1)
            buf_printf(out, "%d|%.*s|%.*s|%.*s|%.*s|%.*s\n", item.type, STR_ARG(item.text),
                       STR_ARG(item.subject), STR_ARG(item.sid), STR_ARG(item.reply), STR_ARG(item.payload));
    }
    bus_wire_deinit(&w);
    return rc;
}

/* Lines of the client protocol's documentation. */
static void the_session_of_the_documentation_is_read_in_pieces_of_any_size(void **state)
{
    (void)state;
    struct buf text = BUF_INIT, whole = BUF_INIT;
    buf_add_text(&text, "INFO {\"a\":1} \r\nPING\r\nPONG\r\n+OK\r\nMSG FOO.BAR 9 11\r\nHello World\r\n"
                        "MSG FOO.BAR 9 GREETING.34 12\r\nHello\r\nDolly\r\nMSG a 1 0\r\n\r\n"
                        "-ERR 'Unknown Protocol Operation'\r\n-ERR Stale\r\nping\n");
    const char *expected = "0|{\"a\":1}||||\n2|||||\n3|||||\n4|||||\n1||FOO.BAR|9||Hello World\n"
                           "1||FOO.BAR|9|GREETING.34|Hello\r\nDolly\n1||a|1||\n"
                           "5|Unknown Protocol Operation||||\n5|Stale||||\n2|||||\n";
    assert_int_equal(read_all(buf_str(&text), text.n, &whole), 0);
    assert_string_equal(whole.p, expected);
    for (size_t piece = 1; piece < text.n; piece++) {
        struct buf split = BUF_INIT;
        assert_int_equal(read_all(buf_str(&text), piece, &split), 0);
        assert_string_equal(split.p, expected);
        buf_deinit(&split);
    }
    buf_deinit(&text);
    buf_deinit(&whole);
}

static void what_is_no_server_ends_it(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "HTTP/1.1 400 Bad Request\r\n",
        "\r\n",
        "MSG a\r\n",
        "MSG a 1 x\r\n",
        "MSG a 1 -1\r\n",
        "MSG a 1 2 3 4 5\r\n",
        "MSG a 1 99999999\r\n",
        "MSG a 1 2\r\nabcd\r\n",
        "PUB a 1\r\n",
        "SSH-2.0-OpenSSH\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = BUF_INIT;
        if (read_all(str_of(rows[i]), 1000, &out) >= 0)
            fail_msg("%s", rows[i]);
        buf_deinit(&out);
    }
}

static void a_line_without_an_end_is_bounded(void **state)
{
    (void)state;
    struct bus_wire w;
    struct bus_wire_item item;
    char chunk[4096];
    int rc = 0;
    size_t fed = 0;
    memset(chunk, 'x', sizeof(chunk));
    bus_wire_init(&w);
    while (rc == 0 && fed < ((size_t)1 << 20)) {
        struct str part = {chunk, sizeof(chunk)};
        rc = bus_wire_next(&w, &part, &item);
        fed += sizeof(chunk);
    }
    assert_int_equal(rc, -EPROTO);
    assert_true(fed <= BUS_WIRE_LINE_MAX + sizeof(chunk));
    bus_wire_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_session_of_the_documentation_is_read_in_pieces_of_any_size),
        cmocka_unit_test(what_is_no_server_ends_it),
        cmocka_unit_test(a_line_without_an_end_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
