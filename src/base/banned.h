/* banned.h -- functions that have a safe replacement here and so do not compile.
 *
 * strcpy, strcat, sprintf: use struct buf.  strtok: use str_split.  gmtime, localtime, ctime: use clock.h.
 * atoi, atol: use parse.h, which reports what is wrong. */
#pragma once
#include <stdio.h>
#include <time.h>

/* With _FORTIFY_SOURCE and clang these are macros, which cannot be poisoned. */
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gmtime localtime ctime asctime atoi atol atoll gets
