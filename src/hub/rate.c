#include "base/clock.h"
#include "hub/hub_internal.h"

#define KNOWN_MAX 200000 /* then all begin anew: better than to grow with whoever asks */

struct bucket {
    double left;
    int64_t at_us; /* monotonic */
};
struct rate {
    double per_us, burst;
    struct map buckets; /* who -> struct bucket, owned */
};

struct rate *rate_new(int64_t per_second, int64_t burst)
{
    struct rate *r = xnew(struct rate);
    r->per_us = (double)per_second / USEC_PER_SEC;
    r->burst = (double)burst;
    map_init(&r->buckets);
    return r;
}

static void forget(struct rate *r)
{
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&r->buckets, &at, &key, &value))
        free(value);
    map_deinit(&r->buckets);
    map_init(&r->buckets);
}

struct rate *rate_free(struct rate *r)
{
    if (!r)
        return NULL;
    forget(r);
    map_deinit(&r->buckets);
    free(r);
    return NULL;
}

bool rate_allows(struct rate *r, struct str who, int64_t now_us, int64_t *ret_wait_s)
{
    struct bucket *b = map_get(&r->buckets, who);
    if (!b && r->buckets.count >= KNOWN_MAX)
        forget(r);
    if (!b) {
        b = xnew(struct bucket);
        *b = (struct bucket){r->burst, now_us};
        (void)map_put(&r->buckets, who, b);
    }
    b->left = MIN(b->left + (double)(now_us - b->at_us) * r->per_us, r->burst);
    b->at_us = now_us;
    if (b->left >= 1) {
        b->left -= 1;
        return true;
    }
    *ret_wait_s = (int64_t)((1 - b->left) / r->per_us / USEC_PER_SEC) + 1;
    return false;
}
