/* shim_fixture.h -- drives the real muster-shim from a unit test.
 *
 * A private folder of runs, the shim's path (env MUSTER_SHIM, else beside the test program or one folder up),
 * and waiting for what can be seen: a file's content, the end of a process.  Include after cmocka.h. */
#pragma once
#include "base/buf.h"
#include "run/rundir.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A sanitizer's own memory says nothing about the shim's. */
#ifdef __has_feature
#define FIXTURE_IS_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FIXTURE_IS_SANITIZED 1
#else
#define FIXTURE_IS_SANITIZED 0
#endif

#define FIXTURE_WAIT_MS 30000 /* for what must come; its end is a failure, never a result */
#define SHELL(script) ((char *[]){"sh", "-c", script, NULL})

static char fixture_runs[64];
static char fixture_shim[PATH_MAX];

__attribute__((unused)) static int fixture_setup(void **state)
{
    (void)state;
    char self[PATH_MAX - 32];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    const char *given = getenv("MUSTER_SHIM");
    (void)snprintf(fixture_shim, sizeof(fixture_shim), "%s", given ? given : "");
    if (!given)
        (void)snprintf(fixture_shim, sizeof(fixture_shim), "%s/muster-shim", self);
    if (access(fixture_shim, X_OK) < 0 && !given)
        (void)snprintf(fixture_shim, sizeof(fixture_shim), "%s/../muster-shim", self);
    if (access(fixture_shim, X_OK) < 0) {
        print_error("no muster-shim at %s: build it or set MUSTER_SHIM\n", fixture_shim);
        return -1;
    }
    (void)snprintf(fixture_runs, sizeof(fixture_runs), "/tmp/muster-shim-XXXXXX");
    return mkdtemp(fixture_runs) ? 0 : -1;
}

/* Fails when a test left a run behind. */
__attribute__((unused)) static int fixture_teardown(void **state)
{
    (void)state;
    return rmdir(fixture_runs);
}

static char *fixture_env[] = {"PATH=/usr/bin:/bin", NULL};

__attribute__((unused)) static struct run_spec fixture_spec(char **args)
{
    struct run_spec spec = {.origin = "queue",
                            .args = args,
                            .env = fixture_env,
                            .workdir = "/",
                            .stdin_path = "null",
                            .grace_ms = 10000,
                            .output_max_bytes = (int64_t)64 << 20,
                            .stop_signal = SIGTERM};
    rundir_new_key(spec.key);
    return spec;
}

__attribute__((unused)) static struct buf fixture_path(const char *key, const char *file)
{
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/%s/%s", fixture_runs, key, file);
    return path;
}

/* The shim with `fds` (or NULL) as its stdin, stdout and stderr. */
__attribute__((unused)) static pid_t fixture_spawn(const char *key, bool foreground, const int *fds)
{
    struct buf dir = fixture_path(key, "");
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        for (int i = 0; fds && i < 3; i++)
            (void)dup2(fds[i], i);
        for (int i = SIGHUP; foreground && i <= SIGQUIT;
             i++) /* SIGHUP, SIGINT, SIGQUIT: it keeps them as they are */
            (void)signal(i, SIG_DFL);
        if (foreground)
            (void)execl(fixture_shim, "muster-shim", "--foreground", dir.p, (char *)NULL);
        else
            (void)execl(fixture_shim, "muster-shim", dir.p, (char *)NULL);
        _exit(99);
    }
    buf_deinit(&dir);
    return pid;
}

__attribute__((unused)) static pid_t fixture_start(const struct run_spec *spec)
{
    struct err e = {0};
    if (rundir_create(fixture_runs, spec, &e) != 0)
        fail_msg("%s", e.text);
    return fixture_spawn(spec->key, false, NULL);
}

/* The exit code, 128 + signal when a signal ended it. */
__attribute__((unused)) static int fixture_wait(pid_t pid)
{
    int status, pidfd = pidfd_open(pid, 0);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    assert_true(pidfd >= 0);
    if (poll(&end, 1, FIXTURE_WAIT_MS) != 1)
        fail_msg("process %d does not end", (int)pid);
    (void)close(pidfd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

__attribute__((unused)) static bool fixture_read(const char *key, const char *file, struct buf *out)
{
    struct buf path = fixture_path(key, file);
    int fd = open(path.p, O_RDONLY | O_CLOEXEC);
    buf_deinit(&path);
    buf_clear(out);
    for (ssize_t n = 1; fd >= 0 && n > 0; out->n += n > 0 ? (size_t)n : 0) {
        buf_reserve(out, 65536);
        n = read(fd, out->p + out->n, 65536);
    }
    out->p[out->n] = '\0';
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

/* Until the file of that run holds `text`; "" waits for the file. */
__attribute__((unused)) static void fixture_wait_for(const char *key, const char *file, const char *text)
{
    struct buf dir = fixture_path(key, ""), content = BUF_INIT;
    char events[4096];
    int fd = inotify_init1(IN_CLOEXEC);
    assert_true(inotify_add_watch(fd, dir.p, IN_CREATE | IN_MODIFY | IN_MOVED_TO) >= 0);
    while (!fixture_read(key, file, &content) || !memmem(content.p, content.n, text, strlen(text))) {
        struct pollfd change = {.fd = fd, .events = POLLIN};
        if (poll(&change, 1, FIXTURE_WAIT_MS) != 1)
            fail_msg("%s never holds \"%s\" but: %s", file, text, content.p);
        (void)!read(fd, events, sizeof(events));
    }
    (void)close(fd);
    buf_deinit(&dir);
    buf_deinit(&content);
}

__attribute__((unused)) static struct run_result fixture_result(const char *key)
{
    struct run_result result = {0};
    struct err e = {0};
    int r = rundir_read_result(fixture_runs, key, &result, &e);
    if (r != 0)
        fail_msg("no result (%d): %s", r, e.text);
    return result;
}

__attribute__((unused)) static void fixture_remove(const char *key)
{
    assert_int_equal(rundir_remove(fixture_runs, key), 0);
}

/* The texts of one stream, parts joined, each full line followed by LF: what the agent wrote. */
__attribute__((unused)) static void fixture_text(const char *key, const char *file, bool is_stderr,
                                                 struct buf *out)
{
    struct buf content = BUF_INIT;
    struct run_output_line l;
    buf_clear(out);
    (void)fixture_read(key, file, &content);
    if (content.n > 0)
        assert_int_equal(content.p[content.n - 1], '\n');
    struct str rest = buf_str(&content), line;
    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        if (!rundir_parse_output(line, &l))
            fail_msg("not an output line: %.*s", STR_ARG(line));
        if (l.is_stderr == is_stderr) {
            buf_add_str(out, l.text);
            if (!l.is_partial)
                buf_add_char(out, '\n');
        }
    }
    buf_deinit(&content);
}

/* Runs the spec to its end. */
__attribute__((unused)) static struct run_result fixture_run(const struct run_spec *spec)
{
    assert_int_equal(fixture_wait(fixture_start(spec)), SHIM_EXIT_OK);
    return fixture_result(spec->key);
}

/* Exists and is no zombie. */
__attribute__((unused)) static bool fixture_is_alive(int64_t pid)
{
    char path[64], line[512] = "";
    (void)snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
    if (fd >= 0)
        (void)close(fd);
    const char *name_end = n > 0 ? strrchr(line, ')') : NULL;
    return name_end && name_end[2] != 'Z' && name_end[2] != 'X';
}

/* How many live processes carry the run's mark, counted without any code of muster. */
__attribute__((unused)) static int fixture_count_marked(const char *key)
{
    char mark[64], path[300], text[8192];
    int count = 0;
    size_t mark_n = (size_t)snprintf(mark, sizeof(mark), "MUSTER_RUN=%s", key);
    DIR *proc = opendir("/proc");
    for (struct dirent *d; (d = readdir(proc));) {
        (void)snprintf(path, sizeof(path), "/proc/%s/environ", d->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
        count +=
            n > 0 && memmem(text, (size_t)n, mark, mark_n) && fixture_is_alive(strtol(d->d_name, NULL, 10));
        if (fd >= 0)
            (void)close(fd);
    }
    (void)closedir(proc);
    return count;
}
