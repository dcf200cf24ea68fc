#include "core/agent_matcher.h"

struct matcher {
    const char *vendor;
    const char *program; /* name of the executable or of argv[0]; NULL: none of its own */
    const char *script;  /* end of the path of the script that an interpreter runs; NULL: none */
    const char *not_arg; /* a process with this argument is a helper, and no agent */
};

/* A script is matched by the end of its path at a '/': a package's folder where its name alone says nothing.
 */
static const struct matcher matchers[] = {
    {"claude", "claude", "/claude", "--bg-spare"},
    {"claude", "claude.exe", "/@anthropic-ai/claude-code/cli.js", NULL},
    {"codex", "codex", "/codex", "pid-update-loop"},
    {"codex", NULL, "/@openai/codex/bin/codex.js", "pid-update-loop"},
    {"gemini", "gemini", "/gemini", NULL},
    {"gemini", NULL, "/@google/gemini-cli/bundle/gemini.js", NULL},
    {"gemini", NULL, "/@google/gemini-cli/dist/index.js", NULL},
    {"opencode", "opencode", "/opencode", NULL},
    {"qwen", "qwen", "/qwen", NULL},
    {"qwen", NULL, "/@qwen-code/qwen-code/cli.js", NULL},
    {"aider", "aider", "/aider", NULL},
    {"goose", "goose", NULL, NULL},
    {"amp", "amp", "/amp", NULL},
    {"cursor-agent", "cursor-agent", "/cursor-agent", NULL},
    {"copilot", "copilot", "/copilot", NULL},
};

static const char *const interpreters[] = {"node", "bun", "deno", "python", "python3"};

static struct str base_name(struct str path)
{
    size_t at = path.n;
    if (at == 0) /* the empty slice may have no address to add to */
        return path;
    while (at > 0 && path.p[at - 1] != '/')
        at--;
    return (struct str){path.p + at, path.n - at};
}

/* A path whose last parts are `tail`; what has no '/' is the script's name alone. */
static bool ends_with_path(struct str path, const char *tail)
{
    return str_ends_with(path, str_of(tail)) || str_equal(path, str_of(tail + 1));
}

void agent_process_args(struct agent_process *p, struct str cmdline)
{
    p->arg_count = 0;
    while (cmdline.n > 0 && p->arg_count < AGENT_ARGS_MAX) {
        const char *end = memchr(cmdline.p, '\0', cmdline.n);
        size_t n = end ? (size_t)(end - cmdline.p) : cmdline.n;
        p->args[p->arg_count++] = (struct str){cmdline.p, n};
        n += end != NULL;
        cmdline = (struct str){cmdline.p + n, cmdline.n - n};
    }
}

static bool is_interpreter(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(interpreters); i++)
        if (str_equal(name, str_of(interpreters[i])))
            return true;
    return str_starts_with(name, STR("python3.")) || str_equal(name, STR("nodejs"));
}

/* The first argument that is no option: what an interpreter runs. */
static struct str script_of(const struct agent_process *p)
{
    bool runs =
        is_interpreter(base_name(p->exe)) || (p->arg_count > 0 && is_interpreter(base_name(p->args[0])));
    for (size_t i = 1; runs && i < p->arg_count; i++) {
        if (str_equal(p->args[i], STR("-c")) || str_equal(p->args[i], STR("-e")) ||
            str_equal(p->args[i], STR("-m")))
            break;
        if (p->args[i].n > 0 && p->args[i].p[0] != '-')
            return p->args[i];
    }
    return (struct str){0};
}

static bool is_program(const struct agent_process *p, struct str name)
{
    if (p->exe.n > 0)
        return str_equal(base_name(p->exe), name) ||
               (p->arg_count > 0 && str_equal(p->args[0], name) && str_equal(p->comm, name));
    return str_equal(p->comm, name) && p->arg_count > 0 && str_equal(base_name(p->args[0]), name);
}

static bool has_arg(const struct agent_process *p, const char *arg)
{
    for (size_t i = 1; arg && i < p->arg_count; i++)
        if (str_equal(p->args[i], str_of(arg)))
            return true;
    return false;
}

static bool split_matcher(const char *text, struct str *ret_name, struct str *ret_word)
{
    struct str rest = str_of(text);
    return str_split(&rest, '=', ret_name) && str_split(&rest, '=', ret_word) && !rest.p && ret_name->n > 0 &&
           ret_word->n > 0;
}

bool agent_matcher_valid(const char *text)
{
    struct str name, word;
    return split_matcher(text, &name, &word);
}

static bool matches_more(const struct agent_process *p, struct str script, const char *text, struct str *ret)
{
    struct str name, word;
    if (!split_matcher(text, &name, &word))
        return false;
    if (!is_program(p, word) && !(script.n > 0 && str_equal(base_name(script), word)))
        return false;
    *ret = name;
    return true;
}

struct str agent_match(const struct agent_process *p, const char *const *more)
{
    struct str script = script_of(p), found;
    for (size_t i = 0; i < COUNT_OF(matchers); i++) {
        const struct matcher *m = &matchers[i];
        bool hit = (m->program && is_program(p, str_of(m->program))) ||
                   (m->script && script.n > 0 && ends_with_path(script, m->script));
        if (hit && !has_arg(p, m->not_arg))
            return str_of(m->vendor);
    }
    for (size_t i = 0; more && more[i]; i++)
        if (matches_more(p, script, more[i], &found))
            return found;
    return (struct str){0};
}
