/* hash.h -- digests, secrets and randomness, from OpenSSL and the kernel.  Any thread. */
#pragma once
#include "base/str.h"

#define HASH_SHA256_BYTES 32
#define HASH_SHA256_HEX (2 * HASH_SHA256_BYTES + 1)

void hash_sha256(struct str data, uint8_t ret[HASH_SHA256_BYTES]);
void hash_sha256_hex(struct str data, char ret[HASH_SHA256_HEX]); /* lower case, NUL-terminated */
/* RFC 2104 with SHA-256. */
void hash_hmac_sha256_hex(struct str key, struct str data, char ret[HASH_SHA256_HEX]);
/* In time that depends on the length of `a` alone. */
bool hash_equal_constant_time(struct str a, struct str b);
void hash_random(uint8_t *p, size_t n); /* getrandom(2), never fails */
double hash_random_unit(void);          /* uniform in [0, 1): for jitter, not for secrets */
uint64_t hash_xx(struct str data);      /* XXH3: for ETags and caches, not for secrets */
/* `bytes` random bytes as lower-case hex and a NUL. */
void hash_random_hex(size_t bytes, char *ret);
