#include "cli/bus_url.h"

#include "base/buf.h"
#include "io/bus_client.h"
#include "io/config.h"

static char *configured(const struct config *c)
{
    struct buf url = BUF_INIT;
    if (c->bus_url[0])
        buf_add_text(&url, c->bus_url);
    else if (c->bus_socket[0])
        buf_printf(&url, "unix:%s", c->bus_socket);
    else
        buf_printf(&url, "nats://%s", c->bus_listen);
    return buf_take(&url);
}

int bus_url(const struct invocation *in, char **ret_url, char **ret_token)
{
    const char *given = command_option(in, "bus");
    struct config *config = NULL;
    int rc = command_config(in, &config);
    if (rc)
        return rc;
    char *url = given ? xstrdup(given) : configured(config);
    char *token = config->bus_token[0] ? xstrdup(config->bus_token) : NULL;
    (void)config_free(config);
    if (!bus_client_url_valid(url)) {
        rc = command_usage(in, "\"%s\" is no bus: nats://HOST:PORT or unix:PATH is expected", url);
        free(url);
        free(token);
        return rc;
    }
    *ret_url = url;
    *ret_token = token;
    return 0;
}
