/* certificate.h -- a certificate for localhost and its key, made for one run of a test. */
#pragma once
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>

static inline bool certificate_add(X509 *x, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static inline bool certificate_fill(X509 *x, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(x);
    return X509_set_version(x, 2) && ASN1_INTEGER_set(X509_get_serialNumber(x), 1) &&
           X509_gmtime_adj(X509_getm_notBefore(x), -86400) && X509_gmtime_adj(X509_getm_notAfter(x), 86400) &&
           X509_set_pubkey(x, key) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                                      0) &&
           X509_set_issuer_name(x, name) && certificate_add(x, NID_basic_constraints, "critical,CA:TRUE") &&
           certificate_add(x, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1") &&
           X509_sign(x, key, EVP_sha256()) > 0;
}

/* Writes both as PEM; false when anything fails. */
static inline bool certificate_write(const char *certificate_path, const char *key_path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    FILE *c = fopen(certificate_path, "w"), *k = fopen(key_path, "w");
    bool ok = key && x && c && k && certificate_fill(x, key) && PEM_write_X509(c, x) == 1 &&
              PEM_write_PrivateKey(k, key, NULL, NULL, 0, NULL, NULL) == 1;
    if (c)
        (void)fclose(c);
    if (k)
        (void)fclose(k);
    X509_free(x);
    EVP_PKEY_free(key);
    return ok;
}
