// Fills the parameters of reflection padding and folding from torch's tensors, for the CPU and the CUDA registration
// alike. The schemas are those of imtrans/ops/reflect_pad.py.
#pragma once

#include <algorithm>

#include "common/reflect_pad.h"
#include "register/tensors.h"

namespace imtrans {

// `launch(parameters)` runs the kernel.
template <typename Launch>
Tensor reflect_pad(const Tensor& x, int64_t pad, const Launch& launch) {
  const FeatureMap map = describe(x);
  require(pad >= 0 && pad < std::min(map.height, map.width),
          "reflect_pad takes a padding of at least 0 and less than both sides of the map.");
  Tensor y = new_bordered(x, pad);
  launch(ReflectPad{map, pad, pointer(x), writable(y)});
  return y;
}

template <typename Launch>
Tensor reflect_fold(const Tensor& y, int64_t pad, const Launch& launch) {
  FeatureMap map = describe(y);
  require(pad >= 0 && 3 * pad < std::min(map.height, map.width),
          "reflect_fold takes a map with a border: a padding of at least 0 and less than a third of both sides.");
  map.height -= 2 * pad;
  map.width -= 2 * pad;
  Tensor x = new_bordered(y, -pad);
  launch(ReflectFold{map, pad, pointer(y), writable(x)});
  return x;
}

}  // namespace imtrans
