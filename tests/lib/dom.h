/* dom.h -- JSON by jansson, as an oracle for scanners.  A file of its own, because jansson has names that the
 * scanners have too. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dom_outcome { DOM_READ, DOM_REFUSED, DOM_BEYOND_GRAMMAR /* a limit of jansson's own */ };
struct dom;
struct dom *dom_read(const char *p, size_t n, enum dom_outcome *ret); /* NULL: refused */
void dom_free(struct dom *d);
char dom_kind(const struct dom *d);                                   /* - n f t 0 s o a */
const struct dom *dom_get(const struct dom *object, const char *key); /* NULL: absent, or no object */
bool dom_equal(const struct dom *a, const struct dom *b);
bool dom_integer(const struct dom *d, int64_t *ret);
const char *dom_text(const struct dom *d, size_t *ret_bytes);
