/* XXH3, compiled into its caller: nothing of libxxhash travels at run time. */
#define XXH_INLINE_ALL
#include <xxhash.h>
