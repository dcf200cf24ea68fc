/* tsan_close.c -- linked in where ThreadSanitizer watches: libuv closes descriptors by a system call of its own, which
 * the sanitizer does not see, and so it takes whoever is given the same number next for one who shares the old one. */
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

static long (*next)(long number, ...);

__attribute__((constructor)) static void find_next(void)
{
    next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
}

__attribute__((no_sanitize("thread"))) long syscall(long number, ...)
{
    long given[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++)
        given[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_close)
        return close((int)given[0]);
    if (!next)
        find_next();
    return next(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}
