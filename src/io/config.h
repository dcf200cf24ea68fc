/* config.h -- the effective configuration: muster.conf, then the environment, with the origin of each value
 * (spec 00).
 *
 * One table of keys (config_keys) drives the parser (libconfuse), the environment names, `muster config
 * check|show` and the reference manual.  Unknown keys, bad values and unreadable secrets are errors with
 * file, line and column.  Secrets come from files or the environment, never from argv, and are masked when
 * shown.  A struct config is immutable once loaded; a reload makes a new one.  Main thread. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "core/bus_user.h"
#include "core/price_list.h"
#include "core/profile.h"
#include "core/schedule_job.h"

/* What is odd without being wrong; the program that loads says it once. */
enum { CONFIG_WARN_TOKEN_READABLE = 1, CONFIG_WARN_SCHEDULER_TOKEN_SHORT = 2 };

struct script { /* spec 20: what POST /api/scripts/run-due queues */
    char *name, *schedule_text;
    struct schedule schedule; /* in UTC */
    char *agent, *prompt;     /* a job of this profile, or … */
    char **command;           /* … a command of the configuration, NULL-terminated */
    char *agent_name;         /* see script_agent_name */
    int64_t timeout_us;
};
/* The profile that a script with a command of its own runs by: "script:NAME", made by the configuration's
 * reader. */
const char *script_agent_name(const struct script *s);
struct session_processor { /* spec 60 T6: a command that is given the turns of sessions */
    char *name;
    char **command; /* NULL-terminated */
    int64_t cadence_us, timeout_us, version;
    bool wants_new_turns; /* those since its last answer, and that answer; else all */
};
struct marketplace { /* spec 20: a git repository that is kept up to date */
    char *name, *url;
    char *directory; /* NULL: data_dir/marketplaces/NAME */
};

struct config_value;
struct config {
    unsigned warnings;           /* set of CONFIG_WARN_ */
    struct config_value *values; /* one per row of config_keys, with its origin */
    char *path;                  /* file that was read, NULL when none was found */
    /* top level */
    char *listen, *socket, *data_dir, *store, *token_file;
    char *token;           /* contents of token_file or MUSTER_TOKEN, NULL when unset; secret */
    char *scheduler_token; /* SCHEDULER_API_TOKEN, NULL when unset or shorter than 32 characters; secret */
    char *tls_certificate_file, *tls_key_file;
    char *repo_root; /* where {repo_path} of a relative repo lies; default data_dir/repos */
    char **hosts;    /* further accepted Host names, NULL-terminated */
    char **workers;
    int64_t max_concurrency;          /* >= 0; 0: the launcher starts nothing */
    int64_t max_concurrency_per_repo; /* 0: no limit */
    int64_t poll_interval_us;
    int64_t node_lease_us; /* of a store that several nodes share */
    enum log_level log_level;
    enum log_format log_format;
    bool synchronous_normal;
    char *log_level_name, *log_format_name, *synchronous_name;
    /* blocks */
    char **sessions_homes; /* glob patterns, NULL-terminated */
    char *sessions_data_root;
    int64_t sessions_max_file;
    char *memory_endpoint, *memory_api, *memory_model, *memory_api_key, *memory_api_key_file;
    char *memory_key; /* memory_api_key, or what its file holds; NULL: none; secret */
    int64_t memory_timeout_us, memory_max_sessions, memory_max_input;
    char *usage_prices;        /* path, "" when unset */
    struct price_list *prices; /* owned: what that file holds; NULL without */
    bool metrics_enabled;
    int64_t metrics_freshness_us;
    int64_t http_header_timeout_us, http_total_timeout_us, http_idle_timeout_us;
    int64_t http_max_header_bytes, http_max_body_bytes, http_max_connections,
        http_max_connections_per_address;
    int64_t retention_jobs_us, retention_audit_us, retention_runs_us;
    char *bus_listen, *bus_socket, *bus_url, *bus_token; /* bus_token: secret */
    bool bus_listen_given;                               /* not the default */
    char **bus_local_publish, **bus_local_subscribe;     /* of other local users; NULL-terminated */
    int64_t bus_max_payload, bus_max_control_line, bus_max_connections, bus_max_subscriptions,
        bus_max_pending, bus_max_pings_out;
    int64_t bus_auth_timeout_us, bus_ping_interval_us;
    struct bus_user *bus_users;
    size_t bus_user_count;
    bool fleet_discover;
    int64_t fleet_interval_us, fleet_hung_after_us;
    char **sessions_roots; /* NULL-terminated, or NULL */
    char **fleet_matchers; /* NULL-terminated, or NULL */
    int64_t status_deadline_us, status_cache_us;
    bool telemetry_enabled;
    char *telemetry_hub_url, *telemetry_instance_id, *telemetry_ca_file, *telemetry_licence_file;
    char *telemetry_api_key, *telemetry_api_key_file, *telemetry_join_token; /* secrets; "" when unset */
    char *telemetry_secret; /* owned: the contents of api_key_file, NULL without */
    int64_t telemetry_interval_us, telemetry_max_window_us;
    char *hub_listen, *hub_store, *hub_join_token, *hub_licence_key;
    int64_t hub_rate, hub_burst, hub_key_grace_us;
    int64_t hub_retention_reports_us, hub_retention_hourly_us, hub_retention_daily_us;
    struct agent_profile *agents;
    size_t agent_count;
    struct workflow *workflows;
    size_t workflow_count;
    struct session_processor *processors;
    size_t processor_count;
    char *scheduler_node; /* API_URL, unless MUSTER_SCHEDULER_NODE is set */
    char *scheduler_instance;
    int64_t scheduler_tick_us, scheduler_startup_grace_us, scheduler_shutdown_grace_us;
    bool scheduler_builtin;
    struct schedule_job *schedules; /* blocks; one with a built-in job's name may leave out what that has */
    size_t schedule_count;
    struct script *scripts;
    size_t script_count;
    struct marketplace *marketplaces;
    size_t marketplace_count;
};

/* path NULL: $MUSTER_CONFIG, ~/.config/muster/muster.conf, /etc/muster/muster.conf, and none of them is fine.
 * `origin` notes are kept for config_show.  The first error is in *e with its place; all of them are in
 * *errors (NULL ok), one line each. */
MUST_CHECK int config_load(const char *path, struct config **ret, struct buf *errors, struct err *e);
struct config *config_free(struct config *c);
/* One text of it and nothing else, for a program that does without a configuration: from the environment or
 * the file.  NULL when it is not set, or the file cannot be read.  The caller frees. */
char *config_text_alone(const char *path, const char *block, const char *name);
/* In the same way: where a node reads transcripts beside the homes.  Never NULL; for free_list. */
char **config_session_roots(const char *path);
const struct agent_profile *config_agent(const struct config *c, struct str name); /* NULL when absent */
const struct workflow *config_workflow(const struct config *c, struct str name);
bool config_is_embedded(void); /* this process is a child of `muster up` */
bool config_is_default(const struct config *c, const char *block, const char *name);
void config_show(const struct config *c, bool json, struct buf *out); /* effective values and their origin */

struct config_key {
    const char *block; /* "" for the top level */
    const char *name;
    const char *type;       /* text, integer, duration, size, boolean, list, choice */
    const char *fallback;   /* as written in a file; NULL: worked out, see doc */
    bool reloads;           /* by SIGHUP; else needs a restart */
    bool secret;            /* masked when shown */
    int64_t min, max;       /* integer, size: range; duration: microseconds; both 0: no bound */
    const char *one_of;     /* choice: "a|b" */
    const char *alias;      /* a further name in the environment, which MUSTER_… wins over; NULL: none */
    const char *alias_unit; /* put behind the alias's value: "s" where it is a bare number of seconds */
    size_t offset; /* of its field in struct config; CONFIG_KEPT: of a later part, kept to be shown */
    const char *doc;
};
#define CONFIG_KEPT SIZE_MAX
/* "MUSTER_LISTEN", "MUSTER_BUS_URL"; lists are ':'-separated there. */
#define CONFIG_ENVIRONMENT_MAX 64
char *config_environment_name(const struct config_key *key, char ret[CONFIG_ENVIRONMENT_MAX]);
/* Keys of the titled blocks (agent, workflow, …), for the manual: name, type, fallback, doc. */
struct config_block_key {
    const char *block, *name, *type, *fallback, *doc;
};
extern const struct config_block_key config_block_keys[]; /* ends with name == NULL */
extern const struct config_key config_keys[];             /* ends with name == NULL */
/* Names of the values that differ and whether each needs a restart, for the log line after SIGHUP. */
void config_diff(const struct config *old, const struct config *new_config, struct buf *reloaded,
                 struct buf *needs_restart);
