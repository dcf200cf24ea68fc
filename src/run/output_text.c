/* output_text.c -- a command whose output says nothing about tokens: only the profile's patterns are looked
 * for. */
#include "run/output_internal.h"

const struct output_ops output_text = {.name = "text"};
