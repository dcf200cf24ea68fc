/* command_processors.h -- processors of transcripts that are programs of their own (spec 60 T6, T8).
 *
 * One row per `processor` block of the configuration.  A run takes the lease, and then per session: its turns
 * are written into a file without a name, the command reads that as its standard input in a process of its
 * own, and what it says, a JSON object, is committed with the state of the file before the next one begins. A
 * command that crashes, hangs, or says no JSON has failed at this one session and holds up no other; each
 * processor has a thread of its own for reading.  Loop thread. */
#pragma once
#include "io/config.h"
#include "transcripts/session_watch.h"
#include "io/http_server.h"
#include "node/operations.h"
#include "store/store.h"

#define COMMAND_RESULT_MAX ((size_t)64 * 1024) /* bytes of what it says of one session */

struct command_processors;
/* `config` lives on: a changed block needs a restart. */
struct command_processors *command_processors_new(uv_loop_t *loop, struct store *store,
                                                  struct operations *operations, struct session_watch *files,
                                                  const struct config *config);
void command_processors_stop(struct command_processors *p); /* ends what runs */
void command_processors_join(struct command_processors *p); /* its threads too; before the store is closed */
struct command_processors *command_processors_free(struct command_processors *p); /* once joined */

/* False when there is none of that name.  Else answers as spec 60 T9 says. */
MUST_CHECK bool command_processors_run(struct command_processors *p, struct str name, struct http_request *r);
