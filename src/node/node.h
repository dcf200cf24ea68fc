/* node.h -- `muster serve`: what the node is made of, and how it is wired (spec 00, `muster serve`).
 *
 * node.c opens the store, starts the services, hands each what it needs of the others as functions, and
 * serves.  Services never see this struct; the API's handlers do, since they speak to all.  Loop thread. */
#pragma once
#include "io/config.h"
#include "io/http_server.h"
#include "io/proc_sampler.h"
#include "node/bus/bus.h"
#include "node/events.h"
#include "node/fleet/fleet.h"
#include "node/metrics/metrics.h"
#include "node/queue/queue.h"
#include "node/status/status.h"
#include "run/cgroup.h"
#include "store/store.h"

struct auth;
struct sweep;
struct schedule_waits;
struct operations;
struct marketplaces;
struct usage_service;
struct pipeline;
struct telemetry;
struct collector;
struct memory;
struct command_processors;
struct workers;
struct node {
    uv_loop_t loop;
    const struct config *config; /* the present one; earlier ones live on until the end */
    char *config_path;           /* as given, NULL for the search */
    struct store *store;
    struct events *events;
    struct bus *bus;
    struct auth *auth;
    struct queue *queue;
    struct metrics *metrics;
    struct proc_sampler *sampler;
    struct fleet *fleet;
    struct status *status;
    struct sweep *sweep;
    struct schedule_waits *schedule_waits;
    struct operations *operations;
    struct marketplaces *marketplaces;
    struct session_watch *session_files;
    struct usage_service *usage;
    struct cost_ledger *cost_ledger;
    struct pipeline *pipeline;
    struct telemetry *telemetry;
    struct collector *collector;
    struct memory *memory;
    struct command_processors *command_processors;
    struct workers *workers;
    struct http_server *http;
    char cgroup[CGROUP_PATH_MAX]; /* runs have theirs below it; "" for none */
    char *runs_dir, *ended_dir, *shim_path;
    int64_t started_us, started_wall_us;
    bool ready, stopping;
    int stops_waited_for; /* parts that have not stopped yet */
    int exit_code;
    uv_signal_t on_term, on_int, on_hup;
    uv_timer_t watchdog, deadline;
    struct config **configs; /* all that were loaded, freed at the end */
    size_t config_count;
};

/* Serves until SIGTERM or SIGINT.  Returns an exit code: 0 stopped, 1 could not start, 2 bad configuration.
 */
int node_main(const char *config_path);
