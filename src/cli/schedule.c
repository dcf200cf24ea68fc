/* schedule.c -- `muster schedule`: when jobs run, and why they did not (spec 50). */
#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/commands.h"
#include "cli/rows.h"
#include "cli/schedule_next.h"

static const struct command_option options[] = {
    {0, "when", "SPEC", "next: of this schedule instead of a job's."},
    {0, "zone", "ZONE", "next: its time zone, by IANA name; default UTC, or the job's."},
    {0, "from", "TIME", "next: as if it were then; default: now."},
    {0, "last", "TIME", "next: as if it had last run then; default: never."},
    {'n', "limit", "COUNT", "next: so many instants; default 10. history: at most so many rows."},
    CLIENT_JSON_OPTION,
    CLIENT_URL_OPTION,
    {0}};
static const struct command_verb verbs[] = {
    {"next", "[NAME]",
     "Show the coming instants of a job or of --when SPEC, and whether it is due; needs no node",
     schedule_next_command},
    {"check", "FILE", "Read a configuration's schedules and say all that is wrong; needs no node",
     schedule_check_command},
    {0}};

const struct command command_schedule = {
    .name = "schedule",
    .summary = "Jobs that run at their time",
    .description =
        "A schedule is every N(s|m|h|d), daily HH:MM[,HH:MM…], cron M H DOM MON DOW, @hourly, @daily,\n"
        "@weekly, @monthly, or at RFC3339; one space, no more. A local time that the clock skips fires at\n"
        "the jump (dst-gap), one that it shows twice fires the first time (dst-fold).",
    .options = options,
    .verbs = verbs,
};
