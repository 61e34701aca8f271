// The instance norm on the CPU, as torch sees it. The schemas are defined in imtrans/ops/instance_norm.py.
#include "register/instance_norm.h"

#include "cpu/instance_norm.h"

namespace imtrans {
namespace {

std::tuple<Tensor, Tensor, Tensor> forward(const Tensor& x, const Optional& weight, const Optional& bias,
                                           const Optional& residual, double slope, double eps, int64_t pad) {
  return instance_norm(x, weight, bias, residual, slope, eps, pad,
                       [](const InstanceNormForward& p) { cpu::launch_instance_norm(p, torch_for); });
}

std::tuple<Tensor, Tensor, Tensor, Tensor> backward(const Tensor& dy, const Tensor& x, const Optional& weight,
                                                    const Optional& bias, const Tensor& mean, const Tensor& rstd,
                                                    double slope, int64_t pad, bool wants_dresidual) {
  return instance_norm_backward(
      dy, x, weight, bias, mean, rstd, slope, pad, wants_dresidual,
      [](const InstanceNormBackward& p) { cpu::launch_instance_norm_backward(p, torch_for); });
}

std::tuple<Tensor, Tensor, Tensor> backward_backward(const Tensor& ddx, const Optional& vresidual,
                                                     const Optional& ddweight, const Optional& ddbias, const Tensor& dy,
                                                     const Tensor& x, const Optional& weight, const Optional& bias,
                                                     const Tensor& mean, const Tensor& rstd, double slope,
                                                     int64_t pad) {
  return instance_norm_backward_backward(
      ddx, vresidual, ddweight, ddbias, dy, x, weight, bias, mean, rstd, slope, pad,
      [](const InstanceNormBackwardBackward& p) { cpu::launch_instance_norm_backward_backward(p, torch_for); });
}

}  // namespace
}  // namespace imtrans

STABLE_TORCH_LIBRARY_IMPL(imtrans, CPU, m) {
  m.impl("instance_norm", TORCH_BOX(&imtrans::forward));
  m.impl("instance_norm_backward", TORCH_BOX(&imtrans::backward));
  m.impl("instance_norm_backward_backward", TORCH_BOX(&imtrans::backward_backward));
}
