#include "transcripts/ledger.h"

#include "base/hash.h"
#include "transcripts/ledger_answer.h"

#define FORMAT 1

const char *const skip_reason_names[SKIP_REASONS] = {"no_object", "torn",     "malformed", "too_deep",
                                                     "not_utf8",  "too_long", "bad_time",  "bad_count"};

struct string_row {
    uint32_t offset, bytes;
};

static const struct ledger_section_type types[LEDGER_SECTION_COUNT] = {
    [LEDGER_BYTES] = {1, false},
    [LEDGER_STRINGS] = {sizeof(struct string_row), false},
    [LEDGER_STRING_INDEX] = {4, true},
    [LEDGER_CONTEXTS] = {sizeof(struct ledger_context), false},
    [LEDGER_CONTEXT_INDEX] = {4, true},
    [LEDGER_ENTRIES] = {sizeof(struct ledger_entry), false},
    [LEDGER_ENTRY_INDEX] = {4, true},
    [LEDGER_MESSAGE_INDEX] = {4, true},
    [LEDGER_ROWS] = {sizeof(struct ledger_row), false},
    [LEDGER_ROW_INDEX] = {4, true},
    [LEDGER_FILES] = {sizeof(struct ledger_file_row), false},
    [LEDGER_FILE_INDEX] = {4, true},
};

void ledger_open(struct ledger *l, const char *dir)
{
    *l = (struct ledger){.last_context = 0};
    ledger_file_open(&l->file, dir, FORMAT, types, LEDGER_SECTION_COUNT);
    if (ledger_count(&l->file, LEDGER_STRINGS) == 0)
        (void)ledger_string(l, (struct str){"", 0});
}

void ledger_close(struct ledger *l)
{
    ledger_file_close(&l->file);
}

int ledger_save(struct ledger *l)
{
    return ledger_file_save(&l->file);
}

static uint64_t hash_of_bytes(const void *p, size_t n)
{
    return hash_xx((struct str){p, n});
}

/* -- strings -- */

/* The empty one has no bytes, and while it is the only one there is no section that they could lie in. */
static struct str text_at(const struct ledger_file *f, uint32_t string)
{
    const struct string_row *row = ledger_item(f, LEDGER_STRINGS, string);
    return (struct str){row->bytes ? ledger_item(f, LEDGER_BYTES, row->offset) : NULL, row->bytes};
}

struct str ledger_text(const struct ledger *l, uint32_t string)
{
    return text_at(&l->file, string);
}

int ledger_compare_strings(const void *a, const void *b, void *ledger)
{
    return str_compare(ledger_text(ledger, *(const uint32_t *)a), ledger_text(ledger, *(const uint32_t *)b));
}

static bool same_text(const struct ledger_file *f, uint32_t item, const void *key)
{
    return str_equal(text_at(f, item), *(const struct str *)key);
}

static uint64_t hash_of_text(const struct ledger_file *f, uint32_t item)
{
    return hash_xx(text_at(f, item));
}

uint32_t ledger_string(struct ledger *l, struct str s)
{
    uint64_t hash = hash_xx(s);
    uint32_t number;
    if (ledger_find(&l->file, LEDGER_STRING_INDEX, hash, same_text, &s, &number))
        return number;
    struct string_row row = {ledger_append_bytes(&l->file, LEDGER_BYTES, s), (uint32_t)s.n};
    number = ledger_append(&l->file, LEDGER_STRINGS, &row);
    ledger_enter(&l->file, LEDGER_STRING_INDEX, hash, number, hash_of_text);
    return number;
}

/* -- contexts -- */

static bool same_context(const struct ledger_file *f, uint32_t item, const void *key)
{
    return memcmp(ledger_item(f, LEDGER_CONTEXTS, item), key, sizeof(struct ledger_context)) == 0;
}

static uint64_t hash_of_context(const struct ledger_file *f, uint32_t item)
{
    return hash_of_bytes(ledger_item(f, LEDGER_CONTEXTS, item), sizeof(struct ledger_context));
}

struct ledger_context ledger_context_at(const struct ledger *l, uint32_t context)
{
    return *(const struct ledger_context *)ledger_item(&l->file, LEDGER_CONTEXTS, context);
}

static bool is_last_context(const struct ledger *l, enum usage_source source, const struct ledger_place *of)
{
    if (!l->last_context)
        return false;
    struct ledger_context c = ledger_context_at(l, l->last_context - 1);
    return c.source == (uint32_t)source && str_equal(ledger_text(l, c.session), of->session) &&
           str_equal(ledger_text(l, c.project), of->project) && str_equal(ledger_text(l, c.cwd), of->cwd) &&
           str_equal(ledger_text(l, c.branch), of->branch);
}

static uint32_t find_context(struct ledger *l, enum usage_source source, const struct ledger_place *of)
{
    struct ledger_context c = {(uint32_t)source, ledger_string(l, of->project), ledger_string(l, of->session),
                               ledger_string(l, of->cwd), ledger_string(l, of->branch)};
    uint64_t hash = hash_of_bytes(&c, sizeof(c));
    uint32_t number;
    if (ledger_find(&l->file, LEDGER_CONTEXT_INDEX, hash, same_context, &c, &number))
        return number;
    number = ledger_append(&l->file, LEDGER_CONTEXTS, &c);
    ledger_enter(&l->file, LEDGER_CONTEXT_INDEX, hash, number, hash_of_context);
    return number;
}

static uint32_t context_of(struct ledger *l, const struct usage_event *e, const struct ledger_place *place)
{
    struct ledger_place of = {place->project, str_empty(e->session_id) ? place->session : e->session_id,
                              str_empty(e->cwd) ? place->cwd : e->cwd,
                              str_empty(e->branch) ? place->branch : e->branch};
    if (!is_last_context(l, e->source, &of))
        l->last_context = find_context(l, e->source, &of) + 1;
    return l->last_context - 1;
}

static uint32_t model_of(struct ledger *l, struct str name)
{
    if (!l->last_model || !str_equal(ledger_text(l, l->last_model - 1), name))
        l->last_model = ledger_string(l, name) + 1;
    return l->last_model - 1;
}

/* -- rows: the sums -- */

struct row_key {
    uint32_t quarter, context, model, flags;
};

static bool same_row(const struct ledger_file *f, uint32_t item, const void *key)
{
    return memcmp(ledger_item(f, LEDGER_ROWS, item), key, sizeof(struct row_key)) == 0;
}

static uint64_t hash_of_row(const struct ledger_file *f, uint32_t item)
{
    return hash_of_bytes(ledger_item(f, LEDGER_ROWS, item), sizeof(struct row_key));
}

static uint32_t row_of(struct ledger *l, const struct row_key *key)
{
    if (l->last_row && same_row(&l->file, l->last_row - 1, key))
        return l->last_row - 1;
    uint64_t hash = hash_of_bytes(key, sizeof(*key));
    uint32_t number;
    if (!ledger_find(&l->file, LEDGER_ROW_INDEX, hash, same_row, key, &number)) {
        struct ledger_row fresh = {key->quarter, key->context, key->model, key->flags, {0}, 0};
        number = ledger_append(&l->file, LEDGER_ROWS, &fresh);
        ledger_enter(&l->file, LEDGER_ROW_INDEX, hash, number, hash_of_row);
    }
    l->last_row = number + 1;
    return number;
}

/* Adds an entry to its sums (sign 1), or takes it out again (sign -1). */
static void count(struct ledger *l, const struct ledger_entry *e, int sign)
{
    struct row_key key = {(uint32_t)(e->at_us / LEDGER_QUARTER_US), e->context, e->model, e->flags};
    struct ledger_row *row = ledger_edit(&l->file, LEDGER_ROWS, row_of(l, &key));
    for (int k = 0; k < USAGE_COUNTS; k++)
        row->counts[k] += sign * e->counts[k];
    row->events += sign;
}

/* -- entries -- */

static const struct ledger_entry *entry_at(const struct ledger_file *f, uint32_t item)
{
    return ledger_item(f, LEDGER_ENTRIES, item);
}

static bool same_key(const struct ledger_file *f, uint32_t item, const void *key)
{
    return entry_at(f, item)->key == *(const uint64_t *)key;
}

static uint64_t hash_of_key(const struct ledger_file *f, uint32_t item)
{
    return entry_at(f, item)->key;
}

static bool same_message(const struct ledger_file *f, uint32_t item, const void *key)
{
    return entry_at(f, item)->message == *(const uint64_t *)key;
}

static uint64_t hash_of_message(const struct ledger_file *f, uint32_t item)
{
    return entry_at(f, item)->message;
}

static void set_counted(struct ledger *l, uint32_t number, bool counts)
{
    struct ledger_entry *e = ledger_edit(&l->file, LEDGER_ENTRIES, number);
    if (e->is_counted == counts)
        return;
    e->is_counted = counts;
    count(l, e, counts ? 1 : -1);
}

/* A side chain tells again what the main thread of its session has told, under another request. */
static bool is_told_by_main(const struct ledger *l, uint32_t first, const struct ledger_entry *e)
{
    if (!(e->flags & USAGE_SIDECHAIN))
        return false;
    uint32_t session = ledger_context_at(l, e->context).session;
    for (uint32_t i = first; i != LEDGER_NO_ENTRY; i = entry_at(&l->file, i)->next) {
        const struct ledger_entry *other = entry_at(&l->file, i);
        if (!(other->flags & USAGE_SIDECHAIN) && ledger_context_at(l, other->context).session == session)
            return true;
    }
    return false;
}

/* `first` of all entries of a message: which of them count. */
static void settle(struct ledger *l, uint32_t first)
{
    if (entry_at(&l->file, first)->next == LEDGER_NO_ENTRY)
        set_counted(l, first, true);
    else
        for (uint32_t i = first; i != LEDGER_NO_ENTRY; i = entry_at(&l->file, i)->next)
            set_counted(l, i, !is_told_by_main(l, first, entry_at(&l->file, i)));
}

static uint32_t first_of_message(const struct ledger *l, uint32_t number)
{
    uint64_t message = entry_at(&l->file, number)->message;
    uint32_t first = number;
    return message && ledger_find(&l->file, LEDGER_MESSAGE_INDEX, message, same_message, &message, &first)
               ? first
               : number;
}

static uint64_t origin_of(const struct ledger *l, uint32_t context)
{
    struct ledger_context c = ledger_context_at(l, context);
    uint64_t parts[] = {hash_xx(ledger_text(l, c.project)), hash_xx(ledger_text(l, c.session)),
                        hash_xx(ledger_text(l, c.cwd)), hash_xx(ledger_text(l, c.branch))};
    return hash_of_bytes(parts, sizeof(parts));
}

static uint64_t last_resort(const struct ledger *l, const struct ledger_entry *e)
{
    uint64_t parts[] = {origin_of(l, e->context), hash_xx(ledger_text(l, e->model))};
    return hash_of_bytes(parts, sizeof(parts));
}

static struct usage_telling telling_of(const struct ledger_entry *e)
{
    struct usage_telling t = {.at_us = e->at_us, .flags = e->flags, .is_home = e->is_home};
    memcpy(t.counts, e->counts, sizeof(t.counts));
    return t;
}

/* Where it was told is asked last, and costs most. */
static bool is_greater(const struct ledger *l, const struct ledger_entry *fresh,
                       const struct ledger_entry *old)
{
    struct usage_telling a = telling_of(fresh), b = telling_of(old);
    int order = usage_telling_compare(&a, &b);
    if (order != 0)
        return order > 0;
    a.origin = last_resort(l, fresh);
    b.origin = last_resort(l, old);
    return usage_telling_compare(&a, &b) > 0;
}

static bool merge(struct ledger *l, uint32_t number, const struct ledger_entry *fresh)
{
    if (!is_greater(l, fresh, entry_at(&l->file, number)))
        return false;
    set_counted(l, number, false);
    struct ledger_entry *e = ledger_edit(&l->file, LEDGER_ENTRIES, number);
    uint32_t next = e->next;
    *e = *fresh;
    e->next = next;
    settle(l, first_of_message(l, number));
    return true;
}

static void insert(struct ledger *l, const struct ledger_entry *fresh)
{
    struct ledger_entry e = *fresh;
    uint32_t head = LEDGER_NO_ENTRY;
    bool known =
        e.message && ledger_find(&l->file, LEDGER_MESSAGE_INDEX, e.message, same_message, &e.message, &head);
    if (known)
        e.next = entry_at(&l->file, head)->next;
    uint32_t number = ledger_append(&l->file, LEDGER_ENTRIES, &e);
    ledger_enter(&l->file, LEDGER_ENTRY_INDEX, e.key, number, hash_of_key);
    if (known)
        ((struct ledger_entry *)ledger_edit(&l->file, LEDGER_ENTRIES, head))->next = number;
    else if (e.message)
        ledger_enter(&l->file, LEDGER_MESSAGE_INDEX, e.message, number, hash_of_message);
    settle(l, known ? head : number);
}

/* What makes an answer this one and no other. */
static uint64_t key_of(const struct ledger *l, const struct usage_event *e, const struct ledger_entry *entry)
{
    uint64_t parts[4] = {(uint64_t)e->source, hash_xx(e->message_id), hash_xx(e->request_id), 0};
    if (e->source == USAGE_GEMINI && !str_empty(e->message_id))
        parts[2] = hash_xx(ledger_text(l, ledger_context_at(l, entry->context).session));
    if (str_empty(e->message_id)) {
        parts[2] = str_empty(e->request_id) ? hash_of_bytes(e->counts, sizeof(e->counts)) : parts[2];
        parts[3] = str_empty(e->request_id) ? (uint64_t)(e->at_us / 1000) * 31 + hash_xx(e->model) : 0;
    }
    return hash_of_bytes(parts, sizeof(parts)) | 1;
}

/* The key of an answer of Gemini CLI holds its session, so the context is known before. */
static void identify(struct ledger *l, const struct usage_event *e, struct ledger_entry *entry)
{
    entry->key = key_of(l, e, entry);
    if (!str_empty(e->message_id) && e->source == USAGE_CLAUDE)
        entry->message = ledger_answer_hash(e->message_id);
    ledger_prefetch(&l->file, LEDGER_ENTRY_INDEX, entry->key);
    ledger_prefetch(&l->file, LEDGER_MESSAGE_INDEX, entry->message);
}

uint64_t ledger_answer_key(enum usage_source source, struct str message_id, struct str request_id)
{
    uint64_t parts[4] = {(uint64_t)source, hash_xx(message_id), hash_xx(request_id), 0};
    return hash_of_bytes(parts, sizeof(parts)) | 1;
}

uint64_t ledger_answer_hash(struct str message_id)
{
    return hash_xx(message_id) | 1;
}

const struct ledger_entry *ledger_entry_of(const struct ledger *l, uint64_t key)
{
    uint32_t number;
    return ledger_find(&l->file, LEDGER_ENTRY_INDEX, key, same_key, &key, &number)
               ? entry_at(&l->file, number)
               : NULL;
}

bool ledger_add(struct ledger *l, const struct usage_event *e, const struct ledger_place *place)
{
    if (usage_event_tokens(e->counts) == 0 && e->counts[COUNT_WEB_SEARCHES] == 0)
        return false;
    struct ledger_entry entry = {
        .at_us = e->at_us,
        .context = context_of(l, e, place),
        .flags = e->flags,
        .next = LEDGER_NO_ENTRY,
        .is_home = str_empty(e->session_id) || str_equal(e->session_id, place->session),
    };
    identify(l, e, &entry);
    entry.model = model_of(l, e->model);
    memcpy(entry.counts, e->counts, sizeof(entry.counts));
    uint32_t number;
    if (ledger_find(&l->file, LEDGER_ENTRY_INDEX, entry.key, same_key, &entry.key, &number))
        return merge(l, number, &entry);
    insert(l, &entry);
    return true;
}

/* -- files -- */

static bool same_file(const struct ledger_file *f, uint32_t item, const void *key)
{
    const struct ledger_file_row *row = ledger_item(f, LEDGER_FILES, item);
    return row->path == *(const uint32_t *)key;
}

static uint64_t hash_of_file(const struct ledger_file *f, uint32_t item)
{
    const struct ledger_file_row *row = ledger_item(f, LEDGER_FILES, item);
    return hash_xx(text_at(f, row->path));
}

uint32_t ledger_file_find(struct ledger *l, struct str path, struct ledger_file_row *ret)
{
    uint32_t string = ledger_string(l, path), number;
    uint64_t hash = hash_xx(path);
    if (!ledger_find(&l->file, LEDGER_FILE_INDEX, hash, same_file, &string, &number)) {
        struct ledger_file_row fresh = {.path = string, .inode = -1};
        number = ledger_append(&l->file, LEDGER_FILES, &fresh);
        ledger_enter(&l->file, LEDGER_FILE_INDEX, hash, number, hash_of_file);
    }
    *ret = *(const struct ledger_file_row *)ledger_item(&l->file, LEDGER_FILES, number);
    return number;
}

void ledger_file_put(struct ledger *l, uint32_t number, const struct ledger_file_row *row)
{
    *(struct ledger_file_row *)ledger_edit(&l->file, LEDGER_FILES, number) = *row;
}
