#include "cli/run_output.h"

#include "cli/rows.h"

#include <unistd.h>

/* Of the control character at p, in bytes: those of ASCII but the tab, and U+0080 to U+009F in UTF-8. */
static size_t control_length(const char *p, size_t left)
{
    unsigned char c = (unsigned char)p[0];
    if ((c < 0x20 && c != '\t') || c == 0x7f)
        return 1;
    return c == 0xc2 && left > 1 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0 ? 2 : 0;
}

static void print_safely(FILE *out, const char *p, size_t n)
{
    while (n > 0) {
        size_t control = control_length(p, n), step = control ? control : 1;
        (void)fputc(control ? '?' : *p, out);
        p += step;
        n -= step;
    }
}

static void print_line(const json_t *line)
{
    const json_t *text = json_object_get(line, "text");
    const char *stream = json_string_value(json_object_get(line, "stream"));
    FILE *out = stream && strcmp(stream, "stderr") == 0 ? stderr : stdout;
    const char *p = json_string_value(text);
    if (p && isatty(fileno(out)))
        print_safely(out, p, json_string_length(text));
    else if (p)
        (void)fwrite(p, 1, json_string_length(text), out);
    if (!json_is_true(json_object_get(line, "partial")))
        (void)fputc('\n', out);
}

int run_output_show(const struct invocation *in, int64_t run_id)
{
    struct buf path = BUF_INIT;
    struct reply r;
    buf_printf(&path, "/api/v1/runs/%lld/output?bytes=1048576", (long long)run_id);
    int rc = client_call(in, "GET", path.p, NULL, &r);
    buf_deinit(&path);
    if (rc != 0)
        return rc;
    const json_t *lines = json_object_get(r.json, "lines"), *line;
    size_t i;
    if (rows_want_json(in))
        rows_print_raw(&r);
    else
        json_array_foreach(lines, i, line) print_line(line);
    reply_deinit(&r);
    return EXIT_DONE;
}
