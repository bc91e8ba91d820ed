/* SPDX-License-Identifier: MIT */
/* plugin-table.h declares the same as the headers without a prefix: this only has
 * to compile. Both can be in one file. */
#include <replay/replay.h>

#include <replay/plugin-table.h>

#define SAME(type)                                                                                 \
    _Static_assert(sizeof(replay_##type##_t) == sizeof(libreplay_##type##_t),                      \
                   "size of libreplay_" #type "_t");
#define SAME_PLACE(type, member)                                                                   \
    _Static_assert(offsetof(replay_##type##_t, member) == offsetof(libreplay_##type##_t, member),  \
                   "place of " #member);
#define SAME_VALUE(name) _Static_assert((int)REPLAY_##name == (int)LIBREPLAY_##name, #name);

SAME(host)
SAME(config)
SAME(info)
SAME(end)
SAME(error)
SAME(input_event)
SAME(block_config)
SAME(block_backend)
SAME(plugin)
SAME_PLACE(host, message)
SAME_PLACE(host, interrupt)
SAME_PLACE(config, created_ns)
SAME_PLACE(plugin, mode)
SAME_PLACE(plugin, replay_finish)
SAME_PLACE(plugin, replay_run_stop)
#define SAME_STATUS(code, name, sentence) SAME_VALUE(name)
REPLAY_STATUS_MAP(SAME_STATUS)
SAME_VALUE(ABI_VERSION)
SAME_VALUE(MODE_PLAY)
SAME_VALUE(CHECKPOINT_COUNT)
SAME_VALUE(SHUTDOWN_COUNT)
SAME_VALUE(INPUT_COUNT)
SAME_VALUE(SHIFT_AUTO)

/* A file of declarations only is not one of ISO C. */
extern int prefixed_same;
