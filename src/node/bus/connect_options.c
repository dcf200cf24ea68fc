#include "node/bus/connect_options.h"

#include <jansson.h>

#define AT(member) offsetof(struct bus_connect_options, member)

static const struct {
    const char *name;
    json_type type; /* JSON_TRUE: a boolean */
    size_t offset;
} fields[] = {
    {"verbose", JSON_TRUE, AT(verbose)},
    {"pedantic", JSON_TRUE, AT(pedantic)},
    {"echo", JSON_TRUE, AT(echo)},
    {"headers", JSON_TRUE, AT(headers)},
    {"no_responders", JSON_TRUE, AT(no_responders)},
    {"tls_required", JSON_TRUE, AT(tls_required)},
    {"user", JSON_STRING, AT(user)},
    {"pass", JSON_STRING, AT(password)},
    {"auth_token", JSON_STRING, AT(auth_token)},
    {"name", JSON_STRING, AT(name)},
    {"lang", JSON_STRING, AT(lang)},
    {"version", JSON_STRING, AT(version)},
    {"protocol", JSON_INTEGER, AT(protocol)},
};
static const char *const foreign[] = {"jwt", "nkey", "sig"};

void bus_connect_options_init(struct bus_connect_options *o)
{
    *o = (struct bus_connect_options){.verbose = true, .pedantic = true, .echo = true};
}

static void forget(char **secret)
{
    if (*secret)
        explicit_bzero(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}

void bus_connect_options_forget(struct bus_connect_options *o)
{
    forget(&o->user);
    forget(&o->password);
    forget(&o->auth_token);
}

void bus_connect_options_deinit(struct bus_connect_options *o)
{
    bus_connect_options_forget(o);
    free(o->name);
    free(o->lang);
    free(o->version);
}

static bool read_field(const json_t *value, json_type type, void *field)
{
    if (json_is_null(value))
        return true;
    if (type == JSON_TRUE && json_is_boolean(value)) {
        *(bool *)field = json_is_true(value);
    } else if (type == JSON_STRING && json_is_string(value)) {
        free(*(char **)field);
        *(char **)field = xstrdup(json_string_value(value));
    } else if (type == JSON_INTEGER && json_is_integer(value)) {
        *(int64_t *)field = json_integer_value(value);
    } else {
        return false;
    }
    return true;
}

static bool read_all(const json_t *object, struct bus_connect_options *o)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        const json_t *value = json_object_get(object, fields[i].name);
        if (value && !read_field(value, fields[i].type, (char *)o + fields[i].offset))
            return false;
    }
    for (size_t i = 0; i < COUNT_OF(foreign); i++) {
        const char *text = json_string_value(json_object_get(object, foreign[i]));
        o->foreign_auth |= text && text[0];
    }
    return true;
}

bool bus_connect_options_read(struct str json, struct bus_connect_options *o)
{
    struct bus_connect_options fresh = {.verbose = true, .pedantic = true, .echo = true};
    json_t *object = json_loadb(json.p, json.n, 0, NULL);
    bool ok = json_is_object(object) && read_all(object, &fresh);
    json_decref(object);
    if (!ok) {
        bus_connect_options_deinit(&fresh);
        return false;
    }
    bus_connect_options_deinit(o);
    *o = fresh;
    return true;
}
