/* curl.c -- libcurl (io/library.h). */
#include "io/library.h"

#include <stdarg.h>

#include <curl/curl.h>

/* clang-format off */
#define FUNCTIONS(F)                                                                                                   \
    F(CURLcode, curl_global_init, (long flags), (flags))                                                               \
    F(CURL *, curl_easy_init, (void), ())                                                                              \
    F(void, curl_easy_cleanup, (CURL *curl), (curl))                                                                   \
    F(CURLcode, curl_easy_perform, (CURL *curl), (curl))                                                               \
    F(const char *, curl_easy_strerror, (CURLcode code), (code))                                                       \
    F(time_t, curl_getdate, (const char *date, const time_t *unused), (date, unused))                                  \
    F(struct curl_slist *, curl_slist_append, (struct curl_slist *list, const char *text), (list, text))               \
    F(void, curl_slist_free_all, (struct curl_slist *list), (list))                                                    \
    F(CURLM *, curl_multi_init, (void), ())                                                                            \
    F(CURLMcode, curl_multi_cleanup, (CURLM *multi), (multi))                                                          \
    F(CURLMcode, curl_multi_add_handle, (CURLM *multi, CURL *curl), (multi, curl))                                     \
    F(CURLMcode, curl_multi_remove_handle, (CURLM *multi, CURL *curl), (multi, curl))                                  \
    F(CURLMsg *, curl_multi_info_read, (CURLM *multi, int *left), (multi, left))                                       \
    F(CURLMcode, curl_multi_socket_action, (CURLM *multi, curl_socket_t fd, int events, int *running),                 \
      (multi, fd, events, running))                                                                                    \
    F(CURLMcode, curl_multi_assign, (CURLM *multi, curl_socket_t fd, void *arg), (multi, fd, arg))
#define VARIADIC(F) F(curl_easy_setopt) F(curl_easy_getinfo) F(curl_multi_setopt)
/* clang-format on */
LIBRARY(curl, LIBRARY_FILE_CURL, "libcurl3-gnutls")

/* Each takes one more argument: a long, a pointer or a curl_off_t, which the 64-bit ABIs of Linux pass alike.
 */
_Static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *),
               "one kind of argument");

CURLcode(curl_easy_setopt)(CURL *curl, CURLoption option, ...)
{
    va_list args;
    va_start(args, option);
    void *value = va_arg(args, void *);
    va_end(args);
    return LIBRARY_TARGET(curl_easy_setopt)(curl, option, value);
}

CURLcode(curl_easy_getinfo)(CURL *curl, CURLINFO info, ...)
{
    va_list args;
    va_start(args, info);
    void *value = va_arg(args, void *);
    va_end(args);
    return LIBRARY_TARGET(curl_easy_getinfo)(curl, info, value);
}

CURLMcode(curl_multi_setopt)(CURLM *multi, CURLMoption option, ...)
{
    va_list args;
    va_start(args, option);
    void *value = va_arg(args, void *);
    va_end(args);
    return LIBRARY_TARGET(curl_multi_setopt)(multi, option, value);
}
