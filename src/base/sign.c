#include "base/sign.h"

#include "base/hash.h"
#include "base/parse.h"

#include <openssl/evp.h>

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool from_hex(struct str hex, uint8_t *ret, size_t n)
{
    if (hex.n != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = digit_of(hex.p[2 * i]), low = digit_of(hex.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool sign_is_key(struct str hex)
{
    uint8_t key[SIGN_KEY_BYTES];
    return from_hex(hex, key, sizeof(key));
}

void sign_new_key(char ret_private[SIGN_KEY_HEX])
{
    hash_random_hex(SIGN_KEY_BYTES, ret_private);
}

static EVP_PKEY *private_key(struct str hex)
{
    uint8_t seed[SIGN_KEY_BYTES];
    return from_hex(hex, seed, sizeof(seed))
               ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed))
               : NULL;
}

bool sign_public_of(struct str private_hex, char ret_public[SIGN_KEY_HEX])
{
    uint8_t public_key[SIGN_KEY_BYTES];
    size_t n = sizeof(public_key);
    EVP_PKEY *key = private_key(private_hex);
    bool ok = key && EVP_PKEY_get_raw_public_key(key, public_key, &n) == 1 && n == sizeof(public_key);
    EVP_PKEY_free(key);
    if (ok)
        parse_hex(public_key, sizeof(public_key), ret_public);
    return ok;
}

bool sign_make(struct str private_hex, struct str data, char ret_signature[SIGN_HEX])
{
    uint8_t signature[SIGN_BYTES];
    size_t n = sizeof(signature);
    EVP_PKEY *key = private_key(private_hex);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = key && context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestSign(context, signature, &n, (const uint8_t *)data.p, data.n) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    if (ok)
        parse_hex(signature, sizeof(signature), ret_signature);
    return ok;
}

bool sign_verify(struct str public_hex, struct str data, struct str signature_hex)
{
    uint8_t public_key[SIGN_KEY_BYTES], signature[SIGN_BYTES];
    if (!from_hex(public_hex, public_key, sizeof(public_key)) ||
        !from_hex(signature_hex, signature, sizeof(signature)))
        return false;
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, sizeof(public_key));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = key && context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestVerify(context, signature, sizeof(signature), (const uint8_t *)data.p, data.n) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return ok;
}
