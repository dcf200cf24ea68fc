/* schedule_answers.c -- what our schedules say, many questions at a time, for the comparison with other
 * programs.
 *
 * A line in: ZONE TAB FROM_SECONDS TAB COUNT TAB SPEC.  A line out: the instants in seconds with their notes'
 * first letter, or "refused". */
#include "base/clock.h"
#include "base/parse.h"
#include "core/schedule.h"
#include "io/zoneinfo.h"

static void answer(const struct schedule *s, const struct timezone *z, int64_t from_s, int64_t count)
{
    struct schedule_instant at = {from_s * USEC_PER_SEC, TIMEZONE_PLAIN};
    for (int64_t i = 0; i < count && schedule_next(s, z, from_s * USEC_PER_SEC, at.at_us, &at); i++)
        (void)printf("%s%lld%s", i ? " " : "", (long long)(at.at_us / USEC_PER_SEC),
                     at.note == TIMEZONE_GAP    ? "g"
                     : at.note == TIMEZONE_FOLD ? "f"
                                                : "");
    (void)printf("\n");
}

int main(void)
{
    char line[1024];
    while (fgets(line, sizeof(line), stdin)) {
        struct str rest = str_trim(str_of(line)), zone, from, count;
        const struct timezone *z;
        struct schedule s;
        int64_t from_s, n;
        bool ok = str_split(&rest, '\t', &zone) && str_split(&rest, '\t', &from) &&
                  str_split(&rest, '\t', &count) && parse_i64(from, &from_s) && parse_i64(count, &n);
        char *name = str_dup(zone);
        if (ok && zoneinfo_get(name, &z, NULL) == 0 && schedule_parse(rest, &s, NULL) == 0)
            answer(&s, z, from_s, n);
        else
            (void)printf("refused\n");
        free(name);
    }
    return 0;
}
