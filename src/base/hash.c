#include "base/hash.h"

#include "base/parse.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <sys/random.h>
#include <xxhash.h>

void hash_sha256(struct str data, uint8_t ret[HASH_SHA256_BYTES])
{
    (void)SHA256((const unsigned char *)(data.n ? data.p : ""), data.n, ret);
}

void hash_sha256_hex(struct str data, char ret[HASH_SHA256_HEX])
{
    uint8_t digest[HASH_SHA256_BYTES];
    hash_sha256(data, digest);
    parse_hex(digest, sizeof(digest), ret);
}

void hash_hmac_sha256_hex(struct str key, struct str data, char ret[HASH_SHA256_HEX])
{
    uint8_t digest[HASH_SHA256_BYTES];
    const void *done =
        HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)data.p, data.n, digest, NULL);
    assert(done);
    parse_hex(digest, sizeof(digest), ret);
}

/* Digests of both sides are compared, so that neither the length nor the place of the first difference shows.
 */
bool hash_equal_constant_time(struct str a, struct str b)
{
    uint8_t da[HASH_SHA256_BYTES], db[HASH_SHA256_BYTES];
    hash_sha256(a, da);
    hash_sha256(b, db);
    return CRYPTO_memcmp(da, db, sizeof(da)) == 0 && a.n == b.n;
}

void hash_random(uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        assert(got > 0);
        p += got;
        n -= (size_t)got;
    }
}

double hash_random_unit(void)
{
    uint64_t bits;
    hash_random((uint8_t *)&bits, sizeof(bits));
    return (double)(bits >> 11) * 0x1.0p-53;
}

uint64_t hash_xx(struct str data)
{
    return XXH3_64bits(data.n ? data.p : "", data.n);
}

void hash_random_hex(size_t bytes, char *ret)
{
    uint8_t raw[64];
    assert(bytes <= sizeof(raw));
    hash_random(raw, bytes);
    parse_hex(raw, bytes, ret);
}
