/* fuzz_report_body.c -- any bytes as a report: refused with a place, or read into figures that can be added
 * up.
 *
 * What was read has times in order, no negative figure, and reads again as itself; packed and unpacked it is
 * the same bytes. */
#include "base/buf.h"
#include "hub/report_body.h"
#include "io/gzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct report *r)
{
    must(r->instance_id && r->window_end_us > r->window_start_us && r->window_no >= 0 && r->uptime_s >= 0);
    must(r->agents_online >= 0 && r->agents_offline >= 0 && r->agents_total >= 0 && r->servers_total >= 0);
    must(r->status_count <= REPORT_NAMES_MAX && r->type_count <= REPORT_NAMES_MAX);
    must(report_tasks(r) >= 0 && report_usage(r).runs >= 0);
    for (size_t i = 0; i < r->type_count; i++)
        must(r->types[i].count >= 0 && r->types[i].duration_us >= 0 && str_is_utf8(str_of(r->types[i].name)));
}

static void check_gzip(struct str bytes)
{
    struct buf packed = BUF_INIT, plain = BUF_INIT;
    if (gzip_pack(bytes, &packed)) {
        must(gzip_unpack(buf_str(&packed), bytes.n, &plain) == 0);
        must(str_equal(buf_str(&plain), bytes));
    }
    buf_clear(&plain);
    int rc = gzip_unpack(bytes, 65536, &plain); /* foreign bytes too */
    must(rc == 0 ? plain.n <= 65536 : plain.n == 0);
    buf_deinit(&packed);
    buf_deinit(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct report r, again;
    struct err e = {0};
    struct str body = {(const char *)data, size};
    arena_init(&a);
    int rc = report_body_parse(body, &a, &r, &e);
    must(rc == 0 || (rc == -EINVAL && e.text[0] && (e.code == ERR_BAD_REQUEST || e.place[0] == '/')));
    if (rc == 0) {
        check(&r);
        must(report_body_parse(body, &a, &again, &e) == 0 && again.window_start_us == r.window_start_us);
    }
    check_gzip(body);
    arena_reset(&a);
    return 0;
}
