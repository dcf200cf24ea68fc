/* gzip.h -- bodies in gzip (RFC 1952), both ways, whole and bounded.  Any thread. */
#pragma once
#include "base/buf.h"

/* Appends; false, and nothing is added, when it would not become shorter. */
bool gzip_pack(struct str in, struct buf *out);
/* Appends at most max_bytes.  GZIP_E_TOO_LARGE when there would be more, GZIP_E_BAD when `in` is not one
 * whole stream; *out is as before then. */
enum { GZIP_E_BAD = 1, GZIP_E_TOO_LARGE };
MUST_CHECK int gzip_unpack(struct str in, size_t max_bytes, struct buf *out);
