/* exposition.h -- writing Prometheus' text format 0.0.4, or OpenMetrics 1.0.0, from the same calls.
 *
 * A family's # TYPE, # UNIT and # HELP stand before its first sample, so a family without samples is not
 * printed.  The two formats differ in what a counter's family is called, in # UNIT, in the type `info` and in
 * # EOF; that is here and nowhere else.  A family's name ends in its unit, if it has one, and never in _total
 * or _info.  Samples of one family must come together.  Knows nothing of muster.  Any thread, one at a time.
 */
#pragma once
#include "base/buf.h"

enum exposition_type { EXPOSITION_GAUGE, EXPOSITION_COUNTER, EXPOSITION_HISTOGRAM, EXPOSITION_INFO };

struct exposition {
    struct buf *out; /* not owned */
    bool openmetrics;
    const char *name, *help; /* of the family */
    enum exposition_type type;
    bool begun; /* its head has been written */
};

struct exposition_label {
    const char *name; /* NULL ends the list */
    struct str value; /* any bytes; an empty one is as good as no label, and not written */
};
#define LABELS(...)                                                                                          \
    (const struct exposition_label[])                                                                        \
    {                                                                                                        \
        __VA_ARGS__ __VA_OPT__(, )                                                                           \
        {                                                                                                    \
            NULL,                                                                                            \
            {                                                                                                \
                NULL, 0                                                                                      \
            }                                                                                                \
        }                                                                                                    \
    }
#define LABEL(key, text)                                                                                     \
    {                                                                                                        \
        (key), str_of(text)                                                                                  \
    }

const char *exposition_type_name(enum exposition_type type); /* of OpenMetrics */
const char *exposition_suffix(enum exposition_type type);    /* of its samples: "_total", "" */
void exposition_init(struct exposition *x, struct buf *out, bool openmetrics);
/* `name` and `help` must live until the family ends. */
void exposition_family(struct exposition *x, enum exposition_type type, const char *name, const char *help);
void exposition_i64(struct exposition *x, const struct exposition_label *labels, int64_t value);
void exposition_micros(struct exposition *x, const struct exposition_label *labels,
                       int64_t value); /* value / 1e6 */
/* counts: one more than bounds, not cumulative, the last one is what lies beyond. */
void exposition_histogram(struct exposition *x, const struct exposition_label *labels, const double *bounds,
                          size_t bound_count, const int64_t *counts, int64_t sum_us);
void exposition_end(struct exposition *x);
