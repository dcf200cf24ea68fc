/* export_line.h -- one report of a file that a node has exported: its bytes, whose it is, and a signature
 * (spec 80 H16).
 *
 * Signed with HMAC-SHA-256 under the SHA-256 of the instance's key, which is what the hub has of that.  Any
 * thread. */
#pragma once
#include "io/json_fields.h"

struct export_line {
    struct str instance_id, body, signature; /* in the arena */
};
extern const struct json_field export_line_fields[];
MUST_CHECK int export_line_parse(struct str text, struct arena *a, struct export_line *ret, struct err *e);
bool export_line_signed_by(const struct export_line *line, const char *key_hash);
