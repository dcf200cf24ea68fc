#include "hub/export_line.h"

#include "base/hash.h"
#include "hub/report_body.h"

const struct json_field export_line_fields[] = {
    {"instance_id", JSON_FIELD_TEXT, offsetof(struct export_line, instance_id), .required = true, .min = 1,
     .max = 128, .doc = "Whose report it is."},
    {"body", JSON_FIELD_TEXT, offsetof(struct export_line, body), .required = true, .min = 1,
     .max = (int64_t)REPORT_BODY_MAX, .doc = "The report, byte for byte."},
    {"signature", JSON_FIELD_TEXT, offsetof(struct export_line, signature), .required = true, .min = 64,
     .max = 64, .doc = "HMAC-SHA-256 of it, keyed with the SHA-256 of the instance's key."},
    {0}};

int export_line_parse(struct str text, struct arena *a, struct export_line *ret, struct err *e)
{
    return json_fields_decode(export_line_fields, text, a, ret, e);
}

bool export_line_signed_by(const struct export_line *line, const char *key_hash)
{
    char expected[HASH_SHA256_HEX];
    hash_hmac_sha256_hex(str_of(key_hash), line->body, expected);
    return hash_equal_constant_time(str_of(expected), line->signature);
}
