/* rows.h -- the node's JSON as rows for people, by a table of columns.
 *
 * It shows the node's words and works nothing out: a value that is null is drawn as "-", never as zero.  On a
 * terminal an instant is shown as its age ("3m"), in a pipe as it came.  One thread. */
#pragma once
#include "cli/client.h"

enum row_format { ROW_TEXT, ROW_NUMBER, ROW_AGE, ROW_YES_NO, ROW_COST, ROW_BYTES, ROW_SECONDS };

struct row_column {
    const char *title; /* NULL ends the table */
    const char *path;  /* of the value in the row's object: "breaker.state" */
    enum row_format format;
    bool gives_way; /* may be cut when the terminal is narrow */
};

void rows_print(const json_t *array, const struct row_column *columns);
void rows_print_object(const json_t *object, const struct row_column *columns); /* a line per column */
/* The answer as it came. */
void rows_print_raw(const struct reply *r);
bool rows_want_json(const struct invocation *in);

/* A call whose answer is a list under `key`, shown.  Returns the exit code. */
int rows_list(const struct invocation *in, const char *path, const char *key,
              const struct row_column *columns);
/* A call whose answer is one object, shown.  `body` NULL for none; it is given up. */
int rows_call(const struct invocation *in, const char *method, const char *path, json_t *body,
              const struct row_column *columns);
