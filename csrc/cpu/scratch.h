// Memory in which a thread works, kept from one call to the next: a block that is asked for anew in every layer comes
// from the system in new pages, and costs more than the layer's arithmetic.
#pragma once

#include <cstddef>

namespace imtrans {

// `bytes` bytes aligned to a cache line, the thread's own until it asks again. Contents are arbitrary but finite as
// numbers only where they were written.
void* thread_scratch(size_t bytes);

}  // namespace imtrans
