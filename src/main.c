#include "cli/commands.h"

const struct command *const commands[] = {
    &command_serve,
    NULL,
};

int main(int argc, char **argv)
{
    return command_main(argc, argv);
}
