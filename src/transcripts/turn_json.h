/* turn_json.h -- a turn as one line of JSON, for processors that are programs of their own (spec 60 T6).
 *
 * The fields are those of struct turn under the same names; what the transcript does not tell is not there.
 * tool_input is the JSON object or array that the agent CLI wrote, whatever line feeds stand between its
 * parts; anything else is a string.  A line is JSON to the letter: half of a surrogate pair is U+FFFD.  Any
 * thread. */
#pragma once
#include "base/buf.h"
#include "core/turn.h"

extern const char *const turn_kind_names[TURN_KINDS];

/* Adds the line and its line feed. */
void turn_json(const struct turn *t, struct buf *out);
