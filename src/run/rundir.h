/* rundir.h -- the directory of a run: the contract between the node, `muster run` and muster-shim.
 *
 * One directory per run, DATA_DIR/runs/KEY, KEY = 32 hex digits.  It is all that the shim and the node share:
 * each can be killed at any moment and the other finds here what happened (spec 20 Q11, Q12).  Files, and who
 * writes them:
 *
 *   spec       creator, before the shim starts, by rename: what to run (below)
 *   lock       the shim: holds flock(LOCK_EX) on it while it lives.  Locked = the shim lives.
 *   shim       the shim, O_CREAT|O_EXCL, right after the lock: "PID START_TICKS BOOT_ID\n".  Exists = this
 * run has been started once; a second shim leaves at once with SHIM_EXIT_TAKEN and touches nothing.  So a
 * node that does not know whether its spawn succeeded may spawn again. agent      the shim, by rename, once
 * exec succeeded: "PID START_TICKS PGID STARTED_AT_US CGROUP|-\n" output     the shim: stamped lines of
 * stdout and stderr, see below.  Rotated to output.1 at SPEC output_max_bytes / 2, so both together stay
 * bounded; bytes that fell out are counted in the result. result     the shim, by temporary file and rename,
 * when nothing of the run is left: see below booked     the node, once the result is committed to the store.
 * Retention removes booked directories.
 *
 * spec, result: one "key value\n" per line, value escaped (\n \t \\ \0 as \xHH), repeated keys make lists.
 * spec keys: version 1; key; run_id, job_id, task_id (0 = unknown yet, as for `muster run`); agent; origin
 * queue|cli; arg (repeated: argv); env (repeated: NAME=VALUE, the complete environment); workdir; stdin
 * null|inherit|FILE; terminal 0|1 (1: in the foreground, stdout and stderr that are a terminal are inherited
 * and not captured); timeout_ms (0 = none); stop_signal (number); grace_ms; output_max_bytes;
 * created_at_us; cgroup (parent directory to make one in, or absent); mark (value of MUSTER_RUN in the
 * environment, = key); task, repo, model, effort (text, for booking a `muster run` later) result keys:
 * version 1; outcome exited|signaled|start_failed; exit_code; signal; cause "" | timeout | cancelled | shim
 * stopped; start_errno (start_failed only); started_at_us; ended_at_us; user_us, system_us, max_rss_bytes (of
 * the whole tree that was waited for); output_bytes; output_dropped_bytes; killed (processes that had to be
 *   killed after the agent itself had ended)
 * output line: "EPOCH_US S F TEXT\n" with S = o|e (stream) and F = F (full line) or P (part of a line that is
 * longer than OUTPUT_LINE_MAX or not yet terminated at end of file); a NUL in TEXT is kept.  A long line is P
 * P … F: the reader joins the parts of one stream up to its F.  Both byte counts are those of the agent, line
 * feeds included.
 *
 * Signals to the shim: SIGTERM cancels: stop_signal to the agent's group, grace, then SIGKILL to everything
 * below the shim until nothing is left, then the result.  SIGUSR1: the same with no grace.  SIGHUP is
 * ignored.  This file knows paths and parsing; it starts nothing.  Any thread. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

#define RUNDIR_KEY_LEN 32
#define OUTPUT_LINE_MAX ((size_t)1 << 20)
#define RUN_ENV_MARK "MUSTER_RUN"   /* in the environment of everything below the shim (spec 30 M10) */
#define RUN_CGROUP_PREFIX "muster-" /* a run's cgroup is PARENT/muster-KEY */

enum { SHIM_EXIT_OK = 0, SHIM_EXIT_USAGE = 64, SHIM_EXIT_TAKEN = 75, SHIM_EXIT_IO = 74 };

enum run_outcome { RUN_EXITED, RUN_SIGNALED, RUN_START_FAILED };

struct run_spec {
    char key[RUNDIR_KEY_LEN + 1];
    int64_t run_id, job_id, task_id; /* 0: not known yet */
    char *agent;                     /* profile, or "" */
    char *origin;                    /* "queue" or "cli" */
    char **args;                     /* NULL-terminated */
    char **env;                      /* NULL-terminated, NAME=VALUE */
    char *workdir;
    char *stdin_path; /* "null", "inherit" or a file */
    bool terminal;
    int64_t timeout_ms, grace_ms, output_max_bytes, created_at_us;
    int stop_signal;
    char *cgroup;                       /* parent directory, NULL for none */
    char *task, *repo, *model, *effort; /* NULL when unset */
};

struct run_process { /* the `agent` and `shim` files; zeroed when absent */
    int64_t pid, start_ticks, pgid, started_at_us;
    char boot_id[40];
    char cgroup[256]; /* "" for none */
};

struct run_result {
    enum run_outcome outcome;
    int exit_code; /* RUN_EXITED */
    int signal;    /* RUN_SIGNALED */
    int start_errno;
    char cause[32];
    int64_t started_at_us, ended_at_us;
    int64_t user_us, system_us, max_rss_bytes;
    int64_t output_bytes, output_dropped_bytes, killed;
};

void run_spec_deinit(struct run_spec *s);

/* Makes DIR (0700) and writes its spec durably enough for kill -9 (temporary file and rename).  -EEXIST when
 * it exists. */
MUST_CHECK int rundir_create(const char *runs_dir, const struct run_spec *spec, struct err *e);
/* 1 when there is no such file (yet). */
enum { RUNDIR_E_ABSENT = 1, RUNDIR_E_CORRUPT };
MUST_CHECK int rundir_read_spec(const char *runs_dir, const char *key, struct run_spec *ret, struct err *e);
MUST_CHECK int rundir_read_result(const char *runs_dir, const char *key, struct run_result *ret,
                                  struct err *e);
MUST_CHECK int rundir_read_process(const char *runs_dir, const char *key, const char *file,
                                   struct run_process *ret);
bool rundir_is_locked(const char *runs_dir, const char *key); /* the shim lives */
MUST_CHECK int rundir_mark_booked(const char *runs_dir, const char *key);
bool rundir_is_booked(const char *runs_dir, const char *key);
MUST_CHECK int rundir_remove(const char *runs_dir, const char *key); /* the whole directory */
void rundir_new_key(char ret[RUNDIR_KEY_LEN + 1]);
bool rundir_key_valid(struct str key);

/* One line of `output` without its LF.  False for a line that is not of the shape above. */
struct run_output_line {
    int64_t at_us;
    bool is_stderr, is_partial;
    struct str text;
};
bool rundir_parse_output(struct str line, struct run_output_line *ret);
