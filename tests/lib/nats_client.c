/* nats_client.c -- a program that uses a NATS server through libnats, as anybody's would.
 *
 * usage: nats_client PORT.  Prints what it saw, which is the same with every server; 0 when all came true. */
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 20000

static void must(natsStatus s, const char *what)
{
    if (s == NATS_OK)
        return;
    (void)fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(s));
    exit(1);
}

static void answer(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *arg)
{
    (void)sub;
    (void)arg;
    must(natsConnection_PublishString(nc, natsMsg_GetReply(m), "42"), "answering");
    natsMsg_Destroy(m);
}

static void show_next(natsSubscription *sub, const char *what)
{
    natsMsg *m = NULL;
    const char *trace = NULL;
    must(natsSubscription_NextMsg(&m, sub, PATIENCE_MS), what);
    (void)natsMsgHeader_Get(m, "Trace", &trace);
    (void)printf("%s: %s %.*s%s%s\n", what, natsMsg_GetSubject(m), natsMsg_GetDataLength(m),
                 natsMsg_GetData(m), trace ? " trace " : "", trace ? trace : "");
    natsMsg_Destroy(m);
}

static void publish_with_header(natsConnection *nc)
{
    natsMsg *m = NULL;
    must(natsMsg_Create(&m, "a.b.c", NULL, "head", 4), "a message");
    must(natsMsgHeader_Set(m, "Trace", "t-1"), "a header");
    must(natsConnection_PublishMsg(nc, m), "publishing with a header");
    natsMsg_Destroy(m);
}

static void patterns_and_headers(natsConnection *nc)
{
    natsSubscription *star = NULL, *rest = NULL, *group = NULL;
    must(natsConnection_SubscribeSync(&star, nc, "a.*.c"), "a star");
    must(natsConnection_SubscribeSync(&rest, nc, "a.>"), "an angle");
    must(natsConnection_QueueSubscribeSync(&group, nc, "a.b.c", "g"), "a group");
    must(natsConnection_PublishString(nc, "a.b.c", "hello"), "publishing");
    publish_with_header(nc);
    show_next(star, "star");
    show_next(star, "star");
    show_next(rest, "rest");
    show_next(group, "group");
    must(natsSubscription_AutoUnsubscribe(rest, 2), "auto-unsubscribe");
    show_next(rest, "rest");
    must(natsSubscription_Drain(group), "drain");
    natsSubscription_Destroy(star);
    natsSubscription_Destroy(rest);
    natsSubscription_Destroy(group);
}

static void requests(natsConnection *nc)
{
    natsSubscription *service = NULL;
    natsMsg *m = NULL;
    must(natsConnection_Subscribe(&service, nc, "ask", answer, NULL), "a service");
    must(natsConnection_RequestString(&m, nc, "ask", "?", PATIENCE_MS), "a request");
    (void)printf("reply: %.*s\n", natsMsg_GetDataLength(m), natsMsg_GetData(m));
    natsMsg_Destroy(m);
    (void)printf("nobody: %s\n",
                 natsStatus_GetText(natsConnection_RequestString(&m, nc, "nobody", "?", PATIENCE_MS)));
    natsSubscription_Destroy(service);
}

int main(int argc, char **argv)
{
    natsConnection *nc = NULL;
    char url[64];
    if (argc != 2)
        return 2;
    (void)snprintf(url, sizeof(url), "nats://127.0.0.1:%s", argv[1]);
    must(natsConnection_ConnectTo(&nc, url), "connecting");
    patterns_and_headers(nc);
    requests(nc);
    must(natsConnection_FlushTimeout(nc, PATIENCE_MS), "flush");
    (void)printf("payload: %lld\n", (long long)natsConnection_GetMaxPayload(nc));
    natsConnection_Destroy(nc);
    nats_Close();
    return 0;
}
