/* price_name.h -- the name by which a price list knows a model, whatever a transcript calls it (spec 60 U4).
 *
 * A bare name is in lower case and without what stands before it: "us.anthropic.claude-…", "openai/gpt-5".  A
 * plain name is also without a date, a version or a size of context behind it ("-20250929", "@20250929",
 * "-v1:0", "-001", "[1m]", "-latest"), and of Claude's models without dots and a final "-0".  A name that has
 * no digit left is no model's and stays as it was.  Pure.  Any thread. */
#pragma once
#include "core/usage.h"

struct price_name {
    char bare_text[USAGE_MODEL_MAX], plain_text[USAGE_MODEL_MAX];
    struct str bare, plain; /* in these; empty when the name is too long */
    bool is_regional;       /* of Amazon Bedrock, and not by its global endpoint */
};
void price_name_read(struct str model, struct price_name *ret);

/* Whether `name` begins with `beginning` and goes on with a word of its own: "gemini-2.5-pro-preview", but
 * not "gemini-2.5-prompt"; and where it ended in a digit, not with another number, which would be another
 * model: "claude-sonnet-5-5" is no "claude-sonnet-5".  True also where nothing follows. */
bool price_name_goes_on(struct str name, struct str beginning);
