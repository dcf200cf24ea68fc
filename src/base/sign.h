/* sign.h -- Ed25519 signatures (RFC 8032), by OpenSSL.  Keys and signatures travel as lower-case hex.  Any
 * thread. */
#pragma once
#include "base/str.h"

#define SIGN_KEY_BYTES 32
#define SIGN_KEY_HEX (2 * SIGN_KEY_BYTES + 1)
#define SIGN_BYTES 64
#define SIGN_HEX (2 * SIGN_BYTES + 1)

void sign_new_key(char ret_private[SIGN_KEY_HEX]);
/* False when `private_hex` is no key. */
MUST_CHECK bool sign_public_of(struct str private_hex, char ret_public[SIGN_KEY_HEX]);
MUST_CHECK bool sign_make(struct str private_hex, struct str data, char ret_signature[SIGN_HEX]);
/* False for whatever is not the signature of exactly this data. */
MUST_CHECK bool sign_verify(struct str public_hex, struct str data, struct str signature_hex);
bool sign_is_key(struct str hex); /* has the form of one */
