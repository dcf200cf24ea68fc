/* hook_payload.h -- the object that an agent CLI gives its hooks, reduced to what muster may know.
 *
 * Foreign bytes, up to HOOK_PAYLOAD_MAX of them.  What comes out names the event, its kind, the CLI's session
 * and the transcript's path; prompts, answers, commands and files are never looked at, and so never leave the
 * process.  Any thread. */
#pragma once
#include "base/buf.h"

#define HOOK_PAYLOAD_MAX ((size_t)1 << 20)

/* The body of POST /api/v1/hooks.  False when `payload` is no such object; *ret is as before then. */
bool hook_payload_reduce(struct str payload, int64_t pid, struct buf *ret);
