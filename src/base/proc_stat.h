/* proc_stat.h -- one line of /proc/PID/stat.
 *
 * The name of a process is any 15 bytes that it likes, so "we) R 1 (x" is a name as good as another: the
 * fields start after the LAST ')'.  Header only and on libc alone, because muster-shim shares it and links
 * nothing of muster. A line that is cut short, or a number that does not fit, is refused whole: half a line
 * is not a process. Nothing here reads a file.  Any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proc_stat {       /* the numbers of proc(5), section /proc/pid/stat */
    const char *comm;    /* points into the line, without the parentheses, not NUL-terminated */
    size_t comm_n;       /* bytes */
    int64_t pid;         /* 1 */
    char state;          /* 3: R S D Z T t X I … */
    int64_t ppid;        /* 4 */
    int64_t pgrp;        /* 5 */
    int64_t session;     /* 6 */
    int64_t tty_nr;      /* 7: 0 is none */
    int64_t tpgid;       /* 8: -1 is none */
    int64_t minflt;      /* 10: page faults of all its threads so far, without input or output */
    int64_t majflt;      /* 12: with it */
    int64_t utime;       /* 14: ticks */
    int64_t stime;       /* 15: ticks */
    int64_t cutime;      /* 16: ticks */
    int64_t cstime;      /* 17: ticks */
    int64_t num_threads; /* 20 */
    int64_t starttime;   /* 22: ticks since boot; with the pid it names a process for good */
    int64_t vsize;       /* 23: bytes; -1 when it does not fit */
    int64_t rss;         /* 24: pages */
};

/* A decimal that a space or a line feed follows; moves *at behind that. */
static inline bool proc_stat_number(const char **at, const char *end, int64_t *ret)
{
    const char *p = *at;
    bool negative = p < end && *p == '-';
    int64_t value = 0; /* kept negative: its range is the larger one */
    const char *digits = p += negative;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, *p - '0', &value))
            return false;
    if (p == digits || p == end || (*p != ' ' && *p != '\n') || (!negative && value == INT64_MIN))
        return false;
    *ret = negative ? value : -value;
    *at = p + 1;
    return true;
}

/* Moves *at behind the next `count` fields, which are not looked at: some are larger than an int64_t. */
static inline bool proc_stat_skip(const char **at, const char *end, int count)
{
    for (; count > 0; count--) {
        const char *p = *at;
        while (p < end && *p != ' ' && *p != '\n')
            p++;
        if (p == end || p == *at)
            return false;
        *at = p + 1;
    }
    return true;
}

/* A size may be larger than an int64_t: then it is -1. */
static inline bool proc_stat_size(const char **at, const char *end, int64_t *ret)
{
    if (proc_stat_number(at, end, ret))
        return true;
    *ret = -1;
    return proc_stat_skip(at, end, 1);
}

/* *ret is written only when the line has every field up to 24. */
static inline bool parse_proc_stat(const char *line, size_t n, struct proc_stat *ret)
{
    struct proc_stat s = {0};
    const char *at = line, *end = line + n, *after = end;
    if (n == 0 || !proc_stat_number(&at, end, &s.pid) || at == end || *at != '(')
        return false;
    while (after > at && after[-1] != ')')
        after--;
    if (after == at || end - after < 4 || after[0] != ' ' || after[2] != ' ')
        return false;
    s.comm = at + 1;
    s.comm_n = (size_t)(after - 1 - s.comm);
    s.state = after[1];
    if ((s.state | 0x20) < 'a' || (s.state | 0x20) > 'z')
        return false;
    at = after + 3;
    if (!proc_stat_number(&at, end, &s.ppid) || !proc_stat_number(&at, end, &s.pgrp) ||
        !proc_stat_number(&at, end, &s.session) || !proc_stat_number(&at, end, &s.tty_nr) ||
        !proc_stat_number(&at, end, &s.tpgid) || !proc_stat_skip(&at, end, 1) ||
        !proc_stat_number(&at, end, &s.minflt) || !proc_stat_skip(&at, end, 1) ||
        !proc_stat_number(&at, end, &s.majflt) || !proc_stat_skip(&at, end, 1) ||
        !proc_stat_number(&at, end, &s.utime) || !proc_stat_number(&at, end, &s.stime) ||
        !proc_stat_number(&at, end, &s.cutime) || !proc_stat_number(&at, end, &s.cstime) ||
        !proc_stat_skip(&at, end, 2) || !proc_stat_number(&at, end, &s.num_threads) ||
        !proc_stat_skip(&at, end, 1) || !proc_stat_number(&at, end, &s.starttime) ||
        !proc_stat_size(&at, end, &s.vsize) || !proc_stat_number(&at, end, &s.rss))
        return false;
    *ret = s;
    return true;
}
