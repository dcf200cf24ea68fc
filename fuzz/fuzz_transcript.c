/* fuzz_transcript.c -- a line of a transcript, as each format's scanner and as a DOM read it (spec 60 T3,
 * T4).
 *
 * Where jansson finds an object, the scanner finds it whole, and every value that a table names is the one in
 * the DOM; where jansson finds none, neither does the scanner.  Left out is what jansson refuses beyond the
 * grammar: numbers too large for it, NUL in a key, lone surrogates.  And what the quick look at a Codex line
 * says no to holds nothing that counts. */
#include "transcripts/usage_line.h"

#include "dom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void same_value(const struct json_value *v, const struct dom *d)
{
    char kind = dom_kind(d);
    static const char kinds[] = {
        [JSON_ABSENT] = '-', [JSON_NULL] = 'n',   [JSON_FALSE] = 'f',  [JSON_TRUE] = 't',
        [JSON_NUMBER] = '0', [JSON_STRING] = 's', [JSON_OBJECT] = 'o', [JSON_ARRAY] = 'a'};
    must(kinds[v->kind] == kind);
    int64_t number, expected;
    if (kind == '0' && dom_integer(d, &expected) && v->raw.p[0] != '-')
        must(json_value_i64(v, &number) && number == expected);
    if (kind == 's') {
        struct buf text = BUF_INIT;
        json_value_decode(v, SIZE_MAX / 2, &text);
        size_t n;
        const char *p = dom_text(d, &n);
        must(text.n == n && (n == 0 || memcmp(text.p, p, n) == 0));
        buf_deinit(&text);
    }
}

static void same_values(const struct json_path *paths, const struct json_value *values,
                        const struct dom *object)
{
    for (const struct json_path *p = paths; p && p->name; p++) {
        const struct dom *d = dom_get(object, p->name);
        if (p->slot != JSON_NO_SLOT)
            same_value(&values[p->slot], d);
        same_values(p->below, values, d);
    }
}

static void check(struct str text, const struct json_path *paths)
{
    struct json_value values[CODEX_SLOTS] = {{0}};
    struct json_scan scan;
    enum json_outcome rc = json_scan_object(text, paths, values, &scan);
    bool whole = rc == JSON_WHOLE && json_scan_is_utf8(text) &&
                 str_empty(str_trim((struct str){scan.end, (size_t)(text.p + text.n - scan.end)}));
    enum dom_outcome outcome;
    struct dom *dom = dom_read(text.p, text.n, &outcome);
    if (dom && dom_kind(dom) == 'o' && rc != JSON_TOO_DEEP) {
        must(whole);
        same_values(paths, values, dom);
    } else if (whole && !scan.has_lone_surrogate) {
        must(outcome == DOM_BEYOND_GRAMMAR);
    }
    dom_free(dom);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {size ? (const char *)data : "", size};
    must(json_scan_is_utf8(text) == str_is_utf8(text));
    must(json_scan_find(text, STR("\"usage\"")) == str_find(text, STR("\"usage\"")));
    check(text, claude_paths);
    check(text, gemini_paths);
    check(text, codex_paths);
    struct codex_line line;
    struct json_scan scan;
    if (!codex_line_may_count(text) && codex_line_read(text, &line, &scan) == JSON_WHOLE &&
        !memchr(text.p, '\\', text.n))
        must(line.kind != CODEX_REPORT || scan.has_duplicate);
    return 0;
}
