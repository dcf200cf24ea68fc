/* fuzz_schedule_state.c -- state files of the scheduler with any bytes.
 *
 * A file is taken whole or not at all: nothing is told of one that is refused; and every value that is told
 * is an object with a name. */
#include "base/base.h"
#include "scheduler/state_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void found(void *arg, struct str name, const json_t *value)
{
    size_t *count = arg;
    if (!json_is_object(value) || (name.n && !name.p))
        abort();
    ++*count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count = 0;
    int64_t sequence = 0;
    if (!state_file_parse((struct str){(const char *)data, size}, found, &count, &sequence) && count > 0)
        abort();
    return 0;
}
