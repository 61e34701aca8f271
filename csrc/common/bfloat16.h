// bfloat16 as it lies in memory: the upper half of a float32. The kernels compute in float32.
#pragma once

#include <cstdint>

namespace imtrans {

struct BFloat16 {
  uint16_t bits;
};

// The type in which a kernel computes with elements of type T.
template <typename T>
struct AccumulatorOf {
  using type = T;
};
template <>
struct AccumulatorOf<BFloat16> {
  using type = float;
};
template <typename T>
using Accumulator = typename AccumulatorOf<T>::type;

}  // namespace imtrans
