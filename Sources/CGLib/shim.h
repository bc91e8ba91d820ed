#include <glib.h>

/* A GSource, followed by the Swift object that it serves. */
typedef struct ReplaySource {
    GSource base;
    void *attachment;
} ReplaySource;
