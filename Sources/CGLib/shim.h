#include <glib.h>

/* A source with the Swift object that it serves behind it. */
typedef struct ReplaySource {
    GSource base;
    void *attachment;
} ReplaySource;
