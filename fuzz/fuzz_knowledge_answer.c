/* fuzz_knowledge_answer.c -- any bytes as a model's answer, for both APIs: refused with a reason, or facts
 * that are all within their bounds. */
#include "transcripts/knowledge_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct str s, size_t max, bool may_be_empty)
{
    if (s.n > max || (s.n == 0 && !may_be_empty) || strlen(s.p) != s.n)
        abort();
}

static void check(enum knowledge_api api, struct str body)
{
    struct knowledge_fact *facts = NULL;
    struct err e = {0};
    struct arena a;
    size_t count = 0;
    arena_init(&a);
    int rc = knowledge_model_answer(api, body, &a, &facts, &count, &e);
    if ((rc != 0 && (count != 0 || e.text[0] == '\0')) || count > KNOWLEDGE_FACTS_MAX)
        abort();
    for (size_t i = 0; i < count; i++) {
        check_text(facts[i].title, KNOWLEDGE_TITLE_MAX, false);
        check_text(facts[i].content, KNOWLEDGE_CONTENT_MAX, false);
        check_text(facts[i].quote, KNOWLEDGE_QUOTE_MAX, true);
        if (facts[i].contradicts_count > KNOWLEDGE_CONTRADICTS_MAX)
            abort();
    }
    arena_reset(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str body = {(const char *)data, size};
    check(KNOWLEDGE_API_ANTHROPIC, body);
    check(KNOWLEDGE_API_OPENAI, body);
    return 0;
}
