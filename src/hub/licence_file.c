#include "hub/licence_file.h"

#include "base/json.h"
#include "base/sign.h"

int licence_file_open(struct str document, const char *public_key, struct licence *ret, struct err *e)
{
    CLEANUP(buf_deinit) struct buf payload = BUF_INIT;
    CLEANUP(buf_deinit) struct buf signature = BUF_INIT;
    int rc = licence_unwrap(document, &payload, &signature, e);
    if (rc)
        return rc;
    if (!sign_verify(str_of(public_key), buf_str(&payload), buf_str(&signature)))
        return err_set_at(e, ERR_INVALID, -EINVAL, "/signature",
                          "the signature is not that of this licence under the hub's licence key");
    return licence_parse(buf_str(&payload), ret, e);
}

int licence_file_sign(struct str payload, const char *private_key, struct buf *out, struct err *e)
{
    char signature[SIGN_HEX];
    struct licence checked;
    struct json_writer w;
    int rc = licence_parse(payload, &checked, e);
    if (rc)
        return rc;
    if (!sign_make(str_of(private_key), payload, signature))
        return err_set(e, ERR_INVALID, -EINVAL, "the private key is not 64 hex digits");
    json_init(&w, out);
    json_object_begin(&w);
    json_kv_str(&w, "payload", payload);
    json_kv_text(&w, "signature", signature);
    json_object_end(&w);
    buf_add_char(out, '\n');
    return 0;
}
