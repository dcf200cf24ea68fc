/* test_launch.c -- what a job may set, and what a run's spec says (spec 20 Q10, Q11). */
#include "run/launch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY "0123456789abcdef0123456789abcdef"

static char data_dir[] = "/tmp/muster-test-launch-XXXXXX";

static char *command[] = {"agent", "-p", "{prompt}", "--model", "{model}", NULL};
static char *command_with_args[] = {"agent", "{args}", "--", "{prompt}", NULL};
static char *passed[] = {"TEST_LAUNCH_A", "TEST_LAUNCH_B", "TEST_LAUNCH_UNSET", NULL};
static char *set[] = {"TEST_LAUNCH_B=profile", "FIXED=1", NULL};

static struct agent_profile a_profile(void)
{
    return (struct agent_profile){.name = "test", .command = command, .env_pass = passed, .env = set};
}

static struct launch_request a_request(const struct agent_profile *profile)
{
    return (struct launch_request){
        .profile = profile, .key = KEY, .prompt = "do it", .data_dir = data_dir, .repo_root = "/srv/repos"};
}

static struct run_spec spec_of(const struct launch_request *request)
{
    struct run_spec spec = {0};
    struct err e = {0};
    if (launch_spec(request, &spec, &e) != 0)
        fail_msg("%s", e.text);
    return spec;
}

static void assert_list(char *const *list, const char *const *expected)
{
    for (size_t i = 0; list[i] || expected[i]; i++) {
        assert_non_null(list[i]);
        assert_non_null(expected[i]);
        assert_string_equal(list[i], expected[i]);
    }
}
#define ASSERT_LIST(list, ...) assert_list(list, (const char *const[]){__VA_ARGS__, NULL})

/* -- the environment -- */

static void only_the_named_variables_pass(void **state)
{
    (void)state;
    struct agent_profile p = a_profile();
    p.env = NULL;
    struct launch_request r = a_request(&p);
    struct run_spec spec = spec_of(&r);
    ASSERT_LIST(spec.env, "TEST_LAUNCH_A=node a", "TEST_LAUNCH_B=node b", "MUSTER_RUN=" KEY);
    run_spec_deinit(&spec);
}

static void without_env_pass_the_mark_is_all_there_is(void **state)
{
    (void)state;
    struct agent_profile p = {.name = "test", .command = command};
    struct launch_request r = a_request(&p);
    struct run_spec spec = spec_of(&r);
    ASSERT_LIST(spec.env, "MUSTER_RUN=" KEY);
    run_spec_deinit(&spec);
}

static void the_job_wins_over_the_profile_and_the_profile_over_the_node(void **state)
{
    (void)state;
    struct agent_profile p = a_profile();
    struct launch_request r = a_request(&p);
    struct run_spec spec = spec_of(&r);
    ASSERT_LIST(spec.env, "TEST_LAUNCH_A=node a", "TEST_LAUNCH_B=profile", "FIXED=1", "MUSTER_RUN=" KEY);
    run_spec_deinit(&spec);
    r.env = "[\"TEST_LAUNCH_B=job\",\"TEST_LAUNCH_UNSET=a=b\"]";
    spec = spec_of(&r);
    ASSERT_LIST(spec.env, "TEST_LAUNCH_A=node a", "TEST_LAUNCH_B=job", "FIXED=1", "TEST_LAUNCH_UNSET=a=b",
                "MUSTER_RUN=" KEY);
    run_spec_deinit(&spec);
}

static void a_variable_that_begins_like_another_does_not_replace_it(void **state)
{
    (void)state;
    char *longer[] = {"TEST_LAUNCH_AB=long", "TEST_LAUNCH=short", NULL};
    struct agent_profile p = a_profile();
    p.env = longer;
    struct launch_request r = a_request(&p);
    struct run_spec spec = spec_of(&r);
    ASSERT_LIST(spec.env, "TEST_LAUNCH_A=node a", "TEST_LAUNCH_B=node b", "TEST_LAUNCH_AB=long",
                "TEST_LAUNCH=short", "MUSTER_RUN=" KEY);
    run_spec_deinit(&spec);
}

/* The mark is how a run's processes are found again, so nobody may set it. */
static void nobody_can_set_the_mark(void **state)
{
    (void)state;
    char *pass[] = {"MUSTER_RUN", NULL}, *env[] = {"MUSTER_RUN=profile", NULL};
    struct agent_profile p = {.name = "test", .command = command, .env_pass = pass, .env = env};
    struct launch_request r = a_request(&p);
    r.env = "[\"MUSTER_RUN=job\"]";
    struct run_spec spec = spec_of(&r);
    ASSERT_LIST(spec.env, "MUSTER_RUN=" KEY);
    run_spec_deinit(&spec);
}

static void assert_refused_at(const struct agent_profile *p, const char *args, const char *env,
                              const char *repo, const char *pointer)
{
    struct err e = {0};
    assert_int_equal(launch_check(p, args, env, repo, &e), -EINVAL);
    assert_int_equal(e.code, ERR_INVALID);
    assert_string_equal(e.place, pointer);
}

static void a_variable_that_env_pass_does_not_name_is_refused_by_its_pointer(void **state)
{
    (void)state;
    struct agent_profile p = a_profile();
    struct err e = {0};
    assert_int_equal(launch_check(&p, NULL, "[\"TEST_LAUNCH_A=1\",\"TEST_LAUNCH_B=\"]", NULL, &e), 0);
    assert_refused_at(&p, NULL, "[\"TEST_LAUNCH_A=1\",\"LD_PRELOAD=/tmp/x.so\"]", NULL, "/env/LD_PRELOAD");
    assert_refused_at(&p, NULL, "[\"FIXED=2\"]", NULL, "/env/FIXED"); /* the profile sets it: not the job's */
    assert_refused_at(&p, NULL, "[\"TEST_LAUNCH_=1\"]", NULL, "/env/TEST_LAUNCH_");
    assert_refused_at(&p, NULL, "[\"a/b~c=1\"]", NULL, "/env/a~1b~0c"); /* RFC 6901 §3 */
    assert_refused_at(&p, NULL, "[\"=1\"]", NULL, "/env/");
    p.env_pass = NULL;
    assert_refused_at(&p, NULL, "[\"TEST_LAUNCH_A=1\"]", NULL, "/env/TEST_LAUNCH_A");
}

static void a_job_that_came_before_env_pass_was_narrowed_is_not_started(void **state)
{
    (void)state;
    char *narrow[] = {"TEST_LAUNCH_A", NULL};
    struct agent_profile p = a_profile();
    p.env_pass = narrow;
    struct launch_request r = a_request(&p);
    r.env = "[\"TEST_LAUNCH_B=job\"]";
    struct run_spec spec = {.run_id = 77};
    struct err e = {0};
    assert_int_equal(launch_spec(&r, &spec, &e), -EINVAL);
    assert_int_equal(e.code, ERR_INVALID);
    assert_int_equal(spec.run_id, 77); /* written on success only */
}

/* -- the command -- */

static void placeholders_are_filled_and_the_model_is_the_jobs_else_the_profiles(void **state)
{
    (void)state;
    struct agent_profile p = a_profile();
    struct launch_request r = a_request(&p);
    struct run_spec spec = spec_of(&r);
    ASSERT_LIST(spec.args, "agent", "-p", "do it");
    assert_null(spec.model);
    run_spec_deinit(&spec);
    p.model = "small";
    spec = spec_of(&r);
    ASSERT_LIST(spec.args, "agent", "-p", "do it", "--model", "small");
    assert_string_equal(spec.model, "small");
    run_spec_deinit(&spec);
    r.model = "large";
    spec = spec_of(&r);
    ASSERT_LIST(spec.args, "agent", "-p", "do it", "--model", "large");
    assert_string_equal(spec.model, "large");
    run_spec_deinit(&spec);
}

static void a_prompt_is_one_argument_whatever_it_holds(void **state)
{
    (void)state;
    static const char hostile[] = "$(id); `id` \"'\n --model x {model} {args}";
    struct agent_profile p = a_profile();
    struct launch_request r = a_request(&p);
    r.prompt = hostile;
    struct run_spec spec = spec_of(&r);
    ASSERT_LIST(spec.args, "agent", "-p", hostile);
    run_spec_deinit(&spec);
}

static void ids_and_names_of_the_job_can_be_placeholders(void **state)
{
    (void)state;
    char *all[] = {"a",       "{run_id}", "{job_id}",    "{task}",     "{work_item}",
                   "{stage}", "{repo}",   "{repo_path}", "{data_dir}", NULL};
    struct agent_profile p = {.name = "test", .command = all};
    struct launch_request r = a_request(&p);
    r.run_id = 88;
    r.job_id = 61;
    r.task_id = 17;
    r.work_item = "API-42";
    r.stage = "review";
    r.repo = "acme/api";
    struct run_spec spec = spec_of(&r);
    ASSERT_LIST(spec.args, "a", "88", "61", "17", "API-42", "review", "acme/api", "/srv/repos/acme/api",
                data_dir);
    assert_int_equal(spec.run_id, 88);
    assert_int_equal(spec.job_id, 61);
    assert_int_equal(spec.task_id, 17);
    assert_string_equal(spec.repo, "acme/api");
    assert_string_equal(spec.agent, "test");
    assert_string_equal(spec.origin, "queue");
    assert_string_equal(spec.key, KEY);
    run_spec_deinit(&spec);
}

static void args_stand_where_the_profile_says_and_nowhere_else(void **state)
{
    (void)state;
    struct agent_profile p = a_profile();
    struct err e = {0};
    assert_refused_at(&p, "[\"--danger\"]", NULL, NULL, "/args");
    p.command = command_with_args;
    assert_int_equal(launch_check(&p, "[\"-x\"]", NULL, NULL, &e), 0);
    struct launch_request r = a_request(&p);
    r.args = "[\"-x\",\"a b\",\"\",\"{prompt}\"]";
    struct run_spec spec = spec_of(&r);
    ASSERT_LIST(spec.args, "agent", "-x", "a b", "", "{prompt}", "--", "do it");
    run_spec_deinit(&spec);
    r.args = NULL;
    spec = spec_of(&r);
    ASSERT_LIST(spec.args, "agent", "--", "do it");
    run_spec_deinit(&spec);
}

static void an_args_placeholder_inside_an_argument_takes_no_args(void **state)
{
    (void)state;
    char *inside[] = {"agent", "--x={args}", NULL};
    struct agent_profile p = {.name = "test", .command = inside};
    assert_refused_at(&p, "[\"-x\"]", NULL, NULL, "/args");
}

static void a_profile_without_a_command_is_not_launched_but_its_jobs_may_say_anything(void **state)
{
    (void)state;
    struct agent_profile p = {.name = "external"};
    struct launch_request r = a_request(&p);
    struct run_spec spec = {0};
    struct err e = {0};
    assert_int_equal(launch_spec(&r, &spec, &e), -EINVAL);
    assert_int_equal(e.code, ERR_INVALID);
    assert_int_equal(launch_check(&p, "[\"-x\"]", "[\"ANY=1\"]", NULL, &e), 0);
    assert_refused_at(&p, NULL, NULL, "a/../b", "/repo"); /* but for where it works */
    r.profile = NULL;
    assert_int_equal(launch_spec(&r, &spec, &e), -EINVAL);
}

/* -- the working directory -- */

static void a_repo_that_climbs_out_is_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {"..",  "../x",    "a/../../x", "a/..", "/srv/../etc",
                                          "/..", "a//../b", "./..",      ""};
    static const char *const fine[] = {"acme/api", "a..b", "..a/b", "a/...", "/home/me/repo", "a/./b"};
    struct agent_profile p = a_profile();
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        assert_refused_at(&p, NULL, NULL, refused[i], "/repo");
        struct launch_request r = a_request(&p);
        struct run_spec spec = {0};
        struct err e = {0};
        r.repo = refused[i];
        assert_int_equal(launch_spec(&r, &spec, &e), -EINVAL);
    }
    for (size_t i = 0; i < COUNT_OF(fine); i++) {
        struct err e = {0};
        assert_int_equal(launch_check(&p, NULL, NULL, fine[i], &e), 0);
    }
}

static void assert_workdir(const char *template, const char *repo, const char *expected)
{
    struct agent_profile p = a_profile();
    p.workdir = template;
    struct launch_request r = a_request(&p);
    r.repo = repo;
    struct run_spec spec = spec_of(&r);
    assert_string_equal(spec.workdir, expected);
    run_spec_deinit(&spec);
}

static void the_workdir_is_the_profiles_and_a_relative_repo_lies_below_repo_root(void **state)
{
    (void)state;
    assert_workdir("/opt/x", NULL, "/opt/x");
    assert_workdir("{repo_path}", "acme/api", "/srv/repos/acme/api");
    assert_workdir("{repo_path}/src", "acme/api", "/srv/repos/acme/api/src");
    assert_workdir("{repo_path}", "/home/me/repo", "/home/me/repo");
    assert_workdir("/work/{repo}", "acme/api", "/work/acme/api");
}

static void without_a_workdir_or_the_repo_it_needs_the_data_directory_has_one(void **state)
{
    (void)state;
    char fallback[64];
    struct stat st;
    (void)snprintf(fallback, sizeof(fallback), "%s/work", data_dir);
    assert_workdir(NULL, NULL, fallback);
    assert_int_equal(stat(fallback, &st), 0); /* and it is there */
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_workdir(NULL, "acme/api", fallback);
    assert_workdir("{repo_path}", NULL, fallback);
    assert_workdir("{repo_path}/src", NULL, fallback);
    assert_workdir("/work/{repo}", NULL, fallback);
}

static void a_data_directory_that_is_gone_is_said(void **state)
{
    (void)state;
    struct agent_profile p = a_profile();
    struct launch_request r = a_request(&p);
    struct run_spec spec = {0};
    struct err e = {0};
    r.data_dir = "/nonexistent/muster";
    assert_int_equal(launch_spec(&r, &spec, &e), -ENOENT);
    assert_non_null(strstr(e.text, "/nonexistent/muster/work"));
}

/* -- limits -- */

static void the_jobs_timeout_goes_before_the_profiles_and_a_small_one_is_not_none(void **state)
{
    (void)state;
    static const struct {
        int64_t job_us, profile_us, expected_ms;
    } rows[] = {{0, 0, 0}, {0, 90000000, 90000}, {5000000, 90000000, 5000},
                {1, 0, 1}, {1001, 0, 2},         {2000, 0, 2}};
    struct agent_profile p = a_profile();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct launch_request r = a_request(&p);
        p.timeout_us = rows[i].profile_us;
        r.timeout_us = rows[i].job_us;
        struct run_spec spec = spec_of(&r);
        assert_int_equal(spec.timeout_ms, rows[i].expected_ms);
        run_spec_deinit(&spec);
    }
}

static void the_profile_says_how_a_run_is_stopped_fed_and_bounded(void **state)
{
    (void)state;
    struct agent_profile p = a_profile();
    struct launch_request r = a_request(&p);
    struct run_spec spec = spec_of(&r);
    assert_string_equal(spec.stdin_path, "null"); /* Q13 */
    run_spec_deinit(&spec);
    p.stdin_path = "/srv/input";
    p.stop_signal = SIGINT;
    p.grace_us = 20000000;
    p.output_max_bytes = 4096;
    r.now_us = 1795316645123456;
    spec = spec_of(&r);
    assert_string_equal(spec.stdin_path, "/srv/input");
    assert_int_equal(spec.stop_signal, SIGINT);
    assert_int_equal(spec.grace_ms, 20000);
    assert_int_equal(spec.output_max_bytes, 4096);
    assert_int_equal(spec.created_at_us, 1795316645123456);
    assert_false(spec.terminal);
    run_spec_deinit(&spec);
}

/* -- starting the shim -- */

/* cat stands for the shim: it opens what it is given, a FIFO, and so waits until it has been looked at. */
static void the_shim_has_a_session_of_its_own_an_empty_environment_and_the_directory(void **state)
{
    (void)state;
    char fifo[128], environment[64], byte;
    struct err e = {0};
    int64_t pid = 0;
    (void)snprintf(fifo, sizeof(fifo), "%s/%s", data_dir, KEY);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(launch_spawn("/bin/cat", data_dir, KEY, &pid, &e), 0);
    int fd = open(fifo, O_WRONLY | O_CLOEXEC); /* returns once it has opened it too */
    assert_true(fd >= 0);
    assert_int_equal(getsid((pid_t)pid), pid);
    (void)snprintf(environment, sizeof(environment), "/proc/%lld/environ", (long long)pid);
    int environ_fd = open(environment, O_RDONLY | O_CLOEXEC);
    assert_true(environ_fd >= 0);
    assert_int_equal(read(environ_fd, &byte, 1), 0);
    (void)close(environ_fd);
    (void)close(fd);
    int status;
    assert_int_equal(waitpid((pid_t)pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(unlink(fifo), 0);
}

static void a_shim_that_is_not_there_is_said(void **state)
{
    (void)state;
    struct err e = {0};
    int64_t pid = -5;
    assert_int_equal(launch_spawn(NULL, data_dir, KEY, &pid, &e), -ENOENT);
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_int_equal(launch_spawn("/nonexistent/muster-shim", data_dir, KEY, &pid, &e), -ENOENT);
    assert_non_null(strstr(e.text, "/nonexistent/muster-shim"));
    assert_int_equal(pid, -5);
}

static int set_up(void **state)
{
    (void)state;
    (void)setenv("TEST_LAUNCH_A", "node a", 1);
    (void)setenv("TEST_LAUNCH_B", "node b", 1);
    (void)setenv("TEST_LAUNCH_SECRET", "must not pass", 1);
    (void)unsetenv("TEST_LAUNCH_UNSET");
    return mkdtemp(data_dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char work[64];
    (void)snprintf(work, sizeof(work), "%s/work", data_dir);
    (void)rmdir(work);
    return rmdir(data_dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_named_variables_pass),
        cmocka_unit_test(without_env_pass_the_mark_is_all_there_is),
        cmocka_unit_test(the_job_wins_over_the_profile_and_the_profile_over_the_node),
        cmocka_unit_test(a_variable_that_begins_like_another_does_not_replace_it),
        cmocka_unit_test(nobody_can_set_the_mark),
        cmocka_unit_test(a_variable_that_env_pass_does_not_name_is_refused_by_its_pointer),
        cmocka_unit_test(a_job_that_came_before_env_pass_was_narrowed_is_not_started),
        cmocka_unit_test(placeholders_are_filled_and_the_model_is_the_jobs_else_the_profiles),
        cmocka_unit_test(a_prompt_is_one_argument_whatever_it_holds),
        cmocka_unit_test(ids_and_names_of_the_job_can_be_placeholders),
        cmocka_unit_test(args_stand_where_the_profile_says_and_nowhere_else),
        cmocka_unit_test(an_args_placeholder_inside_an_argument_takes_no_args),
        cmocka_unit_test(a_profile_without_a_command_is_not_launched_but_its_jobs_may_say_anything),
        cmocka_unit_test(a_repo_that_climbs_out_is_refused),
        cmocka_unit_test(the_workdir_is_the_profiles_and_a_relative_repo_lies_below_repo_root),
        cmocka_unit_test(without_a_workdir_or_the_repo_it_needs_the_data_directory_has_one),
        cmocka_unit_test(a_data_directory_that_is_gone_is_said),
        cmocka_unit_test(the_jobs_timeout_goes_before_the_profiles_and_a_small_one_is_not_none),
        cmocka_unit_test(the_profile_says_how_a_run_is_stopped_fed_and_bounded),
        cmocka_unit_test(the_shim_has_a_session_of_its_own_an_empty_environment_and_the_directory),
        cmocka_unit_test(a_shim_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
