#include "store/store_listen.h"

#include "base/log.h"
#include "io/mailbox.h"
#include "store/db_postgres.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define AGAIN_MS 500 /* after the connection was lost */

struct store_listener {
    char *store, *writer;
    struct mailbox *mailbox;
    pthread_t thread;
    int stop_fd; /* readable: the thread is to end */
    bool closing;
    void (*heard)(void *arg, unsigned topics);
    void *arg;
};

struct heard {
    struct letter letter;
    struct store_listener *listener;
    unsigned topics;
};

static void open_letter(struct letter *letter)
{
    struct heard *h = CONTAINER_OF(letter, struct heard, letter);
    if (!h->listener->closing)
        h->listener->heard(h->listener->arg, h->topics);
    free(h);
}

/* -- its thread -- */

static void post(struct store_listener *l, unsigned topics)
{
    struct heard *h = xnew(struct heard);
    h->letter.open = open_letter;
    h->listener = l;
    h->topics = topics;
    mailbox_post(l->mailbox, &h->letter);
}

/* "WRITER TOPICS" */
static unsigned topics_of(const struct store_listener *l, const char *payload)
{
    size_t n = strlen(l->writer);
    if (strncmp(payload, l->writer, n) == 0 && payload[n] == ' ')
        return 0;
    const char *topics = strchr(payload, ' ');
    return topics ? (unsigned)strtoul(topics + 1, NULL, 10) & DB_TOPICS_ALL : 0;
}

static unsigned take_notices(struct store_listener *l, PGconn *conn)
{
    unsigned topics = 0;
    PGnotify *notice;
    while ((notice = PQnotifies(conn))) {
        topics |= topics_of(l, notice->extra);
        PQfreemem(notice);
    }
    return topics;
}

/* False: it is time to end. */
static bool wait_for(const struct store_listener *l, int fd, int ms)
{
    struct pollfd fds[] = {{.fd = l->stop_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    (void)poll(fds, 2, ms); /* a negative fd is passed over */
    return fds[0].revents == 0;
}

static void listen_on(struct store_listener *l, struct db *db)
{
    PGconn *conn = db_postgres_of(db)->conn;
    post(l, DB_TOPICS_ALL); /* what was said meanwhile was said to nobody */
    while (wait_for(l, PQsocket(conn), -1)) {
        if (!PQconsumeInput(conn) || PQstatus(conn) != CONNECTION_OK)
            return;
        unsigned topics = take_notices(l, conn);
        if (topics)
            post(l, topics);
    }
}

static void *run(void *arg)
{
    struct store_listener *l = arg;
    do {
        struct db *db;
        if (db_open(l->store, NULL, false, &db, NULL))
            continue;
        struct err e = {0};
        if (db_postgres_listen(db, &e) == 0)
            listen_on(l, db);
        (void)db_close(db);
    } while (wait_for(l, -1, AGAIN_MS));
    return NULL;
}

/* -- loop thread -- */

struct store_listener *store_listener_new(uv_loop_t *loop, const char *store, const char *writer,
                                          void (*heard)(void *arg, unsigned topics), void *arg)
{
    struct store_listener *l = xnew(struct store_listener);
    *l = (struct store_listener){.store = xstrdup(store),
                                 .writer = xstrdup(writer),
                                 .mailbox = mailbox_new(loop),
                                 .stop_fd = eventfd(0, EFD_CLOEXEC),
                                 .heard = heard,
                                 .arg = arg};
    int rc = l->stop_fd < 0 ? errno : pthread_create(&l->thread, NULL, run, l);
    assert(rc == 0);
    return l;
}

struct store_listener *store_listener_free(struct store_listener *l)
{
    if (!l)
        return NULL;
    l->closing = true;
    (void)!write(l->stop_fd, &(uint64_t){1}, sizeof(uint64_t));
    (void)pthread_join(l->thread, NULL);
    l->mailbox = mailbox_free(l->mailbox);
    closep(&l->stop_fd);
    free(l->store);
    free(l->writer);
    free(l);
    return NULL;
}
