#include "base/parse.h"

#include "base/clock.h"

bool parse_u64(struct str s, uint64_t *ret)
{
    if (s.n == 0)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.p[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret = value;
    return true;
}

bool parse_i64(struct str s, int64_t *ret)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    uint64_t magnitude;
    if (!parse_u64(negative ? (struct str){s.p + 1, s.n - 1} : s, &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *ret = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool parse_i64_in(struct str s, int64_t min, int64_t max, int64_t *ret)
{
    int64_t value;
    if (!parse_i64(s, &value) || value < min || value > max)
        return false;
    *ret = value;
    return true;
}

bool parse_bool(struct str s, bool *ret)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"yes", true}, {"no", false},
                 {"on", true},   {"off", false},   {"1", true},   {"0", false}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_equal_nocase(s, str_of(words[i].word))) {
            *ret = words[i].value;
            return true;
        }
    }
    return false;
}

/* Largest first: "ms" must be tried before "m" and "s". */
static const struct {
    struct str unit;
    int64_t us;
} duration_units[] = {{{"ms", 2}, USEC_PER_MSEC},
                      {{"d", 1}, 86400 * USEC_PER_SEC},
                      {{"h", 1}, 3600 * USEC_PER_SEC},
                      {{"m", 1}, 60 * USEC_PER_SEC},
                      {{"s", 1}, USEC_PER_SEC}};

bool parse_duration(struct str s, int64_t *ret_us)
{
    if (s.n == 0)
        return false;
    int64_t total = 0;
    while (s.n > 0) {
        size_t digits = 0;
        while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
            digits++;
        int64_t count, part, unit_us = 0;
        if (!parse_i64((struct str){s.p, digits}, &count))
            return false;
        s = (struct str){s.p + digits, s.n - digits};
        for (size_t i = 0; i < COUNT_OF(duration_units) && !unit_us; i++) {
            if (str_starts_with(s, duration_units[i].unit)) {
                unit_us = duration_units[i].us;
                s = (struct str){s.p + duration_units[i].unit.n, s.n - duration_units[i].unit.n};
            }
        }
        if (!unit_us || __builtin_mul_overflow(count, unit_us, &part) ||
            __builtin_add_overflow(total, part, &total))
            return false;
    }
    *ret_us = total;
    return true;
}

bool parse_size(struct str s, int64_t *ret_bytes)
{
    int64_t unit = 1, count;
    if (s.n > 0) {
        switch (s.p[s.n - 1]) {
        case 'K':
            unit = INT64_C(1) << 10;
            break;
        case 'M':
            unit = INT64_C(1) << 20;
            break;
        case 'G':
            unit = INT64_C(1) << 30;
            break;
        default:
            break;
        }
    }
    if (unit > 1)
        s.n--;
    if (!parse_i64_in(s, 0, INT64_MAX, &count) || count > INT64_MAX / unit)
        return false;
    *ret_bytes = count * unit;
    return true;
}

void parse_hex(const uint8_t *p, size_t n, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        ret_text[2 * i] = digits[p[i] >> 4];
        ret_text[2 * i + 1] = digits[p[i] & 15];
    }
    ret_text[2 * n] = '\0';
}

char *format_duration(int64_t us, char text[PARSE_DURATION_MAX])
{
    if (us > 0 && us < USEC_PER_SEC) {
        (void)snprintf(text, PARSE_DURATION_MAX, "%dms", (int)(us / USEC_PER_MSEC));
        return text;
    }
    int64_t seconds = us / USEC_PER_SEC;
    int64_t h = seconds / 3600, m = seconds / 60 % 60, s = seconds % 60;
    if (h && m)
        (void)snprintf(text, PARSE_DURATION_MAX, "%lldh%lldm", (long long)h, (long long)m);
    else if (h)
        (void)snprintf(text, PARSE_DURATION_MAX, "%lldh", (long long)h);
    else if (m && s)
        (void)snprintf(text, PARSE_DURATION_MAX, "%lldm%llds", (long long)m, (long long)s);
    else if (m)
        (void)snprintf(text, PARSE_DURATION_MAX, "%lldm", (long long)m);
    else
        (void)snprintf(text, PARSE_DURATION_MAX, "%llds", (long long)s);
    return text;
}
