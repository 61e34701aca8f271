// Fills the parameters of the pointwise pass from torch's tensors, for the CPU and the CUDA registration alike. The
// schemas are those of imtrans/ops/bias_act.py.
#pragma once

#include <tuple>

#include "common/bias_act.h"
#include "register/tensors.h"

namespace imtrans {

using Optional = std::optional<Tensor>;

// What the three operators take besides their maps, as torch gives it.
struct BiasActTensors {
  const Tensor& x;
  const Optional &scale, &bias, &noise, &strength, &style;
  double slope, gain, clamp;
};

// The same checked, and the tensors that the parameters point into kept.
class BiasActArguments {
 public:
  explicit BiasActArguments(const BiasActTensors& given) : x_(given.x), map_(describe(given.x)), parameters_{} {
    const int64_t each = map_.batch * map_.channels;
    scale_ = numbers(given.scale, x_, map_, each, "scale");
    bias_ = numbers(given.bias, x_, map_, map_.channels, "bias");
    strength_ = numbers(given.strength, x_, map_, 1, "noise_strength");
    style_ = numbers(given.style, x_, map_, each, "next_style");
    int64_t noises = 1;
    if (given.noise.has_value()) {
      noises = given.noise->numel() == map_.pixels() ? 1 : map_.batch;
      noise_ = numbers(given.noise, x_, map_, noises * map_.pixels(), "noise");
    }
    require(given.clamp >= 0, "bias_act takes a clamp of at least 0.");
    parameters_ = {map_,       pointer(x_),        pointer(scale_), pointer(bias_), pointer(noise_),
                   noises,     pointer(strength_), pointer(style_), given.slope,    given.gain,
                   given.clamp};
  }

  const BiasAct& parameters() const { return parameters_; }

  Tensor map_like(const Tensor& tensor, const char* name) const { return ordered_as(tensor, x_, map_, name); }
  Optional sums_like(const Optional& tensor, const char* name) const {
    return numbers(tensor, x_, map_, kBiasActSums * map_.batch * map_.channels, name);
  }
  Tensor new_map() const { return torch::stable::empty_like(x_); }
  Tensor new_sums() const {
    const int64_t sizes[] = {kBiasActSums, map_.batch, map_.channels};
    return torch::stable::new_empty(x_, {sizes, 3}, statistics_type(map_));
  }

 private:
  const Tensor& x_;
  FeatureMap map_;
  Optional scale_, bias_, noise_, strength_, style_;
  BiasAct parameters_;
};

// `launch(parameters)` runs the kernel.
template <typename Launch>
Tensor bias_act(const BiasActTensors& given, const Launch& launch) {
  const BiasActArguments arguments(given);
  Tensor y = arguments.new_map();
  launch(BiasActForward{{arguments.parameters()}, writable(y)});
  return y;
}

template <typename Launch>
std::tuple<Tensor, Tensor> bias_act_backward(const Tensor& dy, const BiasActTensors& given, const Launch& launch) {
  const BiasActArguments arguments(given);
  const Tensor gradient = arguments.map_like(dy, "dy");
  Tensor dx = arguments.new_map(), sums = arguments.new_sums();
  launch(BiasActBackward{{arguments.parameters()}, pointer(gradient), writable(dx), writable(sums)});
  return {dx, sums};
}

template <typename Launch>
std::tuple<Tensor, Tensor, Tensor> bias_act_backward_backward(const Tensor& ddx, const Optional& dsums,
                                                              const Tensor& dy, const BiasActTensors& given,
                                                              const Launch& launch) {
  const BiasActArguments arguments(given);
  const Tensor v = arguments.map_like(ddx, "ddx"), gradient = arguments.map_like(dy, "dy");
  const Optional k = arguments.sums_like(dsums, "dsums");
  Tensor grad_dy = arguments.new_map(), grad_x = new_if(k.has_value(), given.x), sums = arguments.new_sums();
  launch(BiasActBackwardBackward{{arguments.parameters()},
                                 pointer(v),
                                 pointer(k),
                                 pointer(gradient),
                                 writable(grad_dy),
                                 writable(grad_x),
                                 writable(sums)});
  return {grad_dy, grad_x, sums};
}

}  // namespace imtrans
