/* accept.h -- which of the three faces of the snapshot an Accept header asks for (spec 30 OpenMetrics).
 *
 * JSON unless one of the text formats is preferred to it: a higher quality (RFC 9110 §12.5.1), or the same
 * one with the text format named and JSON only caught by a wildcard.  So curl's star gets JSON and Prometheus
 * gets text.  What asks for none of them gets JSON too, since /metrics never answers 406 (M1).  Pure.  Any
 * thread. */
#pragma once
#include "base/str.h"

enum metrics_format { METRICS_JSON, METRICS_OPENMETRICS, METRICS_TEXT };
#define METRICS_FORMAT_COUNT 3
extern const char *const metrics_content_types[METRICS_FORMAT_COUNT];

enum metrics_format accept_format(struct str header); /* empty: no header */
