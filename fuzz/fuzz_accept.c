/* fuzz_accept.c -- accept_format over any bytes: it stays inside the header, and what RFC 9110 calls the same
 * is the same: letters of either case, and spaces around the commas. */
#include "node/metrics/accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char other_case(char c)
{
    if (c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 'A');
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str header = {(const char *)data, size};
    enum metrics_format format = accept_format(header);
    char *same = malloc(size + 2);
    if (!same || (int)format < 0 || (int)format >= METRICS_FORMAT_COUNT)
        abort();
    for (size_t i = 0; i < size; i++)
        same[i + 1] = other_case(header.p[i]);
    same[0] = same[size + 1] = ' ';
    if (accept_format((struct str){same, size + 2}) != format)
        abort();
    free(same);
    return 0;
}
