#include "transcripts/session_choice.h"

#include "base/map.h"
#include "transcripts/session_file.h"

static struct chosen_session session_of(const struct file_walk_entry *f, const struct map *known,
                                        struct arena *a)
{
    struct buf name = BUF_INIT;
    session_file_name(str_of(f->path), &name);
    struct chosen_session s = {.path = arena_strdup(a, str_of(f->path)),
                               .name = arena_strdup(a, buf_str(&name)),
                               .format = f->format,
                               .look = session_file_look(f),
                               .before = map_get(known, buf_str(&name))};
    buf_deinit(&name);
    return s;
}

static void choose(const struct file_walk *walk, const struct map *known, int64_t version, int64_t now_us,
                   struct arena *a, struct session_choice *ret)
{
    struct chosen_session *all = arena_alloc(a, (walk->count + 1) * sizeof(*all));
    struct processor_candidate *order = arena_alloc(a, (walk->count + 1) * sizeof(*order));
    size_t count = 0;
    for (size_t i = 0; i < walk->count; i++) {
        const struct file_walk_entry *f = &walk->files[i];
        all[i] = session_of(f, known, a);
        enum processor_need need = processor_need(all[i].before, &all[i].look, version, now_us);
        all[i].may_have_grown = processor_may_have_grown(all[i].before, &all[i].look, version);
        if (processor_need_is_due(need))
            order[count++] = (struct processor_candidate){need, session_file_user(f), f->mtime_ns / 1000, i};
    }
    processor_order(order, count);
    ret->sessions = arena_alloc(a, (count + 1) * sizeof(*ret->sessions));
    for (size_t i = 0; i < count; i++)
        ret->sessions[i] = all[order[i].index];
    ret->count = count;
    ret->scanned = (int64_t)walk->count;
}

void session_choose(struct session_watch *files, const struct processor_state *states, size_t state_count,
                    int64_t version, int64_t now_us, struct arena *a, struct session_choice *ret)
{
    struct file_walk walk;
    struct map known;
    map_init(&known);
    for (size_t i = 0; i < state_count; i++)
        (void)map_put(&known, str_of(states[i].session_file), (void *)(uintptr_t)&states[i]);
    session_watch_files(files, &walk);
    choose(&walk, &known, version, now_us, a, ret);
    file_walk_deinit(&walk);
    map_deinit(&known);
}
