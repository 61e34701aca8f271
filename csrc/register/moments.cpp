// The moments on the CPU, as torch sees it. The schemas are defined in imtrans/ops/moments.py.
#include "register/moments.h"

#include "cpu/moments.h"

namespace imtrans {
namespace {

std::tuple<Tensor, Tensor> forward(const Tensor& x, double eps) {
  return moments(x, eps, [](const MomentsForward& p) { cpu::launch_moments(p, torch_for); });
}

Tensor backward(const Optional& dmean, const Optional& dstd, const Tensor& x, const Tensor& mean, const Tensor& std) {
  return moments_backward(dmean, dstd, x, mean, std,
                          [](const MomentsBackward& p) { cpu::launch_moments_backward(p, torch_for); });
}

std::tuple<Tensor, Tensor, Tensor> backward_backward(const Tensor& ddx, const Optional& dstd, const Tensor& x,
                                                     const Tensor& mean, const Tensor& std) {
  return moments_backward_backward(ddx, dstd, x, mean, std, [](const MomentsBackwardBackward& p) {
    cpu::launch_moments_backward_backward(p, torch_for);
  });
}

}  // namespace
}  // namespace imtrans

STABLE_TORCH_LIBRARY_IMPL(imtrans, CPU, m) {
  m.impl("moments", TORCH_BOX(&imtrans::forward));
  m.impl("moments_backward", TORCH_BOX(&imtrans::backward));
  m.impl("moments_backward_backward", TORCH_BOX(&imtrans::backward_backward));
}
