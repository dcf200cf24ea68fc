/* idempotency.h -- answers kept for 24 h by Idempotency-Key, so that a request sent twice acts once (spec 20
 * Q4). Store threads only. */
#pragma once
#include "store/db.h"

#define IDEMPOTENCY_KEEP_US (INT64_C(24) * 3600 * 1000000)
/* scope: "POST /api/v1/jobs" and the caller.  hash: of the body.  ABSENT: act, then idempotency_put in the
 * same operation. MISMATCH: the same key with another body. */
enum { IDEMPOTENCY_E_ABSENT = 1, IDEMPOTENCY_E_MISMATCH };
MUST_CHECK int idempotency_get(struct db *db, struct str key, struct str scope, struct str hash,
                               int64_t now_us, struct arena *a, int *ret_status, struct str *ret_body,
                               struct err *e);
MUST_CHECK int idempotency_put(struct db *db, struct str key, struct str scope, struct str hash, int status,
                               struct str body, int64_t now_us, struct err *e);
MUST_CHECK int idempotency_sweep(struct db *db, int64_t now_us, int64_t limit,
                                 struct err *e); /* D7 bounded */
