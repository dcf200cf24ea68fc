#include "base/err.h"

#include <stdarg.h>

PRINTF_LIKE(4, 0)
static void fill(struct err *e, enum err_code code, const char *place, const char *format, va_list args)
{
    if (!e)
        return;
    e->code = code;
    (void)snprintf(e->place, sizeof(e->place), "%s", place ? place : "");
    (void)vsnprintf(e->text, sizeof(e->text), format, args);
}

int err_set(struct err *e, enum err_code code, int rc, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(e, code, NULL, format, args);
    va_end(args);
    return rc;
}

int err_set_at(struct err *e, enum err_code code, int rc, const char *place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(e, code, place, format, args);
    va_end(args);
    return rc;
}
