// Fills the parameters of reflection padding and folding from torch's tensors, for the CPU and the CUDA registration
// alike. The schemas are those of imtrans/ops/reflect_pad.py.
#pragma once

#include <algorithm>

#include "common/reflect_pad.h"
#include "register/tensors.h"

namespace imtrans {

// A new map of the type, the device and the order of x, `border` pixels larger on each side. Where both orders describe
// x, as with a single channel, its strides decide.
inline Tensor new_bordered(const Tensor& x, int64_t border) {
  const int64_t sizes[] = {x.size(0), x.size(1), x.size(2) + 2 * border, x.size(3) + 2 * border};
  const bool nhwc = is_dense(x, Layout::kNHWC) && x.stride(1) == 1;
  return torch::stable::empty({sizes, 4}, x.scalar_type(), std::nullopt, x.device(), std::nullopt,
                              nhwc ? MemoryFormat::ChannelsLast : MemoryFormat::Contiguous);
}

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
