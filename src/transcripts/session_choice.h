/* session_choice.h -- which sessions a processor is to read now, in what order (spec 60 T2, T7, T8).
 *
 * Takes all that there is and holds it against what the processor has made of it.  The rules are
 * core/processor_state.h.  Blocks; any one thread. */
#pragma once
#include "base/arena.h"
#include "core/processor_state.h"
#include "transcripts/session_watch.h"

struct chosen_session {
    const char *path, *name; /* name: of session_file_name */
    enum transcript_format format;
    struct file_look look;
    const struct processor_state *before; /* NULL: never seen */
    bool may_have_grown;                  /* processor_may_have_grown */
    struct str checkpoint;                /* for whoever fetches it: empty */
};
struct session_choice { /* all of it in the arena */
    struct chosen_session *sessions;
    size_t count;
    int64_t scanned; /* files that there are; those not chosen have nothing new, or their time has not come */
};
void session_choose(struct session_watch *files, const struct processor_state *states, size_t state_count,
                    int64_t version, int64_t now_us, struct arena *a, struct session_choice *ret);
