/* pages.h -- large arrays in memory of their own, in huge pages where the kernel has them.
 *
 * The first touch of a page is a fault, and in a virtual machine it costs many times what the page does: an
 * array of megabytes that grows as it is filled spends more on faults than on what it is filled with.  From
 * 256 KiB on an array here lies on whole huge pages, so that it takes a fault per 2 MiB; where there are none
 * (transparent_hugepage "never", fragmented memory) it is as any other memory.  Growing moves page tables,
 * not bytes.  Not for small things: whole pages only.  Any thread. */
#pragma once
#include "base/base.h"

/* The first `bytes` of p, all that it has had, stay, and may have moved; what follows is zero.  NULL begins
 * one. */
void *pages_grow(void *p, size_t bytes, size_t new_bytes);
void pages_free(void *p, size_t bytes); /* NULL is fine */
