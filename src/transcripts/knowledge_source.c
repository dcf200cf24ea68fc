#include "transcripts/knowledge_source.h"

#include "transcripts/turn_reader.h"

#include <fcntl.h>
#include <unistd.h>

const char *const knowledge_notes_names[] = {"CLAUDE.local.md", "AGENTS.md", NULL};

bool knowledge_is_notes(const char *path)
{
    const char *slash = strrchr(path, '/');
    for (size_t i = 0; slash && knowledge_notes_names[i]; i++)
        if (strcmp(slash + 1, knowledge_notes_names[i]) == 0)
            return true;
    return false;
}

static void take_directory(struct knowledge_source *s, struct str cwd)
{
    if (cwd.n == 0 || cwd.n > 4000 || cwd.p[0] != '/' || memchr(cwd.p, '\0', cwd.n))
        return;
    for (size_t i = 0; i < KNOWLEDGE_DIRECTORIES_MAX; i++) {
        if (!s->directories[i]) {
            s->directories[i] = str_dup(cwd);
            return;
        }
        if (str_equal(str_of(s->directories[i]), cwd))
            return;
    }
}

static void cut(struct knowledge_source *s, size_t max_bytes)
{
    size_t begin = s->text.n > max_bytes ? s->text.n - max_bytes : 0;
    while (begin && begin < s->text.n && ((unsigned char)s->text.p[begin] & 0xc0) == 0x80)
        begin++;
    s->is_cut |= begin > 0;
    buf_consume(&s->text, begin);
}

static void take_turn(struct knowledge_source *s, const struct turn *t, size_t max_bytes)
{
    if (t->session_id.n && t->session_id.n < sizeof(s->session_id))
        (void)snprintf(s->session_id, sizeof(s->session_id), "%.*s", STR_ARG(t->session_id));
    take_directory(s, t->cwd);
    bool said = t->kind == TURN_PROMPT || t->kind == TURN_ANSWER;
    if (!said || t->is_meta || t->is_sidechain || t->text.n == 0)
        return;
    buf_printf(&s->text, "[%s]\n", t->kind == TURN_PROMPT ? "person" : "agent");
    buf_add_str(&s->text, t->text);
    buf_add_text(&s->text, "\n\n");
    if (s->text.n > 2 * max_bytes)
        cut(s, max_bytes);
}

int knowledge_source_session(struct knowledge_source *s, const char *path, enum transcript_format format,
                             size_t max_bytes)
{
    CLEANUP(turn_reader_freep) struct turn_reader *r = NULL;
    const struct turn *turns;
    size_t count;
    *s = (struct knowledge_source){.text = BUF_INIT};
    int rc = turn_reader_open(path, format, &r);
    if (rc != 0)
        return rc;
    while ((rc = turn_reader_next(r, &turns, &count)) == 1)
        for (size_t i = 0; i < count; i++)
            take_turn(s, &turns[i], max_bytes);
    cut(s, max_bytes);
    return rc;
}

static int read_bounded(int fd, struct buf *ret)
{
    while (ret->n < KNOWLEDGE_NOTES_BYTES_MAX) {
        size_t room = KNOWLEDGE_NOTES_BYTES_MAX - ret->n;
        buf_reserve(ret, room);
        ssize_t n = read(fd, ret->p + ret->n, room);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            break;
        ret->n += n > 0 ? (size_t)n : 0;
    }
    ret->p[ret->n] = '\0';
    return 0;
}

int knowledge_source_notes(struct knowledge_source *s, const char *path, bool is_own)
{
    struct stat st;
    *s = (struct knowledge_source){.text = BUF_INIT};
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOTDIR ? -ENOENT : errno == ELOOP ? -EACCES : -errno;
    if (fstat(fd, &st) != 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || (!is_own && !(st.st_mode & S_IROTH)))
        return -EACCES;
    s->is_cut = st.st_size > (off_t)KNOWLEDGE_NOTES_BYTES_MAX;
    return read_bounded(fd, &s->text);
}

void knowledge_source_deinit(struct knowledge_source *s)
{
    buf_deinit(&s->text);
    for (size_t i = 0; i < KNOWLEDGE_DIRECTORIES_MAX; i++)
        free(s->directories[i]);
    *s = (struct knowledge_source){.text = BUF_INIT};
}
