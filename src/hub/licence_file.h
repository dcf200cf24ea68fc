/* licence_file.h -- a signed licence: made by who sells, checked by who is given it (spec 80 H10).
 *
 * The document is {"payload": "…", "signature": "…"}: the payload is a text and is signed byte for byte, so
 * that nothing about it can change, white space included.  Any thread. */
#pragma once
#include "core/licence.h"

#include "base/buf.h"

/* 0, and *ret is what was signed.  Else why not. */
MUST_CHECK int licence_file_open(struct str document, const char *public_key, struct licence *ret,
                                 struct err *e);
/* The payload must be a licence. */
MUST_CHECK int licence_file_sign(struct str payload, const char *private_key, struct buf *out, struct err *e);
