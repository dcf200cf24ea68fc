/* microhttpd.c -- libmicrohttpd (io/library.h). */
#include "io/library.h"

#include <stdarg.h>
#include <stdlib.h>

#include <microhttpd.h>

/* clang-format off */
#define FUNCTIONS(F)                                                                                                   \
    F(const char *, MHD_get_version, (void), ())                                                                       \
    F(void, MHD_stop_daemon, (struct MHD_Daemon *d), (d))                                                              \
    F(enum MHD_Result, MHD_run, (struct MHD_Daemon *d), (d))                                                           \
    F(enum MHD_Result, MHD_get_timeout, (struct MHD_Daemon *d, MHD_UNSIGNED_LONG_LONG *ret_ms), (d, ret_ms))           \
    F(enum MHD_Result, MHD_add_connection, (struct MHD_Daemon *d, MHD_socket fd, const struct sockaddr *address,       \
      socklen_t n), (d, fd, address, n))                                                                               \
    F(void, MHD_suspend_connection, (struct MHD_Connection *c), (c))                                                   \
    F(void, MHD_resume_connection, (struct MHD_Connection *c), (c))                                                    \
    F(const char *, MHD_lookup_connection_value, (struct MHD_Connection *c, enum MHD_ValueKind kind, const char *key), \
      (c, kind, key))                                                                                                  \
    F(int, MHD_get_connection_values_n, (struct MHD_Connection *c, enum MHD_ValueKind kind, MHD_KeyValueIteratorN each,\
      void *arg), (c, kind, each, arg))                                                                                \
    F(const char *, MHD_get_reason_phrase_for, (unsigned status), (status))                                            \
    F(struct MHD_Response *, MHD_create_response_from_buffer, (size_t n, void *p, enum MHD_ResponseMemoryMode mode),   \
      (n, p, mode))                                                                                                    \
    F(struct MHD_Response *, MHD_create_response_from_buffer_with_free_callback_cls, (size_t n, void *p,               \
      MHD_ContentReaderFreeCallback give_back, void *arg), (n, p, give_back, arg))                                     \
    F(struct MHD_Response *, MHD_create_response_from_callback, (uint64_t n, size_t block, MHD_ContentReaderCallback   \
      read, void *arg, MHD_ContentReaderFreeCallback give_back), (n, block, read, arg, give_back))                     \
    F(enum MHD_Result, MHD_add_response_header, (struct MHD_Response *r, const char *name, const char *value),         \
      (r, name, value))                                                                                                \
    F(enum MHD_Result, MHD_queue_response, (struct MHD_Connection *c, unsigned status, struct MHD_Response *r),        \
      (c, status, r))                                                                                                  \
    F(void, MHD_destroy_response, (struct MHD_Response *r), (r))
#define VARIADIC(F) F(MHD_start_daemon) F(MHD_get_connection_info) F(MHD_get_daemon_info)
/* clang-format on */
LIBRARY(microhttpd, LIBRARY_FILE_MICROHTTPD, "libmicrohttpd12")

/* Options come as one array. */
struct MHD_Daemon *MHD_start_daemon(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback accept,
                                    void *accept_arg, MHD_AccessHandlerCallback handle, void *handle_arg, ...)
{
    va_list args;
    va_start(args, handle_arg);
    enum MHD_OPTION kind = va_arg(args, enum MHD_OPTION);
    struct MHD_OptionItem *options = va_arg(args, struct MHD_OptionItem *);
    va_end(args);
    if (kind != MHD_OPTION_ARRAY)
        abort();
    return LIBRARY_TARGET(MHD_start_daemon)(flags, port, accept, accept_arg, handle, handle_arg,
                                            MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

/* What muster asks takes no further argument. */
const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *c,
                                                        enum MHD_ConnectionInfoType what, ...)
{
    return LIBRARY_TARGET(MHD_get_connection_info)(c, what);
}

const union MHD_DaemonInfo *MHD_get_daemon_info(struct MHD_Daemon *d, enum MHD_DaemonInfoType what, ...)
{
    return LIBRARY_TARGET(MHD_get_daemon_info)(d, what);
}
