#include "node/bus/interest.h"

#include "core/subject.h"

struct interest_node {
    struct map children;        /* token -> node */
    struct interest_node *star; /* the child for * */
    struct interest_list here;  /* patterns that end here */
    struct interest_list rest;  /* patterns that go on with > and end */
};

/* -- lists -- */

static void list_add(struct interest_list *list, struct interest_entry *entry)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 2;
        list->items = xrealloc(list->items, list->capacity * sizeof(struct interest_entry *));
    }
    list->items[list->count++] = entry;
}

/* The last one takes its place: nobody counts on an order among subscribers. */
static void list_remove(struct interest_list *list, struct interest_entry *entry)
{
    assert(entry->at < list->count && list->items[entry->at] == entry);
    struct interest_entry *last = list->items[--list->count];
    list->items[entry->at] = last;
    last->at = entry->at;
    if (list->count == 0) {
        free(list->items);
        *list = (struct interest_list){0};
    }
}

static void list_insert(struct interest_list *list, struct interest_entry *entry)
{
    entry->at = list->count;
    list_add(list, entry);
}

/* -- nodes -- */

static struct interest_node *node_free(struct interest_node *n)
{
    size_t at = 0;
    struct str token;
    void *child;
    if (!n)
        return NULL;
    while (map_next(&n->children, &at, &token, &child))
        (void)node_free(child);
    map_deinit(&n->children);
    (void)node_free(n->star);
    free(n->here.items);
    free(n->rest.items);
    free(n);
    return NULL;
}

static bool is_bare(const struct interest_node *n)
{
    return n->children.count == 0 && !n->star && n->here.count == 0 && n->rest.count == 0;
}

static struct interest_node *child_of(const struct interest_node *n, struct str token)
{
    return str_equal(token, STR("*")) ? n->star : map_get(&n->children, token);
}

static struct interest_node *make_child(struct interest_node *n, struct str token)
{
    struct interest_node *child = child_of(n, token);
    if (child)
        return child;
    child = xnew(struct interest_node);
    if (str_equal(token, STR("*")))
        n->star = child;
    else
        (void)map_put(&n->children, token, child);
    return child;
}

static void drop_child(struct interest_node *n, struct str token)
{
    if (str_equal(token, STR("*")))
        n->star = node_free(n->star);
    else
        (void)node_free(map_remove(&n->children, token));
}

/* -- matches and their cache -- */

static void *match_free(struct interest_match *m)
{
    if (!m)
        return NULL;
    for (size_t i = 0; i < m->group_count; i++)
        free(m->groups[i].items);
    free(m->groups);
    free(m->plain.items);
    free(m);
    return NULL;
}

static void clear_cache(struct interest *i)
{
    size_t at = 0;
    struct str subject;
    void *match;
    while (map_next(&i->cache, &at, &subject, &match))
        (void)match_free(match);
    map_deinit(&i->cache);
}

static struct interest_list *group_of(struct interest_match *m, struct str queue)
{
    for (size_t g = 0; g < m->group_count; g++)
        if (str_equal(m->groups[g].items[0]->queue, queue))
            return &m->groups[g];
    m->groups = xrealloc(m->groups, (m->group_count + 1) * sizeof(struct interest_list));
    m->groups[m->group_count] = (struct interest_list){0};
    return &m->groups[m->group_count++];
}

static void collect(struct interest_match *m, const struct interest_list *list)
{
    for (size_t k = 0; k < list->count; k++) {
        struct interest_entry *entry = list->items[k];
        list_add(entry->queue.n ? group_of(m, entry->queue) : &m->plain, entry);
    }
}

/* `subject` is what is left behind the token of `n`. */
static void walk(const struct interest_node *n, struct str subject, struct interest_match *m)
{
    struct str token;
    if (!str_split(&subject, '.', &token)) {
        collect(m, &n->here);
        return;
    }
    collect(m, &n->rest);
    const struct interest_node *literal = n->children.count ? map_get(&n->children, token) : NULL;
    if (literal)
        walk(literal, subject, m);
    if (n->star)
        walk(n->star, subject, m);
}

static struct interest_match *search(const struct interest *i, struct str subject)
{
    struct interest_match *m = xnew(struct interest_match);
    const struct interest_node *literal = map_get(&i->literals, subject);
    m->generation = i->generation;
    if (literal)
        collect(m, &literal->here);
    if (i->wildcard_count)
        walk(i->root, subject, m);
    return m;
}

const struct interest_match *interest_find(struct interest *i, struct str subject)
{
    struct interest_match *m = map_get(&i->cache, subject);
    if (m && m->generation == i->generation) {
        i->hits++;
        return m;
    }
    i->misses++;
    if (!m && !subject_valid(subject))
        return NULL;
    if (!m && i->cache.count >= INTEREST_CACHE_MAX)
        clear_cache(i);
    m = search(i, subject);
    (void)match_free(map_put(&i->cache, subject, m));
    return m;
}

/* -- life -- */

void interest_init(struct interest *i)
{
    *i = (struct interest){.root = xnew(struct interest_node)};
}

void interest_deinit(struct interest *i)
{
    size_t at = 0;
    struct str subject;
    void *node;
    while (map_next(&i->literals, &at, &subject, &node))
        (void)node_free(node);
    map_deinit(&i->literals);
    i->root = node_free(i->root);
    clear_cache(i);
}

static bool is_literal(struct str pattern)
{
    return !memchr(pattern.p, '*', pattern.n) && !memchr(pattern.p, '>', pattern.n);
}

/* What other subjects matched does not change by a literal one. */
static void add_literal(struct interest *i, struct interest_entry *entry)
{
    struct interest_node *node = map_get(&i->literals, entry->pattern);
    if (!node) {
        node = xnew(struct interest_node);
        (void)map_put(&i->literals, entry->pattern, node);
    }
    list_insert(&node->here, entry);
    (void)match_free(map_remove(&i->cache, entry->pattern));
}

static void remove_literal(struct interest *i, struct interest_entry *entry)
{
    struct interest_node *node = map_get(&i->literals, entry->pattern);
    list_remove(&node->here, entry);
    if (node->here.count == 0)
        (void)node_free(map_remove(&i->literals, entry->pattern));
    (void)match_free(map_remove(&i->cache, entry->pattern));
}

static void add_wildcard(struct interest *i, struct interest_entry *entry)
{
    struct interest_node *n = i->root;
    struct str rest = entry->pattern, token;
    i->generation++;
    i->wildcard_count++;
    while (str_split(&rest, '.', &token)) {
        if (str_equal(token, STR(">"))) {
            list_insert(&n->rest, entry);
            return;
        }
        n = make_child(n, token);
    }
    list_insert(&n->here, entry);
}

/* True: nothing hangs on `n` any more. */
static bool unhang(struct interest_node *n, struct str rest, struct interest_entry *entry)
{
    struct str token;
    if (!str_split(&rest, '.', &token))
        list_remove(&n->here, entry);
    else if (str_equal(token, STR(">")))
        list_remove(&n->rest, entry);
    else if (unhang(child_of(n, token), rest, entry))
        drop_child(n, token);
    return is_bare(n);
}

void interest_add(struct interest *i, struct interest_entry *entry)
{
    i->count++;
    if (is_literal(entry->pattern))
        add_literal(i, entry);
    else
        add_wildcard(i, entry);
}

void interest_remove(struct interest *i, struct interest_entry *entry)
{
    i->count--;
    if (is_literal(entry->pattern)) {
        remove_literal(i, entry);
        return;
    }
    i->generation++;
    i->wildcard_count--;
    (void)unhang(i->root, entry->pattern, entry);
}
