// The pointwise pass on the CPU, as torch sees it. The schemas are defined in imtrans/ops/bias_act.py.
#include "register/bias_act.h"

#include "cpu/bias_act.h"

namespace imtrans {
namespace {

Tensor forward(const Tensor& x, const Optional& scale, const Optional& bias, const Optional& noise,
               const Optional& strength, const Optional& style, double slope, double gain, double clamp) {
  return bias_act({x, scale, bias, noise, strength, style, slope, gain, clamp},
                  [](const BiasActForward& p) { cpu::launch_bias_act(p, torch_for); });
}

std::tuple<Tensor, Tensor> backward(const Tensor& dy, const Tensor& x, const Optional& scale, const Optional& bias,
                                    const Optional& noise, const Optional& strength, const Optional& style,
                                    double slope, double gain, double clamp) {
  return bias_act_backward(dy, {x, scale, bias, noise, strength, style, slope, gain, clamp},
                           [](const BiasActBackward& p) { cpu::launch_bias_act_backward(p, torch_for); });
}

std::tuple<Tensor, Tensor, Tensor> backward_backward(const Tensor& ddx, const Optional& dsums, const Tensor& dy,
                                                     const Tensor& x, const Optional& scale, const Optional& bias,
                                                     const Optional& noise, const Optional& strength,
                                                     const Optional& style, double slope, double gain, double clamp) {
  return bias_act_backward_backward(
      ddx, dsums, dy, {x, scale, bias, noise, strength, style, slope, gain, clamp},
      [](const BiasActBackwardBackward& p) { cpu::launch_bias_act_backward_backward(p, torch_for); });
}

}  // namespace
}  // namespace imtrans

STABLE_TORCH_LIBRARY_IMPL(imtrans, CPU, m) {
  m.impl("bias_act", TORCH_BOX(&imtrans::forward));
  m.impl("bias_act_backward", TORCH_BOX(&imtrans::backward));
  m.impl("bias_act_backward_backward", TORCH_BOX(&imtrans::backward_backward));
}
