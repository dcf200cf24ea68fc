/* err.h -- the reason of a failure, for the person who reads it.
 *
 * Functions return int: 0 is fine, negative -errno is unexpected and passed up unchanged, positive is an
 * outcome that the caller must handle.  Where a person needs the reason, the last parameter is a struct err,
 * filled by err_set at the place that knows.  NULL is accepted: the reason is then dropped.  Any thread. */
#pragma once
#include "base/base.h"

#define ERR_TEXT_MAX 384
#define ERR_PLACE_MAX 160

/* What kind of failure, for those who must act on it; http_status_of maps it to a status. */
enum err_code {
    ERR_NONE = 0,
    ERR_INTERNAL,          /* ours: 500 */
    ERR_BAD_REQUEST,       /* cannot be read: 400 */
    ERR_INVALID,           /* can be read, says something impossible: 422 */
    ERR_UNAUTHORIZED,      /* who are you: 401 */
    ERR_FORBIDDEN,         /* not you: 403 */
    ERR_NOT_FOUND,         /* 404 */
    ERR_METHOD,            /* 405 */
    ERR_CONFLICT,          /* the state does not allow it: 409 */
    ERR_TOO_LARGE,         /* 413 */
    ERR_UNSUPPORTED_MEDIA, /* 415 */
    ERR_TOO_MANY,          /* 429 */
    ERR_STORAGE_FULL,      /* 507 */
    ERR_UNAVAILABLE,       /* try later: 503 */
};

struct err {
    enum err_code code;
    char text[ERR_TEXT_MAX];   /* one sentence: what, why, what to do */
    char place[ERR_PLACE_MAX]; /* "file:line:column" or a JSON pointer; "" when there is none */
};

/* Fills *e (NULL ok) and returns `rc`, so that a failing path is one statement: return err_set(e, …, -EINVAL,
 * …). */
int err_set(struct err *e, enum err_code code, int rc, const char *format, ...) PRINTF_LIKE(4, 5);
/* The same with a place. */
int err_set_at(struct err *e, enum err_code code, int rc, const char *place, const char *format, ...)
    PRINTF_LIKE(5, 6);
