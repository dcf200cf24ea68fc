/* fuzz_transcript_tail.c -- any bytes as the end of a transcript and as Claude's registry: what comes out is
 * one of the turns there are, and a cut first line changes nothing. */
#include "node/fleet/transcript_tail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *vendor, struct str bytes)
{
    struct transcript_tail plain, cut;
    struct buf with_head = BUF_INIT;
    transcript_tail_parse(vendor, bytes, &plain);
    if (plain.turn > TURN_ENDED || plain.same_calls < 0 || (plain.retries && plain.is_limited))
        abort();
    buf_add_text(&with_head, "cut\"}\n");
    buf_add_str(&with_head, bytes);
    transcript_tail_parse(vendor, buf_str(&with_head), &cut);
    if (cut.turn != plain.turn || cut.same_calls != plain.same_calls || cut.retries != plain.retries ||
        cut.is_limited != plain.is_limited)
        abort();
    buf_deinit(&with_head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    struct claude_session session;
    check("claude", bytes);
    check("codex", bytes);
    check("gemini", bytes);
    if (claude_session_parse(bytes, &session) && (session.id[0] == '\0' || session.turn > TURN_ENDED))
        abort();
    return 0;
}
