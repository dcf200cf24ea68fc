#include "store/node_id.h"

#include "base/hash.h"
#include "io/file.h"

static int read_id(const char *path, char ret[NODE_ID_LEN + 1])
{
    struct buf text = BUF_INIT;
    int rc = file_read_small(path, 64, &text);
    struct str id = str_trim(buf_str(&text));
    if (rc == 0 && (id.n != NODE_ID_LEN || strspn(id.p, "0123456789abcdef") < NODE_ID_LEN))
        rc = -EBADMSG;
    if (rc == 0) {
        memcpy(ret, id.p, NODE_ID_LEN);
        ret[NODE_ID_LEN] = '\0';
    }
    buf_deinit(&text);
    return rc;
}

int node_id_load(const char *data_dir, char ret[NODE_ID_LEN + 1], struct err *e)
{
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/node_id", data_dir);
    int rc = read_id(path.p, ret);
    if (rc == -ENOENT) {
        char id[NODE_ID_LEN + 1];
        hash_random_hex(NODE_ID_LEN / 2, id);
        rc = file_write_atomic(path.p, str_of(id), 0600, true);
        if (rc == 0)
            memcpy(ret, id, sizeof(id));
    }
    if (rc)
        rc = err_set(e, ERR_INTERNAL, rc, "%s cannot be read or made: %s", path.p, strerror(-rc));
    buf_deinit(&path);
    return rc;
}
