/* fuzz_heartbeat.c -- any bytes as a heartbeat's payload: refused, or read into facts within their bounds.
 *
 * What is kept of it as extra is JSON for every reader (jansson takes it, U+0000 and huge numbers are gone),
 * no longer than its bound, holds neither ts nor worker, and reads again as itself. */
#include "core/heartbeat.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_extra(struct str extra)
{
    json_error_t error;
    json_t *read = json_loadb(extra.p, extra.n, 0, &error);
    must(read && json_is_object(read));
    must(!json_object_get(read, "ts") && !json_object_get(read, "worker"));
    json_decref(read);
    must(extra.n <= HEARTBEAT_EXTRA_MAX && !memchr(extra.p, '\n', extra.n));
}

static void check_again(const struct heartbeat *first, struct str extra)
{
    struct heartbeat beat;
    struct buf again = BUF_INIT;
    must(heartbeat_parse(extra, &beat, &again) == 0);
    must(str_equal(buf_str(&again), extra) && !(beat.faults & HEARTBEAT_TRUNCATED));
    if (!(first->faults & HEARTBEAT_TRUNCATED)) {
        must(strcmp(beat.instance, first->instance) == 0 && beat.stopping == first->stopping);
        must(beat.seq_known == first->seq_known && beat.seq == first->seq);
        must(beat.period_us == first->period_us);
    }
    buf_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heartbeat beat;
    struct buf extra = BUF_INIT;
    int rc = heartbeat_parse((struct str){(const char *)data, size}, &beat, &extra);
    must(rc >= 0 && rc <= HEARTBEAT_E_DEEP);
    if (rc == 0) {
        must(!beat.ts_known ||
             (beat.ts_us <= HEARTBEAT_TS_MAX_S * 1000000 && beat.ts_us >= -HEARTBEAT_TS_MAX_S * 1000000));
        must(!(beat.ts_known && (beat.faults & HEARTBEAT_BAD_TS)));
        must(beat.period_us == 0 ||
             (beat.period_us >= HEARTBEAT_PERIOD_MIN_US && beat.period_us <= HEARTBEAT_PERIOD_MAX_US));
        check_extra(buf_str(&extra));
        check_again(&beat, buf_str(&extra));
    }
    buf_deinit(&extra);
    return 0;
}
