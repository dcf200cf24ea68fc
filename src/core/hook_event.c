#include "core/hook_event.h"

static const struct {
    const char *name, *detail; /* detail NULL: any; else part of it */
    struct hook_event event;
} events[] = {
    {"SessionStart", NULL, {.turn = TURN_NONE}},
    {"UserPromptSubmit", NULL, {.turn = TURN_OPEN}},
    {"BeforeAgent", NULL, {.turn = TURN_OPEN}},
    {"PreToolUse", NULL, {.turn = TURN_TOOL}},
    {"BeforeTool", NULL, {.turn = TURN_TOOL}},
    {"PostToolUse", NULL, {.turn = TURN_OPEN}},
    {"PostToolUseFailure", NULL, {.turn = TURN_OPEN}},
    {"AfterTool", NULL, {.turn = TURN_OPEN}},
    {"PermissionRequest", NULL, {.turn = TURN_PERMISSION}},
    {"Notification", "permission", {.turn = TURN_PERMISSION}},
    {"Notification", "Permission", {.turn = TURN_PERMISSION}},
    {"Notification", "idle", {.turn = TURN_ENDED}},
    {"Stop", NULL, {.turn = TURN_ENDED}},
    {"StopFailure", "rate_limit", {.turn = TURN_ENDED, .limited = true}},
    {"StopFailure", NULL, {.turn = TURN_ENDED}},
    {"AfterAgent", NULL, {.turn = TURN_ENDED}},
    {"agent-turn-complete", NULL, {.turn = TURN_ENDED}},
    {"SessionEnd", NULL, {.turn = TURN_ENDED, .ended = true}},
};

struct hook_event hook_event_of(struct str name, struct str detail)
{
    for (size_t i = 0; i < COUNT_OF(events); i++)
        if (str_equal(name, str_of(events[i].name)) &&
            (!events[i].detail || str_find(detail, str_of(events[i].detail)) >= 0))
            return events[i].event;
    return (struct hook_event){0};
}

const char *const *hook_event_names(const char *vendor)
{
    static const char *const claude[] = {
        "SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PermissionRequest", "Notification",
        "Stop",         "StopFailure",      "SessionEnd", NULL};
    static const char *const codex[] = {
        "SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PermissionRequest", "Stop", NULL};
    static const char *const gemini[] = {"SessionStart", "BeforeAgent", "BeforeTool", "AfterTool",
                                         "Notification", "AfterAgent",  "SessionEnd", NULL};
    static const struct {
        const char *vendor;
        const char *const *names;
    } rows[] = {{"claude", claude}, {"codex", codex}, {"gemini", gemini}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(rows[i].vendor, vendor) == 0)
            return rows[i].names;
    return NULL;
}
