/* fuzz_licence.c -- any bytes as a licence and as a licence file: refused, or within bounds; and never good
 * under a key that did not sign it.  What is a licence can be signed, and is then good under that key alone.
 */
#include "base/buf.h"
#include "base/sign.h"
#include "hub/licence_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60" /* RFC 8032 §7.1 */

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct licence *l)
{
    must(l->max_agents >= LICENCE_UNLIMITED && l->max_servers >= LICENCE_UNLIMITED && l->grace_us >= 0);
    must(!l->instance_id[0] != !l->group[0] && l->feature_count <= LICENCE_FEATURES_MAX);
}

static void check_signed(struct str text, const char *public_key)
{
    struct buf file = BUF_INIT;
    struct licence l;
    struct err e;
    must(licence_file_sign(text, KEY, &file, &e) == 0);
    must(licence_file_open(buf_str(&file), public_key, &l, &e) == 0);
    check(&l);
    buf_deinit(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char public_key[SIGN_KEY_HEX];
    struct licence l;
    struct err e = {0};
    struct str text = {(const char *)data, size};
    must(sign_public_of(STR(KEY), public_key));
    must(licence_file_open(text, public_key, &l, &e) != 0);
    if (licence_parse(text, &l, &e) != 0)
        return 0;
    check(&l);
    if (!memchr(data, 0, size))
        check_signed(text, public_key);
    return 0;
}
