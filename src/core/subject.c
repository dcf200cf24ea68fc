#include "core/subject.h"

static bool token_valid(struct str token)
{
    for (size_t i = 0; i < token.n; i++)
        if ((unsigned char)token.p[i] <= ' ' || token.p[i] == 0x7f)
            return false;
    return token.n > 0;
}

static bool has_wildcard(struct str token)
{
    return memchr(token.p, '*', token.n) || memchr(token.p, '>', token.n);
}

bool subject_valid(struct str subject)
{
    struct str token;
    if (!subject.p)
        return false;
    while (str_split(&subject, '.', &token))
        if (!token_valid(token) || has_wildcard(token))
            return false;
    return true;
}

bool subject_pattern_valid(struct str pattern)
{
    struct str token;
    if (!pattern.p)
        return false;
    while (str_split(&pattern, '.', &token)) {
        if (!token_valid(token) || (token.n > 1 && has_wildcard(token)))
            return false;
        if (str_equal(token, STR(">")) && pattern.p)
            return false;
    }
    return true;
}

bool subject_matches(struct str pattern, struct str subject)
{
    struct str want, have;
    while (str_split(&pattern, '.', &want)) {
        if (!str_split(&subject, '.', &have))
            return false;
        if (str_equal(want, STR(">")))
            return true;
        if (!str_equal(want, STR("*")) && !str_equal(want, have))
            return false;
    }
    return subject.p == NULL;
}

/* One token against the other: > covers what is left, * any one token but >, a literal itself. */
bool subject_covers(struct str wider, struct str pattern)
{
    struct str want, have;
    while (str_split(&wider, '.', &want)) {
        if (!str_split(&pattern, '.', &have))
            return false;
        if (str_equal(want, STR(">")))
            return true;
        if (str_equal(want, STR("*")) ? str_equal(have, STR(">")) : !str_equal(want, have))
            return false;
    }
    return pattern.p == NULL;
}
