/* commands.h -- the commands, one per file of this folder. */
#pragma once
#include "cli/command.h"

extern const struct command command_serve;
