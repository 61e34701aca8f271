// Reflection padding and folding on a GPU, as torch sees them. The schemas are defined in imtrans/ops/reflect_pad.py.
#include "cuda/reflect_pad.h"
#include "register/launch_cuda.h"
#include "register/reflect_pad.h"

namespace imtrans {
namespace {

// Both work without memory of their own.
template <class Parameters>
void launch_without_workspace(const Tensor& x, const Parameters& parameters,
                              cuda::Status (*launch)(const Parameters&, void*)) {
  launch_on_device_of(x, parameters, 0,
                      [&](const Parameters& p, void* /*workspace*/, void* stream) { return launch(p, stream); });
}

Tensor pad_on_cuda(const Tensor& x, int64_t pad) {
  return reflect_pad(
      x, pad, [&](const ReflectPad& p) { launch_without_workspace<ReflectPad>(x, p, cuda::launch_reflect_pad); });
}

Tensor fold_on_cuda(const Tensor& y, int64_t pad) {
  return reflect_fold(
      y, pad, [&](const ReflectFold& p) { launch_without_workspace<ReflectFold>(y, p, cuda::launch_reflect_fold); });
}

}  // namespace
}  // namespace imtrans

STABLE_TORCH_LIBRARY_IMPL(imtrans, CUDA, m) {
  m.impl("reflect_pad", TORCH_BOX(&imtrans::pad_on_cuda));
  m.impl("reflect_fold", TORCH_BOX(&imtrans::fold_on_cuda));
}
