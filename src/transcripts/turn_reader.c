#include "transcripts/turns_internal.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/parse.h"
#include "transcripts/line_objects.h"
#include "transcripts/line_reader.h"
#include "transcripts/session_file.h"

#define TOLD_TURNS 256 /* of a format that repeats its records: how far back a repetition is known */
#define OPEN_USES 64   /* tools that are under way at a time, as far as their results are told of them */
#define EXIT_CODE_LINES 6

struct open_use { /* of a tool: what its result will be told */
    uint64_t id;  /* hash; 0: free */
    char *name, *command, *path, *background_id;
};

struct turn_reader {
    struct line_reader *lines;
    bool is_packed;
    struct str run; /* of lines that are not read yet */
    turns_parser parse;
    enum turn_format format;
    int64_t line_no;
    struct arena arena;
    struct turns turns;
    struct turn_session session;
    struct open_use uses[OPEN_USES];
    size_t next_use;
    uint64_t told[TOLD_TURNS]; /* hashes; 0: free */
    size_t next_told;
    struct turn_reader_facts facts;
};

/* -- for the parsers -- */

struct turn *turns_add(struct turns *t, enum turn_kind kind)
{
    if (t->count == t->capacity) {
        t->capacity = MAX(8, t->capacity * 2);
        t->p = xrealloc(t->p, t->capacity * sizeof(*t->p));
    }
    struct turn *turn = &t->p[t->count];
    *turn = t->common;
    turn->kind = kind;
    turn->block_no = (int)t->count++;
    turn->exit_code = TURN_EXIT_UNKNOWN;
    return turn;
}

static struct str keep(struct turns *t, const struct buf *b)
{
    return (struct str){arena_strdup(t->arena, buf_str(b)), b->n};
}

struct str turns_text(struct turns *t, const struct json_value *v, bool *cut)
{
    if (v->kind != JSON_STRING || v->raw.n == 0)
        return (struct str){NULL, 0};
    struct buf b = BUF_INIT;
    json_value_decode(v, TURN_TEXT_MAX, &b);
    if (cut)
        *cut = *cut || b.n + 4 > TURN_TEXT_MAX;
    struct str s = keep(t, &b);
    buf_deinit(&b);
    return s;
}

void turns_set_text(struct turns *t, struct turn *turn, const struct json_value *v)
{
    turn->text = turns_text(t, v, &turn->is_cut);
}

static void add_block(struct turns *t, const struct json_value *block, struct buf *out)
{
    static const struct json_path paths[] = {JSON_ROW("text", 0), JSON_ROWS_END};
    struct json_value text[1] = {{0}};
    struct json_scan scan;
    (void)t;
    if (block->kind == JSON_STRING)
        text[0] = *block;
    else if (block->kind != JSON_OBJECT || json_scan_object(block->raw, paths, text, &scan) != JSON_WHOLE)
        return;
    if (text[0].kind != JSON_STRING)
        return;
    if (out->n)
        buf_add_char(out, '\n');
    json_value_decode(&text[0], TURN_TEXT_MAX - MIN(out->n, TURN_TEXT_MAX), out);
}

void turns_set_blocks(struct turns *t, struct turn *turn, const struct json_value *v)
{
    if (v->kind != JSON_ARRAY) {
        turns_set_text(t, turn, v);
        return;
    }
    struct buf b = BUF_INIT;
    struct str rest = v->raw;
    struct json_value block;
    while (json_scan_element(&rest, &block) && b.n < TURN_TEXT_MAX)
        add_block(t, &block, &b);
    turn->is_cut = turn->is_cut || b.n + 4 > TURN_TEXT_MAX;
    turn->text = keep(t, &b);
    buf_deinit(&b);
}

/* One word of an argument vector as a shell would take it again. */
static void add_word(struct buf *out, struct str word)
{
    bool plain = word.n > 0;
    for (size_t i = 0; i < word.n && plain; i++)
        plain = strchr("\"'`$&|;<>()*?[]{}~# \t\n\\", word.p[i]) == NULL && word.p[i] != '\0';
    if (out->n)
        buf_add_char(out, ' ');
    if (plain) {
        buf_add_str(out, word);
        return;
    }
    buf_add_char(out, '\'');
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] == '\'')
            buf_add_text(out, "'\\''");
        else
            buf_add_char(out, word.p[i]);
    buf_add_char(out, '\'');
}

/* ["bash","-lc","make check"] is `make check`; ["make","check"] too. */
static struct str vector_command(struct turns *t, const struct json_value *v)
{
    struct str rest = v->raw, words[3] = {{0}};
    struct json_value word;
    struct buf b = BUF_INIT;
    for (size_t i = 0; json_scan_element(&rest, &word) && b.n < TURN_TEXT_MAX; i++) {
        struct str text = turns_text(t, &word, NULL);
        if (i < COUNT_OF(words))
            words[i] = text;
        add_word(&b, text);
    }
    bool is_shell = str_ends_with(words[0], STR("sh")) && words[1].n > 1 && words[1].p[0] == '-' &&
                    words[1].p[words[1].n - 1] == 'c' && words[2].n > 0;
    struct str s = is_shell ? words[2] : keep(t, &b);
    buf_deinit(&b);
    return s;
}

enum {
    IN_COMMAND,
    IN_CMD,
    IN_SCRIPT,
    IN_FILE,
    IN_NOTEBOOK,
    IN_PATH,
    IN_ABSOLUTE,
    IN_INPUT,
    IN_PATCH,
    IN_SLOTS
};

void turns_set_input(struct turns *t, struct turn *turn, const struct json_value *input)
{
    static const struct json_path paths[] = {JSON_ROW("command", IN_COMMAND),
                                             JSON_ROW("cmd", IN_CMD),
                                             JSON_ROW("script", IN_SCRIPT),
                                             JSON_ROW("file_path", IN_FILE),
                                             JSON_ROW("notebook_path", IN_NOTEBOOK),
                                             JSON_ROW("path", IN_PATH),
                                             JSON_ROW("absolute_path", IN_ABSOLUTE),
                                             JSON_ROW("input", IN_INPUT),
                                             JSON_ROW("patch", IN_PATCH),
                                             JSON_ROWS_END};
    struct json_value v[IN_SLOTS] = {{0}};
    struct json_scan scan;
    turn->tool_input = input->raw;
    if (input->kind != JSON_OBJECT || json_scan_object(input->raw, paths, v, &scan) != JSON_WHOLE)
        return;
    for (int i = IN_COMMAND; i <= IN_SCRIPT && turn->command.n == 0; i++)
        turn->command = v[i].kind == JSON_ARRAY ? vector_command(t, &v[i]) : turns_text(t, &v[i], NULL);
    for (int i = IN_FILE; i <= IN_ABSOLUTE && turn->path.n == 0; i++)
        turn->path = turns_text(t, &v[i], NULL);
    for (int i = IN_INPUT; i <= IN_PATCH && turn->command.n == 0; i++)
        turn->text = turn->text.n ? turn->text : turns_text(t, &v[i], &turn->is_cut);
}

void turns_set_time(struct turns *t, const struct json_value *v)
{
    if (v->kind == JSON_STRING && clock_parse_rfc3339(v->raw, &t->common.at_us))
        return;
    t->common.at_us = 0;
    t->is_bad_time = v->kind != JSON_ABSENT && v->kind != JSON_NULL;
}

void turns_keep(char **to, struct str s)
{
    /* A line that is not UTF-8 is passed over, and so is what it says of the session. */
    if (s.n == 0 || (*to && str_equal(str_of(*to), s)) || !str_is_utf8(s))
        return;
    free(*to);
    *to = str_dup(s);
}

/* -- exit codes -- */

static bool number_behind(struct str line, struct str words, int *ret)
{
    int64_t value;
    ptrdiff_t at = str_find(line, words);
    if (at < 0)
        return false;
    const char *p = line.p + at + words.n, *end = line.p + line.n;
    while (p < end && (*p == ' ' || *p == ':' || *p == '='))
        p++;
    const char *stop = p + (p < end && *p == '-');
    while (stop < end && *stop >= '0' && *stop <= '9')
        stop++;
    if (!parse_i64_in((struct str){p, (size_t)(stop - p)}, INT32_MIN, INT32_MAX, &value))
        return false;
    *ret = (int)value;
    return true;
}

static bool line_exit_code(struct str line, int *ret)
{
    static const struct str words[] = {{"Exit code", 9},         {"Exit Code", 9},    {"exit code", 9},
                                       {"exited with code", 16}, {"exit status", 11}, {"Exit status", 11}};
    line = str_trim(line);
    if (line.n > 80)
        return false;
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (number_behind(line, words[i], ret))
            return true;
    return false;
}

bool turns_exit_code(struct str text, int *ret)
{
    struct str rest = text, line, last[EXIT_CODE_LINES];
    size_t count = 0;
    while (rest.p && str_split(&rest, '\n', &line)) {
        if (count < EXIT_CODE_LINES && line_exit_code(line, ret))
            return true;
        if (str_trim(line).n)
            last[count++ % EXIT_CODE_LINES] = line;
    }
    for (size_t i = 0; i < MIN(count, EXIT_CODE_LINES); i++)
        if (line_exit_code(last[(count - 1 - i) % EXIT_CODE_LINES], ret))
            return true;
    return false;
}

/* -- uses and their results -- */

static void forget_use(struct open_use *u)
{
    free(u->name);
    free(u->command);
    free(u->path);
    free(u->background_id);
    *u = (struct open_use){0};
}

static void remember_use(struct turn_reader *r, const struct turn *turn)
{
    struct open_use *u = &r->uses[r->next_use++ % OPEN_USES];
    forget_use(u);
    *u = (struct open_use){.id = hash_xx(turn->tool_id) | 1,
                           .name = str_dup(turn->tool_name),
                           .command = str_dup(turn->command),
                           .path = str_dup(turn->path),
                           .background_id = str_dup(turn->background_id)};
}

/* A result of a use that asked for a command in the background. */
static void tell_of_background(struct turn_reader *r, struct turn *result, const char *id)
{
    if (id[0] == '\0' || result->background_id.n)
        return;
    result->background_id = str_of(arena_strdup(&r->arena, str_of(id)));
    if (r->format == TURN_CLAUDE && result->command.n == 0)
        turns_background_answer(&r->turns, result);
    else if (r->format == TURN_CODEX && result->exit_code != TURN_EXIT_UNKNOWN)
        result->background = TURN_BACKGROUND_ENDED;
}

static void tell_of_use(struct turn_reader *r, struct turn *result)
{
    uint64_t id = hash_xx(result->tool_id) | 1;
    for (size_t i = 0; i < OPEN_USES; i++) {
        struct open_use *u = &r->uses[i];
        if (u->id != id)
            continue;
        struct arena *a = &r->arena;
        if (result->tool_name.n == 0)
            result->tool_name = str_of(arena_strdup(a, str_of(u->name)));
        result->command = str_of(arena_strdup(a, str_of(u->command)));
        result->path = str_of(arena_strdup(a, str_of(u->path)));
        if (r->format == TURN_CLAUDE && result->command.n && result->background == TURN_FOREGROUND)
            turns_background_started(result);
        /* Claude Code marks a command that fails; one that is not marked and was not stopped ended with 0. */
        if (r->format == TURN_CLAUDE && result->command.n && !result->is_error && !r->turns.is_interrupted &&
            result->background == TURN_FOREGROUND)
            result->exit_code = 0;
        tell_of_background(r, result, u->background_id);
        return;
    }
}

static void match_tools(struct turn_reader *r)
{
    for (size_t i = 0; i < r->turns.count; i++) {
        struct turn *turn = &r->turns.p[i];
        if (turn->kind == TURN_TOOL_USE && turn->tool_id.n)
            remember_use(r, turn);
        else if (turn->kind == TURN_TOOL_RESULT && turn->tool_id.n)
            tell_of_use(r, turn);
    }
}

/* -- records that are repeated -- */

static uint64_t hash_of(const struct turn *turn)
{
    struct buf b = BUF_INIT;
    bool has_tool = turn->tool_id.n > 0;
    buf_printf(&b, "%d:%zu:%zu:", (int)turn->kind, turn->id.n, turn->tool_id.n);
    buf_add_str(&b, turn->id);
    buf_add_str(&b, turn->tool_id);
    if (!has_tool)
        buf_add_str(&b, turn->text);
    uint64_t hash = hash_xx(buf_str(&b)) | 1;
    buf_deinit(&b);
    return hash;
}

static bool was_told(struct turn_reader *r, const struct turn *turn)
{
    if (turn->id.n == 0)
        return false;
    uint64_t hash = hash_of(turn);
    for (size_t i = 0; i < TOLD_TURNS; i++)
        if (r->told[i] == hash)
            return true;
    r->told[r->next_told++ % TOLD_TURNS] = hash;
    return false;
}

static void leave_out_what_was_told(struct turn_reader *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->turns.count; i++)
        if (!was_told(r, &r->turns.p[i]))
            r->turns.p[kept++] = r->turns.p[i];
    r->turns.count = kept;
}

/* -- reading -- */

static void read_object(struct turn_reader *r, struct line_objects *objects, struct str text)
{
    const char *end;
    size_t before = r->turns.count;
    enum json_outcome rc = r->parse(&r->turns, text, &end);
    if (rc != JSON_WHOLE) {
        r->turns.count = before;
        if (line_objects_failed(objects))
            r->facts.skipped[skip_reason_of(rc)]++;
        return;
    }
    if (!json_scan_is_utf8((struct str){text.p, (size_t)(end - text.p)})) {
        r->turns.count = before;
        r->facts.skipped[SKIP_NOT_UTF8]++;
    } else if (r->turns.is_bad_time) {
        r->facts.skipped[SKIP_BAD_TIME]++;
    }
    line_objects_took(objects, end);
}

static void read_line(struct turn_reader *r, struct str line)
{
    struct line_objects objects = line_objects_of(line);
    struct str text;
    arena_reset(&r->arena);
    r->turns.count = 0;
    while (line_objects_next(&objects, &text)) {
        r->turns.is_bad_time = r->turns.is_interrupted = false;
        r->turns.common =
            (struct turn){.format = r->format, .line_no = r->line_no, .exit_code = TURN_EXIT_UNKNOWN};
        read_object(r, &objects, text);
    }
    if (r->format == TURN_GEMINI)
        leave_out_what_was_told(r);
    match_tools(r);
}

int turn_reader_next(struct turn_reader *r, const struct turn **ret, size_t *ret_count)
{
    struct str line;
    for (;;) {
        while (r->run.n > 0 && str_split(&r->run, '\n', &line)) {
            r->line_no++;
            read_line(r, line);
            if (r->turns.count == 0)
                continue;
            *ret = r->turns.p;
            *ret_count = r->turns.count;
            return 1;
        }
        struct line_run run;
        int rc = line_reader_next(r->lines, &run);
        if (rc != 1)
            return rc;
        r->run = run.is_unterminated ? (struct str){NULL, 0} : run.bytes;
    }
}

static struct turn_reader *new_reader(struct line_reader *lines, enum transcript_format format)
{
    static const turns_parser parsers[] = {[TRANSCRIPT_CLAUDE] = turns_claude,
                                           [TRANSCRIPT_CODEX] = turns_codex,
                                           [TRANSCRIPT_GEMINI] = turns_gemini};
    static const enum turn_format formats[] = {[TRANSCRIPT_CLAUDE] = TURN_CLAUDE,
                                               [TRANSCRIPT_CODEX] = TURN_CODEX,
                                               [TRANSCRIPT_GEMINI] = TURN_GEMINI};
    struct turn_reader *r = xnew(struct turn_reader);
    *r = (struct turn_reader){.lines = lines, .parse = parsers[format], .format = formats[format]};
    arena_init(&r->arena);
    r->turns.arena = &r->arena;
    r->turns.session = &r->session;
    r->facts.format = format;
    return r;
}

int turn_reader_open(const char *path, enum transcript_format format, struct turn_reader **ret)
{
    struct line_reader *lines;
    int rc = line_reader_open(path, 0, 0, &lines);
    if (rc != 0)
        return rc;
    if (format == TRANSCRIPT_UNKNOWN && !session_file_format(path, &format)) {
        (void)line_reader_free(lines);
        return -EPROTONOSUPPORT;
    }
    *ret = new_reader(lines, format);
    (*ret)->is_packed = line_reader_is_compressed(path);
    return 0;
}

struct turn_reader *turn_reader_free(struct turn_reader *r)
{
    if (!r)
        return NULL;
    for (size_t i = 0; i < OPEN_USES; i++)
        forget_use(&r->uses[i]);
    free(r->session.id);
    free(r->session.cwd);
    free(r->session.branch);
    free(r->session.model);
    free(r->turns.p);
    arena_reset(&r->arena);
    (void)line_reader_free(r->lines);
    free(r);
    return NULL;
}

void turn_reader_facts(const struct turn_reader *r, struct turn_reader_facts *ret)
{
    *ret = r->facts;
    ret->lines = r->line_no;
    ret->offset = line_reader_offset(r->lines);
    ret->tail_hash = line_reader_tail_hash(r->lines);
    ret->skipped[SKIP_TOO_LONG] += line_reader_skipped(r->lines);
}

/* -- put aside -- */

/* What is put aside begins with a number that says how: another one is not what this reads. */
#define SAVED_AS 1
#define SAVED_FORMAT(format) (SAVED_AS * 16 + (int64_t)(format))

static void save_text(struct buf *out, const char *text)
{
    pack_str(out, text ? str_of(text) : (struct str){NULL, 0});
}

bool turn_reader_save(const struct turn_reader *r, struct buf *out)
{
    struct turn_reader_facts f;
    turn_reader_facts(r, &f);
    if (r->is_packed || f.offset == 0)
        return false;
    pack_i64(out, SAVED_FORMAT(f.format));
    pack_i64(out, f.offset);
    pack_i64(out, (int64_t)f.tail_hash);
    pack_i64(out, f.lines);
    for (int k = 0; k < SKIP_REASONS; k++)
        pack_i64(out, f.skipped[k]);
    save_text(out, r->session.id);
    save_text(out, r->session.cwd);
    save_text(out, r->session.branch);
    save_text(out, r->session.model);
    pack_i64(out, r->session.replay.phase);
    pack_i64(out, r->session.replay.forked_us);
    pack_i64(out, r->session.replay.last_us);
    for (size_t i = 0; i < OPEN_USES; i++) {
        const struct open_use *u = &r->uses[(r->next_use + i) % OPEN_USES]; /* the oldest first */
        pack_i64(out, (int64_t)u->id);
        save_text(out, u->name);
        save_text(out, u->command);
        save_text(out, u->path);
        save_text(out, u->background_id);
    }
    for (size_t i = 0; i < TOLD_TURNS; i++)
        pack_i64(out, (int64_t)r->told[(r->next_told + i) % TOLD_TURNS]);
    return true;
}

static char *load_text(struct unpack *u)
{
    struct str s = unpack_str(u);
    return s.n ? str_dup(s) : NULL;
}

static void load_use(struct open_use *use, struct unpack *u)
{
    use->id = (uint64_t)unpack_i64(u);
    use->name = str_dup(unpack_str(u));
    use->command = str_dup(unpack_str(u));
    use->path = str_dup(unpack_str(u));
    use->background_id = str_dup(unpack_str(u));
}

static bool load(struct turn_reader *r, struct unpack *u)
{
    for (int k = 0; k < SKIP_REASONS; k++)
        r->facts.skipped[k] = unpack_in(u, 0, INT64_MAX);
    r->session = (struct turn_session){.id = load_text(u)};
    r->session.cwd = load_text(u);
    r->session.branch = load_text(u);
    r->session.model = load_text(u);
    r->session.replay.phase = (enum codex_replay_phase)unpack_in(u, 0, CODEX_REPLAY_PHASES - 1);
    r->session.replay.forked_us = unpack_in(u, 0, INT64_MAX);
    r->session.replay.last_us = unpack_in(u, 0, INT64_MAX);
    for (size_t i = 0; i < OPEN_USES; i++)
        load_use(&r->uses[i], u);
    for (size_t i = 0; i < TOLD_TURNS; i++)
        r->told[i] = (uint64_t)unpack_i64(u);
    return !u->is_bad;
}

int turn_reader_resume(const char *path, struct unpack *u, struct turn_reader **ret)
{
    enum transcript_format format = (enum transcript_format)(
        unpack_in(u, SAVED_FORMAT(0), SAVED_FORMAT(TRANSCRIPT_FORMAT_COUNT - 1)) - SAVED_FORMAT(0));
    int64_t offset = unpack_in(u, 1, INT64_MAX);
    uint64_t hash = (uint64_t)unpack_i64(u);
    int64_t lines = unpack_in(u, 0, INT64_MAX);
    struct line_reader *reader;
    if (u->is_bad || line_reader_is_compressed(path))
        return -ESTALE;
    int rc = line_reader_open(path, offset, 0, &reader);
    if (rc != 0)
        return rc;
    struct turn_reader *r = new_reader(reader, format);
    r->line_no = lines;
    if (line_reader_tail_hash(reader) != hash || !load(r, u)) {
        (void)turn_reader_free(r);
        return -ESTALE;
    }
    *ret = r;
    return 0;
}

const char *turn_reader_error(int rc)
{
    return rc == -EPROTONOSUPPORT ? "it is of no agent CLI that is known"
           : rc == -EBADMSG       ? "it cannot be decompressed"
                                  : strerror(-rc);
}
