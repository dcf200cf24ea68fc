/* schedule_next.h -- the verbs of `muster schedule` that need no node. */
#pragma once
#include "cli/command.h"

int schedule_next_command(const struct invocation *in);
int schedule_check_command(const struct invocation *in);
