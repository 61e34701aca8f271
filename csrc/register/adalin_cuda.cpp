// AdaLIN on a GPU, as torch sees it. The schemas are defined in imtrans/ops/adalin.py.
#include "cuda/adalin.h"
#include "register/adalin.h"
#include "register/launch_cuda.h"

namespace imtrans {
namespace {

std::tuple<Tensor, Tensor> forward(const Tensor& x, const Tensor& rho, const Tensor& gamma, const Tensor& beta,
                                   const Optional& residual, double slope, double eps, int64_t pad) {
  return adalin(x, rho, gamma, beta, residual, slope, eps, pad, [&](const AdaLINForward& p) {
    launch_on_device_of(x, p, cuda::workspace_bytes(p), cuda::launch_adalin);
  });
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> backward(const Tensor& dy, const Tensor& x, const Tensor& rho,
                                                            const Tensor& gamma, const Tensor& beta,
                                                            const Tensor& statistics, double slope, int64_t pad,
                                                            bool wants_dresidual) {
  return adalin_backward(dy, x, rho, gamma, beta, statistics, slope, pad, wants_dresidual,
                         [&](const AdaLINBackward& p) {
                           launch_on_device_of(x, p, cuda::workspace_bytes(p), cuda::launch_adalin_backward);
                         });
}

std::tuple<Tensor, Tensor, Tensor, Tensor> backward_backward(const Tensor& ddx, const Optional& vresidual,
                                                             const Optional& ddrho, const Optional& ddgamma,
                                                             const Optional& ddbeta, const Tensor& dy, const Tensor& x,
                                                             const Tensor& rho, const Tensor& gamma, const Tensor& beta,
                                                             const Tensor& statistics, double slope, int64_t pad) {
  return adalin_backward_backward(ddx, vresidual, ddrho, ddgamma, ddbeta, dy, x, rho, gamma, beta, statistics, slope,
                                  pad, [&](const AdaLINBackwardBackward& p) {
                                    launch_on_device_of(x, p, cuda::workspace_bytes(p),
                                                        cuda::launch_adalin_backward_backward);
                                  });
}

}  // namespace
}  // namespace imtrans

STABLE_TORCH_LIBRARY_IMPL(imtrans, CUDA, m) {
  m.impl("adalin", TORCH_BOX(&imtrans::forward));
  m.impl("adalin_backward", TORCH_BOX(&imtrans::backward));
  m.impl("adalin_backward_backward", TORCH_BOX(&imtrans::backward_backward));
}
