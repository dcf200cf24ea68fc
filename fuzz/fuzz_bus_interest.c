/* fuzz_bus_interest.c -- who gets a subject: hash, trie and cache against a look at every subscription.
 *
 * Input: lines.  "+PATTERN" adds a subscription, "+PATTERN QUEUE" one in a queue group, "-N" removes the Nth
 * that is in, anything else is a subject to match. */
#include "base/parse.h"
#include "core/subject.h"
#include "node/bus/interest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ENTRIES_MAX 64

struct oracle {
    struct interest interest;
    struct interest_entry *in[ENTRIES_MAX];
    size_t count;
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void add(struct oracle *o, struct str line)
{
    struct str pattern, queue = {0};
    (void)str_split(&line, ' ', &pattern);
    if (line.p)
        queue = line;
    if (o->count == ENTRIES_MAX || !subject_pattern_valid(pattern))
        return;
    struct interest_entry *entry = xnew(struct interest_entry);
    *entry = (struct interest_entry){.pattern = pattern, .queue = queue};
    o->in[o->count++] = entry;
    interest_add(&o->interest, entry);
}

static void drop(struct oracle *o, size_t n)
{
    interest_remove(&o->interest, o->in[n]);
    free(o->in[n]);
    o->in[n] = o->in[--o->count];
}

static size_t times_in(const struct interest_list *list, const struct interest_entry *entry)
{
    size_t times = 0;
    for (size_t i = 0; i < list->count; i++)
        times += list->items[i] == entry;
    return times;
}

static size_t times_matched(const struct interest_match *m, const struct interest_entry *entry)
{
    size_t times = entry->queue.n ? 0 : times_in(&m->plain, entry);
    for (size_t g = 0; g < m->group_count; g++) {
        if (!str_equal(m->groups[g].items[0]->queue, entry->queue)) {
            must(times_in(&m->groups[g], entry) == 0);
            continue;
        }
        times += times_in(&m->groups[g], entry);
    }
    return times;
}

static void compare(struct oracle *o, struct str subject)
{
    const struct interest_match *m = interest_find(&o->interest, subject);
    size_t expected = 0, found = m ? m->plain.count : 0;
    must(!m == !subject_valid(subject));
    if (!m)
        return;
    for (size_t i = 0; i < o->count; i++) {
        bool wants = subject_matches(o->in[i]->pattern, subject);
        must(times_matched(m, o->in[i]) == wants);
        expected += wants;
    }
    for (size_t g = 0; g < m->group_count; g++)
        found += m->groups[g].count;
    must(found == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oracle o = {0};
    struct str rest = {(const char *)data, size}, line;
    int64_t n;
    interest_init(&o.interest);
    while (str_split(&rest, '\n', &line)) {
        struct str behind = line.n ? (struct str){line.p + 1, line.n - 1} : line;
        if (line.n && line.p[0] == '+')
            add(&o, behind);
        else if (line.n && line.p[0] == '-' && o.count && parse_i64_in(behind, 0, (int64_t)o.count - 1, &n))
            drop(&o, (size_t)n);
        else if (line.n)
            compare(&o, line);
    }
    while (o.count)
        drop(&o, 0);
    must(o.interest.count == 0 && o.interest.wildcard_count == 0);
    interest_deinit(&o.interest);
    return 0;
}
