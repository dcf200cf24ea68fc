/* manual.c -- `muster manual`: what the build and the reference are made of, from the tables. */
#include "cli/commands.h"
#include "cli/manual/manual.h"

#include <sys/stat.h>
#include <unistd.h>

static int print(const struct buf *text)
{
    (void)fwrite(text->p, 1, text->n, stdout);
    return EXIT_DONE;
}

static void file_name(const struct manual_page *page, char ret[MANUAL_PAGE_NAME_MAX + 8])
{
    (void)snprintf(ret, MANUAL_PAGE_NAME_MAX + 8, "%s.%d", page->name, page->section);
}

static int list(const struct invocation *in)
{
    struct manual_page page;
    char name[MANUAL_PAGE_NAME_MAX + 8];
    (void)in;
    for (size_t i = 0; manual_page_at(i, &page); i++) {
        file_name(&page, name);
        (void)printf("%s\n", name);
    }
    return EXIT_DONE;
}

static int show(const struct invocation *in)
{
    struct manual_page page;
    char name[MANUAL_PAGE_NAME_MAX + 8];
    for (size_t i = 0; manual_page_at(i, &page); i++) {
        CLEANUP(buf_deinit) struct buf text = BUF_INIT;
        file_name(&page, name);
        if (strcmp(name, in->args[0]) != 0 && strcmp(page.name, in->args[0]) != 0)
            continue;
        page.print(&text, &page);
        return print(&text);
    }
    return command_usage(in, "there is no page \"%s\"", in->args[0]);
}

/* By rename, so that the folder is newer than the program afterwards, as the build wants to see. */
static int write_file(const char *path, const struct buf *text)
{
    CLEANUP(buf_deinit) struct buf fresh = BUF_INIT;
    buf_printf(&fresh, "%s.new", path);
    FILE *f = fopen(fresh.p, "we");
    if (!f)
        return -errno;
    bool ok = fwrite(text->p, 1, text->n, f) == text->n;
    ok = fclose(f) == 0 && ok;
    return ok && rename(fresh.p, path) == 0 ? 0 : -EIO;
}

static int write_page(const char *dir, const struct manual_page *page)
{
    CLEANUP(buf_deinit) struct buf text = BUF_INIT, path = BUF_INIT;
    char name[MANUAL_PAGE_NAME_MAX + 8];
    file_name(page, name);
    buf_printf(&path, "%s/man%d", dir, page->section);
    if (mkdir(path.p, 0755) != 0 && errno != EEXIST)
        return -errno;
    buf_printf(&path, "/%s", name);
    page->print(&text, page);
    return write_file(path.p, &text);
}

static int write_pages(const struct invocation *in)
{
    struct manual_page page;
    for (size_t i = 0; manual_page_at(i, &page); i++) {
        int rc = write_page(in->args[0], &page);
        if (rc != 0)
            return command_fail(in, "%s: %s cannot be written: %s", in->args[0], page.name, strerror(-rc));
    }
    return EXIT_DONE;
}

struct printer {
    const char *name;
    void (*print)(struct buf *out);
};

static int print_by_name(const struct invocation *in, const struct printer *printers)
{
    CLEANUP(buf_deinit) struct buf text = BUF_INIT, known = BUF_INIT;
    for (const struct printer *p = printers; p->name; p++) {
        buf_printf(&known, "%s%s", p == printers ? "" : ", ", p->name);
        if (strcmp(p->name, in->args[0]) != 0)
            continue;
        p->print(&text);
        return print(&text);
    }
    return command_usage(in, "\"%s\" is none of %s", in->args[0], known.p);
}

static int markdown(const struct invocation *in)
{
    static const struct printer printers[] = {{"commands", manual_markdown_commands},
                                              {"configuration", manual_markdown_configuration},
                                              {"api", manual_markdown_api},
                                              {"metrics", manual_markdown_metrics},
                                              {NULL, NULL}};
    return print_by_name(in, printers);
}

static int completion(const struct invocation *in)
{
    static const struct printer printers[] = {{"bash", manual_complete_bash},
                                              {"zsh", manual_complete_zsh},
                                              {"fish", manual_complete_fish},
                                              {NULL, NULL}};
    return print_by_name(in, printers);
}

static const struct command_verb verbs[] = {
    {"list", "", "The manual pages there are", list},
    {"show", "PAGE", "Print one in roff, for man -l -", show},
    {"write", "DIR", "Write all of them into DIR/man1, DIR/man5 and DIR/man8", write_pages},
    {"markdown", "WHAT", "Print a page of docs/reference: commands, configuration, api, metrics", markdown},
    {"completion", "SHELL", "Print the completions of bash, zsh or fish", completion},
    {0}};

const struct command command_manual = {
    .name = "manual",
    .summary = "Manual pages, reference and completions, printed from the program's tables",
    .hidden = true,
    .verbs = verbs,
};
