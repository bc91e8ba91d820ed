/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include <stdio.h>

#include <glib.h>

#include "failing.h"
#include "nbd.h"

/* A replay of a recording with rrdata=on needs neither image nor server, so they may be gone. */
static bool image_needed(void) {
    replay_info_t info = REPLAY_INFO_INIT;
    replay->replay_query(&info);
    return info.mode != REPLAY_MODE_PLAY || !info.block_data;
}

disk_t *disk_open(const options_t *options) {
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    replay_block_backend_t backend = REPLAY_BLOCK_BACKEND_INIT;
    config.name = "disk";
    config.read_only = options->disk_read_only;
    config.filename = options->disk;
    config.resubmits = 1; /* virtio-block-state.c */
    if (image_needed()) {
        if (nbd_is_uri(options->disk))
            config.opaque = nbd_open(options->disk, &backend);
        else if (options->disk_fail)
            config.opaque = failing_open(options->disk, options->disk_fail, &backend);
        if (config.opaque) {
            config.backend = &backend;
            config.filename = NULL;
        } else if (nbd_is_uri(options->disk) || options->disk_fail) {
            return NULL;
        }
    }
    /* The library decides where writes go: to a temporary overlay in RECORD and PLAY, so that the
     * image remains as the replay needs it, and to the image in mode NONE. */
    replay_status_t status = REPLAY_OK;
    replay_block_t *block = replay->replay_block_open(&config, &status);
    if (!block) {
        library_complain();
        if (config.backend)
            backend.close(config.opaque);
        return NULL;
    }
    disk_t *disk = g_new0(disk_t, 1);
    disk->block = block;
    disk->read_only = options->disk_read_only;
    disk->nbd = nbd_is_uri(options->disk) ? config.opaque : NULL;
    return disk;
}

void disk_finish(disk_t *disk) {
    if (disk && disk->nbd)
        nbd_finish(disk->nbd);
}

void disk_free(disk_t *disk) {
    g_free(disk);
}
