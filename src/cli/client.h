/* client.h -- one request to the node, from a command.
 *
 * Over the node's Unix socket, which knows its caller by uid, or over --url with MUSTER_TOKEN.  What goes
 * wrong is said here, in one line on standard error, and the exit code to end with is returned: a command
 * passes it on.  Blocks; a command has one thread. */
#pragma once
#include "base/buf.h"
#include "cli/command.h"

#include <jansson.h>

/* Rows for the option table of every command that asks the node. */
#define CLIENT_JSON_OPTION                                                                                   \
    {                                                                                                        \
        'j', "json", NULL, "Print the node's answer as it came, in JSON."                                    \
    }
#define CLIENT_URL_OPTION                                                                                    \
    {                                                                                                        \
        0, "url", "URL", "Ask the node there instead of on the Unix socket; MUSTER_TOKEN is sent."           \
    }

struct reply {
    int status;      /* HTTP */
    struct buf body; /* as it came */
    json_t *json;    /* NULL for an empty body */
};
void reply_deinit(struct reply *r);

/* `body` NULL: none.  0: the status is 2xx and *ret is to be deinited.  Else an exit code. */
MUST_CHECK int client_call(const struct invocation *in, const char *method, const char *path,
                           const json_t *body, struct reply *ret);
/* The same for an answer that is not JSON, whose bytes are appended. */
MUST_CHECK int client_fetch(const struct invocation *in, const char *method, const char *path,
                            struct buf *ret);
/* A stream of server-sent events: `on_part` gets its bytes as they come, and ends it by returning false.
 * `last_id` NULL: from now on.  0: it ended; *ret_opened tells whether there was a stream at all, and if not
 * the reason has been said when `say` is set.  Else an exit code. */
MUST_CHECK int client_stream(const struct invocation *in, const char *path, const char *last_id, bool say,
                             bool (*on_part)(void *arg, struct str bytes), void *arg, bool *ret_opened);
/* The same without a word and with little patience: for what is nice to have.  The HTTP status; 0: nobody
 * answered. */
int client_ask(const char *socket_path, const char *method, const char *path, int64_t timeout_us);
/* Whether the node did it. */
bool client_try(const char *socket_path, const char *method, const char *path, int64_t timeout_us);
/* Posts a JSON text in the same way; `token` NULL for none. */
bool client_tell(const char *socket_path, const char *token, const char *path, const char *body,
                 int64_t timeout_us);
/* Appends `text` as it may stand in a path or a query. */
void client_add_escaped(struct buf *url, const char *text);
/* Appends "?name=value" or "&name=value" when the option of this name was given. */
void client_add_query(struct buf *url, const struct invocation *in, const char *option);
