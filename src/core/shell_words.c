#include "core/shell_words.h"

#include "base/buf.h"

#define HERE_DOCUMENTS_MAX 4

struct parser {
    const char *p, *end;
    struct arena *arena;
    struct shell_line *line;
    struct shell_command *now;
    struct str here[HERE_DOCUMENTS_MAX]; /* delimiters whose documents begin behind this line */
    size_t here_count;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool ends_word(char c)
{
    return is_blank(c) || strchr("\n;|&<>()", c) != NULL;
}

/* -- words -- */

static void single_quoted(struct parser *s, struct buf *word)
{
    for (s->p++; s->p < s->end && *s->p != '\''; s->p++)
        buf_add_char(word, *s->p);
    s->p += s->p < s->end;
}

static void double_quoted(struct parser *s, struct buf *word)
{
    for (s->p++; s->p < s->end && *s->p != '"'; s->p++) {
        if (*s->p == '\\' && s->p + 1 < s->end && strchr("\"\\$`\n", s->p[1]))
            s->p++;
        buf_add_char(word, *s->p);
    }
    s->p += s->p < s->end;
}

/* $(…) and `…` are parts of the word that they stand in. */
static void substitution(struct parser *s, struct buf *word)
{
    int depth = 0;
    do {
        depth += *s->p == '(';
        depth -= *s->p == ')';
        buf_add_char(word, *s->p++);
    } while (s->p < s->end && depth > 0);
}

/* False when there is none: an operator, or the end. */
static bool read_word(struct parser *s, struct str *ret)
{
    struct buf word = BUF_INIT;
    const char *start = s->p;
    while (s->p < s->end && !ends_word(*s->p)) {
        if (*s->p == '\'')
            single_quoted(s, &word);
        else if (*s->p == '"')
            double_quoted(s, &word);
        else if (*s->p == '$' && s->p + 1 < s->end && s->p[1] == '(') {
            buf_add_char(&word, *s->p++);
            substitution(s, &word);
        } else if (*s->p == '\\' && s->p + 1 < s->end) {
            if (s->p[1] != '\n')
                buf_add_char(&word, s->p[1]);
            s->p += 2;
        } else
            buf_add_char(&word, *s->p++);
    }
    bool is_word = s->p > start && (word.n > 0 || *start == '\'' || *start == '"');
    if (is_word)
        *ret = (struct str){arena_strdup(s->arena, buf_str(&word)), word.n};
    buf_deinit(&word);
    return is_word;
}

/* -- commands -- */

static void end_command(struct parser *s, enum shell_operator behind)
{
    if (s->now->count == 0 || s->line->count == SHELL_COMMANDS_MAX)
        return;
    s->now->behind = behind;
    if (++s->line->count < SHELL_COMMANDS_MAX)
        s->now = &s->line->commands[s->line->count];
    else
        s->p = s->end;
}

static void skip_blanks(struct parser *s)
{
    while (s->p < s->end && is_blank(*s->p))
        s->p++;
}

/* No file of the project's. */
static bool is_aside(struct str path)
{
    return str_starts_with(path, STR("/dev/")) || str_starts_with(path, STR("/tmp/")) ||
           str_ends_with(path, STR(".log"));
}

/* What stands behind a < or > and is no word of the command. */
static void redirection(struct parser *s)
{
    bool is_here =
        s->end - s->p > 1 && s->p[0] == '<' && s->p[1] == '<' && !(s->end - s->p > 2 && s->p[2] == '<');
    bool writes = *s->p == '>';
    while (s->p < s->end && strchr("<>&-|", *s->p))
        s->p++;
    skip_blanks(s);
    struct str target = {NULL, 0};
    bool named = read_word(s, &target);
    bool is_number = named && target.n == 1 && target.p[0] >= '0' && target.p[0] <= '9';
    if (writes && named && !is_number && !is_aside(target))
        s->now->writes_file = true;
    if (is_here && named && s->here_count < HERE_DOCUMENTS_MAX)
        s->here[s->here_count++] = target;
}

/* At the line feed behind which the documents begin. */
static void skip_here_documents(struct parser *s)
{
    for (size_t i = 0; i < s->here_count; i++)
        while (s->p < s->end) {
            const char *feed = memchr(s->p, '\n', (size_t)(s->end - s->p));
            const char *stop = feed ? feed : s->end;
            struct str text = str_trim((struct str){s->p, (size_t)(stop - s->p)});
            s->p = feed ? feed + 1 : s->end;
            if (str_equal(text, s->here[i]))
                break;
        }
    s->here_count = 0;
}

static void read_operator(struct parser *s)
{
    char c = *s->p++;
    bool doubled = s->p < s->end && *s->p == c;
    if ((c == '&' || c == '|') && doubled) {
        s->p++;
        end_command(s, c == '&' ? SHELL_AND : SHELL_OR);
    } else if (c == '|') {
        s->p += s->p < s->end && *s->p == '&';
        end_command(s, SHELL_PIPE);
    } else if (c == '&' && s->p < s->end && *s->p == '>') {
        redirection(s);
    } else if (c == '&') {
        end_command(s, SHELL_BACKGROUND);
    } else {
        end_command(s, SHELL_SEQUENCE);
        if (c == '\n')
            skip_here_documents(s);
    }
}

static void add_word(struct parser *s, struct str word)
{
    /* "2>&1": the digit is no word. */
    bool is_descriptor = word.n == 1 && word.p[0] >= '0' && word.p[0] <= '9' && s->p < s->end &&
                         (*s->p == '>' || *s->p == '<');
    if (!is_descriptor && s->now->count < SHELL_WORDS_MAX)
        s->now->words[s->now->count++] = word;
}

static void skip_comment(struct parser *s)
{
    while (s->p < s->end && *s->p != '\n')
        s->p++;
}

static void note_pipefail(struct shell_line *line)
{
    for (size_t i = 0; i < line->count; i++) {
        const struct shell_command *c = &line->commands[i];
        if (c->count < 2 || !str_equal(c->words[0], STR("set")))
            continue;
        for (size_t w = 1; w < c->count; w++)
            line->has_pipefail = line->has_pipefail || str_equal(c->words[w], STR("pipefail"));
    }
}

static bool is_word_of(struct str word, const char *const *names)
{
    for (; *names; names++)
        if (str_equal(word, str_of(*names)))
            return true;
    return false;
}

/* The words from `at` on as one text. */
static struct str joined(const struct shell_command *c, size_t at, struct arena *a)
{
    struct buf text = BUF_INIT;
    for (size_t w = at; w < c->count; w++) {
        buf_add_text(&text, w > at ? " " : "");
        buf_add_str(&text, c->words[w]);
    }
    struct str s = {arena_strdup(a, buf_str(&text)), text.n};
    buf_deinit(&text);
    return s;
}

/* `ssh HOST COMMAND…` and `eval COMMAND…`: a shell reads their words again. */
static bool is_read_again(const struct shell_command *c, struct arena *a, struct str *ret)
{
    static const char *const with_value[] = {"-p", "-i", "-l", "-o", "-F", "-J",
                                             "-L", "-R", "-D", "-c", NULL};
    size_t at = 1;
    bool is_ssh = str_equal(c->words[0], STR("ssh"));
    if (!is_ssh && !str_equal(c->words[0], STR("eval")))
        return false;
    while (is_ssh && at < c->count && c->words[at].n > 1 && c->words[at].p[0] == '-')
        at += is_word_of(c->words[at], with_value) ? 2 : 1;
    at += is_ssh; /* the host */
    if (at >= c->count)
        return false;
    *ret = joined(c, at, a);
    return true;
}

/* bash -c "…": what is inside stands in its place; its last operator is the outer one's. */
static bool is_nested(const struct shell_command *c, struct arena *a, struct str *ret)
{
    static const char *const shells[] = {"bash",          "sh", "zsh",     "dash", "/bin/bash", "/bin/sh",
                                         "/usr/bin/bash", "su", "runuser", NULL};
    static const char *const launchers[] = {"timeout", "env",      "sudo",    "time",     "nice",
                                            "docker",  "podman",   "kubectl", "xvfb-run", "exec",
                                            "nix",     "nohup",    "poetry",  "uv",       "docker-compose",
                                            "stdbuf",  "unbuffer", "mise",    "direnv",   NULL};
    size_t at = 0;
    if (is_read_again(c, a, ret))
        return true;
    if (is_word_of(c->words[0], launchers))
        while (at < c->count && !is_word_of(c->words[at], shells))
            at++;
    bool found = at < c->count && is_word_of(c->words[at], shells);
    bool is_user = found && (str_equal(c->words[at], STR("su")) || str_equal(c->words[at], STR("runuser")));
    for (size_t w = at + 1; found && w + 1 < c->count; w++) {
        bool is_option = c->words[w].n > 1 && c->words[w].p[0] == '-';
        if (is_option && c->words[w].p[1] != '-' && c->words[w].p[c->words[w].n - 1] == 'c') {
            *ret = c->words[w + 1];
            return true;
        }
        found = is_option || is_user; /* su takes a user's name before */
    }
    return false;
}

static void parse(struct str text, struct arena *a, struct shell_line *ret);

static void enter_nested(struct shell_line *line, struct arena *a)
{
    for (size_t i = 0; i < line->count; i++) {
        struct str text;
        struct shell_line inner;
        if (!is_nested(&line->commands[i], a, &text))
            continue;
        parse(text, a, &inner);
        if (inner.count == 0 || line->count - 1 + inner.count > SHELL_COMMANDS_MAX)
            continue;
        if (inner.commands[inner.count - 1].behind == SHELL_END)
            inner.commands[inner.count - 1].behind = line->commands[i].behind;
        memmove(&line->commands[i + inner.count], &line->commands[i + 1],
                (line->count - i - 1) * sizeof(*line->commands));
        memcpy(&line->commands[i], inner.commands, inner.count * sizeof(*line->commands));
        line->count += inner.count - 1;
        line->has_pipefail = line->has_pipefail || inner.has_pipefail;
        i += inner.count - 1;
    }
}

static void parse(struct str text, struct arena *a, struct shell_line *ret)
{
    *ret = (struct shell_line){.commands = arena_alloc(a, SHELL_COMMANDS_MAX * sizeof(struct shell_command))};
    struct parser s = {.p = text.p, .end = text.p + text.n, .arena = a, .line = ret, .now = ret->commands};
    while (s.p < s.end) {
        struct str word;
        if (is_blank(*s.p))
            s.p++;
        else if (*s.p == '#')
            skip_comment(&s);
        else if (*s.p == '<' || *s.p == '>')
            redirection(&s);
        else if (strchr("\n;|&()", *s.p))
            read_operator(&s);
        else if (read_word(&s, &word))
            add_word(&s, word);
    }
    end_command(&s, SHELL_END);
    if (ret->count)
        ret->commands[ret->count - 1].behind = ret->commands[ret->count - 1].behind == SHELL_SEQUENCE
                                                   ? SHELL_END
                                                   : ret->commands[ret->count - 1].behind;
    note_pipefail(ret);
}

void shell_line_parse(struct str text, struct arena *a, struct shell_line *ret)
{
    parse(text, a, ret);
    enter_nested(ret, a);
}
