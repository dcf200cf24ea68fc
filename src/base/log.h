/* log.h -- one line per event on standard error.
 *
 *   2026-11-22T03:04:05.123Z info node: ready listen=127.0.0.1:6878 run=88
 *
 * With log_format = "json" the same as one JSON object.  Under systemd (a journal on stderr) the line starts
 * with the journal's priority.  State edges and refusals are logged, progress is not.  Each error is logged
 * once, by whoever stops passing it up; base/ and core/ never log.  No text of prompts ever.  Any thread. */
#pragma once
#include "base/str.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

void log_setup(enum log_level level, enum log_format format);
bool log_level_of(struct str name, enum log_level *ret); /* error warn info debug */

/* A key with its value.  Ids always have the same keys: run, job, task, agent, worker, pid, request. */
struct log_field {
    const char *key;
    enum { LOG_VALUE_NONE, LOG_VALUE_INT, LOG_VALUE_TEXT } type;
    int64_t number;
    struct str text;
};
#define LOG_INT(name, value)                                                                                 \
    ((struct log_field){.key = (name), .type = LOG_VALUE_INT, .number = (int64_t)(value)})
#define LOG_TEXT(name, value)                                                                                \
    ((struct log_field){.key = (name), .type = LOG_VALUE_TEXT, .text = str_of(value)})
#define LOG_STR(name, value) ((struct log_field){.key = (name), .type = LOG_VALUE_TEXT, .text = (value)})

void log_event(enum log_level level, const char *module, const char *message, const struct log_field *fields,
               size_t count);

#define LOG_AT(level, module, message, ...)                                                                  \
    log_event(level, module, message, (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}},             \
              COUNT_OF(((const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})) - 1)
#define log_error(module, message, ...) LOG_AT(LOG_LEVEL_ERROR, module, message, __VA_ARGS__)
#define log_warn(module, message, ...) LOG_AT(LOG_LEVEL_WARN, module, message, __VA_ARGS__)
#define log_info(module, message, ...) LOG_AT(LOG_LEVEL_INFO, module, message, __VA_ARGS__)
#define log_debug(module, message, ...) LOG_AT(LOG_LEVEL_DEBUG, module, message, __VA_ARGS__)

/* At most `burst` lines per `interval_us` for one subject; the caller owns the struct, zero it first. */
struct log_limit {
    int64_t window_start_us; /* monotonic */
    int used;
    int64_t suppressed; /* lines held back since the last one printed */
};
bool log_limit_allows(struct log_limit *limit, int64_t now_us, int burst, int64_t interval_us);
