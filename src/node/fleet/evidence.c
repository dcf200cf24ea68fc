#include "io/file.h"
#include "io/proc_details.h"
#include "io/tcp_sockets.h"
#include "node/fleet/fleet_internal.h"
#include "node/fleet/transcript_tail.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMBERS_MAX 256
#define FDS_MAX 1024
#define SOCKETS_OF_AGENT_MAX 128
#define THREADS_MAX 64
#define TAIL_BYTES ((size_t)256 << 10)
#define ENVIRON_BYTES ((size_t)256 << 10)
#define STATE_ESTABLISHED 1
#define STATE_CLOSE_WAIT 8

struct evidence_sockets {
    struct tcp_sockets list;
    char namespace[64]; /* that the list is of */
};

/* What is found out about one agent while it is looked at. */
struct gathering {
    const struct evidence_request *request;
    struct procfs *procfs;
    const struct look_memory *memory;
    const struct evidence_sockets *sockets;
    struct evidence *ret;
    size_t members[MEMBERS_MAX];
    size_t member_count;
    uint64_t inodes[SOCKETS_OF_AGENT_MAX];
    size_t inode_count;
    bool fds_known;
};

static bool link_text(int64_t pid, const char *name, char *ret, size_t size)
{
    struct buf text = BUF_INIT;
    bool found = proc_link(pid, name, &text) && text.n < size;
    if (found)
        (void)snprintf(ret, size, "%s", text.p);
    buf_deinit(&text);
    return found;
}

/* -- the tree -- */

static const struct procfs_process *member(const struct gathering *g, size_t i)
{
    return procfs_at(g->procfs, g->members[i]);
}

/* The agent's own process, or another one of the same program that it started. */
static bool is_cli(const struct gathering *g, const struct procfs_process *p)
{
    return p->pid == g->request->pid || look_vendor(g->memory, p->pid)[0];
}

/* Tools get a process group of their own from every CLI; its helpers, such as servers of tools, stay in its.
 */
static bool has_own_group(const struct gathering *g, const struct procfs_process *p)
{
    for (size_t i = 0; i < g->member_count; i++)
        if (is_cli(g, member(g, i)) && member(g, i)->pgrp == p->pgrp)
            return false;
    return true;
}

static void read_tree(struct gathering *g)
{
    const struct evidence_request *r = g->request;
    struct liveness_sample *s = &g->ret->sample;
    struct procfs_tree tree;
    if (!procfs_tree(g->procfs, r->pid, r->start_ticks, r->shim_pid, r->shim_start_ticks, &tree))
        return;
    size_t all = procfs_tree_members(g->procfs, r->pid, r->start_ticks, r->shim_pid, r->shim_start_ticks,
                                     g->members, MEMBERS_MAX);
    g->member_count = MIN(all, (size_t)MEMBERS_MAX);
    s->cpu_ticks = tree.cpu_ticks;
    g->ret->memory_bytes = tree.rss_bytes;
    s->tools = 0;
    for (size_t i = 0; i < g->member_count; i++) {
        const struct procfs_process *p = member(g, i);
        if (is_cli(g, p) || !has_own_group(g, p))
            continue;
        s->tools++;
        (void)snprintf(s->tool, sizeof(s->tool), "%s", p->comm);
    }
}

/* -- sockets -- */

static void add_inode(struct gathering *g, const char *link)
{
    unsigned long long inode;
    if (g->inode_count < SOCKETS_OF_AGENT_MAX && sscanf(link, "socket:[%llu]", &inode) == 1)
        g->inodes[g->inode_count++] = inode;
}

/* Codex keeps the transcript of its session open. */
static void note_transcript(struct gathering *g, const char *path)
{
    const char *name = strrchr(path, '/');
    if (name && strncmp(name, "/rollout-", 9) == 0 && str_ends_with(str_of(name), STR(".jsonl")))
        (void)snprintf(g->ret->place.transcript, sizeof(g->ret->place.transcript), "%.511s", path);
}

static void read_fds(struct gathering *g, int64_t pid)
{
    char path[64], target[PATH_MAX];
    const struct dirent *entry;
    int left = FDS_MAX;
    (void)snprintf(path, sizeof(path), "/proc/%lld/fd", (long long)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return;
    g->fds_known = true;
    while (left-- > 0 && (entry = readdir(dir))) {
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
        if (n <= 0)
            continue;
        target[n] = '\0';
        add_inode(g, target);
        note_transcript(g, target);
    }
    (void)closedir(dir);
}

static bool is_own(const struct gathering *g, const struct tcp_socket *s)
{
    for (size_t i = 0; s && i < g->inode_count; i++)
        if (g->inodes[i] == s->inode)
            return true;
    return false;
}

static void count_socket(struct liveness_sample *s, const struct tcp_socket *socket)
{
    s->established += socket->state == STATE_ESTABLISHED;
    s->close_wait += socket->state == STATE_CLOSE_WAIT;
    if (socket->state != STATE_ESTABLISHED || socket->received_bytes < 0)
        return;
    s->received_bytes = MAX(s->received_bytes, 0) + socket->received_bytes;
    if (s->last_receive_us < 0 || socket->last_receive_us < s->last_receive_us)
        s->last_receive_us = socket->last_receive_us;
}

/* An agent that talks to itself (Codex does) is not talking to a provider. */
static void count_sockets(struct gathering *g, const struct tcp_sockets *list)
{
    struct liveness_sample *s = &g->ret->sample;
    uint64_t newest = 0;
    s->established = s->close_wait = 0;
    for (size_t i = 0; i < g->inode_count; i++) {
        const struct tcp_socket *socket = tcp_sockets_find(list, g->inodes[i]);
        if (!socket || is_own(g, tcp_sockets_peer(list, socket)))
            continue;
        count_socket(s, socket);
        if (socket->inode > newest && socket->state == STATE_ESTABLISHED) {
            newest = socket->inode;
            s->local_port = socket->local_port;
        }
    }
}

static void read_sockets(struct gathering *g)
{
    char namespace[64];
    if (!g->fds_known)
        return;
    bool same = link_text(g->request->pid, "ns/net", namespace, sizeof(namespace)) &&
                strcmp(namespace, g->sockets->namespace) == 0;
    if (same) {
        count_sockets(g, &g->sockets->list);
        return;
    }
    struct tcp_sockets own = {0};
    tcp_sockets_read_proc(&own, g->request->pid);
    tcp_sockets_sort(&own);
    count_sockets(g, &own);
    tcp_sockets_deinit(&own);
}

/* -- standard input and terminal -- */

static enum liveness_stdin kind_of(const char *target)
{
    static const struct {
        const char *prefix;
        enum liveness_stdin kind;
    } kinds[] = {{"pipe:", STDIN_PIPE},         {"socket:", STDIN_SOCKET},    {"/dev/null", STDIN_NULL},
                 {"/dev/pts/", STDIN_TERMINAL}, {"/dev/tty", STDIN_TERMINAL}, {"/", STDIN_FILE}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strncmp(target, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
            return kinds[i].kind;
    return STDIN_UNKNOWN;
}

/* Opening the reading end once more and asking for a hang-up takes nothing out of the pipe. */
static int pipe_has_writer(int64_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%lld/fd/0", (long long)pid);
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (fd < 0 || poll(&p, 1, 0) < 0)
        return -1;
    return !(p.revents & POLLHUP);
}

/* Some thread of the process waits in the kernel's function of this name. */
static bool waits_in_read(int64_t pid, const char *wanted)
{
    char path[64];
    const struct dirent *entry;
    struct buf place = BUF_INIT;
    bool found = false;
    int left = THREADS_MAX;
    (void)snprintf(path, sizeof(path), "/proc/%lld/task", (long long)pid);
    DIR *dir = opendir(path);
    while (dir && !found && left-- > 0 && (entry = readdir(dir))) {
        char name[64];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof(name), "task/%.16s/wchan", entry->d_name);
        buf_clear(&place);
        if (proc_file(pid, name, 64, &place))
            found = strstr(place.p, wanted) || strstr(place.p, "pipe_wait");
    }
    if (dir)
        (void)closedir(dir);
    buf_deinit(&place);
    return found;
}

static void read_stdin(struct gathering *g, const struct procfs_process *agent)
{
    struct liveness_sample *s = &g->ret->sample;
    char target[PATH_MAX];
    if (!link_text(agent->pid, "fd/0", target, sizeof(target)))
        return;
    s->stdin_kind = kind_of(target);
    s->terminal_gone = s->stdin_kind == STDIN_TERMINAL && strstr(target, "(deleted)");
    s->is_foreground = agent->tty_nr != 0 && agent->tpgid == agent->pgrp;
    if (s->stdin_kind == STDIN_TERMINAL && !s->terminal_gone)
        (void)snprintf(g->ret->terminal, sizeof(g->ret->terminal), "%.60s", target + strlen("/dev/"));
    if (s->stdin_kind != STDIN_PIPE && s->stdin_kind != STDIN_SOCKET)
        return;
    bool is_pipe = s->stdin_kind == STDIN_PIPE;
    s->stdin_held = is_pipe ? pipe_has_writer(agent->pid) : -1;
    for (size_t i = 0; !s->reads_stdin && s->established <= 0 && i < g->member_count; i++)
        if (is_cli(g, member(g, i)))
            s->reads_stdin = waits_in_read(member(g, i)->pid, is_pipe ? "pipe_read" : "unix_stream");
    if (!is_pipe && s->reads_stdin)
        s->stdin_held = 1; /* whose other end is closed reads its end, and waits no more */
}

/* -- where it works -- */

static void find_repo(const char *cwd, char *ret, size_t size)
{
    char path[600];
    size_t n = strlen(cwd);
    while (n > 1) {
        (void)snprintf(path, sizeof(path), "%.*s/.git", (int)n, cwd);
        if (access(path, F_OK) == 0) {
            (void)snprintf(ret, size, "%.*s", (int)n, cwd);
            return;
        }
        while (n > 0 && cwd[--n] != '/')
            ;
    }
}

/* Two names are looked for and nothing else of it is kept: an environment holds secrets. */
static void read_places(struct gathering *g)
{
    struct agent_place *place = &g->ret->place;
    struct buf text = BUF_INIT;
    if (proc_file(g->request->pid, "environ", ENVIRON_BYTES, &text)) {
        struct str rest = buf_str(&text), entry;
        while (str_split(&rest, '\0', &entry)) {
            if (str_starts_with(entry, STR("HOME=")) && entry.n - 5 < sizeof(place->home))
                (void)snprintf(place->home, sizeof(place->home), "%.*s", (int)entry.n - 5, entry.p + 5);
            if (str_starts_with(entry, STR("CLAUDE_CONFIG_DIR=")) && entry.n - 18 < sizeof(place->config))
                (void)snprintf(place->config, sizeof(place->config), "%.*s", (int)entry.n - 18, entry.p + 18);
        }
    }
    explicit_bzero(text.p, text.n);
    buf_deinit(&text);
}

/* -- transcript -- */

static void claude_folder(const struct agent_place *place, struct buf *path)
{
    if (place->config[0])
        buf_add_text(path, place->config);
    else
        buf_printf(path, "%s/.claude", place->home);
}

static enum liveness_turn read_claude_session(struct gathering *g)
{
    struct agent_place *place = &g->ret->place;
    struct claude_session session;
    struct buf path = BUF_INIT, text = BUF_INIT;
    enum liveness_turn turn = TURN_UNKNOWN;
    claude_folder(place, &path);
    size_t base = path.n;
    buf_printf(&path, "/sessions/%lld.json", (long long)g->request->pid);
    if (file_read_small(path.p, 65536, &text) == 0 && claude_session_parse(buf_str(&text), &session) &&
        (session.start_ticks < 0 || session.start_ticks == g->request->start_ticks)) {
        turn = session.turn;
        (void)snprintf(g->ret->agent_session, sizeof(g->ret->agent_session), "%s", session.id);
        path.n = base;
        buf_add_text(&path, "/projects/");
        claude_project_folder(session.cwd, &path);
        buf_printf(&path, "/%s.jsonl", session.id);
        (void)snprintf(place->transcript, sizeof(place->transcript), "%.511s", path.p);
    }
    buf_deinit(&path);
    buf_deinit(&text);
    return turn;
}

/* The newest file of the folders tmp/PROJECT/chats that was written since the process began. */
static void find_gemini_transcript(struct gathering *g, int64_t started_at)
{
    char path[1200], newest[512] = "";
    int64_t newest_at = started_at;
    (void)snprintf(path, sizeof(path), "%s/.gemini/tmp", g->ret->place.home);
    DIR *projects = opendir(path);
    const struct dirent *project, *chat;
    while (projects && (project = readdir(projects))) {
        if (project->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "%s/.gemini/tmp/%s/chats", g->ret->place.home, project->d_name);
        DIR *chats = opendir(path);
        while (chats && (chat = readdir(chats))) {
            struct stat st;
            if (!str_ends_with(str_of(chat->d_name), STR(".jsonl")) ||
                fstatat(dirfd(chats), chat->d_name, &st, 0))
                continue;
            int64_t at = (int64_t)st.st_mtim.tv_sec * USEC_PER_SEC + st.st_mtim.tv_nsec / 1000;
            if (at < newest_at)
                continue;
            newest_at = at;
            (void)snprintf(newest, sizeof(newest), "%.250s/%.250s", path, chat->d_name);
        }
        if (chats)
            (void)closedir(chats);
    }
    if (projects)
        (void)closedir(projects);
    if (newest[0])
        (void)snprintf(g->ret->place.transcript, sizeof(g->ret->place.transcript), "%s", newest);
}

static void read_tail(struct gathering *g)
{
    struct liveness_sample *s = &g->ret->sample;
    struct transcript_tail tail;
    struct stat st;
    CLEANUP(closep) int fd = open(g->ret->place.transcript, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    s->transcript_bytes = st.st_size;
    size_t n = MIN((size_t)st.st_size, TAIL_BYTES);
    char *bytes = xcalloc(1, n + 1);
    ssize_t got = pread(fd, bytes, n, st.st_size - (off_t)n);
    if (got > 0) {
        transcript_tail_parse(g->ret->vendor, (struct str){bytes, (size_t)got}, &tail);
        s->turn = tail.turn;
        s->same_calls = tail.same_calls;
        s->retries = tail.retries;
        s->is_limited = tail.is_limited;
        s->limited_until = tail.limited_until;
    }
    free(bytes);
}

static void read_transcript(struct gathering *g, int64_t started_at)
{
    struct liveness_sample *s = &g->ret->sample;
    enum liveness_turn registered = TURN_UNKNOWN;
    if (!transcript_tail_knows(g->ret->vendor))
        return;
    if (!g->ret->place.home[0])
        read_places(g);
    if (strcmp(g->ret->vendor, "claude") == 0)
        registered = read_claude_session(g);
    else if (strcmp(g->ret->vendor, "gemini") == 0 && !g->ret->place.transcript[0])
        find_gemini_transcript(g, started_at);
    if (g->ret->place.transcript[0])
        read_tail(g);
    /* The registry knows whether a turn is open and who is asked, the transcript what the turn is at. */
    if (registered == TURN_PERMISSION || registered == TURN_ENDED || s->turn == TURN_UNKNOWN ||
        (registered == TURN_OPEN && s->turn != TURN_TOOL))
        s->turn = registered == TURN_UNKNOWN ? s->turn : registered;
}

/* -- one agent -- */

/* Its transcript is still there.  Claude takes its entry out of the registry when it ends by itself, and
 * leaves it when it is killed. */
static void read_gone(struct gathering *g)
{
    const struct evidence_request *r = g->request;
    (void)snprintf(g->ret->vendor, sizeof(g->ret->vendor), "%s", r->vendor);
    if (g->ret->place.transcript[0])
        read_tail(g);
    if (strcmp(r->vendor, "claude") != 0 || !r->agent_session[0])
        return;
    struct buf path = BUF_INIT;
    claude_folder(&r->place, &path);
    buf_printf(&path, "/sessions/%lld.json", (long long)r->pid);
    g->ret->sample.has_ended = !file_exists(path.p);
    if (!g->ret->sample.has_ended)
        g->ret->sample.turn = TURN_OPEN; /* whatever it was at, it was not done */
    buf_deinit(&path);
}

static int64_t age_of(int64_t start_ticks)
{
    return clock_boot_us() - start_ticks * (USEC_PER_SEC / sysconf(_SC_CLK_TCK));
}

static void read_living(struct gathering *g, const struct procfs_process *agent)
{
    struct evidence *e = g->ret;
    struct liveness_sample *s = &e->sample;
    s->process = PROCESS_ALIVE;
    s->state = agent->state;
    s->age_us = MAX(age_of(agent->start_ticks), 0);
    e->parent = agent->ppid;
    (void)snprintf(e->vendor, sizeof(e->vendor), "%s", look_vendor(g->memory, agent->pid));
    read_tree(g);
    for (size_t i = 0; i < g->member_count; i++)
        if (is_cli(g, member(g, i)))
            read_fds(g, member(g, i)->pid);
    /* A launcher shows what it launched: of a run that is a shell, the CLI below it is the agent. */
    for (size_t i = 0; !e->vendor[0] && i < g->member_count; i++)
        (void)snprintf(e->vendor, sizeof(e->vendor), "%s", look_vendor(g->memory, member(g, i)->pid));
    read_sockets(g);
    read_stdin(g, agent);
    if (link_text(agent->pid, "cwd", e->cwd, sizeof(e->cwd)))
        find_repo(e->cwd, e->repo, sizeof(e->repo));
    read_transcript(g, s->at - s->age_us);
    bool moved_up = g->request->first_parent && agent->ppid != g->request->first_parent;
    s->is_orphaned = moved_up || (agent->ppid == 1 && s->terminal_gone);
}

/* Where it worked is looked at when nobody changes it any more. */
static void read_git(struct gathering *g)
{
    const char *repo = g->request->repo;
    if (repo[0] && !git_place_read(repo, &g->ret->git))
        (void)snprintf(g->ret->git.worktree, sizeof(g->ret->git.worktree), "%s", repo);
}

void evidence_read(const struct evidence_request *r, struct procfs *p, const struct look_memory *memory,
                   const struct evidence_sockets *sockets, struct evidence *ret)
{
    struct gathering g = {.request = r, .procfs = p, .memory = memory, .sockets = sockets, .ret = ret};
    const struct procfs_process *agent = procfs_find(p, r->pid);
    *ret = (struct evidence){.place = r->place, .memory_bytes = -1};
    liveness_sample_init(&ret->sample);
    ret->sample.now_us = clock_monotonic_us();
    ret->sample.at = clock_wall_us();
    if (!agent || agent->start_ticks != r->start_ticks)
        ret->sample.process = PROCESS_GONE;
    if (ret->sample.process == PROCESS_GONE)
        read_gone(&g);
    else if (!procfs_is_alive(agent))
        ret->sample.process = PROCESS_ZOMBIE;
    else
        read_living(&g, agent);
    if (ret->sample.process != PROCESS_ALIVE)
        read_git(&g);
}

struct evidence_sockets *evidence_sockets_new(void)
{
    struct evidence_sockets *s = xnew(struct evidence_sockets);
    (void)link_text(getpid(), "ns/net", s->namespace, sizeof(s->namespace));
    if (tcp_sockets_read_diag(&s->list) < 0)
        tcp_sockets_read_proc(&s->list, getpid());
    tcp_sockets_sort(&s->list);
    return s;
}

struct evidence_sockets *evidence_sockets_free(struct evidence_sockets *s)
{
    if (s)
        tcp_sockets_deinit(&s->list);
    free(s);
    return NULL;
}
