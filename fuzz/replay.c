/* replay.c -- run a fuzz target over stored inputs: the corpus, past crashes, and nothing at all.
 *
 * usage: replay_NAME PATH…, each a file or a folder of files; a folder that does not exist holds none.
 * Every input lies in a block of exactly its size, so that a sanitizer sees a read of one byte too many. */
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replayed;

static void die(const char *path)
{
    fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
    exit(1);
}

static void replay_bytes(const uint8_t *data, size_t size)
{
    (void)LLVMFuzzerTestOneInput(data, size);
    replayed++;
}

static void replay_file(const char *path, size_t size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (!f || !data || fread(data, 1, size, f) != size)
        die(path);
    (void)fclose(f);
    replay_bytes(data, size);
    free(data);
}

static void replay_path(const char *path);

static void replay_folder(const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    if (n < 0)
        die(path);
    for (int i = 0; i < n; i++) {
        char child[4096];
        (void)snprintf(child, sizeof child, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            replay_path(child);
        free(names[i]);
    }
    free(names);
}

static void replay_path(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        if (errno != ENOENT)
            die(path);
    } else if (S_ISDIR(st.st_mode)) {
        replay_folder(path);
    } else {
        replay_file(path, (size_t)st.st_size);
    }
}

int main(int argc, char **argv)
{
    uint8_t *nothing = calloc(1, 1);
    if (!nothing)
        die("calloc");
    replay_bytes(nothing, 0);
    for (int i = 1; i < argc; i++)
        replay_path(argv[i]);
    free(nothing);
    printf("replayed %zu inputs\n", replayed);
    return 0;
}
