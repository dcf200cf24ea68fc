#include "core/knowledge.h"

#define SHINGLE 4          /* bytes */
#define SIMILAR_PERCENT 50 /* of the shingles of both that are in both */
#define NEAR_MIN_BYTES 24  /* shorter texts say too little to be near another */
#define COMPARED_MAX ((size_t)KNOWLEDGE_CONTENT_MAX)

const char *const knowledge_kind_names[KNOWLEDGE_KINDS] = {"correction", "definition", "confirmation"};
static const int64_t confidences[KNOWLEDGE_KINDS] = {900000, 900000, 600000};

bool knowledge_kind_of(struct str name, enum knowledge_kind *ret)
{
    for (int k = 0; k < KNOWLEDGE_KINDS; k++)
        if (str_equal(name, str_of(knowledge_kind_names[k]))) {
            *ret = (enum knowledge_kind)k;
            return true;
        }
    return false;
}

int64_t knowledge_confidence_micros(enum knowledge_kind kind)
{
    return confidences[kind];
}

/* -- words -- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of UTF-8 beyond ASCII are taken for letters.  A sign within a word or number counts: 1.5, db-1, C++
 */
static bool is_inner(char c)
{
    return c == '.' || c == '-' || c == '_' || c == '/' || c == ':' || c == '@';
}

static bool is_letter(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80 ||
           c == '+' || c == '#' || c == '%' || c == '$' || c == '<' || c == '>' || c == '=';
}

void knowledge_normalise(struct str text, struct buf *ret)
{
    size_t begin = ret->n;
    bool parted = false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool inner =
            is_inner(c) && i > 0 && i + 1 < text.n && is_letter(text.p[i - 1]) && is_letter(text.p[i + 1]);
        if (c == '\'') /* don't is dont */
            continue;
        if (!is_letter(c) && !inner) {
            parted = true;
            continue;
        }
        if (parted && ret->n > begin)
            buf_add_char(ret, ' ');
        parted = false;
        buf_add_char(ret, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
}

/* -- what must agree: numbers in their order, and how often is negated -- */

static bool has_digit(struct str word)
{
    for (size_t i = 0; i < word.n; i++)
        if (is_digit(word.p[i]))
            return true;
    return false;
}

static bool is_negation(struct str word)
{
    static const struct str words[] = {{"not", 3},      {"no", 2},      {"never", 5},   {"dont", 4},
                                       {"cannot", 6},   {"cant", 4},    {"without", 7}, {"wont", 4},
                                       {"doesnt", 6},   {"isnt", 4},    {"arent", 5},   {"mustnt", 6},
                                       {"shouldnt", 8}, {"neither", 7}, {"nor", 3},     {"nothing", 7},
                                       {"none", 4},     {"stop", 4},    {"avoid", 5},   {"except", 6}};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_equal(word, words[i]))
            return true;
    return false;
}

/* The next word with a digit; empty when there is no more. */
static struct str next_number(struct str *rest, int *negations)
{
    struct str word;
    while (str_split(rest, ' ', &word)) {
        *negations += is_negation(word);
        if (has_digit(word))
            return word;
    }
    return (struct str){NULL, 0};
}

static bool agree(struct str a, struct str b)
{
    int negations_a = 0, negations_b = 0;
    for (;;) {
        struct str x = next_number(&a, &negations_a), y = next_number(&b, &negations_b);
        if (!str_equal(x, y))
            return false;
        if (x.n == 0)
            return negations_a == negations_b;
    }
}

/* -- words that only one of them has: those that carry a meaning make another fact -- */

static bool is_function_word(struct str word)
{
    static const struct str words[] = {
        {"a", 1},     {"an", 2},   {"the", 3},   {"is", 2},    {"are", 3},  {"was", 3}, {"were", 4},
        {"be", 2},    {"in", 2},   {"on", 2},    {"at", 2},    {"of", 2},   {"to", 2},  {"for", 3},
        {"by", 2},    {"with", 4}, {"and", 3},   {"that", 4},  {"this", 4}, {"it", 2},  {"its", 3},
        {"our", 3},   {"we", 2},   {"which", 5}, {"has", 3},   {"have", 4}, {"as", 2},  {"there", 5},
        {"their", 5}, {"also", 4}, {"now", 3},   {"always", 6}};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_equal(word, words[i]))
            return true;
    return false;
}

/* "release" and "releases". */
static bool is_same_word(struct str x, struct str y)
{
    size_t common = 0, longer = MAX(x.n, y.n);
    while (common < MIN(x.n, y.n) && x.p[common] == y.p[common])
        common++;
    return common == longer || (common >= 4 && longer - common <= 2);
}

/* The next word that carries a meaning; empty when there is no more. */
static struct str next_word(struct str *rest)
{
    struct str word;
    while (str_split(rest, ' ', &word))
        if (!is_function_word(word))
            return word;
    return (struct str){NULL, 0};
}

/* In their order: who depends on whom is all that some facts say. */
static bool have_same_words(struct str a, struct str b)
{
    for (;;) {
        struct str x = next_word(&a), y = next_word(&b);
        if (!is_same_word(x, y))
            return false;
        if (x.n == 0)
            return true;
    }
}

/* -- shingles -- */

static int by_value(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

/* Each once, in order. */
static size_t shingles(struct str s, uint32_t ret[COMPARED_MAX])
{
    size_t count = 0, kept = 0;
    s.n = MIN(s.n, COMPARED_MAX);
    for (size_t i = 0; i + SHINGLE <= s.n; i++)
        memcpy(&ret[count++], s.p + i, SHINGLE);
    qsort(ret, count, sizeof(*ret), by_value);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || ret[kept - 1] != ret[i])
            ret[kept++] = ret[i];
    return kept;
}

static bool is_similar(struct str a, struct str b)
{
    uint32_t x[COMPARED_MAX], y[COMPARED_MAX];
    size_t n = shingles(a, x), m = shingles(b, y), common = 0;
    for (size_t i = 0, k = 0; i < n && k < m;) {
        bool less = x[i]<y[k], more = x[i]> y[k];
        common += !less && !more;
        i += !more;
        k += !less;
    }
    return common * 100 >= (n + m - common) * SIMILAR_PERCENT;
}

bool knowledge_is_near(struct str a, struct str b)
{
    if (a.n < NEAR_MIN_BYTES || b.n < NEAR_MIN_BYTES)
        return false;
    return agree(a, b) && have_same_words(a, b) && is_similar(a, b);
}
