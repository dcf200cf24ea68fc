#include "io/http_exchange.h"

/* The bytes live as long as a response over them does, the ready-made responses as long as somebody holds the
 * body: its owner, or a request whose reply is not queued yet. */
struct http_shared {
    unsigned holders, responses;
    char *content_type;
    struct buf body, packed; /* packed: gzip of body, made when first asked for */
    bool packing_tried;      /* and may have failed: then `packed` is empty */
    char etag[HTTP_ETAG_MAX], packed_etag[HTTP_ETAG_MAX];
    struct MHD_Response *plain, *gzip, *not_modified; /* made when first asked for */
};

enum variant { VARIANT_PLAIN, VARIANT_GZIP, VARIANT_NOT_MODIFIED };

struct http_shared *http_shared_new(const char *content_type, struct buf *body)
{
    struct http_shared *b = xnew(struct http_shared);
    b->holders = 1;
    b->content_type = xstrdup(content_type);
    b->body = *body;
    buf_init(body);
    buf_init(&b->packed);
    http_etag(buf_str(&b->body), false, b->etag);
    http_etag(buf_str(&b->body), true, b->packed_etag);
    return b;
}

static void free_when_unused(struct http_shared *b)
{
    if (b->holders || b->responses)
        return;
    buf_deinit(&b->body);
    buf_deinit(&b->packed);
    free(b->content_type);
    free(b);
}

static void on_response_freed(void *shared)
{
    struct http_shared *b = shared;
    b->responses--;
    free_when_unused(b);
}

void http_shared_drop(struct http_shared *b)
{
    if (--b->holders)
        return;
    b->responses++; /* so that the last of these does not free it under our hands */
    struct MHD_Response *made[] = {b->plain, b->gzip, b->not_modified};
    for (size_t i = 0; i < COUNT_OF(made); i++)
        if (made[i])
            MHD_destroy_response(made[i]);
    on_response_freed(b);
}

struct http_shared *http_shared_free(struct http_shared *b)
{
    if (b)
        http_shared_drop(b);
    return NULL;
}

static bool has_packed(struct http_shared *b)
{
    if (!b->packing_tried)
        (void)http_gzip(buf_str(&b->body), &b->packed);
    b->packing_tried = true;
    return b->packed.n > 0;
}

static struct MHD_Response *make(struct http_shared *b, enum variant variant)
{
    struct buf *bytes = variant == VARIANT_GZIP ? &b->packed : &b->body;
    size_t n = variant == VARIANT_NOT_MODIFIED ? 0 : bytes->n;
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback_cls(n, bytes->p, on_response_freed, b);
    b->responses++;
    (void)MHD_add_response_header(response, "ETag", variant == VARIANT_GZIP ? b->packed_etag : b->etag);
    (void)MHD_add_response_header(response, "Vary", "Accept-Encoding");
    if (variant == VARIANT_GZIP)
        (void)MHD_add_response_header(response, "Content-Encoding", "gzip");
    return response;
}

/* With the headers that every reply has, but none that belongs to one request. */
static struct MHD_Response *ready_made(struct http_shared *b, enum variant variant)
{
    struct MHD_Response **slot = variant == VARIANT_PLAIN  ? &b->plain
                                 : variant == VARIANT_GZIP ? &b->gzip
                                                           : &b->not_modified;
    if (!*slot) {
        *slot = make(b, variant);
        if (variant != VARIANT_NOT_MODIFIED)
            (void)MHD_add_response_header(*slot, "Content-Type", b->content_type);
        (void)MHD_add_response_header(*slot, "Cache-Control", "no-store");
        (void)MHD_add_response_header(*slot, "X-Content-Type-Options", "nosniff");
    }
    return *slot;
}

static enum variant variant_for(struct http_request *r, struct http_shared *b)
{
    if (!r->connection)
        return VARIANT_PLAIN;
    if (r->head.if_none_match.p && http_etag_matches(r->head.if_none_match, b->etag, b->packed_etag))
        return VARIANT_NOT_MODIFIED;
    if (r->head.accept_encoding.p && http_accepts_gzip(r->head.accept_encoding) && has_packed(b))
        return VARIANT_GZIP;
    return VARIANT_PLAIN;
}

void http_reply_shared(struct http_request *r, struct http_shared *b)
{
    enum variant variant = variant_for(r, b);
    int status = variant == VARIANT_NOT_MODIFIED ? 304 : 200;
    bool own_headers = r->headers || (r->connection && r->head.request_id.p);
    if (own_headers) {
        struct MHD_Response *response = make(b, variant);
        http_reply_headers(r, response, status == 304 ? NULL : b->content_type);
        http_reply_response(r, status, response);
        return;
    }
    b->holders++;
    r->shared = b;
    http_reply_response(r, status, ready_made(b, variant));
}
