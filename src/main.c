#include "cli/commands.h"

const struct command *const commands[] = {
    &command_up,
    &command_serve,
    &command_doctor,
    NULL,
};

int main(int argc, char **argv)
{
    return command_main(argc, argv);
}
