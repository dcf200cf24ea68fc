/* nats.c -- libnats (io/library.h). */
#include "io/library.h"

#include <nats/nats.h>

/* clang-format off */
#define FUNCTIONS(F)                                                                                                   \
    F(void, natsConnection_Close, (natsConnection *c), (c))                                                            \
    F(natsStatus, natsConnection_Connect, (natsConnection **c, natsOptions *options), (c, options))                    \
    F(void, natsConnection_Destroy, (natsConnection *c), (c))                                                          \
    F(natsStatus, natsConnection_FlushTimeout, (natsConnection *c, int64_t timeout_ms), (c, timeout_ms))               \
    F(natsStatus, natsConnection_GetLastError, (natsConnection *c, const char **ret_text), (c, ret_text))              \
    F(natsStatus, natsConnection_Publish, (natsConnection *c, const char *subject, const void *data, int n),           \
      (c, subject, data, n))                                                                                           \
    F(natsStatus, natsConnection_PublishRequest, (natsConnection *c, const char *subject, const char *reply,           \
      const void *data, int n),                                                                                        \
      (c, subject, reply, data, n))                                                                                    \
    F(natsConnStatus, natsConnection_Status, (natsConnection *c), (c))                                                 \
    F(natsStatus, natsConnection_Subscribe, (natsSubscription **sub, natsConnection *c, const char *subject,           \
      natsMsgHandler cb, void *arg),                                                                                   \
      (sub, c, subject, cb, arg))                                                                                      \
    F(natsStatus, natsConnection_SubscribeSync, (natsSubscription **sub, natsConnection *c, const char *subject),      \
      (sub, c, subject))                                                                                               \
    F(natsStatus, natsInbox_Create, (natsInbox **ret_inbox), (ret_inbox))                                              \
    F(void, natsInbox_Destroy, (natsInbox *inbox), (inbox))                                                            \
    F(natsStatus, natsMsgHeader_Keys, (natsMsg *message, const char ***keys, int *count), (message, keys, count))      \
    F(natsStatus, natsMsgHeader_Values, (natsMsg *message, const char *key, const char ***values, int *count),         \
      (message, key, values, count))                                                                                   \
    F(void, natsMsg_Destroy, (natsMsg *message), (message))                                                            \
    F(const char *, natsMsg_GetData, (const natsMsg *message), (message))                                              \
    F(int, natsMsg_GetDataLength, (const natsMsg *message), (message))                                                 \
    F(const char *, natsMsg_GetReply, (const natsMsg *message), (message))                                             \
    F(const char *, natsMsg_GetSubject, (const natsMsg *message), (message))                                           \
    F(natsStatus, natsOptions_Create, (natsOptions **ret_options), (ret_options))                                      \
    F(void, natsOptions_Destroy, (natsOptions *options), (options))                                                    \
    F(natsStatus, natsOptions_SetClosedCB, (natsOptions *options, natsConnectionHandler on_closed, void *arg),         \
      (options, on_closed, arg))                                                                                       \
    F(natsStatus, natsOptions_SetCustomReconnectDelay, (natsOptions *options, natsCustomReconnectDelayHandler cb,      \
      void *arg),                                                                                                      \
      (options, cb, arg))                                                                                              \
    F(natsStatus, natsOptions_SetDisconnectedCB, (natsOptions *options, natsConnectionHandler on_lost,                 \
      void *arg),                                                                                                      \
      (options, on_lost, arg))                                                                                         \
    F(natsStatus, natsOptions_SetErrorHandler, (natsOptions *options, natsErrHandler on_error, void *arg),             \
      (options, on_error, arg))                                                                                        \
    F(natsStatus, natsOptions_SetMaxPingsOut, (natsOptions *options, int most), (options, most))                       \
    F(natsStatus, natsOptions_SetMaxReconnect, (natsOptions *options, int most), (options, most))                      \
    F(natsStatus, natsOptions_SetName, (natsOptions *options, const char *name), (options, name))                      \
    F(natsStatus, natsOptions_SetPingInterval, (natsOptions *options, int64_t interval), (options, interval))          \
    F(natsStatus, natsOptions_SetReconnectedCB, (natsOptions *options, natsConnectionHandler on_back,                  \
      void *arg),                                                                                                      \
      (options, on_back, arg))                                                                                         \
    F(natsStatus, natsOptions_SetRetryOnFailedConnect, (natsOptions *options, bool retry,                              \
      natsConnectionHandler on_connected, void *arg),                                                                  \
      (options, retry, on_connected, arg))                                                                             \
    F(natsStatus, natsOptions_SetServers, (natsOptions *options, const char **servers, int count),                     \
      (options, servers, count))                                                                                       \
    F(natsStatus, natsOptions_SetTimeout, (natsOptions *options, int64_t timeout_ms), (options, timeout_ms))           \
    F(natsStatus, natsOptions_SetToken, (natsOptions *options, const char *token), (options, token))                   \
    F(natsStatus, natsOptions_SetURL, (natsOptions *options, const char *url), (options, url))                         \
    F(natsStatus, natsOptions_UseGlobalMessageDelivery, (natsOptions *options, bool global), (options, global))        \
    F(const char *, natsStatus_GetText, (natsStatus s), (s))                                                           \
    F(void, natsSubscription_Destroy, (natsSubscription *sub), (sub))                                                  \
    F(natsStatus, natsSubscription_NextMsg, (natsMsg **ret_message, natsSubscription *sub, int64_t timeout_ms),        \
      (ret_message, sub, timeout_ms))                                                                                  \
    F(natsStatus, natsSubscription_SetOnCompleteCB, (natsSubscription *sub, natsOnCompleteCB cb, void *arg),           \
      (sub, cb, arg))                                                                                                  \
    F(natsStatus, natsSubscription_Unsubscribe, (natsSubscription *sub), (sub))                                        \
    F(natsStatus, nats_CloseAndWait, (int64_t timeout_ms), (timeout_ms))
#define VARIADIC(F)
/* clang-format on */
LIBRARY(nats, LIBRARY_FILE_NATS, "libnats3.4")
