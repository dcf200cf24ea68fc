#include "transcripts/codex_mismatch.h"

#include "transcripts/line_objects.h"
#include "transcripts/line_reader.h"
#include "transcripts/usage_line.h"

void codex_mismatch_init(struct codex_mismatch *m)
{
    map_init(&m->dropped);
    map_init(&m->refused);
}

void codex_mismatch_deinit(struct codex_mismatch *m)
{
    map_deinit(&m->dropped);
    map_deinit(&m->refused);
}

void codex_times_note(struct map *times, int64_t at_us)
{
    int64_t ms = at_us / 1000;
    (void)map_put(times, map_key_i64(&ms), times);
}

/* Returns how many reports muster finds in the line; `dropped` NULL: they are not noted. */
static size_t find_reports(struct str text, struct map *dropped)
{
    struct line_objects objects = line_objects_of(text);
    struct str rest;
    size_t found = 0;
    while (line_objects_next(&objects, &rest)) {
        struct codex_line line;
        struct json_scan scan;
        if (codex_line_read(rest, &line, &scan) != JSON_WHOLE) {
            (void)line_objects_failed(&objects);
            continue;
        }
        line_objects_took(&objects, scan.end);
        if (line.kind != CODEX_REPORT ||
            !json_scan_is_utf8((struct str){rest.p, (size_t)(scan.end - rest.p)}))
            continue;
        found++;
        if (dropped)
            codex_times_note(dropped, line.at_us);
    }
    return found;
}

void codex_mismatch_see(struct codex_mismatch *m, struct str line, const struct ccusage_rollout_line *read)
{
    bool taken = read->kind == ROLLOUT_REPORT,
         may_count = line.n <= LINE_READER_LINE_MAX && codex_line_may_count(line);
    size_t found = may_count ? find_reports(line, taken ? NULL : &m->dropped) : 0;
    if (taken && found == 0)
        codex_times_note(&m->refused, read->at_us);
}

bool codex_times_have(const struct map *times, int64_t at_us)
{
    int64_t ms = at_us / 1000;
    return map_get(times, map_key_i64(&ms)) != NULL;
}
