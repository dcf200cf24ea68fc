/* timezone_rule.h -- the rule of a time zone for ever: "CET-1CEST,M3.5.0,M10.5.0/3" (RFC 8536 §3.3.1).
 *
 * For timezone.c alone.  Pure, any thread. */
#pragma once
#include "core/timezone.h"

enum timezone_day { TIMEZONE_DAY_JULIAN, TIMEZONE_DAY_ZERO_BASED, TIMEZONE_DAY_WEEKDAY };

struct timezone_change { /* when the clock changes, once a year */
    enum timezone_day type;
    int day;         /* Jn: 1 to 365 and never the leap day; n: 0 to 365; Mm.w.d: the weekday, 0 is Sunday */
    int month, week; /* of Mm.w.d; week 5 is the last */
    int time_s;      /* local, from -167 h to 167 h */
};

struct timezone_rule {
    int standard_s, daylight_s; /* local minus UTC */
    bool has_daylight;
    struct timezone_change to_daylight, to_standard;
};

MUST_CHECK bool timezone_rule_parse(struct str text, struct timezone_rule *ret);
struct timezone_segment timezone_rule_segment(const struct timezone_rule *r, int64_t epoch_s);
