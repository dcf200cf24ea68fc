/* fuzz_rundir.c -- the files of a run's directory from any bytes: parse(print(x)) == x.
 *
 * The first byte chooses the file, the rest is its text.  Two records are equal when they print the same. */
#include "run/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool ok)
{
    if (!ok)
        abort();
}

static void check_spec(struct str text)
{
    struct run_spec first, second;
    struct buf one = BUF_INIT, two = BUF_INIT;
    if (!record_parse_spec(text, &first))
        return;
    record_print_spec(&first, &one);
    demand(record_parse_spec(buf_str(&one), &second));
    record_print_spec(&second, &two);
    demand(str_equal(buf_str(&one), buf_str(&two)));
    demand(first.args[0] && first.env && first.workdir && first.origin && first.agent && first.stdin_path);
    run_spec_deinit(&first);
    run_spec_deinit(&second);
    buf_deinit(&one);
    buf_deinit(&two);
}

static void check_result(struct str text)
{
    struct run_result first, second;
    struct buf one = BUF_INIT, two = BUF_INIT;
    if (!record_parse_result(text, &first))
        return;
    record_print_result(&first, &one);
    demand(record_parse_result(buf_str(&one), &second));
    record_print_result(&second, &two);
    demand(str_equal(buf_str(&one), buf_str(&two)));
    buf_deinit(&one);
    buf_deinit(&two);
}

static void check_process(struct str text)
{
    struct run_process p;
    if (record_parse_shim(text, &p))
        demand(p.pid > 0 && p.start_ticks > 0 && memchr(p.boot_id, '\0', sizeof(p.boot_id)));
    if (record_parse_agent(text, &p))
        demand(p.pid > 0 && p.pgid > 0 && memchr(p.cgroup, '\0', sizeof(p.cgroup)));
}

/* What was split off is the line's tail, and a printed line is read as what it was printed from. */
static void check_output(struct str line)
{
    struct run_output_line first, second;
    struct buf printed = BUF_INIT;
    if (!rundir_parse_output(line, &first))
        return;
    demand(first.text.n <= line.n && first.text.p + first.text.n == line.p + line.n);
    buf_printf(&printed, "%lld %c %c ", (long long)first.at_us, first.is_stderr ? 'e' : 'o',
               first.is_partial ? 'P' : 'F');
    buf_add_str(&printed, first.text);
    demand(rundir_parse_output(buf_str(&printed), &second));
    demand(first.at_us == second.at_us && first.is_stderr == second.is_stderr &&
           first.is_partial == second.is_partial && str_equal(first.text, second.text));
    buf_deinit(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const checks[])(struct str) = {check_spec, check_result, check_process, check_output};
    if (size > 0)
        checks[data[0] % COUNT_OF(checks)]((struct str){(const char *)data + 1, size - 1});
    return 0;
}
