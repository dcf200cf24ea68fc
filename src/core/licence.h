/* licence.h -- what a licence allows, and how an instance stands to it (spec 80 H10).
 *
 * A licence is JSON that somebody has signed; here is what it says and what follows, not whether the
 * signature is good (hub/licence_file.h).  The peak over the measured time decides, and not the last report;
 * over a limit or past the end there is a grace period before anything is called so.  Time never goes back:
 * the caller passes the latest instant that it has ever seen.  A verdict stops nothing: monitoring goes on in
 * every state.  Pure.  Any thread. */
#pragma once
#include "base/err.h"
#include "base/str.h"

#define LICENCE_NAME_MAX 128
#define LICENCE_FEATURES_MAX 32
#define LICENCE_UNLIMITED (-1)
#define LICENCE_EXPIRING_US (INT64_C(30) * 86400 * 1000000) /* said this long before the end */

struct licence {
    char id[LICENCE_NAME_MAX], instance_id[LICENCE_NAME_MAX],
        group[LICENCE_NAME_MAX];         /* one of the last two */
    int64_t max_agents, max_servers;     /* LICENCE_UNLIMITED: none */
    int64_t issued_at_us, expires_at_us; /* epoch; 0: not said, never */
    int64_t grace_us;
    bool report; /* asks for the licence report even where usage may not be tracked (H16) */
    char features[LICENCE_FEATURES_MAX][64];
    size_t feature_count;
};
/* The signed text.  -EINVAL with the JSON pointer of what is wrong. */
MUST_CHECK int licence_parse(struct str text, struct licence *ret, struct err *e);

/* A licence file is {"payload": "…the signed text…", "signature": "…hex…"}; both are appended.  -EINVAL when
 * it is none. */
struct buf;
MUST_CHECK int licence_unwrap(struct str document, struct buf *payload, struct buf *signature, struct err *e);

enum licence_state {
    LICENCE_OK,
    LICENCE_OVER,
    LICENCE_EXPIRED,
    LICENCE_EXPIRING,
    LICENCE_SILENT,
    LICENCE_UNLICENSED,
};
#define LICENCE_STATES 6
const char *licence_state_name(enum licence_state state); /* "ok", "over", … */

struct licence_use { /* of one figure over the measured time */
    int64_t peak, p95;
    int64_t over_since_us; /* when it was first above the limit; 0: never */
};
struct licence_facts {
    const struct licence *licence; /* NULL: none */
    int64_t now_us;                /* see licence_now_us */
    struct licence_use agents, servers;
    int64_t silent_since_us; /* 0: it reports */
};
struct licence_verdict {
    enum licence_state state;
    const char *figure_of;      /* "agents", "servers", NULL where no figure decides */
    int64_t figure, p95, limit; /* limit LICENCE_UNLIMITED: none */
    int64_t since_us;           /* of the state; 0: unknown */
    const char *grace_for; /* "over" or "expired": so it would be, but for the grace; NULL: no grace runs */
    int64_t grace_until_us;
};
void licence_judge(const struct licence_facts *facts, struct licence_verdict *ret);

/* A clock that was set back does not bring a licence back. */
int64_t licence_now_us(int64_t now_us, int64_t latest_us);
/* Nearest rank: the smallest value that 95 % of them do not exceed.  Sorts; 0 for none. */
int64_t licence_p95(int64_t *values, size_t count);
