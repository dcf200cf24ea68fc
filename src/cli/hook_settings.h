/* hook_settings.h -- muster's hooks in the settings of an agent CLI: put in, taken out, looked for.
 *
 * A settings file belongs to its user.  What is there stays, in its order; only entries whose command is
 * muster's are added and removed, and what was added can be taken out to give the same JSON as before.  A
 * file that is no JSON object is refused and not touched.  Any thread. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

#include <jansson.h>

/* Adds what is missing for `vendor`; `command` is what the CLI is to run.  How many entries were added. */
size_t hook_settings_add(json_t *settings, const char *vendor, const char *command);
/* Removes every entry whose command is one of ours; what becomes empty by it goes too.  How many. */
size_t hook_settings_remove(json_t *settings);
size_t hook_settings_count(const json_t *settings);
/* Is this command line ours: "…/muster hook VENDOR"? */
bool hook_settings_is_ours(const char *command);

/* The file of a vendor's settings under these folders; an absolute path.  NULL for an unknown vendor. */
char *hook_settings_path(const char *vendor);
/* A file that is not there is an empty object. */
MUST_CHECK int hook_settings_load(const char *path, json_t **ret, struct err *e);
/* Replaces it as a whole, keeping its mode, also behind a symbolic link. */
MUST_CHECK int hook_settings_save(const char *path, const json_t *settings, struct err *e);
