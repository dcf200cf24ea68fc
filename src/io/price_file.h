/* price_file.h -- an operator's own prices, from a JSON file (spec 60 U4).
 *
 *   {"prices": [
 *     {"model": "claude-opus-4-5", "from": "2026-10-01", "percent": 85},
 *     {"model": "acme-large", "same_as": "claude-opus-4-5"},
 *     {"model": "acme-small", "input": 0.2, "output": 0.8, "cache_read": 0.02, "cache_write_5m": null,
 *      "cache_write_1h": null}]}
 *
 * USD per million tokens, to a millionth.  docs/how-to/prices.md says what each member means.  Read as a
 * whole or refused as a whole: whatever is unknown, missing, doubled or out of range is an error that names
 * its place, because a price that is silently not used is worse than none.  Any thread. */
#pragma once
#include "core/price_list.h"

#define PRICE_FILE_BYTES_MAX ((size_t)4 << 20)

/* The place of an error is "line 3 column 7" or a JSON pointer. */
MUST_CHECK int price_file_parse(struct str text, struct price_list **ret, struct err *e);
/* The place begins with the path. */
MUST_CHECK int price_file_read(const char *path, struct price_list **ret, struct err *e);
