#include "transcripts/session_waiting.h"

#include "base/map.h"
#include "transcripts/session_file.h"

static void look_at(const struct file_walk_entry *file, const struct processor_state *state, int64_t version,
                    int64_t now_us, struct session_waiting *ret)
{
    const struct file_look look = session_file_look(file);
    enum processor_need need = processor_need(state, &look, version, now_us);
    int64_t since_us = MIN(file->mtime_ns / 1000, now_us);
    ret->quarantined += need == NEED_OPERATOR;
    if (need != NEED_FIRST && need != NEED_RETRY)
        return;
    ret->waiting++;
    if (ret->oldest && since_us >= ret->oldest_us)
        return;
    ret->oldest = file->path;
    ret->oldest_us = since_us;
}

void session_waiting(const struct file_walk *files, const struct processor_state *states, size_t state_count,
                     int64_t version, int64_t now_us, struct arena *a, struct session_waiting *ret)
{
    struct map known;
    struct buf name = BUF_INIT;
    map_init(&known);
    *ret = (struct session_waiting){.oldest = NULL};
    for (size_t i = 0; i < state_count; i++)
        (void)map_put(&known, str_of(states[i].session_file), (void *)(uintptr_t)&states[i]);
    for (size_t i = 0; i < files->count; i++) {
        buf_clear(&name);
        session_file_name(str_of(files->files[i].path), &name);
        look_at(&files->files[i], map_get(&known, buf_str(&name)), version, now_us, ret);
    }
    if (ret->oldest)
        ret->oldest = arena_strdup(a, str_of(ret->oldest));
    buf_deinit(&name);
    map_deinit(&known);
}
