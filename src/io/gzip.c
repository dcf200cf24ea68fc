#include "io/gzip.h"

#include <zlib.h>

#define GZIP_LEVEL 4
#define GZIP_WINDOW (15 + 16) /* zlib's way to say gzip and not zlib */

bool gzip_pack(struct str in, struct buf *out)
{
    z_stream z = {0};
    if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t start = out->n;
    buf_reserve(out, in.n);
    z.next_in = (Bytef *)(uintptr_t)in.p;
    z.avail_in = (uInt)in.n;
    z.next_out = (Bytef *)out->p + start;
    z.avail_out = (uInt)in.n; /* no room for more: then it is not worth it */
    bool done = deflate(&z, Z_FINISH) == Z_STREAM_END;
    if (done)
        out->n = start + z.total_out;
    out->p[out->n] = '\0';
    (void)deflateEnd(&z);
    return done;
}

int gzip_unpack(struct str in, size_t max_bytes, struct buf *out)
{
    z_stream z = {0};
    size_t start = out->n;
    int rc = inflateInit2(&z, GZIP_WINDOW);
    if (rc != Z_OK)
        return -ENOMEM;
    buf_reserve(out, max_bytes + 1); /* one more shows that there is more */
    z.next_in = (Bytef *)(uintptr_t)in.p;
    z.avail_in = (uInt)in.n;
    z.next_out = (Bytef *)out->p + start;
    z.avail_out = (uInt)(max_bytes + 1);
    rc = inflate(&z, Z_FINISH);
    size_t n = z.total_out;
    bool whole = rc == Z_STREAM_END && z.avail_in == 0;
    (void)inflateEnd(&z);
    bool fits = whole && n <= max_bytes;
    out->n = fits ? start + n : start;
    out->p[out->n] = '\0';
    return fits ? 0 : n > max_bytes ? GZIP_E_TOO_LARGE : GZIP_E_BAD;
}
