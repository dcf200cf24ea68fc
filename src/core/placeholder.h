/* placeholder.h -- {prompt}, {model} and their kin in a profile's command (spec 20 Q10).
 *
 * A placeholder is `{`, lower-case letters and underscores, `}`; everything else stays as it is, JSON too,
 * and `{{` is one literal brace: "{{prompt}" gives {prompt}.  What is filled in is never looked at again, and
 * nothing here goes through a shell.  An unknown name is an error, also when the configuration is checked.
 *
 * In an argv: an element that is one placeholder whose value is unset vanishes, together with the element
 * before it if that is an option ("-" and more, no placeholder), so { "--model", "{model}" } is nothing
 * without a model.  "{args}" stands alone and becomes as many elements as it has.  Elsewhere an unset value
 * is empty.  The first element is kept.
 *
 * A value that begins with "-" is an option to most programs: a profile writes "--" before "{prompt}" where
 * the program knows it.  Any thread. */
#pragma once
#include "base/err.h"
#include "base/str.h"

struct placeholder_values { /* NULL: unset */
    const char *prompt, *model, *effort, *repo, *repo_path, *task, *job_id, *run_id, *work_item, *stage,
        *data_dir;
    const char *title; /* of the task, in a stage's prompt */
    char **args;       /* NULL-terminated */
};

/* -EINVAL and a sentence with the name and the column (from 1) for an unknown placeholder, or for an {args}
 * that does not stand alone in an argv. */
MUST_CHECK int placeholder_check(const char *template, struct err *e);
MUST_CHECK int placeholder_check_argv(char *const *argv, struct err *e);

/* The caller frees *ret, and each element of the argv, with free(). */
MUST_CHECK int placeholder_expand(const char *template, const struct placeholder_values *values, char **ret,
                                  struct err *e);
MUST_CHECK int placeholder_expand_argv(char *const *argv, const struct placeholder_values *values,
                                       char ***ret, struct err *e);

const char *placeholder_names(void); /* "{prompt} {model} …", for messages and documentation */
