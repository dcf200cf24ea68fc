/* zoneinfo.h -- time zones by IANA name, from the system's tzdata.
 *
 * Read once from $TZDIR or /usr/share/zoneinfo, checked, and kept until the program ends: a zone that a job
 * points to never goes away.  "UTC" needs no file.  Reads a file, so at load time and not while serving. Main
 * thread. */
#pragma once
#include "core/timezone.h"

/* 0, or -EINVAL: no such zone, or a file that is none.  Every way out of the directory is refused. */
MUST_CHECK int zoneinfo_get(const char *name, const struct timezone **ret, struct err *e);
