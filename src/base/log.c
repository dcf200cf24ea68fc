#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#include <stdatomic.h>
#include <unistd.h>

#define LOG_LINE_MAX ((size_t)8192)

static const char *const level_names[] = {"error", "warn", "info", "debug"};

/* Set once before threads start; atomic because a reload may change the level. */
static atomic_int current_level = LOG_LEVEL_INFO;
static atomic_int current_format = LOG_FORMAT_TEXT;

void log_setup(enum log_level level, enum log_format format)
{
    atomic_store(&current_level, (int)level);
    atomic_store(&current_format, (int)format);
}

bool log_level_of(struct str name, enum log_level *ret)
{
    for (size_t i = 0; i < COUNT_OF(level_names); i++) {
        if (str_equal(name, str_of(level_names[i]))) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool needs_quotes(struct str s)
{
    if (s.n == 0)
        return true;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == '"' || s.p[i] == '=' || s.p[i] == '\\' ||
            s.p[i] == 0x7f)
            return true;
    return false;
}

static void add_value(struct buf *line, const struct log_field *f, bool json)
{
    if (f->type == LOG_VALUE_INT)
        buf_add_i64(line, f->number);
    else if (json || needs_quotes(f->text))
        json_escape(line, f->text);
    else
        buf_add_str(line, f->text);
}

static void text_line(struct buf *line, const char *stamp, enum log_level level, const char *module,
                      const char *message, const struct log_field *fields, size_t count)
{
    buf_printf(line, "%s %s %s: %s", stamp, level_names[level], module,
               message); /* a literal of ours: no quotes */
    for (size_t i = 0; i < count; i++) {
        buf_printf(line, " %s=", fields[i].key);
        add_value(line, &fields[i], false);
    }
}

static void json_line(struct buf *line, const char *stamp, enum log_level level, const char *module,
                      const char *message, const struct log_field *fields, size_t count)
{
    buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"module\":\"%s\",\"message\":", stamp,
               level_names[level], module);
    json_escape(line, str_of(message));
    for (size_t i = 0; i < count; i++) {
        buf_printf(line, ",\"%s\":", fields[i].key);
        add_value(line, &fields[i], true);
    }
    buf_add_char(line, '}');
}

void log_event(enum log_level level, const char *module, const char *message, const struct log_field *fields,
               size_t count)
{
    if ((int)level > atomic_load(&current_level))
        return;
    struct buf line = BUF_INIT;
    char stamp[CLOCK_TEXT_MAX];
    clock_format_us(clock_wall_us(), stamp);
    memmove(stamp + 23, "Z", 2); /* milliseconds are enough for people */
    if (atomic_load(&current_format) == LOG_FORMAT_JSON)
        json_line(&line, stamp, level, module, message, fields, count);
    else
        text_line(&line, stamp, level, module, message, fields, count);
    if (line.n > LOG_LINE_MAX)
        line.n = LOG_LINE_MAX;
    buf_add_char(&line, '\n');
    ssize_t written =
        write(STDERR_FILENO, line.p, line.n); /* one write, so that lines of threads don't mix */
    (void)written;
    buf_deinit(&line);
}

bool log_limit_allows(struct log_limit *limit, int64_t now_us, int burst, int64_t interval_us)
{
    if (limit->window_start_us == 0 || now_us - limit->window_start_us >= interval_us) {
        limit->window_start_us = now_us;
        limit->used = 0;
    }
    if (limit->used >= burst) {
        limit->suppressed++;
        return false;
    }
    limit->used++;
    return true;
}
