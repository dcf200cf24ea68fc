#include "node/bus/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What was parsed, as text: one line per operation. */
static bool write_down(void *log, const struct bus_operation *op)
{
    static const char *const names[] = {"CONNECT", "PUB", "HPUB",  "SUB",  "UNSUB",  "PING",
                                        "PONG",    "OK",  "ERROR", "INFO", "CLUSTER"};
    buf_printf(log, "%s[%.*s][%.*s][%.*s][%.*s][%.*s][%.*s]%lld%s\n", names[op->verb], STR_ARG(op->subject),
               STR_ARG(op->reply), STR_ARG(op->queue), STR_ARG(op->sid), STR_ARG(op->headers),
               STR_ARG(op->payload), (long long)op->max, op->bad_subject ? " bad" : "");
    return true;
}

static enum bus_parser_error parse(const char *bytes, struct buf *log)
{
    struct bus_parser p;
    bus_parser_init(&p, 128, 64);
    enum bus_parser_error error = bus_parser_feed(&p, str_of(bytes), write_down, log);
    bus_parser_deinit(&p);
    return error;
}

static void gives(const char *bytes, const char *expected)
{
    struct buf log = BUF_INIT;
    assert_int_equal(parse(bytes, &log), BUS_PARSER_OK);
    assert_string_equal(log.p, expected);
    buf_deinit(&log);
}

static void fails(const char *bytes, enum bus_parser_error expected)
{
    struct buf log = BUF_INIT;
    assert_int_equal(parse(bytes, &log), expected);
    assert_string_equal(log.p, "");
    buf_deinit(&log);
}

static void the_operations_of_the_protocol_are_read(void **state)
{
    (void)state;
    gives("PUB FOO 11\r\nHello NATS!\r\n", "PUB[FOO][][][][][Hello NATS!]0\n");
    gives("PUB FRONT.DOOR INBOX.22 3\r\nabc\r\n", "PUB[FRONT.DOOR][INBOX.22][][][][abc]0\n");
    gives("PUB NOTIFY 0\r\n\r\n", "PUB[NOTIFY][][][][][]0\n");
    gives("HPUB MORNING 12 14\r\nNATS/1.0\r\n\r\nab\r\n", "HPUB[MORNING][][][][NATS/1.0\r\n\r\n][ab]0\n");
    gives("SUB BAR G1 44\r\n", "SUB[BAR][][G1][44][][]0\n");
    gives("SUB FOO 1\r\nUNSUB 1 5\r\nUNSUB 1\r\n",
          "SUB[FOO][][][1][][]0\nUNSUB[][][][1][][]5\nUNSUB[][][][1][][]0\n");
    gives("PING\r\nPONG\r\n+OK\r\n", "PING[][][][][][]0\nPONG[][][][][][]0\nOK[][][][][][]0\n");
}

static void verbs_have_no_case_and_any_space_parts_words(void **state)
{
    (void)state;
    gives("pub  FOO\t 2 \r\nab\r\n", "PUB[FOO][][][][][ab]0\n");
    gives("Ping\nsUb\tx\ty\n", "PING[][][][][][]0\nSUB[x][][][y][][]0\n");
}

static void spec_40_B2_a_subject_with_spaces_is_told_apart_and_its_payload_is_taken(void **state)
{
    (void)state;
    gives("PUB a b c 3\r\nabc\r\nPING\r\n", "PUB[a][][][][][abc]0 bad\nPING[][][][][][]0\n");
    gives("PUB a b c d e f g 1\r\nx\r\n", "PUB[a][][][][][x]0 bad\n");
}

static void unknown_verbs_are_refused_at_their_first_wrong_byte(void **state)
{
    (void)state;
    const char *const wrong[] = {"X",         "GET / HTTP/1.1\r\n", "PUBX",    "\r\n",    "\n",
                                 " PING\r\n", "MSG a 1 0\r\n",      "PIN\r\n", "PING\rX", "CONNECTION x"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        fails(wrong[i], BUS_PARSER_E_VERB);
}

static void operations_with_wrong_words_are_refused(void **state)
{
    (void)state;
    const char *const wrong[] = {
        "PUB\r\n",         "PUB a\r\n",      "PUB a x\r\n",          "PUB a -1\r\n",
        "PUB a +1\r\n",    "PUB a 1x\r\n",   "PUB a 1234567890\r\n", "SUB a\r\n",
        "SUB a b c d\r\n", "UNSUB\r\n",      "UNSUB 1 x\r\n",        "UNSUB 1 2 3\r\n",
        "HPUB a 5\r\n",    "HPUB a 5 4\r\n", "HPUB a b c 1 2\r\n"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        fails(wrong[i], BUS_PARSER_E_WORDS);
}

static void spec_40_B4_a_payload_of_the_limit_is_taken_and_one_byte_more_is_not(void **state)
{
    char bytes[128];
    (void)state;
    (void)snprintf(bytes, sizeof(bytes), "PUB a 64\r\n%064d\r\n", 0);
    struct buf log = BUF_INIT;
    assert_int_equal(parse(bytes, &log), BUS_PARSER_OK);
    assert_true(str_starts_with(buf_str(&log), STR("PUB[a]")));
    buf_deinit(&log);
    fails("PUB a 65\r\n", BUS_PARSER_E_PAYLOAD); /* before a byte of it has come */
    fails("HPUB a 1 65\r\n", BUS_PARSER_E_PAYLOAD);
}

static void spec_40_B4_a_line_of_the_limit_is_taken_and_one_byte_more_is_not(void **state)
{
    char bytes[256];
    (void)state;
    (void)snprintf(bytes, sizeof(bytes), "SUB %0126d 1\r\n", 0); /* 126 + space + 1 = 128 behind the verb */
    struct buf log = BUF_INIT;
    assert_int_equal(parse(bytes, &log), BUS_PARSER_OK);
    assert_true(log.n > 0);
    buf_deinit(&log);
    (void)snprintf(bytes, sizeof(bytes), "SUB %0127d 1\r\n", 0);
    fails(bytes, BUS_PARSER_E_LINE);
    (void)snprintf(bytes, sizeof(bytes), "SUB %0150d", 0); /* no end in sight */
    fails(bytes, BUS_PARSER_E_LINE);
}

static void a_payload_that_is_not_followed_by_cr_lf_is_refused(void **state)
{
    (void)state;
    fails("PUB a 2\r\nabcPING\r\n", BUS_PARSER_E_PAYLOAD_TAIL);
    fails("PUB a 2\r\nab\n", BUS_PARSER_E_PAYLOAD_TAIL);
    fails("PUB a 2\r\nab\rx", BUS_PARSER_E_PAYLOAD_TAIL);
}

static void a_stream_cut_at_any_byte_gives_the_same_operations(void **state)
{
    static const char all[] = "CONNECT {}\r\nSUB a.* q 1\r\nPUB a.b r 5\r\nhe\r\no\r\nHPUB a 12 "
                              "14\r\nNATS/1.0\r\n\r\nab\r\nPING\r\n";
    struct buf expected = BUF_INIT;
    (void)state;
    assert_int_equal(parse(all, &expected), BUS_PARSER_OK);
    for (size_t cut = 1; cut < sizeof(all) - 1; cut++) {
        struct buf log = BUF_INIT;
        struct bus_parser p;
        bus_parser_init(&p, 128, 64);
        assert_int_equal(bus_parser_feed(&p, (struct str){all, cut}, write_down, &log), BUS_PARSER_OK);
        assert_int_equal(bus_parser_feed(&p, str_of(all + cut), write_down, &log), BUS_PARSER_OK);
        assert_int_equal(p.partial.n, 0);
        assert_string_equal(log.p, expected.p);
        bus_parser_deinit(&p);
        buf_deinit(&log);
    }
    buf_deinit(&expected);
}

static bool only_one(void *count, const struct bus_operation *op)
{
    (void)op;
    return ++*(int *)count < 1;
}

static void nothing_is_handed_out_once_the_caller_wants_no_more(void **state)
{
    struct bus_parser p;
    int count = 0;
    (void)state;
    bus_parser_init(&p, 128, 64);
    assert_int_equal(bus_parser_feed(&p, STR("RS+ x\r\nPING\r\nPING\r\n"), only_one, &count), BUS_PARSER_OK);
    assert_int_equal(count, 1);
    bus_parser_deinit(&p);
}

static void after_an_error_nothing_is_taken(void **state)
{
    struct bus_parser p;
    struct buf log = BUF_INIT;
    (void)state;
    bus_parser_init(&p, 128, 64);
    assert_int_equal(bus_parser_feed(&p, STR("X\r\n"), write_down, &log), BUS_PARSER_E_VERB);
    assert_int_equal(bus_parser_feed(&p, STR("PING\r\n"), write_down, &log), BUS_PARSER_E_VERB);
    assert_int_equal(log.n, 0);
    bus_parser_deinit(&p);
    buf_deinit(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_operations_of_the_protocol_are_read),
        cmocka_unit_test(verbs_have_no_case_and_any_space_parts_words),
        cmocka_unit_test(spec_40_B2_a_subject_with_spaces_is_told_apart_and_its_payload_is_taken),
        cmocka_unit_test(unknown_verbs_are_refused_at_their_first_wrong_byte),
        cmocka_unit_test(operations_with_wrong_words_are_refused),
        cmocka_unit_test(spec_40_B4_a_payload_of_the_limit_is_taken_and_one_byte_more_is_not),
        cmocka_unit_test(spec_40_B4_a_line_of_the_limit_is_taken_and_one_byte_more_is_not),
        cmocka_unit_test(a_payload_that_is_not_followed_by_cr_lf_is_refused),
        cmocka_unit_test(a_stream_cut_at_any_byte_gives_the_same_operations),
        cmocka_unit_test(nothing_is_handed_out_once_the_caller_wants_no_more),
        cmocka_unit_test(after_an_error_nothing_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
