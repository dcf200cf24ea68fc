/* up.c -- `muster up`: everything on this host, supervised.
 *
 * One process without threads: it forks.  Each child tells over its own notify socket (sd_notify(3)) that it
 * is ready, so no log is parsed.  Whoever ends before its first "ready" has a reason that a restart does not
 * mend: up ends too. */
#include "base/clock.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/up_greeting.h"
#include "io/config.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define BACKOFF_FIRST_US USEC_PER_SEC
#define BACKOFF_MAX_US (30 * USEC_PER_SEC)
#define HEALTHY_US (60 * USEC_PER_SEC)
#define STOP_DEADLINE_US (20 * USEC_PER_SEC)

/* What is supervised, in the order of starting; stopped in the reverse one.  The sidecars will be further
 * rows. */
struct child {
    const char *name; /* command of this program */
    bool left_out;    /* was not asked for */
    bool after_node;  /* waits until the node, which is the first, serves */
    bool shows_where; /* its status line says where people can look */
    pid_t pid;        /* 0: not running */
    bool ready, was_ready;
    int64_t started_us, start_at_us, backoff_us;
    char status[256];
};

struct supervisor {
    struct child children[3];
    const char *config_path;
    const struct config *config;
    char notify_name[64]; /* abstract socket */
    int notify_fd, signal_fd;
    sigset_t inherited;
    bool stopping, killed, greeted;
    int64_t stop_deadline_us;
    int exit_code;
};

/* -- set-up -- */

static int open_notify(struct supervisor *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int on = 1;
    (void)snprintf(s->notify_name, sizeof(s->notify_name), "@muster-up-%d", (int)getpid());
    size_t n = strlen(s->notify_name);
    memcpy(address.sun_path, s->notify_name, n);
    address.sun_path[0] = '\0';
    s->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->notify_fd < 0 ||
        bind(s->notify_fd, (struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) != 0 ||
        setsockopt(s->notify_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0)
        return -errno;
    return 0;
}

static int open_signals(struct supervisor *s)
{
    sigset_t mask;
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, SIGCHLD);
    (void)sigaddset(&mask, SIGTERM);
    (void)sigaddset(&mask, SIGINT);
    (void)sigaddset(&mask, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &mask, &s->inherited);
    s->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signal_fd < 0 ? -errno : 0;
}

/* -- children -- */

static void become(const struct supervisor *s, const struct child *c, pid_t supervisor)
{
    const char *argv[] = {"muster", c->name, s->config_path ? "--config" : NULL, s->config_path, NULL};
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* nobody stays behind, however this process ends */
    if (getppid() != supervisor)
        _exit(0);
    (void)sigprocmask(SIG_SETMASK, &s->inherited, NULL);
    (void)setenv("NOTIFY_SOCKET", s->notify_name, 1);
    (void)unsetenv("WATCHDOG_USEC");
    (void)execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
    (void)fprintf(stderr, "muster up: muster %s cannot be started: %s\n", c->name, strerror(errno));
    _exit(127);
}

static void start(struct supervisor *s, struct child *c)
{
    c->ready = false;
    c->started_us = clock_monotonic_us();
    pid_t self = getpid();
    c->pid = fork();
    if (c->pid == 0)
        become(s, c, self);
    if (c->pid < 0) {
        c->pid = 0;
        c->start_at_us = c->started_us + BACKOFF_MAX_US;
        log_error("up", "a child cannot be forked; tried again", LOG_TEXT("child", c->name),
                  LOG_TEXT("error", strerror(errno)));
    }
}

static struct child *child_of(struct supervisor *s, pid_t pid)
{
    for (size_t i = 0; i < COUNT_OF(s->children); i++)
        if (s->children[i].pid == pid)
            return &s->children[i];
    return NULL;
}

static void begin_stop(struct supervisor *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    s->stop_deadline_us = clock_monotonic_us() + STOP_DEADLINE_US;
    for (size_t i = COUNT_OF(s->children); i-- > 0;)
        if (s->children[i].pid)
            (void)kill(s->children[i].pid, SIGTERM);
}

static void child_ended(struct supervisor *s, struct child *c, int status)
{
    int64_t now_us = clock_monotonic_us();
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    c->pid = 0;
    if (s->stopping)
        return;
    if (!c->was_ready) {
        (void)fprintf(stderr,
                      "muster up: muster %s could not start (exit code %d); the reason stands above\n",
                      c->name, code);
        s->exit_code = code ? code : 1;
        begin_stop(s);
        return;
    }
    if (now_us - c->started_us >= HEALTHY_US || c->backoff_us == 0)
        c->backoff_us = BACKOFF_FIRST_US;
    else
        c->backoff_us = MIN(2 * c->backoff_us, BACKOFF_MAX_US);
    c->start_at_us = now_us + c->backoff_us;
    log_warn("up", "a child has ended and is started again", LOG_TEXT("child", c->name),
             LOG_INT("code", code), LOG_INT("wait_s", c->backoff_us / USEC_PER_SEC));
}

/* Also orphans that came to us as their nearest subreaper: shims of a node that is gone, for one. */
static void reap(struct supervisor *s)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child *c = child_of(s, pid);
        if (c)
            child_ended(s, c, status);
    }
}

/* -- what people see -- */

static void greet(struct supervisor *s, const struct child *c)
{
    struct str rest = str_of(c->status), word, address = rest;
    CLEANUP(buf_deinit) struct buf text = BUF_INIT;
    while (str_split(&rest, ' ', &word))
        address = word; /* the last word of "Serving 127.0.0.1:6878" */
    s->greeted = true;
    up_greeting(&text, s->config, s->config_path, address);
    (void)fwrite(text.p, 1, text.n, stdout);
    (void)fflush(stdout);
}

static void on_notify(struct supervisor *s)
{
    char text[1024], control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec part = {text, sizeof(text) - 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    ssize_t n;
    while ((n = recvmsg(s->notify_fd, &message, MSG_CMSG_CLOEXEC)) > 0) {
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        struct ucred sender = {0};
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
            memcpy(&sender, CMSG_DATA(c), sizeof(sender));
        struct child *child = sender.pid ? child_of(s, sender.pid) : NULL;
        struct str rest = {text, (size_t)n}, line;
        while (child && str_split(&rest, '\n', &line)) {
            if (str_equal(line, STR("READY=1")))
                child->ready = child->was_ready = true;
            if (str_starts_with(line, STR("STATUS=")))
                (void)snprintf(child->status, sizeof(child->status), "%.*s", (int)(line.n - 7), line.p + 7);
        }
        if (child && child->ready && child->shows_where && !s->greeted)
            greet(s, child);
        message.msg_controllen = sizeof(control);
    }
}

/* -- the loop -- */

static void on_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            continue; /* reaped after each turn */
        if (info.ssi_signo != SIGHUP) {
            begin_stop(s);
            continue;
        }
        for (size_t i = 0; i < COUNT_OF(s->children); i++)
            if (s->children[i].pid)
                (void)kill(s->children[i].pid, SIGHUP);
    }
}

static bool any_alive(const struct supervisor *s)
{
    for (size_t i = 0; i < COUNT_OF(s->children); i++)
        if (s->children[i].pid)
            return true;
    return false;
}

/* Milliseconds until something is due by itself, -1 for never. */
static int do_due(struct supervisor *s)
{
    int64_t now_us = clock_monotonic_us(), next_us = INT64_MAX;
    for (size_t i = 0; i < COUNT_OF(s->children) && !s->stopping; i++) {
        struct child *c = &s->children[i];
        if (c->left_out)
            continue;
        if (!c->pid && c->after_node && !s->children[0].ready)
            continue; /* its "ready" wakes us */
        if (!c->pid && c->start_at_us <= now_us)
            start(s, c);
        else if (!c->pid)
            next_us = MIN(next_us, c->start_at_us);
    }
    if (s->stopping && !s->killed && s->stop_deadline_us <= now_us) {
        s->killed = true;
        for (size_t i = 0; i < COUNT_OF(s->children); i++)
            if (s->children[i].pid)
                (void)kill(s->children[i].pid, SIGKILL);
    } else if (s->stopping && !s->killed) {
        next_us = s->stop_deadline_us;
    }
    return next_us == INT64_MAX ? -1 : (int)((next_us - now_us) / 1000 + 1);
}

static void supervise(struct supervisor *s)
{
    struct pollfd fds[] = {{.fd = s->signal_fd, .events = POLLIN}, {.fd = s->notify_fd, .events = POLLIN}};
    for (;;) {
        int timeout_ms = do_due(s);
        if (s->stopping && !any_alive(s))
            return;
        (void)poll(fds, COUNT_OF(fds), timeout_ms);
        on_notify(s);
        on_signals(s);
        reap(s);
    }
}

static int run(const struct invocation *in)
{
    struct supervisor s = {
        .children = {{.name = "serve", .shows_where = true},
                     {.name = "scheduler", .after_node = true},
                     {.name = "hub", .after_node = true, .left_out = !command_option(in, "hub")}},
        .config_path = in->config_path};
    struct config *config;
    int bad = command_config(in, &config);
    if (bad)
        return bad;
    s.config = config;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    int rc = open_notify(&s);
    if (rc == 0)
        rc = open_signals(&s);
    if (rc == 0)
        supervise(&s);
    else
        (void)fprintf(stderr, "muster up: cannot start: %s\n", strerror(-rc));
    closep(&s.notify_fd);
    closep(&s.signal_fd);
    (void)config_free(config);
    return rc ? EXIT_FAILED : s.exit_code;
}

static const struct command_option options[] = {
    {0, "hub", NULL, "Run a hub too, which other nodes, and this one, can report to."}, {0}};
static const struct command_example examples[] = {
    {"muster up", "On the terminal, until Ctrl-C."},
    {"MUSTER_LISTEN=127.0.0.1:0 muster up", "On any free port."},
    {0}};

const struct command command_up = {
    .name = "up",
    .args = "",
    .summary = "Everything on this host, supervised: the node and the scheduler, later also the watchdog",
    .description =
        "Starts muster serve and muster scheduler and keeps them running: a child that ends is started again "
        "after 1, 2, 4 … 30 s.\n"
        "One Ctrl-C (or SIGTERM) stops all of it in order; SIGHUP reloads. Agents that run are left alone "
        "and\n"
        "taken up by the next start. A child that never became ready ends muster up with its exit code.",
    .run = run,
    .options = options,
    .examples = examples,
};
