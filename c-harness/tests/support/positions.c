/* SPDX-License-Identifier: MIT */
#include "positions.h"

static bool write_memory(void *opaque, const void *bytes, size_t length) {
    memory_t *memory = opaque;
    if (memory->fails || length > sizeof memory->bytes - memory->length)
        return false;
    memcpy(memory->bytes + memory->length, bytes, length);
    memory->length += length;
    return true;
}

static bool read_memory(void *opaque, void *bytes, size_t length) {
    memory_t *memory = opaque;
    if (memory->fails || length > memory->length - memory->at)
        return false;
    memcpy(bytes, memory->bytes + memory->at, length);
    memory->at += length;
    return true;
}

replay_stream_t stream_of(memory_t *memory) {
    replay_stream_t stream = REPLAY_STREAM_INIT;
    stream.write = write_memory;
    stream.read = read_memory;
    stream.opaque = memory;
    return stream;
}

replay_status_t save(memory_t *memory) {
    replay_stream_t stream = stream_of(memory);
    memory->length = 0;
    return replay_position_save(&stream);
}

replay_status_t load(memory_t *memory) {
    replay_stream_t stream = stream_of(memory);
    memory->at = 0;
    return replay_position_load(&stream);
}
