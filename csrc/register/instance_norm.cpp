// The instance norm on the CPU, as torch sees it. The schemas are defined in imtrans/ops/instance_norm.py.
#include "register/instance_norm.h"

#include "cpu/instance_norm.h"

namespace imtrans {
namespace {

Outputs forward(const Tensor& x, const Optional& weight, const Optional& bias, const Optional& residual, double slope,
                double eps) {
  return instance_norm(x, weight, bias, residual, slope, eps,
                       [](const InstanceNormForward& p) { cpu::launch_instance_norm(p, torch_for); });
}

Outputs backward(const Tensor& dy, const Tensor& x, const Optional& weight, const Optional& bias, const Tensor& mean,
                 const Tensor& rstd, double slope) {
  return instance_norm_backward(dy, x, weight, bias, mean, rstd, slope, [](const InstanceNormBackward& p) {
    cpu::launch_instance_norm_backward(p, torch_for);
  });
}

Outputs backward_backward(const Tensor& ddx, const Optional& ddweight, const Optional& ddbias, const Tensor& dy,
                          const Tensor& x, const Optional& weight, const Optional& bias, const Tensor& mean,
                          const Tensor& rstd, double slope) {
  return instance_norm_backward_backward(
      ddx, ddweight, ddbias, dy, x, weight, bias, mean, rstd, slope,
      [](const InstanceNormBackwardBackward& p) { cpu::launch_instance_norm_backward_backward(p, torch_for); });
}

}  // namespace
}  // namespace imtrans

STABLE_TORCH_LIBRARY_IMPL(imtrans, CPU, m) {
  m.impl("instance_norm", TORCH_BOX(&imtrans::forward));
  m.impl("instance_norm_backward", TORCH_BOX(&imtrans::backward));
  m.impl("instance_norm_backward_backward", TORCH_BOX(&imtrans::backward_backward));
}
