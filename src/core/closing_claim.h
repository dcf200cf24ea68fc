/* closing_claim.h -- whether the message that ends a session claims success (spec 60 V1).
 *
 * By phrases, sentence by sentence: a hope is no claim, one sentence that denies it outweighs all others, and
 * "all but two" is no success.  English.  What it claims is for core/verification.h to hold against what was
 * run.  Pure.  Any thread. */
#pragma once
#include "base/str.h"

/* `ret_strong`: it is about checks, not merely "done"; true and no claim: it denies what it says. */
bool closing_claims_success(struct str message, bool *ret_strong);
