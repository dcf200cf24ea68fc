#include "io/library.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <dlfcn.h>

_Noreturn static void cannot(const struct library *l)
{
    const char *why = dlerror();
    (void)fprintf(stderr, "muster: %s cannot be used: %s; install it:  apt-get install %s\n", l->file,
                  why ? why : "no reason given", l->package);
    _exit(127);
}

void library_bind(const struct library *l)
{
    void *handle = dlopen(l->file, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        cannot(l);
    for (size_t i = 0; l->functions[i]; i++)
        if (!(l->addresses[i] = dlsym(handle, l->functions[i])))
            cannot(l);
}

void library_load(const struct library *l)
{
    (void)pthread_once(l->once, l->load);
}
