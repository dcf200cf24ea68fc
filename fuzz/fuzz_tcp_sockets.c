/* fuzz_tcp_sockets.c -- any bytes as a datagram of sock_diag and as a text of /proc/net/tcp: nothing is read
 * beyond the end, what is taken has an inode, and a text cut at a line gives the same as its parts. */
#include "io/tcp_sockets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct tcp_sockets *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->at[i].inode == 0 || t->at[i].received_bytes < -1 || t->at[i].last_receive_us < -1)
            abort();
}

static void check_text(struct str text, bool is_v6)
{
    struct tcp_sockets whole = {0}, parts = {0};
    const char *end = text.n ? memchr(text.p, '\n', text.n) : NULL;
    size_t head = end ? (size_t)(end - text.p) + 1 : 0;
    tcp_sockets_parse_proc(&whole, text, is_v6);
    tcp_sockets_parse_proc(&parts, (struct str){text.p, head}, is_v6);
    tcp_sockets_parse_proc(&parts, (struct str){text.p + head, text.n - head}, is_v6);
    check(&whole);
    if (whole.count != parts.count ||
        (whole.count && memcmp(whole.at, parts.at, whole.count * sizeof(*whole.at))))
        abort();
    tcp_sockets_sort(&whole);
    for (size_t i = 0; i < whole.count; i++)
        if (!tcp_sockets_find(&whole, whole.at[i].inode))
            abort();
    tcp_sockets_deinit(&whole);
    tcp_sockets_deinit(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tcp_sockets t = {0};
    struct str bytes = {(const char *)data, size};
    int rc = tcp_sockets_parse_diag(&t, bytes);
    if (rc > 1)
        abort();
    check(&t);
    tcp_sockets_deinit(&t);
    check_text(bytes, false);
    check_text(bytes, true);
    return 0;
}
