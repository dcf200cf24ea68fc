#include "transcripts/session_file.h"

#include "transcripts/line_reader.h"

#define LOOK_LINES 20

static bool line_format(struct str line, enum transcript_format *ret)
{
    static const struct {
        struct str mark;
        enum transcript_format format;
    } marks[] = {{{"\"session_meta\"", 14}, TRANSCRIPT_CODEX}, {{"\"response_item\"", 15}, TRANSCRIPT_CODEX},
                 {{"\"event_msg\"", 11}, TRANSCRIPT_CODEX},    {{"\"projectHash\"", 13}, TRANSCRIPT_GEMINI},
                 {{"\"sessionId\"", 11}, TRANSCRIPT_CLAUDE},   {{"\"parentUuid\"", 12}, TRANSCRIPT_CLAUDE},
                 {{"\"leafUuid\"", 10}, TRANSCRIPT_CLAUDE},    {{"\"session_id\"", 12}, TRANSCRIPT_CLAUDE}};
    for (size_t i = 0; i < COUNT_OF(marks); i++)
        if (str_find(line, marks[i].mark) >= 0) {
            *ret = marks[i].format;
            return true;
        }
    /* A bare {"type":"assistant","message":{…}}. */
    *ret = TRANSCRIPT_CLAUDE;
    return str_find(line, STR("\"message\"")) >= 0 && str_find(line, STR("\"type\"")) >= 0;
}

bool session_file_format(const char *path, enum transcript_format *ret)
{
    struct line_reader *r;
    struct line_run run;
    bool found = false;
    if (line_reader_open(path, 0, 0, &r) != 0)
        return false;
    bool has_line = line_reader_next(r, &run) == 1 && !run.is_unterminated;
    if (!has_line) {
        *ret = TRANSCRIPT_CLAUDE;
        found = true;
    } else {
        struct str line;
        for (int i = 0; i < LOOK_LINES && !found && run.bytes.n && str_split(&run.bytes, '\n', &line); i++)
            found = line_format(line, ret);
    }
    (void)line_reader_free(r);
    return found;
}

static const char *environment(const char *name)
{
    return getenv(name);
}

struct file_look session_file_look(const struct file_walk_entry *f)
{
    return (struct file_look){f->device, f->inode, f->size, f->mtime_ns, f->ctime_ns};
}

void session_files_walk(struct file_walk *w, char *const *roots)
{
    file_walk_homes(w, environment, ~0U);
    for (size_t i = 0; roots && roots[i]; i++)
        file_walk_root(w, roots[i], TRANSCRIPT_UNKNOWN);
    file_walk_finish(w);
}

void session_file_name(struct str path, struct buf *ret)
{
    static const struct str archived = {"/archived_sessions/", 19};
    if (str_ends_with(path, STR(".zst")))
        path.n -= 4;
    ptrdiff_t at = str_find(path, archived);
    if (at < 0) {
        buf_add_str(ret, path);
        return;
    }
    buf_add_str(ret, (struct str){path.p, (size_t)at});
    buf_add_str(ret, STR("/sessions/"));
    buf_add_str(ret, (struct str){path.p + at + archived.n, path.n - (size_t)at - archived.n});
}

struct str session_file_user(const struct file_walk_entry *f)
{
    struct str name = str_of(f->path + f->name_offset), first;
    return str_split(&name, '/', &first) ? first : (struct str){NULL, 0};
}
