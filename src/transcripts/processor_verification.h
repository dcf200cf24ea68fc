/* processor_verification.h -- the processor `verification`: one session's file to its rows (spec 60 V1). */
#pragma once
#include "core/verification.h"
#include "transcripts/turn_reader.h"

/* Asked between lines: true ends the reading, -ECANCELED. */
typedef bool (*processor_stops)(void *arg);

/* 0 and the facts of the file; or -errno, with the reason in `e`.  `v` is new. */
MUST_CHECK int processor_verification(const char *path, enum transcript_format format, struct verification *v,
                                      processor_stops stops, void *arg, struct turn_reader_facts *ret,
                                      struct err *e);
