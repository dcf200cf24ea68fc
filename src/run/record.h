/* record.h -- the text of a run's `spec`, `result`, `shim` and `agent` files (rundir.h), printed and parsed.
 *
 * parse(print(x)) gives x.  A parser refuses what is not exactly of the shape: another version, a line
 * without its LF, a bad escape, a number that does not fit, a key twice, one that a run cannot do without and
 * that is missing; keys that it does not know are passed over, so that an older reader gets along with a
 * newer writer.  A NUL in a value is refused, since no value can hold it.  Nothing here touches a file.  Any
 * thread. */
#pragma once
#include "run/rundir.h"

void record_print_spec(const struct run_spec *spec, struct buf *out);
void record_print_result(const struct run_result *result, struct buf *out);

/* *ret is written only on success. */
bool record_parse_spec(struct str text, struct run_spec *ret); /* the caller deinits */
bool record_parse_result(struct str text, struct run_result *ret);
bool record_parse_shim(struct str text, struct run_process *ret);
bool record_parse_agent(struct str text, struct run_process *ret);
