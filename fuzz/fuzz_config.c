/* fuzz_config.c -- any bytes as muster.conf.  What is refused is refused with a reason and a place; what is
 * taken has the same values when it is read again as `muster config show` prints it.  The environment is
 * empty, so that nothing but the bytes counts. */
#include "base/str.h"
#include "io/config.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                    \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* Through a file that has no name; NULL when the bytes are refused. */
static struct config *load(struct str bytes, struct buf *errors, struct err *e)
{
    char path[32];
    struct config *c = NULL;
    int fd = memfd_create("muster.conf", MFD_CLOEXEC);
    REQUIRE(fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int rc = config_load(path, &c, errors, e);
    (void)close(fd);
    REQUIRE((rc == 0) == (c != NULL));
    return c;
}

/* One line per error, and the first one is that of *e. */
static void check_refusal(const struct buf *errors, const struct err *e)
{
    struct str rest = buf_str(errors), line;
    REQUIRE(e->text[0] && e->place[0]);
    REQUIRE(str_starts_with(rest, str_of(e->place)));
    REQUIRE(rest.p[rest.n - 1] == '\n');
    while (str_split(&rest, '\n', &line) && line.n > 0)
        REQUIRE(str_find(line, STR(": ")) > 0);
}

static void check_shown(const struct config *c)
{
    struct buf shown = BUF_INIT, again = BUF_INIT, errors = BUF_INIT, differs = BUF_INIT;
    struct err e = {0};
    config_show(c, false, &shown);
    config_show(c, true, &again);
    struct config *back = load(buf_str(&shown), &errors, &e);
    if (!back)
        (void)fprintf(stderr, "%s%s", shown.p, errors.p);
    REQUIRE(back);
    config_diff(c, back, &differs, &differs);
    /* A secret is shown as a mask, and that is what is read again. */
    REQUIRE(differs.n == 0 || strcmp(differs.p, "bus.token") == 0);
    (void)config_free(back);
    buf_deinit(&shown);
    buf_deinit(&again);
    buf_deinit(&errors);
    buf_deinit(&differs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf errors = BUF_INIT;
    struct err e = {0};
    (void)clearenv();
    struct config *c = load((struct str){(const char *)data, size}, &errors, &e);
    if (c)
        check_shown(c);
    else
        check_refusal(&errors, &e);
    (void)config_free(c);
    buf_deinit(&errors);
    return 0;
}
