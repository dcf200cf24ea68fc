/* fuzz_export_line.c -- any bytes as a line of an exported file: refused, or three texts; and its signature
 * holds for exactly its body. */
#include "base/hash.h"
#include "hub/export_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct export_line line = {0};
    struct err e = {0};
    char signature[HASH_SHA256_HEX];
    arena_init(&a);
    if (export_line_parse((struct str){(const char *)data, size}, &a, &line, &e) == 0) {
        must(line.instance_id.n > 0 && line.body.n > 0 && line.signature.n == 64);
        bool held = export_line_signed_by(&line, "key");
        hash_hmac_sha256_hex(STR("key"), line.body, signature);
        must(held == str_equal(line.signature, str_of(signature)));
        line.signature = str_of(signature);
        must(export_line_signed_by(&line, "key") && !export_line_signed_by(&line, "kez"));
    } else {
        must(e.text[0]);
    }
    arena_reset(&a);
    return 0;
}
