// Resampling on a GPU, as torch sees it. The schema is defined in imtrans/ops/upfirdn2d.py.
#include "cuda/upfirdn2d.h"
#include "register/launch_cuda.h"
#include "register/upfirdn2d.h"

namespace imtrans {
namespace {

Tensor resample(const Tensor& x, const Tensor& f, int64_t up_x, int64_t up_y, int64_t down_x, int64_t down_y,
                int64_t left, int64_t right, int64_t top, int64_t bottom, bool flip, double gain) {
  return upfirdn2d(x, f, up_x, up_y, down_x, down_y, left, right, top, bottom, flip, gain, [&](const Upfirdn2d& p) {
    launch_on_device_of(x, p, 0, [](const Upfirdn2d& own, void* /*workspace*/, void* stream) {
      return cuda::launch_upfirdn2d(own, stream);
    });
  });
}

}  // namespace
}  // namespace imtrans

STABLE_TORCH_LIBRARY_IMPL(imtrans, CUDA, m) { m.impl("upfirdn2d", TORCH_BOX(&imtrans::resample)); }
