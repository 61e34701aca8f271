// Fills the parameters of resampling from torch's tensors, for the CPU and the CUDA registration alike. The schema is
// that of imtrans/ops/upfirdn2d.py.
#pragma once

#include "common/upfirdn2d.h"
#include "register/tensors.h"

namespace imtrans {

inline ResampledAxis resampled(int64_t size, int64_t taps, int64_t up, int64_t down, int64_t before, int64_t after) {
  require(up >= 1 && down >= 1, "upfirdn2d takes factors of at least 1.");
  const int64_t padded = size * up + before + after;
  require(taps >= 1 && padded >= taps, "upfirdn2d takes a filter that fits into the padded map.");
  return {size, (padded - taps) / down + 1, taps, up, down, before};
}

// `launch(parameters)` runs the kernel.
template <typename Launch>
Tensor upfirdn2d(const Tensor& x, const Tensor& f, int64_t up_x, int64_t up_y, int64_t down_x, int64_t down_y,
                 int64_t left, int64_t right, int64_t top, int64_t bottom, bool flip, double gain,
                 const Launch& launch) {
  const FeatureMap map = describe(x);
  require(f.dim() == 2, "upfirdn2d takes a filter of two dimensions.");
  const Tensor taps = numbers(f, x, map, f.numel(), "f");
  const ResampledAxis rows = resampled(map.height, f.size(0), up_y, down_y, top, bottom);
  const ResampledAxis columns = resampled(map.width, f.size(1), up_x, down_x, left, right);
  Tensor y = new_sized(x, rows.resized, columns.resized);
  launch(Upfirdn2d{map, rows, columns, pointer(x), pointer(taps), flip, gain, writable(y)});
  return y;
}

}  // namespace imtrans
