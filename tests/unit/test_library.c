/* test_library.c -- What io/libraries passes on is there, and the file is the one that the compiler would
 * have linked. */
#include "base/base.h"
#include "io/library.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct library *const libraries[] = {&library_curl, &library_microhttpd, &library_pq,
                                                  &library_nats, &library_crypto,     &library_systemd};

static void each_function_is_found_in_the_library_of_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(libraries); i++) {
        const struct library *l = libraries[i];
        library_load(l);
        for (size_t f = 0; l->functions[f]; f++) {
            Dl_info info;
            assert_non_null(l->addresses[f]);
            assert_int_not_equal(dladdr(l->addresses[f], &info), 0);
            assert_string_equal(strrchr(info.dli_fname, '/') + 1, l->file);
        }
    }
}

static void load_nothing(void)
{
}

static void what_is_not_installed_ends_the_program_and_is_named(void **state)
{
    (void)state;
    static const char *const none[] = {NULL};
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const struct library missing = {"libmissing.so.7", "libmissing7", none, NULL, &once, load_nothing};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        library_bind(&missing);
        _exit(0);
    }
    (void)close(ends[1]);
    char text[512] = "";
    ssize_t n = read(ends[0], text, sizeof(text) - 1);
    (void)close(ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 127);
    assert_true(n > 0);
    assert_non_null(strstr(text, "libmissing.so.7"));
    assert_non_null(strstr(text, "apt-get install libmissing7"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_function_is_found_in_the_library_of_its_name),
        cmocka_unit_test(what_is_not_installed_ends_the_program_and_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
