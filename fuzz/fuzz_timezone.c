/* fuzz_timezone.c -- TZif files of any bytes.
 *
 * A file that is accepted gives, at any instant, a segment that holds it; local times go forth and back; and
 * of two local times the later one never comes first. */
#include "base/clock.h"
#include "core/civil.h"
#include "core/timezone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct timezone *z;
    if (timezone_parse((struct str){(const char *)data, size}, &z, NULL) != 0)
        return 0;
    int64_t before_s = INT64_MIN;
    for (int64_t t = 0; t < INT64_C(5000000000); t += INT64_C(96000007)) {
        struct timezone_segment g = timezone_segment_at(z, t);
        enum timezone_note note;
        char text[TIMEZONE_TEXT_MAX];
        must(g.start_s <= t && t < g.end_s);
        int64_t instant_s = timezone_instant_s(z, t + g.offset_s, &note);
        must(instant_s <= t && instant_s >= before_s);
        must(timezone_latest_local_s(z, t) >= t + g.offset_s);
        must(strlen(timezone_format(z, t * USEC_PER_SEC, text)) >= 25);
        before_s = instant_s;
    }
    (void)timezone_free(z);
    return 0;
}
