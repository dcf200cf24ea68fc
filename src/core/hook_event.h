/* hook_event.h -- what an event of an agent CLI's own hooks says about its turn (spec 70, `muster hook`).
 *
 * Claude Code, Codex and Gemini CLI send the same kind of object under different names; one table knows them
 * all.  An event that is not in it says nothing and is no error: CLIs add events.  Pure. */
#pragma once
#include "core/liveness.h"

struct hook_event {
    enum liveness_turn turn; /* TURN_UNKNOWN: it says nothing about it */
    bool ended;              /* the session is over */
    bool limited;            /* a limit was reached */
};
/* `detail` is what further tells: the type or text of a notification, the error of a failure; "" for none. */
struct hook_event hook_event_of(struct str name, struct str detail);
/* Names to subscribe to for a CLI ("claude", "codex", "gemini"), NULL-terminated; NULL for another CLI. */
const char *const *hook_event_names(const char *vendor);
