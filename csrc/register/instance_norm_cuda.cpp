// The instance norm on a GPU, as torch sees it. The schemas are defined in imtrans/ops/instance_norm.py.
#include "cuda/instance_norm.h"
#include "register/instance_norm.h"
#include "register/launch_cuda.h"

namespace imtrans {
namespace {

std::tuple<Tensor, Tensor, Tensor> forward(const Tensor& x, const Optional& weight, const Optional& bias,
                                           const Optional& residual, double slope, double eps, int64_t pad) {
  return instance_norm(x, weight, bias, residual, slope, eps, pad, [&](const InstanceNormForward& p) {
    launch_on_device_of(x, p, cuda::workspace_bytes(p), cuda::launch_instance_norm);
  });
}

std::tuple<Tensor, Tensor, Tensor, Tensor> backward(const Tensor& dy, const Tensor& x, const Optional& weight,
                                                    const Optional& bias, const Tensor& mean, const Tensor& rstd,
                                                    double slope, int64_t pad, bool wants_dresidual) {
  return instance_norm_backward(
      dy, x, weight, bias, mean, rstd, slope, pad, wants_dresidual, [&](const InstanceNormBackward& p) {
        launch_on_device_of(x, p, cuda::workspace_bytes(p), cuda::launch_instance_norm_backward);
      });
}

std::tuple<Tensor, Tensor, Tensor> backward_backward(const Tensor& ddx, const Optional& vresidual,
                                                     const Optional& ddweight, const Optional& ddbias, const Tensor& dy,
                                                     const Tensor& x, const Optional& weight, const Optional& bias,
                                                     const Tensor& mean, const Tensor& rstd, double slope,
                                                     int64_t pad) {
  return instance_norm_backward_backward(ddx, vresidual, ddweight, ddbias, dy, x, weight, bias, mean, rstd, slope, pad,
                                         [&](const InstanceNormBackwardBackward& p) {
                                           launch_on_device_of(x, p, cuda::workspace_bytes(p),
                                                               cuda::launch_instance_norm_backward_backward);
                                         });
}

}  // namespace
}  // namespace imtrans

STABLE_TORCH_LIBRARY_IMPL(imtrans, CUDA, m) {
  m.impl("instance_norm", TORCH_BOX(&imtrans::forward));
  m.impl("instance_norm_backward", TORCH_BOX(&imtrans::backward));
  m.impl("instance_norm_backward_backward", TORCH_BOX(&imtrans::backward_backward));
}
