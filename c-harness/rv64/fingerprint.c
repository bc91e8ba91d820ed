/* SPDX-License-Identifier: MIT */
/* The fingerprint: what has to be the same in a recording and its replay. The library refuses a
 * different machine before the first instruction, and names the difference. */
#include "machine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "digest.h"
#include "disk/nbd.h"
#include "message.h"

/* To be changed whenever the guest could see that the machine has changed, and when its digest
 * covers something different. */
#define MACHINE_VERSION "3"

static bool note(const machine_t *m, const char *key, const char *value) {
    if (m->options->fingerprint)
        printf("%s %s\n", key, value);
    if (replay->replay_fingerprint(key, value) == REPLAY_OK)
        return true;
    library_complain();
    return false;
}

static bool note_digest(const machine_t *m, const char *key, uint64_t digest) {
    char text[32];
    snprintf(text, sizeof(text), "%016" PRIx64, digest);
    return note(m, key, text);
}

/* A file is compared by its contents: its name may change. */
static bool note_bytes(const machine_t *m, const char *key, GBytes *bytes) {
    if (!bytes)
        return note(m, key, "none");
    digest_t digest = {0};
    digest_bytes(&digest, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    return note_digest(m, key, digest.value);
}

/* Notes the image's contents, unless the replay needs no image (rrdata=on), or can't or needn't
 * know the contents before the guest reads them: the library compares the data of every read.
 * The disk's length is noted by the library. */
static bool note_disk(const machine_t *m) {
    replay_info_t info = REPLAY_INFO_INIT;
    replay->replay_query(&info);
    const options_t *o = m->options;
    if (!o->disk || o->disk_no_digest || nbd_is_uri(o->disk) || info.block_data)
        return true;
    uint64_t digest;
    if (digest_file(o->disk, &digest))
        return note_digest(m, "rv64.disk", digest);
    tell("%s: %s", o->disk, strerror(errno));
    return false;
}

bool machine_fingerprint(machine_t *m) {
    const options_t *o = m->options;
    char text[256] = "";
    for (size_t i = 0; i < m->bus.count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? " " : "",
                 m->bus.devices[i].name);
    bool good = note(m, "rv64.version", MACHINE_VERSION) && note(m, "rv64.cpu", o->cpu) &&
                note(m, "rv64.devices", text) && note(m, "rv64.append", o->append) &&
                note(m, "rv64.reboot", o->no_reboot ? "off" : "on") &&
                note_bytes(m, "rv64.kernel", m->image.kernel) &&
                note_bytes(m, "rv64.initrd", m->image.initrd) && note_disk(m);
    snprintf(text, sizeof(text), "%" PRId64 " MiB", o->ram_mib);
    good = good && note(m, "rv64.ram", text);
    if (o->disk)
        good = good && note(m, "rv64.disk-mode", o->disk_read_only ? "read-only" : "read-write");
    return good;
}
