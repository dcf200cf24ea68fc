/* fuzz_bus_wire.c -- a server's bytes: the first byte says where to split the rest, and that changes nothing.
 */
#include "io/bus_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

struct reading {
    struct bus_wire wire;
    struct buf items;
    int rc;
};

static void feed(struct reading *r, struct str bytes)
{
    struct bus_wire_item item;
    while (r->rc == 0 && (r->rc = bus_wire_next(&r->wire, &bytes, &item)) == 1) {
        must(item.payload.n <= BUS_WIRE_PAYLOAD_MAX);
        must((item.type == BUS_WIRE_MSG) == (item.sid.n > 0));
        buf_printf(&r->items, "%d ", item.type);
        const struct str parts[] = {item.text, item.subject, item.sid, item.reply, item.payload};
        for (size_t i = 0; i < COUNT_OF(parts); i++) {
            buf_printf(&r->items, "%zu:", parts[i].n);
            if (parts[i].n)
                buf_add_str(&r->items, parts[i]);
        }
        r->rc = 0;
    }
}

static struct reading begin(void)
{
    struct reading r = {.items = BUF_INIT};
    bus_wire_init(&r.wire);
    return r;
}

static void end(struct reading *r)
{
    bus_wire_deinit(&r->wire);
    buf_deinit(&r->items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str all = {(const char *)data + 1, size - 1};
    size_t at = all.n ? data[0] * all.n / 256 : 0;
    struct reading whole = begin(), split = begin();
    feed(&whole, all);
    feed(&split, (struct str){all.p, at});
    feed(&split, (struct str){all.p + at, all.n - at});
    must(whole.rc == split.rc && str_equal(buf_str(&whole.items), buf_str(&split.items)));
    end(&whole);
    end(&split);
    return 0;
}
