#include "cli/when.h"

#include "base/clock.h"
#include "base/parse.h"

int when_option(const struct invocation *in, const char *option, char ret[WHEN_MAX])
{
    struct str text = str_of(command_option(in, option));
    int64_t us, now_us = clock_wall_us();
    if (parse_duration(text, &us) && !__builtin_add_overflow(now_us, us, &us)) {
        (void)clock_format_us(us, ret);
        return 0;
    }
    if (clock_parse_rfc3339(text, &us)) {
        (void)clock_format_us(us, ret);
        return 0;
    }
    return command_usage(
        in, "--%s \"%.*s\" is no time: \"2026-11-22T03:04:05Z\", or \"15m\" from now, is expected", option,
        STR_ARG(text));
}

int when_seconds(const struct invocation *in, const char *option, int64_t *ret)
{
    struct str text = str_of(command_option(in, option));
    int64_t us;
    if (!parse_duration(text, &us) || us % USEC_PER_SEC != 0)
        return command_usage(in, "--%s \"%.*s\" is no duration in whole seconds, such as \"90s\" or \"15m\"",
                             option, STR_ARG(text));
    *ret = us / USEC_PER_SEC;
    return 0;
}
