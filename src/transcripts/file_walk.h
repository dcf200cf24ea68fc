/* file_walk.h -- which files are transcripts (spec 60 T1).
 *
 * Walks the roots of one agent CLI and lists its files with what stat(2) says, sorted by path.  A directory
 * or file that several names lead to is taken once, by its smallest name; a symbolic link is followed.
 * X.jsonl.zst is X.jsonl packed away: where both are there, the plain one is listed.  One thread. */
#pragma once
#include "base/str.h"

#include <sys/stat.h>

enum transcript_format {
    TRANSCRIPT_CLAUDE,
    TRANSCRIPT_CODEX,
    TRANSCRIPT_GEMINI,
    TRANSCRIPT_UNKNOWN /* who wrote it is seen from its first lines (session_file.h) */
};
#define TRANSCRIPT_FORMAT_COUNT 3 /* of those that are known */
extern const char *const transcript_format_names[TRANSCRIPT_FORMAT_COUNT];

struct file_walk_entry {
    const char *path;     /* of the walk */
    uint32_t name_offset; /* of the part below the root: "PROJECT/SESSION.jsonl" */
    enum transcript_format format;
    int64_t device, inode, size, mtime_ns, ctime_ns;
    bool has_other_names; /* it is found through a link to it, or has several names */
};

/* Told of each directory before it is listed.  An anchor is a root, or a link that leads to none of the files
 * that are listed: where it leads may change without a word in the directories; `st` NULL: nowhere. */
typedef void (*file_walk_visit)(void *arg, const char *path, bool is_anchor, const struct stat *st);

struct file_walk {
    struct file_walk_entry *files; /* owned */
    size_t count, capacity;
    size_t roots;                  /* that are there */
    struct file_walk_paths *paths; /* owned */
    int64_t unreadable;            /* directories that could not be listed */
    bool ignores_links;  /* set before: symbolic links below a root, other names of a file: as ccusage does */
    bool ignores_packed; /* set before: .zst files */
    file_walk_visit visit; /* set before; NULL: nobody */
    void *visit_arg;
    struct dir_listings *remembered; /* set before, not owned; NULL: every directory is read */
    int64_t now_ns;                  /* set before, by tests: of the wall clock; 0: it is asked */
};

void file_walk_deinit(struct file_walk *w);
/* The homes of the agent CLIs as the environment says: getenv-like `lookup`; `with` is a bit per format. */
void file_walk_homes(struct file_walk *w, const char *(*lookup)(const char *name), unsigned with);
void file_walk_root(struct file_walk *w, const char *root, enum transcript_format format);
/* Ends a walk: sorts, and drops what is there twice. */
void file_walk_finish(struct file_walk *w);
/* A list of its own, with its own paths. */
void file_walk_copy(const struct file_walk *from, struct file_walk *ret);
bool file_walk_is_transcript(const char *path); /* by its name */
/* Takes in what has become of a file.  False when it is not that file any more: walk again. */
MUST_CHECK bool file_walk_look_again(struct file_walk_entry *f);
