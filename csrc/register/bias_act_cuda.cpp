// The pointwise pass on a GPU, as torch sees it. The schemas are defined in imtrans/ops/bias_act.py.
#include "cuda/bias_act.h"
#include "register/bias_act.h"
#include "register/launch_cuda.h"

namespace imtrans {
namespace {

Tensor forward(const Tensor& x, const Optional& scale, const Optional& bias, const Optional& noise,
               const Optional& strength, const Optional& style, double slope, double gain, double clamp) {
  return bias_act({x, scale, bias, noise, strength, style, slope, gain, clamp}, [&](const BiasActForward& p) {
    launch_on_device_of(x, p, cuda::workspace_bytes(p), cuda::launch_bias_act);
  });
}

std::tuple<Tensor, Tensor> backward(const Tensor& dy, const Tensor& x, const Optional& scale, const Optional& bias,
                                    const Optional& noise, const Optional& strength, const Optional& style,
                                    double slope, double gain, double clamp) {
  return bias_act_backward(dy, {x, scale, bias, noise, strength, style, slope, gain, clamp},
                           [&](const BiasActBackward& p) {
                             launch_on_device_of(x, p, cuda::workspace_bytes(p), cuda::launch_bias_act_backward);
                           });
}

std::tuple<Tensor, Tensor, Tensor> backward_backward(const Tensor& ddx, const Optional& dsums, const Tensor& dy,
                                                     const Tensor& x, const Optional& scale, const Optional& bias,
                                                     const Optional& noise, const Optional& strength,
                                                     const Optional& style, double slope, double gain, double clamp) {
  return bias_act_backward_backward(ddx, dsums, dy, {x, scale, bias, noise, strength, style, slope, gain, clamp},
                                    [&](const BiasActBackwardBackward& p) {
                                      launch_on_device_of(x, p, cuda::workspace_bytes(p),
                                                          cuda::launch_bias_act_backward_backward);
                                    });
}

}  // namespace
}  // namespace imtrans

STABLE_TORCH_LIBRARY_IMPL(imtrans, CUDA, m) {
  m.impl("bias_act", TORCH_BOX(&imtrans::forward));
  m.impl("bias_act_backward", TORCH_BOX(&imtrans::backward));
  m.impl("bias_act_backward_backward", TORCH_BOX(&imtrans::backward_backward));
}
