#include "io/zoneinfo.h"

#include "base/map.h"
#include "io/file.h"

#define NAME_MAX_BYTES 64

static struct map zones; /* name to struct timezone */

static bool name_is_safe(struct str name)
{
    struct str rest = name, part;
    if (name.n == 0 || name.n > NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              strchr("+-_/", c)))
            return false;
    }
    while (str_split(&rest, '/', &part))
        if (part.n == 0)
            return false;
    return true;
}

static int read_zone(const char *name, struct timezone **ret, struct err *e)
{
    const char *directory = getenv("TZDIR");
    struct buf path = BUF_INIT, bytes = BUF_INIT;
    struct err why = {0};
    buf_printf(&path, "%s/%s", directory && directory[0] ? directory : "/usr/share/zoneinfo", name);
    int rc = file_read_small(path.p, TIMEZONE_BYTES_MAX, &bytes);
    if (rc != 0)
        rc =
            err_set(e, ERR_INVALID, -EINVAL, "unknown time zone \"%s\": %s: %s", name, path.p, strerror(-rc));
    else if (timezone_parse(buf_str(&bytes), ret, &why) != 0)
        rc = err_set(e, ERR_INVALID, -EINVAL, "unknown time zone \"%s\": %s: %s", name, path.p, why.text);
    buf_deinit(&path);
    buf_deinit(&bytes);
    return rc;
}

int zoneinfo_get(const char *name, const struct timezone **ret, struct err *e)
{
    struct timezone *zone;
    if (strcmp(name, "UTC") == 0) {
        *ret = timezone_utc();
        return 0;
    }
    if (!name_is_safe(str_of(name)))
        return err_set(e, ERR_INVALID, -EINVAL,
                       "unknown time zone \"%.64s\": a name such as Europe/Prague is expected", name);
    zone = map_get(&zones, str_of(name));
    if (!zone) {
        int rc = read_zone(name, &zone, e);
        if (rc != 0)
            return rc;
        (void)map_put(&zones, str_of(name), zone);
    }
    *ret = zone;
    return 0;
}
