#include "core/timezone.h"

#include "base/clock.h"
#include "core/civil.h"
#include "core/timezone_rule.h"

/* Wider than any step of a clock so far: 24 hours, where a country changed sides of the date line. */
#define WINDOW_S (3 * CIVIL_DAY_S)

struct timezone {
    int64_t *at_s; /* transitions, ascending; owned */
    int *offset_s; /* from that transition on; owned */
    size_t count;  /* of both */
    int first_s;   /* offset before the first transition */
    bool has_rule; /* from the last transition on */
    struct timezone_rule rule;
};

const struct timezone *timezone_utc(void)
{
    static const struct timezone utc;
    return &utc;
}

struct timezone *timezone_free(struct timezone *z)
{
    if (!z)
        return NULL;
    free(z->at_s);
    free(z->offset_s);
    free(z);
    return NULL;
}

/* -- TZif -- */

#define HEADER_BYTES 44
#define TYPES_MAX 256

struct header {
    char version;
    uint32_t isut, isstd, leap, times, types, chars;
};

static uint32_t big32(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int64_t time_of(const char *p, size_t width)
{
    return width == 4 ? (int32_t)big32(p) : (int64_t)((uint64_t)big32(p) << 32 | big32(p + 4));
}

static int bad(struct err *e, const char *why)
{
    return err_set(e, ERR_INVALID, -EINVAL, "not a time zone file: %s", why);
}

static struct str behind(struct str s, size_t n)
{
    return (struct str){s.p + n, s.n - n};
}

static int read_header(struct str bytes, struct header *h, struct err *e)
{
    if (bytes.n < HEADER_BYTES || memcmp(bytes.p, "TZif", 4) != 0)
        return bad(e, "it does not begin with a TZif header");
    *h = (struct header){bytes.p[4],          big32(bytes.p + 20), big32(bytes.p + 24), big32(bytes.p + 28),
                         big32(bytes.p + 32), big32(bytes.p + 36), big32(bytes.p + 40)};
    if (h->types == 0 || h->types > TYPES_MAX || h->times > TIMEZONE_BYTES_MAX || h->leap > 1000 ||
        h->chars > 4096 || h->isut > TYPES_MAX || h->isstd > TYPES_MAX)
        return bad(e, "its header has impossible counts");
    return 0;
}

static size_t block_bytes(const struct header *h, size_t width)
{
    return h->times * width + h->times + (size_t)h->types * 6 + h->chars + h->leap * (width + 4) + h->isstd +
           h->isut;
}

static int read_types(struct str types, const struct header *h, int offsets[TYPES_MAX], struct err *e)
{
    for (uint32_t i = 0; i < h->types; i++) {
        offsets[i] = (int32_t)big32(types.p + (size_t)i * 6);
        if (offsets[i] < -89999 || offsets[i] > 93599) /* RFC 8536 §3.2 */
            return bad(e, "an offset is more than a day");
    }
    return 0;
}

/* `bytes` hold the whole block. */
static int read_block(struct str bytes, const struct header *h, size_t width, struct timezone *z,
                      struct err *e)
{
    int offsets[TYPES_MAX];
    struct str indices = behind(bytes, h->times * width);
    int rc = read_types(behind(indices, h->times), h, offsets, e);
    if (rc != 0)
        return rc;
    if (h->leap != 0)
        return bad(e, "it counts leap seconds");
    z->at_s = xcalloc(h->times, sizeof(*z->at_s));
    z->offset_s = xcalloc(h->times, sizeof(*z->offset_s));
    z->count = h->times;
    z->first_s = offsets[0];
    for (size_t i = 0; i < z->count; i++) {
        unsigned char type = (unsigned char)indices.p[i];
        z->at_s[i] = time_of(bytes.p + i * width, width);
        if (type >= h->types || (i > 0 && z->at_s[i] <= z->at_s[i - 1]))
            return bad(e, "its transitions are out of order or of no type");
        z->offset_s[i] = offsets[type];
    }
    return 0;
}

static int read_footer(struct str bytes, struct timezone *z, struct err *e)
{
    struct str line;
    if (bytes.n == 0 || bytes.p[0] != '\n')
        return bad(e, "it ends before its footer");
    struct str rest = behind(bytes, 1);
    if (!memchr(rest.p, '\n', rest.n) || !str_split(&rest, '\n', &line) || rest.n != 0)
        return bad(e, "its footer is not one line");
    if (line.n == 0)
        return 0;
    z->has_rule = timezone_rule_parse(line, &z->rule);
    return z->has_rule ? 0 : bad(e, "its footer is no rule");
}

static int read_file(struct str bytes, struct timezone *z, struct err *e)
{
    struct header h;
    size_t width = 4;
    int rc = read_header(bytes, &h, e);
    if (rc != 0)
        return rc;
    if (h.version >= '2') { /* a block of 64-bit times follows the one of 32 bits */
        size_t skipped = HEADER_BYTES + block_bytes(&h, 4);
        width = 8;
        if (bytes.n < skipped)
            return bad(e, "it is cut short");
        bytes = behind(bytes, skipped);
        rc = read_header(bytes, &h, e);
        if (rc != 0)
            return rc;
    }
    bytes = behind(bytes, HEADER_BYTES);
    size_t n = block_bytes(&h, width);
    if (bytes.n < n)
        return bad(e, "it is cut short");
    rc = read_block(bytes, &h, width, z, e);
    return rc == 0 && width == 8 ? read_footer(behind(bytes, n), z, e) : rc;
}

int timezone_parse(struct str tzif, struct timezone **ret, struct err *e)
{
    if (tzif.n > TIMEZONE_BYTES_MAX)
        return bad(e, "it is too large");
    struct timezone *z = xnew(struct timezone);
    int rc = read_file(tzif, z, e);
    if (rc != 0) {
        (void)timezone_free(z);
        return rc;
    }
    *ret = z;
    return 0;
}

/* -- segments -- */

/* Transitions at or before the instant. */
static size_t transitions_until(const struct timezone *z, int64_t epoch_s)
{
    size_t low = 0, high = z->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->at_s[middle] <= epoch_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct timezone_segment timezone_segment_at(const struct timezone *z, int64_t epoch_s)
{
    size_t n = transitions_until(z, epoch_s);
    struct timezone_segment s = {.start_s = n > 0 ? z->at_s[n - 1] : INT64_MIN,
                                 .end_s = n < z->count ? z->at_s[n] : INT64_MAX,
                                 .offset_s = n > 0 ? z->offset_s[n - 1] : z->first_s};
    if (n == z->count && z->has_rule) {
        struct timezone_segment by_rule = timezone_rule_segment(&z->rule, epoch_s);
        by_rule.start_s = MAX(by_rule.start_s, s.start_s);
        return by_rule;
    }
    return s;
}

int timezone_offset_s(const struct timezone *z, int64_t epoch_s)
{
    return timezone_segment_at(z, epoch_s).offset_s;
}

int64_t timezone_day(const struct timezone *z, int64_t epoch_s)
{
    return civil_floor_div(epoch_s + timezone_offset_s(z, epoch_s), CIVIL_DAY_S);
}

int64_t timezone_instant_s(const struct timezone *z, int64_t local_s, enum timezone_note *ret_note)
{
    struct timezone_segment s = timezone_segment_at(z, local_s - WINDOW_S);
    while (MAX(s.start_s, local_s - s.offset_s) >= s.end_s)
        s = timezone_segment_at(z, s.end_s);
    int64_t instant_s = MAX(s.start_s, local_s - s.offset_s);
    *ret_note = local_s - s.offset_s < s.start_s ? TIMEZONE_GAP : TIMEZONE_PLAIN;
    while (s.end_s < local_s + WINDOW_S && *ret_note == TIMEZONE_PLAIN) {
        s = timezone_segment_at(z, s.end_s);
        if (local_s - s.offset_s >= s.start_s && local_s - s.offset_s < s.end_s)
            *ret_note = TIMEZONE_FOLD;
    }
    return instant_s;
}

int64_t timezone_latest_local_s(const struct timezone *z, int64_t epoch_s)
{
    struct timezone_segment s = timezone_segment_at(z, epoch_s);
    int64_t latest_s = epoch_s + s.offset_s;
    while (s.start_s > epoch_s - WINDOW_S) {
        int64_t end_s = s.start_s;
        s = timezone_segment_at(z, end_s - 1);
        latest_s = MAX(latest_s, end_s - 1 + s.offset_s);
    }
    return latest_s;
}

bool timezone_is_repeat(const struct timezone *z, int64_t epoch_s)
{
    enum timezone_note note;
    return timezone_instant_s(z, epoch_s + timezone_offset_s(z, epoch_s), &note) < epoch_s;
}

char *timezone_format(const struct timezone *z, int64_t epoch_us, char text[TIMEZONE_TEXT_MAX])
{
    char clock[CLOCK_TEXT_MAX];
    int64_t epoch_s = civil_floor_div(epoch_us, USEC_PER_SEC);
    int offset_s = timezone_offset_s(z, epoch_s), size = offset_s < 0 ? -offset_s : offset_s;
    int64_t local_us = epoch_us + (int64_t)offset_s * USEC_PER_SEC;
    if (local_us % USEC_PER_SEC)
        (void)clock_format_us(local_us, clock);
    else
        (void)clock_format_seconds(local_us, clock);
    int n = snprintf(text, TIMEZONE_TEXT_MAX, "%.*s%c%02d:%02d", (int)strlen(clock) - 1, clock,
                     offset_s < 0 ? '-' : '+', size / 3600, size / 60 % 60);
    if (size % 60)
        (void)snprintf(text + n, TIMEZONE_TEXT_MAX - (size_t)n, ":%02d", size % 60);
    return text;
}
