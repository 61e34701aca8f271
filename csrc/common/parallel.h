// How a CPU kernel asks for threads without knowing who has them: torch's pool in the extension, a plain loop in a
// test.
#pragma once

#include <cstdint>

namespace imtrans {

// Calls body(begin, end, context) on disjoint ranges that cover [0, count). A range of fewer than `grain` is not worth
// a thread.
using ParallelFor = void (*)(int64_t count, int64_t grain, void (*body)(int64_t, int64_t, void*), void* context);

inline void serial_for(int64_t count, int64_t /*grain*/, void (*body)(int64_t, int64_t, void*), void* context) {
  body(0, count, context);
}

// Runs any callable f(begin, end) through a ParallelFor.
template <typename F>
void parallel(ParallelFor run, int64_t count, int64_t grain, const F& f) {
  if (count <= 0) return;
  auto body = [](int64_t begin, int64_t end, void* context) { (*static_cast<const F*>(context))(begin, end); };
  run(count, grain, body, const_cast<void*>(static_cast<const void*>(&f)));
}

}  // namespace imtrans
