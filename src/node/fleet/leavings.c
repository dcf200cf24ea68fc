#include "node/fleet/fleet_internal.h"

#define GIT_MAX 2 /* at a time: a reboot of a container ends all agents at once */

struct leavings {
    struct fleet_git shown;
    struct fleet_agent *agent;
    struct git_status *git; /* NULL: waits, or is done */
    struct leavings *next;  /* of those that wait */
};

static void start_waiting(struct fleet *f);

static void on_counted(void *arg, const struct git_counts *counts)
{
    struct leavings *l = arg;
    struct fleet *f = l->agent->fleet;
    l->git = NULL;
    l->shown.counts = *counts;
    l->shown.read_at = clock_wall_us();
    f->git_count--;
    start_waiting(f);
}

static struct leavings *take_first(struct fleet *f)
{
    struct leavings *l = f->waiting;
    f->waiting = l->next;
    if (!f->waiting)
        f->waiting_end = &f->waiting;
    return l;
}

static void start_waiting(struct fleet *f)
{
    while (f->waiting && f->git_count < GIT_MAX && !f->stopping) {
        struct leavings *l = take_first(f);
        f->git_count++;
        l->git = git_status_start(f->loop, l->shown.place.worktree, on_counted, l);
    }
}

void leavings_begin(struct fleet_agent *a, const struct git_place *place)
{
    struct fleet *f = a->fleet;
    struct leavings *l = a->leavings = xnew(struct leavings);
    l->agent = a;
    l->shown.place = *place;
    l->shown.counts = (struct git_counts){.modified = -1, .untracked = -1};
    *f->waiting_end = l;
    f->waiting_end = &l->next;
    start_waiting(f);
}

static void stop_waiting(struct fleet *f, const struct leavings *gone)
{
    struct leavings **at = &f->waiting;
    while (*at && *at != gone)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = gone->next;
    if (!*at)
        f->waiting_end = at;
}

void leavings_drop(struct fleet_agent *a)
{
    struct leavings *l = TAKE(a->leavings);
    if (!l)
        return;
    if (l->git) {
        git_status_cancel(l->git);
        a->fleet->git_count--;
    }
    stop_waiting(a->fleet, l);
    free(l);
    start_waiting(a->fleet);
}

const struct fleet_git *leavings_view(const struct leavings *l)
{
    return l ? &l->shown : NULL;
}
