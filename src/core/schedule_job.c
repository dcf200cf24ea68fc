#include "core/schedule_job.h"

#include "base/hash.h"
#include "base/parse.h"

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool schedule_name_is_valid(struct str name)
{
    if (name.n == 0 || name.n > SCHEDULE_NAME_MAX || !is_alphanumeric(name.p[0]))
        return false;
    for (size_t i = 1; i < name.n; i++)
        if (!is_alphanumeric(name.p[i]) && !memchr("._:-", name.p[i], 4))
            return false;
    return true;
}

bool schedule_jitter_parse(struct str text, int64_t *ret_us, int *ret_percent)
{
    int64_t percent;
    *ret_us = 0;
    *ret_percent = 0;
    if (!str_ends_with(text, STR("%")))
        return parse_duration(text, ret_us);
    if (!parse_i64_in((struct str){text.p, text.n - 1}, 0, 100, &percent))
        return false;
    *ret_percent = (int)percent;
    return true;
}

int64_t schedule_jitter_us(const struct schedule_job *job, struct str instance, int64_t until_next_us)
{
    int64_t width_us =
        job->jitter_percent ? until_next_us / 100 * job->jitter_percent : MIN(job->jitter_us, until_next_us);
    if (width_us <= 0)
        return 0;
    struct buf key = BUF_INIT;
    buf_printf(&key, "%s/%.*s", job->name, STR_ARG(instance));
    uint64_t hash = hash_xx(buf_str(&key));
    buf_deinit(&key);
    return (int64_t)(hash % (uint64_t)width_us);
}

static bool index_of(struct str name, const char *const *names, size_t count, size_t *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(name, str_of(names[i]))) {
            *ret = i;
            return true;
        }
    }
    return false;
}

bool schedule_catchup_of(struct str name, enum schedule_catchup *ret)
{
    static const char *const names[] = {
        [SCHEDULE_CATCHUP_ONCE] = "once", [SCHEDULE_CATCHUP_NONE] = "none", [SCHEDULE_CATCHUP_ALL] = "all"};
    size_t i;
    if (!index_of(name, names, COUNT_OF(names), &i))
        return false;
    *ret = (enum schedule_catchup)i;
    return true;
}

bool schedule_overlap_of(struct str name, enum schedule_overlap *ret)
{
    static const char *const names[] = {[SCHEDULE_OVERLAP_SKIP] = "skip", [SCHEDULE_OVERLAP_QUEUE] = "queue"};
    size_t i;
    if (!index_of(name, names, COUNT_OF(names), &i))
        return false;
    *ret = (enum schedule_overlap)i;
    return true;
}

void schedule_job_deinit(struct schedule_job *job)
{
    char *const texts[] = {job->name, job->when_text, job->zone_name, job->method, job->path, job->body};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        free(texts[i]);
    *job = (struct schedule_job){0};
}
