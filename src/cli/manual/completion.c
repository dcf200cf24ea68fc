/* completion.c -- what a shell offers behind `muster`.
 *
 * The rows become data in each shell's own syntax, behind a few lines of code that look them up. */
#include "cli/manual/manual.h"

/* Within single quotes, where only a single quote means anything. */
static void add_quoted(struct buf *out, const char *text)
{
    for (const char *p = text; *p; p++)
        if (*p == '\'')
            buf_add_text(out, "'\\''");
        else
            buf_add_char(out, *p);
}

static void add_words(struct buf *out, const char *choices)
{
    for (const char *p = choices ? choices : ""; *p; p++)
        buf_add_char(out, *p == '|' ? ' ' : *p);
}

static bool names_file(const struct command_option *o)
{
    return o->value && (strcmp(o->value, "FILE") == 0 || strcmp(o->value, "DIR") == 0);
}

#define EACH_COMMAND(c)                                                                                      \
    for (const struct command *const *c = commands; *c; c++)                                                 \
        if (!(*c)->hidden)

/* `wanted` NULL: all. */
static void each_option(const struct command *command, bool (*wanted)(const struct command_option *o),
                        void (*each)(struct buf *out, const struct command_option *o), struct buf *out)
{
    const struct command_option *const tables[] = {command->options, command_common_options};
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        for (const struct command_option *o = tables[i]; o && o->name; o++)
            if (!wanted || wanted(o))
                each(out, o);
}

/* -- bash -- */

static const char bash_code[] =
    "# Each word is told by those before it: a command, then a verb where it has some.\n"
    "_muster() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local command='' verb='' verbs='' options='' valued='' wraps='' word i\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ -z $command ]]; then\n"
    "            command=$word\n"
    "            _muster_rows \"$command\"\n"
    "        elif [[ \" $valued \" == *\" $word \"* ]]; then\n"
    "            ((i++))\n"
    "        elif [[ $word != -* && -z $verb ]]; then\n"
    "            verb=$word\n"
    "        elif [[ $word == -- && -n $wraps ]]; then\n"
    "            verb=$word\n"
    "        fi\n"
    "    done\n"
    "    if [[ -z $command ]]; then\n"
    "        COMPREPLY=($(compgen -W \"$_muster_commands\" -- \"$cur\"))\n"
    "    elif [[ $command == help ]]; then\n"
    "        [[ -n $verb ]] || COMPREPLY=($(compgen -W \"$_muster_commands\" -- \"$cur\"))\n"
    "    elif [[ \" $valued \" == *\" $prev \"* ]]; then\n"
    "        _muster_values \"$command $prev\"\n"
    "    elif [[ $cur == -* && ( -z $wraps || -z $verb ) ]]; then\n"
    "        COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
    "    elif [[ -n $wraps && ( -z $verb || $prev == -- ) ]]; then\n"
    "        COMPREPLY=($(compgen -c -- \"$cur\"))\n"
    "    elif [[ -n $verbs && -z $verb ]]; then\n"
    "        COMPREPLY=($(compgen -W \"$verbs\" -- \"$cur\"))\n"
    "    else\n"
    "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
    "    fi\n"
    "}\n"
    "complete -F _muster muster\n";

static void bash_option(struct buf *out, const struct command_option *o)
{
    if (o->letter)
        buf_printf(out, "-%c ", o->letter);
    buf_printf(out, "--%s ", o->name);
}

static bool takes_value(const struct command_option *o)
{
    return o->value != NULL;
}

static void bash_rows(struct buf *out)
{
    buf_add_text(out, "_muster_rows() {\n    case $1 in\n");
    EACH_COMMAND(c)
    {
        buf_printf(out, "    %s)\n        verbs='", (*c)->name);
        for (const struct command_verb *v = (*c)->verbs; v && v->name; v++)
            buf_printf(out, "%s%s", v == (*c)->verbs ? "" : " ", v->name);
        buf_add_text(out, "'\n        options='");
        each_option(*c, NULL, bash_option, out);
        buf_add_text(out, "'\n        valued='");
        each_option(*c, takes_value, bash_option, out);
        buf_printf(out, "'\n        wraps='%s'\n        ;;\n", (*c)->takes_command ? "yes" : "");
    }
    buf_add_text(out, "    esac\n}\n");
}

static void bash_value_case(struct buf *out, const char *command, const struct command_option *o)
{
    if (!o->choices && !names_file(o))
        return;
    buf_printf(out, "    '%s --%s'", command, o->name);
    if (o->letter)
        buf_printf(out, " | '%s -%c'", command, o->letter);
    buf_add_text(out, ") COMPREPLY=($(compgen ");
    if (o->choices) {
        buf_add_text(out, "-W '");
        add_words(out, o->choices);
        buf_add_text(out, "'");
    } else {
        buf_add_text(out, "-f");
    }
    buf_add_text(out, " -- \"$cur\")) ;;\n");
}

static void bash_values(struct buf *out)
{
    buf_add_text(out, "_muster_values() {\n    case $1 in\n");
    EACH_COMMAND(c)
    {
        const struct command_option *const tables[] = {(*c)->options, command_common_options};
        for (size_t i = 0; i < COUNT_OF(tables); i++)
            for (const struct command_option *o = tables[i]; o && o->name; o++)
                bash_value_case(out, (*c)->name, o);
    }
    buf_add_text(out, "    esac\n}\n");
}

void manual_complete_bash(struct buf *out)
{
    buf_add_text(out, "# bash completion for muster; printed by `muster manual completion bash`.\n"
                      "# shellcheck shell=bash disable=SC2034,SC2207\n_muster_commands='help");
    EACH_COMMAND(c)
    buf_printf(out, " %s", (*c)->name);
    buf_add_text(out, "'\n");
    bash_rows(out);
    bash_values(out);
    buf_add_text(out, bash_code);
}

/* -- zsh: _arguments takes '(-s --state)'{-s,--state}'[what it does]:VALUE:(choices)' -- */

static void zsh_text(struct buf *out, const char *text)
{
    for (const char *p = text; *p; p++)
        if (*p == '\'')
            buf_add_text(out, "'\\''");
        else
            buf_printf(out, strchr("[]:\\", *p) ? "\\%c" : "%c", *p);
}

static void zsh_option(struct buf *out, const struct command_option *o)
{
    buf_add_text(out, "            ");
    if (o->letter)
        buf_printf(out, "'(-%c --%s)'{-%c,--%s}'[", o->letter, o->name, o->letter, o->name);
    else
        buf_printf(out, "'--%s[", o->name);
    zsh_text(out, o->doc);
    buf_add_char(out, ']');
    if (o->value) {
        buf_printf(out, ":%s:", o->value);
        if (o->choices) {
            buf_add_char(out, '(');
            add_words(out, o->choices);
            buf_add_char(out, ')');
        } else if (names_file(o)) {
            buf_add_text(out, "_files");
        }
    }
    buf_add_text(out, "' \\\n");
}

static void zsh_command(struct buf *out, const struct command *c)
{
    buf_printf(out, "    %s)\n        _arguments -s \\\n", c->name);
    each_option(c, NULL, zsh_option, out);
    if (c->takes_command) {
        buf_add_text(out, "            '*::command:_normal'\n        ;;\n");
        return;
    }
    if (c->verbs) {
        buf_add_text(out, "            '1:verb:((");
        for (const struct command_verb *v = c->verbs; v->name; v++) {
            CLEANUP(buf_deinit) struct buf doc = BUF_INIT;
            zsh_text(&doc, v->summary);
            buf_printf(out, "%s%s\\:\"%s\"", v == c->verbs ? "" : " ", v->name, doc.p);
        }
        buf_add_text(out, "))' \\\n");
    }
    buf_add_text(out, "            '*:argument:_files'\n        ;;\n");
}

void manual_complete_zsh(struct buf *out)
{
    buf_add_text(out, "#compdef muster\n# Printed by `muster manual completion zsh`.\n"
                      "local -a muster_commands=(\n    'help:What muster can do'\n");
    EACH_COMMAND(c)
    {
        buf_printf(out, "    '%s:", (*c)->name);
        add_quoted(out, (*c)->summary);
        buf_add_text(out, "'\n");
    }
    buf_add_text(out,
                 ")\nif ((CURRENT == 2)); then\n    _describe -t commands 'muster command' muster_commands\n"
                 "    return\nfi\nlocal muster_command=$words[2]\nshift words\n((CURRENT--))\n"
                 "case $muster_command in\n"
                 "    help)\n        _describe -t commands 'muster command' muster_commands\n        ;;\n");
    EACH_COMMAND(c)
    zsh_command(out, *c);
    buf_add_text(out, "esac\n");
}

/* -- fish -- */

static void fish_option(struct buf *out, const char *command, const struct command_option *o)
{
    buf_printf(out, "complete -c muster -n '__fish_seen_subcommand_from %s' -l %s", command, o->name);
    if (o->letter)
        buf_printf(out, " -s %c", o->letter);
    if (o->value)
        buf_add_text(out, names_file(o) ? " -r -F" : " -x");
    if (o->choices) {
        buf_add_text(out, " -a '");
        add_words(out, o->choices);
        buf_add_char(out, '\'');
    }
    buf_add_text(out, " -d '");
    for (const char *p = o->doc; *p; p++)
        buf_printf(out, strchr("\\'", *p) ? "\\%c" : "%c", *p);
    buf_add_text(out, "'\n");
}

static void fish_verbs(struct buf *out, const struct command *c)
{
    CLEANUP(buf_deinit) struct buf names = BUF_INIT;
    for (const struct command_verb *v = c->verbs; v && v->name; v++)
        buf_printf(&names, " %s", v->name);
    for (const struct command_verb *v = c->verbs; v && v->name; v++)
        buf_printf(
            out,
            "complete -c muster -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from%s' "
            "-a %s -d \"%s\"\n",
            c->name, names.p, v->name, v->summary);
}

void manual_complete_fish(struct buf *out)
{
    buf_add_text(out, "# fish completion for muster; printed by `muster manual completion fish`.\n"
                      "complete -c muster -n __fish_use_subcommand -f -a help -d 'What muster can do'\n");
    EACH_COMMAND(c)
    buf_printf(out, "complete -c muster -n __fish_use_subcommand -f -a %s -d \"%s\"\n", (*c)->name,
               (*c)->summary);
    EACH_COMMAND(c)
    {
        const struct command_option *const tables[] = {(*c)->options, command_common_options};
        fish_verbs(out, *c);
        for (size_t i = 0; i < COUNT_OF(tables); i++)
            for (const struct command_option *o = tables[i]; o && o->name; o++)
                fish_option(out, (*c)->name, o);
    }
}
