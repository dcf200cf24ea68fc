/* processor_lease.h -- one run of a processor at a time, whatever process runs it (spec 60 T9).
 *
 * The lease is in the store and names the process that holds it.  One whose process is gone is nobody's any
 * more; whether it is can be told on the same host and in the same pid namespace, and elsewhere the lease has
 * to expire.  Store thread, but for processor_lease_self. */
#pragma once
#include "base/buf.h"
#include "store/db.h"

#define PROCESSOR_LEASE_US (INT64_C(600) * 1000000) /* longer than any run */

/* Names this process: "BOOT:NAMESPACE:PID:START".  Any thread. */
void processor_lease_self(struct buf *ret);
/* 0, or PROCESSOR_E_BUSY. */
MUST_CHECK int processor_lease_take(struct db *db, const char *processor, int64_t now_us, struct arena *a,
                                    struct err *e);
