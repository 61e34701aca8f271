// The moments on a GPU, as torch sees it. The schemas are defined in imtrans/ops/moments.py.
#include "cuda/moments.h"
#include "register/launch_cuda.h"
#include "register/moments.h"

namespace imtrans {
namespace {

std::tuple<Tensor, Tensor> forward(const Tensor& x, double eps) {
  return moments(x, eps, [&](const MomentsForward& p) {
    launch_on_device_of(x, p, cuda::workspace_bytes(p), cuda::launch_moments);
  });
}

Tensor backward(const Optional& dmean, const Optional& dstd, const Tensor& x, const Tensor& mean, const Tensor& std) {
  return moments_backward(dmean, dstd, x, mean, std, [&](const MomentsBackward& p) {
    launch_on_device_of(x, p, cuda::workspace_bytes(p), cuda::launch_moments_backward);
  });
}

std::tuple<Tensor, Tensor, Tensor> backward_backward(const Tensor& ddx, const Optional& dstd, const Tensor& x,
                                                     const Tensor& mean, const Tensor& std) {
  return moments_backward_backward(ddx, dstd, x, mean, std, [&](const MomentsBackwardBackward& p) {
    launch_on_device_of(x, p, cuda::workspace_bytes(p), cuda::launch_moments_backward_backward);
  });
}

}  // namespace
}  // namespace imtrans

STABLE_TORCH_LIBRARY_IMPL(imtrans, CUDA, m) {
  m.impl("moments", TORCH_BOX(&imtrans::forward));
  m.impl("moments_backward", TORCH_BOX(&imtrans::backward));
  m.impl("moments_backward_backward", TORCH_BOX(&imtrans::backward_backward));
}
