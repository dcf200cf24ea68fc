/* report_body.h -- the bytes of a report into what they say (spec 80 H5, H8).
 *
 * Foreign bytes: what is wrong is named by JSON pointer, what is additive and unknown is left in the bytes,
 * which the hub keeps as they came.  Texts of *ret live in the arena.  Any thread. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "core/report.h"

#define REPORT_BODY_MAX ((size_t)256 * 1024)
#define REPORT_NAMES_MAX 1000 /* statuses, types and models, each */
MUST_CHECK int report_body_parse(struct str body, struct arena *a, struct report *ret, struct err *e);
