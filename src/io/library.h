/* library.h -- a shared library that is loaded when one of its functions is first called.
 *
 * libcurl, libmicrohttpd, libpq, libnats, libcrypto and libsystemd bring forty more with them.  Bound at
 * start as usual, the dynamic linker took four fifths of the time of `muster usage`, which calls none of
 * them.  io/libraries has a file for each: it defines the functions that muster uses, with the prototypes of
 * the library's own header, and passes each call on.  A caller sees nothing of it.
 *
 * What cannot be loaded ends the process with status 127 and says what to install, as the dynamic linker does
 * when it starts a program.  A daemon loads what it will need before it is ready (library_load), so that no
 * lack of descriptors or memory can end it later.  Nothing is ever unloaded.  Any thread. */
#pragma once
#include <stddef.h>

#include <pthread.h>

struct library {
    const char *file;             /* its soname, as found by the build */
    const char *package;          /* of Debian */
    const char *const *functions; /* by name, NULL at the end */
    void **addresses;             /* of each, once loaded */
    pthread_once_t *once;
    void (*load)(void); /* library_bind of this one */
};

extern const struct library library_curl, library_microhttpd, library_pq, library_nats, library_crypto,
    library_systemd;

void library_load(const struct library *l);
void library_bind(const struct library *l);

/* For the files of io/libraries: FUNCTIONS(F) lists F(result, name, (parameters), (arguments)), VARIADIC(F)
 * F(name) for those that are written out below it, and LIBRARY(what) defines them all. */
#define LIBRARY_NUMBER(result, name, parameters, arguments) NUMBER_##name,
#define LIBRARY_NUMBER_ONLY(name) NUMBER_##name,
#define LIBRARY_NAME(result, name, parameters, arguments) #name,
#define LIBRARY_NAME_ONLY(name) #name,
#define LIBRARY_TARGET(name) (library_load(this_library), *(__typeof__(&(name)) *)&addresses[NUMBER_##name])
#define LIBRARY_PASS_ON(result, name, parameters, arguments)                                                 \
    result(name) parameters                                                                                  \
    {                                                                                                        \
        return LIBRARY_TARGET(name) arguments;                                                               \
    }
#define LIBRARY(what, soname, debian)                                                                        \
    enum { FUNCTIONS(LIBRARY_NUMBER) VARIADIC(LIBRARY_NUMBER_ONLY) FUNCTION_COUNT };                         \
    static const char *const functions[] = {FUNCTIONS(LIBRARY_NAME) VARIADIC(LIBRARY_NAME_ONLY) NULL};       \
    static void *addresses[FUNCTION_COUNT];                                                                  \
    static pthread_once_t once = PTHREAD_ONCE_INIT;                                                          \
    static void load(void);                                                                                  \
    const struct library library_##what = {soname, debian, functions, addresses, &once, load};               \
    static const struct library *const this_library = &library_##what;                                       \
    static void load(void)                                                                                   \
    {                                                                                                        \
        library_bind(this_library);                                                                          \
    }                                                                                                        \
    FUNCTIONS(LIBRARY_PASS_ON)
