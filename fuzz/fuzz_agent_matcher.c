/* fuzz_agent_matcher.c -- any bytes as a command line: split inside its bounds, put together again the same,
 * and matched to a name of the table or to none. */
#include "base/buf.h"
#include "core/agent_matcher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct agent_process p = {.comm = STR("node"), .exe = STR("/usr/bin/node")};
    struct buf again = BUF_INIT;
    agent_process_args(&p, (struct str){(const char *)data, size});
    for (size_t i = 0; i < p.arg_count; i++) {
        buf_add_str(&again, p.args[i]);
        buf_add_char(&again, '\0');
    }
    if (p.arg_count < AGENT_ARGS_MAX && again.n != size && again.n != size + 1)
        abort();
    if (memcmp(again.p, data, size < again.n ? size : again.n - (again.n > size)) != 0)
        abort();
    struct str vendor = agent_match(&p, NULL);
    if (vendor.p && (vendor.n == 0 || vendor.n > 20))
        abort();
    buf_deinit(&again);
    return 0;
}
