/* turn_key.h -- which turn one is, in whichever session it stands (spec 60 U7).
 *
 * A session that is resumed or forked under a new id begins with the lines of the one that it comes from: the
 * id of the session in them is another, perhaps the place and the time of the last; the id of the line and
 * what was said are as they were.  Where the line got an id of its own too, it names the one that it had.  So
 * two turns of one key are one turn told twice.  Turns that tell no id have no key: they are nobody's copy.
 * Pure. */
#pragma once
#include "core/turn.h"

uint64_t turn_key(const struct turn *turn);       /* 0: none */
uint64_t turn_key_alias(const struct turn *turn); /* of a copy of a copy that got ids of its own; 0: none */
