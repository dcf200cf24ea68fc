/* fuzz_git_entries.c -- what git status writes: cut at any byte it counts the same, and never more than there
 * are ends. */
#include "io/git_status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct git_entries count(const uint8_t *data, size_t size, size_t cut)
{
    struct git_entries e = {0};
    git_entries_add(&e, (struct str){(const char *)data, cut});
    git_entries_add(&e, (struct str){(const char *)data + cut, size - cut});
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct git_entries whole = count(data, size, size);
    int64_t ends = 0;
    for (size_t i = 0; i < size; i++)
        ends += data[i] == '\0';
    assert(whole.modified >= 0 && whole.untracked >= 0 && whole.modified + whole.untracked <= ends);
    for (size_t cut = 0; cut <= size; cut += size / 16 + 1) {
        struct git_entries parts = count(data, size, cut);
        assert(parts.modified == whole.modified && parts.untracked == whole.untracked);
    }
    return 0;
}
