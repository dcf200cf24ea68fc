#include "core/session_summary.h"

#include "base/arena.h"
#include "base/json_scan.h"
#include "base/map.h"
#include "core/turn_key.h"

const char *const session_event_kind_names[SESSION_EVENT_KINDS] = {"tool", "mcp", "subagent", "skill",
                                                                   "command"};

#define INPUT_DEPTH_MAX 64
#define NAME_BYTES_MAX 128

struct session_summary {
    struct arena arena;
    struct session_event *events[SESSION_EVENTS_MAX]; /* in the arena, sorted */
    struct session_event told[SESSION_EVENTS_MAX];    /* the same, for the caller */
    size_t count;
    struct session_slot *slots; /* owned, in order of time */
    size_t slot_count, slot_capacity;
    struct session_fact *facts; /* owned */
    size_t fact_count, fact_capacity;
    struct session_fact turn; /* what facts of this turn have in common; key 0: there are to be none */
    bool is_continued;
    struct map open; /* by tool id: the event whose result is to come */
    int64_t prompts, answers, errors_unmatched, dropped, first_us, last_us, active_us;
    int64_t prompt_line, now_us; /* now: of the last turn that told its time */
    struct buf answer_id;
};

/* -- what each turn added -- */

static void add_fact(struct session_summary *s, enum session_fact_kind kind, const struct session_event *e)
{
    if (s->turn.key == 0)
        return;
    if (s->fact_count == s->fact_capacity) {
        s->fact_capacity = MAX(s->fact_capacity * 2, (size_t)64);
        s->facts = xrealloc(s->facts, s->fact_capacity * sizeof(*s->facts));
    }
    struct session_fact *f = &s->facts[s->fact_count++];
    *f = s->turn;
    f->kind = (uint8_t)kind;
    f->event = (int16_t)(e ? e->number : -1);
    f->at_us = s->now_us;
    s->turn.active_us = 0; /* told once */
}

/* -- when -- */

static size_t slot_position(const struct session_summary *s, int64_t start_us)
{
    size_t at = s->slot_count;
    while (at > 0 && s->slots[at - 1].start_us >= start_us) /* what comes is nearly always the newest */
        at--;
    return at;
}

/* NULL when there are too many of them. */
static struct session_slot *slot_of(struct session_summary *s, int64_t at_us)
{
    int64_t start_us = at_us - at_us % SESSION_SLOT_US;
    size_t at = slot_position(s, start_us);
    if (at < s->slot_count && s->slots[at].start_us == start_us)
        return &s->slots[at];
    if (s->slot_count == SESSION_SLOTS_MAX) {
        s->dropped++;
        return NULL;
    }
    if (s->slot_count == s->slot_capacity) {
        s->slot_capacity = MAX(s->slot_capacity * 2, (size_t)16);
        s->slots = xrealloc(s->slots, s->slot_capacity * sizeof(*s->slots));
    }
    memmove(&s->slots[at + 1], &s->slots[at], (s->slot_count++ - at) * sizeof(*s->slots));
    s->slots[at] = (struct session_slot){.start_us = start_us};
    return &s->slots[at];
}

static void add_to_slot(struct session_summary *s, const struct session_slot *more)
{
    struct session_slot *slot = s->now_us > 0 ? slot_of(s, s->now_us) : NULL;
    if (!slot)
        return;
    slot->prompts += more->prompts;
    slot->answers += more->answers;
    slot->uses += more->uses;
    slot->errors += more->errors;
}

static void add_active(struct session_summary *s, int64_t from_us, int64_t to_us)
{
    while (from_us < to_us) {
        int64_t end_us = MIN(from_us - from_us % SESSION_SLOT_US + SESSION_SLOT_US, to_us);
        struct session_slot *slot = slot_of(s, from_us);
        if (slot)
            slot->active_us += end_us - from_us;
        from_us = end_us;
    }
}

/* -- events -- */

static int compare(enum session_event_kind kind, struct str name, const struct session_event *b)
{
    return kind != b->kind ? (kind < b->kind ? -1 : 1) : str_compare(name, b->name);
}

/* Not within a character. */
static struct str shortened(struct str name)
{
    if (name.n <= NAME_BYTES_MAX)
        return name;
    name.n = NAME_BYTES_MAX;
    while (name.n > 0 && ((unsigned char)name.p[name.n] & 0xC0) == 0x80)
        name.n--;
    return name;
}

/* Where it is, or would be. */
static size_t event_position(const struct session_summary *s, enum session_event_kind kind, struct str name)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t at = low + (high - low) / 2;
        if (compare(kind, name, s->events[at]) > 0)
            low = at + 1;
        else
            high = at;
    }
    return low;
}

static struct session_event *event_of(struct session_summary *s, enum session_event_kind kind,
                                      struct str name)
{
    name = shortened(name);
    size_t at = event_position(s, kind, name);
    if (at < s->count && compare(kind, name, s->events[at]) == 0)
        return s->events[at];
    if (s->count == SESSION_EVENTS_MAX)
        return NULL;
    struct session_event *e = arena_alloc(&s->arena, sizeof(*e));
    *e = (struct session_event){
        .kind = kind, .name = {arena_strdup(&s->arena, name), name.n}, .number = (int)s->count};
    memmove(&s->events[at + 1], &s->events[at], (s->count++ - at) * sizeof(struct session_event *));
    s->events[at] = e;
    return e;
}

static struct session_event *count_use(struct session_summary *s, enum session_event_kind kind,
                                       struct str name)
{
    struct session_event *e = event_of(s, kind, name);
    add_to_slot(s, &(struct session_slot){.uses = 1});
    if (e)
        e->uses++;
    else
        s->dropped++;
    add_fact(s, FACT_USE, e);
    return e;
}

/* The text of a member of a tool's input; false when it has none of that name. */
static bool input_text(struct str input, const char *const *names, struct buf *ret)
{
    struct json_scan scan = {input};
    struct buf key = BUF_INIT, value = BUF_INIT;
    struct json_scanned type;
    bool found = false, more = json_scan_take(&scan, '{');
    while (more && !found) {
        buf_clear(&key);
        buf_clear(&value);
        if (json_scan_string(&scan, &key) != 0 || !json_scan_take(&scan, ':'))
            break;
        struct json_scan at = scan;
        if (json_scan_value(&scan, INPUT_DEPTH_MAX, &value, &type) != 0)
            break;
        for (int i = 0; names[i] && !found && type.type == JSON_SCAN_STRING; i++)
            found = str_equal(buf_str(&key), str_of(names[i])) && json_scan_string(&at, ret) == 0 && ret->n;
        more = json_scan_take(&scan, ',');
    }
    buf_deinit(&key);
    buf_deinit(&value);
    return found;
}

static const struct named_tool {
    const char *tool;
    enum session_event_kind kind;
    const char *names[3]; /* of its input: what it is counted by */
} named_tools[] = {{"Task", EVENT_SUBAGENT, {"subagent_type", NULL}},
                   {"Agent", EVENT_SUBAGENT, {"subagent_type", NULL}},
                   {"spawn_agent", EVENT_SUBAGENT, {"agent_type", "role", NULL}},
                   {"Skill", EVENT_SKILL, {"skill", "name", NULL}},
                   {"activate_skill", EVENT_SKILL, {"name", NULL}}};

static struct session_event *use_of(struct session_summary *s, const struct turn *turn)
{
    if (str_starts_with(turn->tool_name, STR("mcp__")))
        return count_use(s, EVENT_MCP, turn->tool_name);
    for (size_t i = 0; i < COUNT_OF(named_tools); i++) {
        const struct named_tool *t = &named_tools[i];
        if (!str_equal(turn->tool_name, str_of(t->tool)))
            continue;
        struct buf name = BUF_INIT;
        bool found = input_text(turn->tool_input, t->names, &name);
        struct session_event *e = count_use(s, t->kind, found ? buf_str(&name) : turn->tool_name);
        buf_deinit(&name);
        return e;
    }
    return count_use(s, EVENT_TOOL, turn->tool_name);
}

static void take_use(struct session_summary *s, const struct turn *turn)
{
    struct session_event *e = use_of(s, turn);
    if (e && turn->tool_id.n)
        (void)map_put(&s->open, turn->tool_id, e);
}

static void take_result(struct session_summary *s, const struct turn *turn)
{
    struct session_event *e = turn->tool_id.n ? map_remove(&s->open, turn->tool_id) : NULL;
    if (!turn->is_error)
        return;
    add_to_slot(s, &(struct session_slot){.errors = 1});
    if (e)
        e->errors++;
    else
        s->errors_unmatched++;
    add_fact(s, FACT_ERROR, e);
}

/* -- what is said -- */

static size_t command_name(struct str s)
{
    size_t n = 0;
    while (n < s.n && ((s.p[n] >= 'a' && s.p[n] <= 'z') || (s.p[n] >= 'A' && s.p[n] <= 'Z') ||
                       (n > 0 && ((s.p[n] >= '0' && s.p[n] <= '9') || strchr("_:-", s.p[n])) && s.p[n])))
        n++;
    return n;
}

/* <command-name>/NAME</command-name>, wherever it stands; a path or prose with a stroke is none. */
static void take_commands(struct session_summary *s, struct str text)
{
    static const struct str opens = {"<command-name>/", 15}, closes = {"</command-name>", 15};
    ptrdiff_t at;
    while ((at = str_find(text, opens)) >= 0) {
        text = (struct str){text.p + at + opens.n, text.n - (size_t)at - opens.n};
        size_t n = command_name(text);
        if (n > 0 && str_starts_with((struct str){text.p + n, text.n - n}, closes))
            (void)count_use(s, EVENT_COMMAND, (struct str){text.p, n});
    }
}

static bool is_of_the_cli(struct str text)
{
    static const struct str starts[] = {
        {"<local-command-", 15}, {"[Request interrupted", 20}, {"Caveat: ", 8}};
    text = str_trim(text);
    for (size_t i = 0; i < COUNT_OF(starts); i++)
        if (str_starts_with(text, starts[i]))
            return true;
    return false;
}

static void take_prompt(struct session_summary *s, const struct turn *turn)
{
    take_commands(s, turn->text);
    if (turn->is_meta || turn->is_sidechain || is_of_the_cli(turn->text) || turn->line_no == s->prompt_line)
        return;
    s->prompt_line = turn->line_no;
    s->prompts++;
    add_to_slot(s, &(struct session_slot){.prompts = 1});
    add_fact(s, FACT_PROMPT, NULL);
}

static void take_answer(struct session_summary *s, const struct turn *turn)
{
    if (turn->message_id.n && str_equal(turn->message_id, buf_str(&s->answer_id)))
        return;
    buf_clear(&s->answer_id);
    buf_add_str(&s->answer_id, turn->message_id);
    s->answers++;
    add_to_slot(s, &(struct session_slot){.answers = 1});
    add_fact(s, FACT_ANSWER, NULL);
}

/* A turn that is older than one before it adds nothing: what is between was counted with the newer one. */
static void take_time(struct session_summary *s, int64_t at_us)
{
    if (at_us <= 0)
        return;
    s->now_us = at_us;
    if (s->first_us == 0)
        s->first_us = s->last_us = at_us;
    if (at_us > s->last_us) {
        if (at_us - s->last_us <= SESSION_GAP_US) {
            s->active_us += at_us - s->last_us;
            s->turn.active_us = (int32_t)(at_us - s->last_us);
            add_active(s, s->last_us, at_us);
        }
        s->last_us = at_us;
    }
    s->first_us = MIN(s->first_us, at_us);
}

/* -- for the caller -- */

void session_summary_turn(struct session_summary *s, const struct turn *turn)
{
    if (turn->is_replayed)
        return;
    s->turn = (struct session_fact){.key = turn_key(turn), .alias = turn_key_alias(turn)};
    size_t facts = s->fact_count;
    take_time(s, turn->at_us);
    if (turn->kind == TURN_TOOL_USE)
        take_use(s, turn);
    else if (turn->kind == TURN_TOOL_RESULT)
        take_result(s, turn);
    else if (turn->kind == TURN_PROMPT)
        take_prompt(s, turn);
    else if (turn->kind == TURN_ANSWER)
        take_answer(s, turn);
    if (s->fact_count == facts)
        add_fact(s, FACT_TIME, NULL);
}

void session_summary_result(struct session_summary *s, struct session_summary_result *ret)
{
    *ret = (struct session_summary_result){.events = s->told,
                                           .count = s->count,
                                           .slots = s->slots,
                                           .slot_count = s->slot_count,
                                           .facts = s->facts,
                                           .fact_count = s->fact_count,
                                           .is_continued = s->is_continued,
                                           .prompts = s->prompts,
                                           .answers = s->answers,
                                           .errors_unmatched = s->errors_unmatched,
                                           .dropped = s->dropped,
                                           .first_us = s->first_us,
                                           .last_us = s->last_us,
                                           .active_us = s->active_us,
                                           .wall_us = s->last_us - s->first_us};
    for (size_t i = 0; i < s->count; i++) {
        s->told[i] = *s->events[i];
        ret->uses[s->told[i].kind] += s->told[i].uses;
        ret->errors[s->told[i].kind] += s->told[i].errors;
    }
}

/* -- what is left -- */

static void set_event(struct session_summary *s, const struct session_event *from)
{
    struct session_event *e = event_of(s, from->kind, from->name);
    if (!e)
        return; /* it has as many as a result can have, and those are in it */
    e->uses = from->uses;
    e->errors = from->errors;
}

/* The last moment stays: from there on time is counted. */
void session_summary_set(struct session_summary *s, const struct session_summary_result *left)
{
    s->prompts = left->prompts;
    s->answers = left->answers;
    s->errors_unmatched = left->errors_unmatched;
    s->first_us = left->first_us;
    s->active_us = left->active_us;
    for (size_t i = 0; i < s->count; i++)
        s->events[i]->uses = s->events[i]->errors = 0;
    for (size_t i = 0; i < left->count; i++)
        set_event(s, &left->events[i]);
    s->slot_count = 0;
    for (size_t i = 0; i < left->slot_count; i++) {
        struct session_slot *slot = slot_of(s, left->slots[i].start_us);
        if (slot)
            *slot = left->slots[i];
    }
}

/* -- put aside -- */

static const size_t numbers[] = {offsetof(struct session_summary, prompts),
                                 offsetof(struct session_summary, answers),
                                 offsetof(struct session_summary, errors_unmatched),
                                 offsetof(struct session_summary, dropped),
                                 offsetof(struct session_summary, first_us),
                                 offsetof(struct session_summary, last_us),
                                 offsetof(struct session_summary, active_us),
                                 offsetof(struct session_summary, prompt_line),
                                 offsetof(struct session_summary, now_us)};

static int by_text(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static void save_open(const struct session_summary *s, struct buf *out)
{
    CLEANUP(freep) struct str *ids = xcalloc(s->open.count + 1, sizeof(*ids));
    size_t count = 0;
    void *ignored;
    for (size_t at = 0; map_next(&s->open, &at, &ids[count], &ignored);)
        count++;
    qsort(ids, count, sizeof(*ids), by_text);
    pack_i64(out, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        const struct session_event *e = map_get(&s->open, ids[i]);
        pack_str(out, ids[i]);
        pack_i64(out, (int64_t)event_position(s, e->kind, e->name));
    }
}

void session_summary_save(const struct session_summary *s, struct buf *out)
{
    pack_numbers(out, s, numbers, COUNT_OF(numbers));
    pack_str(out, buf_str(&s->answer_id));
    pack_i64(out, (int64_t)s->count);
    for (size_t i = 0; i < s->count; i++) {
        const struct session_event *e = s->events[i];
        pack_i64(out, e->kind);
        pack_str(out, e->name);
        pack_i64(out, e->uses);
        pack_i64(out, e->errors);
    }
    pack_i64(out, (int64_t)s->slot_count);
    for (size_t i = 0; i < s->slot_count; i++) {
        const struct session_slot *slot = &s->slots[i];
        const int64_t values[] = {slot->start_us, slot->prompts, slot->answers,
                                  slot->uses,     slot->errors,  slot->active_us};
        for (size_t k = 0; k < COUNT_OF(values); k++)
            pack_i64(out, values[k]);
    }
    save_open(s, out);
}

static void load_event(struct session_summary *s, struct unpack *u)
{
    enum session_event_kind kind = (enum session_event_kind)unpack_in(u, 0, SESSION_EVENT_KINDS - 1);
    struct session_event *e = event_of(s, kind, unpack_str(u));
    u->is_bad = u->is_bad || !e;
    if (u->is_bad)
        return;
    e->uses = unpack_i64(u);
    e->errors = unpack_i64(u);
}

static void load_slot(struct session_summary *s, struct unpack *u)
{
    struct session_slot *slot = slot_of(s, unpack_in(u, 0, INT64_MAX));
    u->is_bad = u->is_bad || !slot;
    if (u->is_bad)
        return;
    slot->prompts = unpack_i64(u);
    slot->answers = unpack_i64(u);
    slot->uses = unpack_i64(u);
    slot->errors = unpack_i64(u);
    slot->active_us = unpack_i64(u);
}

static void load_open(struct session_summary *s, struct unpack *u)
{
    struct str id = unpack_str(u);
    int64_t at = unpack_in(u, 0, (int64_t)s->count - 1);
    if (!u->is_bad)
        (void)map_put(&s->open, id, s->events[at]);
}

bool session_summary_load(struct session_summary *s, struct unpack *u)
{
    unpack_numbers(u, s, numbers, COUNT_OF(numbers));
    buf_add_str(&s->answer_id, unpack_str(u));
    static void (*const lists[])(struct session_summary *, struct unpack *) = {load_event, load_slot,
                                                                               load_open};
    for (size_t k = 0; k < COUNT_OF(lists); k++)
        for (int64_t n = unpack_in(u, 0, INT32_MAX); n > 0 && !u->is_bad; n--)
            lists[k](s, u);
    s->is_continued = true;
    return !u->is_bad;
}

struct session_summary *session_summary_new(void)
{
    struct session_summary *s = xnew(struct session_summary);
    arena_init(&s->arena);
    map_init(&s->open);
    buf_init(&s->answer_id);
    return s;
}

struct session_summary *session_summary_free(struct session_summary *s)
{
    if (!s)
        return NULL;
    arena_reset(&s->arena);
    map_deinit(&s->open);
    buf_deinit(&s->answer_id);
    free(s->slots);
    free(s->facts);
    free(s);
    return NULL;
}
