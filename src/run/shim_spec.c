#include "run/shim_spec.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPEC_MAX_BYTES ((off_t)16 << 20) /* the kernel takes no larger argv and environment than 6 MiB */
#define GRACE_DEFAULT_MS 10000
#define OUTPUT_DEFAULT_BYTES (INT64_C(64) << 20)

enum value_type { VALUE_TEXT, VALUE_NUMBER, VALUE_BOOL };

static const struct {
    const char *key;
    enum value_type type;
    size_t offset;
} fields[] = {
    {"key", VALUE_TEXT, offsetof(struct shim_spec, key)},
    {"workdir", VALUE_TEXT, offsetof(struct shim_spec, workdir)},
    {"stdin", VALUE_TEXT, offsetof(struct shim_spec, stdin_path)},
    {"cgroup", VALUE_TEXT, offsetof(struct shim_spec, cgroup)},
    {"terminal", VALUE_BOOL, offsetof(struct shim_spec, terminal)},
    {"timeout_ms", VALUE_NUMBER, offsetof(struct shim_spec, timeout_ms)},
    {"grace_ms", VALUE_NUMBER, offsetof(struct shim_spec, grace_ms)},
    {"output_max_bytes", VALUE_NUMBER, offsetof(struct shim_spec, output_max_bytes)},
    {"stop_signal", VALUE_NUMBER, offsetof(struct shim_spec, stop_signal)},
};

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* \xHH becomes its byte.  A NUL among them would cut the value short for the kernel, so it is refused. */
static bool unescape(char *value)
{
    char *to = value;
    for (const char *from = value; *from; to++) {
        if (*from != '\\') {
            *to = *from++;
            continue;
        }
        int high = from[1] == 'x' ? hex_digit(from[2]) : -1, low = high < 0 ? -1 : hex_digit(from[3]);
        if (low < 0 || high + low == 0)
            return false;
        *to = (char)(high * 16 + low);
        from += 4;
    }
    *to = '\0';
    return true;
}

static bool parse_number(const char *value, int64_t *ret)
{
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (errno || end == value || *end || *value < '0' || *value > '9')
        return false;
    *ret = number;
    return true;
}

static bool set_field(struct shim_spec *s, const char *key, char *value)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (strcmp(fields[i].key, key) != 0)
            continue;
        void *at = (char *)s + fields[i].offset;
        int64_t number;
        if (fields[i].type == VALUE_TEXT)
            *(char **)at = value;
        else if (!parse_number(value, &number))
            return false;
        else if (fields[i].type == VALUE_NUMBER)
            *(int64_t *)at = number;
        else
            *(bool *)at = number != 0;
        return true;
    }
    return true; /* the node's own fields */
}

static bool parse_line(struct shim_spec *s, char *line, size_t *arg_count, size_t *env_count)
{
    char *value = strchr(line, ' ');
    if (!value)
        return false;
    *value++ = '\0';
    if (!unescape(value))
        return false;
    if (strcmp(line, "arg") == 0)
        s->args[(*arg_count)++] = value;
    else if (strcmp(line, "env") == 0 && strncmp(value, RUN_ENV_MARK "=", strlen(RUN_ENV_MARK "=")) != 0)
        s->env[(*env_count)++] = value;
    else if (strcmp(line, "version") == 0)
        return strcmp(value, "1") == 0;
    else
        return set_field(s, line, value);
    return true;
}

static bool parse(struct shim_spec *s, size_t n)
{
    size_t lines = 0, arg_count = 0, env_count = 0;
    for (size_t i = 0; i < n; i++)
        lines += s->text[i] == '\n';
    s->args = calloc(lines + 1, sizeof(char *));
    s->env = calloc(lines + 2, sizeof(char *));
    if (!s->args || !s->env || n == 0 || s->text[n - 1] != '\n' || memchr(s->text, '\0', n))
        return false;
    for (char *line = s->text, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        *end = '\0';
        if (!parse_line(s, line, &arg_count, &env_count))
            return false;
    }
    if (!s->key || strlen(s->key) != RUNDIR_KEY_LEN || arg_count == 0)
        return false;
    (void)snprintf(s->mark, sizeof(s->mark), RUN_ENV_MARK "=%s", s->key);
    s->env[env_count] = s->mark;
    return s->stop_signal > 0 && s->stop_signal <= SIGRTMAX;
}

static char *read_text(int dir_fd, size_t *ret_n)
{
    struct stat st;
    int fd = openat(dir_fd, "spec", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    char *text = fstat(fd, &st) == 0 && st.st_size <= SPEC_MAX_BYTES ? malloc((size_t)st.st_size + 1) : NULL;
    size_t n = 0;
    ssize_t got = 1;
    while (text && n < (size_t)st.st_size && (got = read(fd, text + n, (size_t)st.st_size - n)) > 0)
        n += (size_t)got;
    if (text)
        text[n] = '\0';
    (void)close(fd);
    *ret_n = n;
    return text;
}

/* Into *ret itself: the environment points at the mark inside. */
int shim_spec_read(int dir_fd, struct shim_spec *ret)
{
    size_t n = 0;
    *ret = (struct shim_spec){.workdir = "",
                              .stdin_path = "null",
                              .grace_ms = GRACE_DEFAULT_MS,
                              .output_max_bytes = OUTPUT_DEFAULT_BYTES,
                              .stop_signal = SIGTERM};
    ret->text = read_text(dir_fd, &n);
    if (!ret->text)
        return errno ? -errno : -EIO;
    if (!parse(ret, n)) {
        shim_spec_deinit(ret);
        return -EINVAL;
    }
    if (ret->output_max_bytes == 0)
        ret->output_max_bytes = OUTPUT_DEFAULT_BYTES;
    return 0;
}

void shim_spec_deinit(struct shim_spec *s)
{
    free(s->text);
    free(s->args);
    free(s->env);
    s->text = NULL;
    s->args = s->env = NULL;
}
