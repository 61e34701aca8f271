// AdaLIN on the CPU, as torch sees it. The schemas are defined in imtrans/ops/adalin.py.
#include "register/adalin.h"

#include "cpu/adalin.h"

namespace imtrans {
namespace {

std::tuple<Tensor, Tensor> forward(const Tensor& x, const Tensor& rho, const Tensor& gamma, const Tensor& beta,
                                   const Optional& residual, double slope, double eps, int64_t pad) {
  return adalin(x, rho, gamma, beta, residual, slope, eps, pad,
                [](const AdaLINForward& p) { cpu::launch_adalin(p, torch_for); });
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> backward(const Tensor& dy, const Tensor& x, const Tensor& rho,
                                                            const Tensor& gamma, const Tensor& beta,
                                                            const Tensor& statistics, double slope, int64_t pad,
                                                            bool wants_dresidual) {
  return adalin_backward(dy, x, rho, gamma, beta, statistics, slope, pad, wants_dresidual,
                         [](const AdaLINBackward& p) { cpu::launch_adalin_backward(p, torch_for); });
}

std::tuple<Tensor, Tensor, Tensor, Tensor> backward_backward(const Tensor& ddx, const Optional& vresidual,
                                                             const Optional& ddrho, const Optional& ddgamma,
                                                             const Optional& ddbeta, const Tensor& dy, const Tensor& x,
                                                             const Tensor& rho, const Tensor& gamma, const Tensor& beta,
                                                             const Tensor& statistics, double slope, int64_t pad) {
  return adalin_backward_backward(
      ddx, vresidual, ddrho, ddgamma, ddbeta, dy, x, rho, gamma, beta, statistics, slope, pad,
      [](const AdaLINBackwardBackward& p) { cpu::launch_adalin_backward_backward(p, torch_for); });
}

}  // namespace
}  // namespace imtrans

STABLE_TORCH_LIBRARY_IMPL(imtrans, CPU, m) {
  m.impl("adalin", TORCH_BOX(&imtrans::forward));
  m.impl("adalin_backward", TORCH_BOX(&imtrans::backward));
  m.impl("adalin_backward_backward", TORCH_BOX(&imtrans::backward_backward));
}
