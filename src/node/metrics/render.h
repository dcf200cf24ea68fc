/* render.h -- a collection as JSON, or as one of the two text formats of Prometheus (spec 30).
 *
 * Functions from data to bytes: no clock, no store, no /proc.  `figures` stands apart from the collection,
 * since the loop may have to render while the /proc worker is still busy; NULL: every process is unknown. Any
 * thread. */
#pragma once
#include "base/buf.h"
#include "node/metrics/accept.h"
#include "node/metrics/collection.h"
#include "node/metrics/own_process.h"

extern const char render_switched_off[]; /* the whole body of M4 */

void render_json(const struct collection *c, const struct collection_figures *figures, struct buf *out);

struct render_text_options {
    bool openmetrics;
    const char *version;
    int64_t max_label_values; /* of stages and models; the rest is "other" */
    struct own_process own;
};
/* What render_text can print, for the reference; counters.h holds the rest. */
void render_text_families(void (*each)(void *arg, const char *type, const char *name, const char *help),
                          void *arg);
void render_text(const struct collection *c, const struct collection_figures *figures,
                 const struct render_text_options *options, struct buf *out);
