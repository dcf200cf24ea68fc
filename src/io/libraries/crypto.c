/* crypto.c -- OpenSSL's libcrypto (io/library.h). */
#include "io/library.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

/* clang-format off */
#define FUNCTIONS(F)                                                                                                   \
    F(int, CRYPTO_memcmp, (const void *a, const void *b, size_t n), (a, b, n))                                         \
    F(unsigned char *, SHA256, (const unsigned char *data, size_t n, unsigned char *digest), (data, n, digest))        \
    F(unsigned char *, HMAC, (const EVP_MD *type, const void *key, int key_n, const unsigned char *data, size_t n,     \
      unsigned char *code, unsigned *code_n), (type, key, key_n, data, n, code, code_n))                               \
    F(const EVP_MD *, EVP_sha256, (void), ())                                                                          \
    F(EVP_MD_CTX *, EVP_MD_CTX_new, (void), ())                                                                        \
    F(void, EVP_MD_CTX_free, (EVP_MD_CTX *c), (c))                                                                     \
    F(EVP_PKEY *, EVP_PKEY_new_raw_private_key, (int type, ENGINE *e, const unsigned char *key, size_t n),             \
      (type, e, key, n))                                                                                               \
    F(EVP_PKEY *, EVP_PKEY_new_raw_public_key, (int type, ENGINE *e, const unsigned char *key, size_t n),              \
      (type, e, key, n))                                                                                               \
    F(int, EVP_PKEY_get_raw_public_key, (const EVP_PKEY *key, unsigned char *raw, size_t *n), (key, raw, n))           \
    F(void, EVP_PKEY_free, (EVP_PKEY *key), (key))                                                                     \
    F(int, EVP_DigestSignInit, (EVP_MD_CTX *c, EVP_PKEY_CTX **ret, const EVP_MD *type, ENGINE *e, EVP_PKEY *key),      \
      (c, ret, type, e, key))                                                                                          \
    F(int, EVP_DigestSign, (EVP_MD_CTX *c, unsigned char *signature, size_t *signature_n, const unsigned char *data,   \
      size_t n), (c, signature, signature_n, data, n))                                                                 \
    F(int, EVP_DigestVerifyInit, (EVP_MD_CTX *c, EVP_PKEY_CTX **ret, const EVP_MD *type, ENGINE *e, EVP_PKEY *key),    \
      (c, ret, type, e, key))                                                                                          \
    F(int, EVP_DigestVerify, (EVP_MD_CTX *c, const unsigned char *signature, size_t signature_n,                       \
      const unsigned char *data, size_t n), (c, signature, signature_n, data, n))
#define VARIADIC(F)
/* clang-format on */
LIBRARY(crypto, LIBRARY_FILE_CRYPTO, "libssl3")
