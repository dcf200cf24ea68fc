/* session_watch.h -- which session files there are now, without a walk through all of them each time (spec 60
 * T2).
 *
 * The first look walks.  A later one asks the kernel what has changed since: nothing, and the list stands;
 * files that were written, and those are looked at; names that came or went, and it walks again.  It walks
 * anyway every quarter of an hour, and at every look where the kernel cannot be asked: too many directories,
 * or one on a file system that other hosts write to.  So a look tells the same as a walk at that moment, but
 * for what no kernel tells: that a file has got another name elsewhere, by which it is then written.  Any
 * thread; looks take turns. */
#pragma once
#include "transcripts/file_walk.h"

#define SESSION_WATCH_WALK_US (INT64_C(900) * 1000000)

struct session_watch;
struct session_watch *session_watch_new(char *const *roots);       /* of the configuration; copied */
struct session_watch *session_watch_free(struct session_watch *w); /* NULL ok; returns NULL */

/* As session_files_walk; the caller deinits. */
void session_watch_files(struct session_watch *w, struct file_walk *ret);

struct session_watch_facts {
    int64_t looks, walks;
    size_t directories; /* that are watched; 0: every look is a walk */
    char why_not[200];  /* then; else empty */
};
void session_watch_facts(struct session_watch *w, struct session_watch_facts *ret);
