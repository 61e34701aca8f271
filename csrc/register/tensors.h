// From torch's tensors to the plain structs of the kernels: checks, orders in memory, allocation. Used by every
// operator.
#pragma once

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "common/feature_map.h"
#include "common/parallel.h"

namespace imtrans {

using torch::headeronly::MemoryFormat;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;

// Fails with a sentence. STD_TORCH_CHECK would put the condition and the source line in front of it.
inline void require(bool condition, const std::string& sentence) {
  if (!condition) throw std::runtime_error("imtrans: " + sentence);
}

inline DType dtype_of(const Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case ScalarType::Float:
      return DType::kFloat32;
    case ScalarType::Double:
      return DType::kFloat64;
    case ScalarType::BFloat16:
      return DType::kBFloat16;
    case ScalarType::Half:
      return DType::kFloat16;
    default:
      throw std::runtime_error("imtrans: feature maps are float32, float64, bfloat16 or float16.");
  }
}

// Whether a (N, C, H, W) tensor is dense in the given order. The stride of a dimension of one element says nothing.
inline bool is_dense(const Tensor& x, Layout layout) {
  const int nchw[] = {3, 2, 1, 0}, nhwc[] = {1, 3, 2, 0};  // from the fastest to the slowest
  int64_t expected = 1;
  for (int dimension : layout == Layout::kNHWC ? nhwc : nchw) {
    if (x.size(dimension) == 1) continue;
    if (x.stride(dimension) != expected) return false;
    expected *= x.size(dimension);
  }
  return true;
}

// Describes a dense, non-empty (N, C, H, W) tensor. Where both orders fit (one channel, or one pixel), the channels of
// one pixel are neighbours, which is what channels-last kernels are best at.
inline FeatureMap describe(const Tensor& x) {
  require(x.dim() == 4, "a feature map has four dimensions (N, C, H, W), not " + std::to_string(x.dim()) + ".");
  require(x.numel() > 0, "a feature map is not empty.");
  const bool nhwc = is_dense(x, Layout::kNHWC), nchw = is_dense(x, Layout::kNCHW);
  require(nhwc || nchw, "a feature map is dense, either contiguous or channels-last.");
  const Layout layout = nhwc && !(nchw && x.size(1) == 1) ? Layout::kNHWC : Layout::kNCHW;
  return {x.size(0), x.size(1), x.size(2), x.size(3), layout, dtype_of(x)};
}

// A new map of the type, the device and the order of x, with other numbers of pixels. Where both orders describe x, as
// with a single channel, its strides decide.
inline Tensor new_sized(const Tensor& x, int64_t height, int64_t width) {
  const int64_t sizes[] = {x.size(0), x.size(1), height, width};
  const bool nhwc = is_dense(x, Layout::kNHWC) && x.stride(1) == 1;
  return torch::stable::empty({sizes, 4}, x.scalar_type(), std::nullopt, x.device(), std::nullopt,
                              nhwc ? MemoryFormat::ChannelsLast : MemoryFormat::Contiguous);
}

// The same, `border` pixels larger on each side.
inline Tensor new_bordered(const Tensor& x, int64_t border) {
  return new_sized(x, x.size(2) + 2 * border, x.size(3) + 2 * border);
}

// The same with a border of `pad` reflected pixels, which a map must be large enough for; with none it is like x to the
// last stride.
inline Tensor new_padded(const Tensor& x, const FeatureMap& map, int64_t pad) {
  require(pad >= 0 && (pad == 0 || pad < std::min(map.height, map.width)),
          "a border of reflected pixels is at least 0 and less than both sides of the map.");
  return pad == 0 ? torch::stable::empty_like(x) : new_bordered(x, pad);
}

// A new map like x where it is wanted, else a tensor of no elements.
inline Tensor new_if(bool wanted, const Tensor& x) {
  const int64_t none = 0;
  return wanted ? torch::stable::empty_like(x) : torch::stable::new_empty(x, {&none, 1});
}

// Whether `tensor` is as large as x with `border` pixels on each side.
inline bool surrounds(const Tensor& tensor, const Tensor& x, int64_t border) {
  return tensor.dim() == 4 && tensor.size(0) == x.size(0) && tensor.size(1) == x.size(1) &&
         tensor.size(2) == x.size(2) + 2 * border && tensor.size(3) == x.size(3) + 2 * border;
}

inline bool same_sizes(const Tensor& a, const Tensor& b) { return surrounds(a, b, 0); }

inline bool same_device(const Tensor& a, const Tensor& b) { return a.device() == b.device(); }

// `tensor` in the order in which x lies, copied only if it must be. Gradients arrive in any order. `border`: how many
// pixels it is larger than x on each side.
inline Tensor ordered_as(const Tensor& tensor, const Tensor& x, const FeatureMap& map, const char* name,
                         int64_t border = 0) {
  require(surrounds(tensor, x, border) && tensor.scalar_type() == x.scalar_type() && same_device(tensor, x),
          std::string(name) + " has the type, the device and the shape of x" +
              (border == 0 ? "." : ", with " + std::to_string(border) + " pixels more on each side."));
  if (is_dense(tensor, map.layout)) return tensor;
  const bool nhwc = map.layout == Layout::kNHWC;
  return torch::stable::contiguous(tensor, nhwc ? MemoryFormat::ChannelsLast : MemoryFormat::Contiguous);
}

inline std::optional<Tensor> ordered_as(const std::optional<Tensor>& tensor, const Tensor& x, const FeatureMap& map,
                                        const char* name, int64_t border = 0) {
  if (!tensor.has_value()) return std::nullopt;
  return ordered_as(*tensor, x, map, name, border);
}

// How many pixels a residual is larger than x on each side.
inline int64_t border_of(const std::optional<Tensor>& residual, const FeatureMap& map) {
  return residual.has_value() && residual->dim() == 4 ? std::max<int64_t>(0, (residual->size(2) - map.height) / 2) : 0;
}

// The type of statistics and of everything per channel.
inline ScalarType statistics_type(const FeatureMap& map) {
  return map.dtype == DType::kFloat64 ? ScalarType::Double : ScalarType::Float;
}

// Checks a tensor of `count` numbers per channel (or per image and channel), and returns it contiguous.
inline Tensor numbers(const Tensor& tensor, const Tensor& x, const FeatureMap& map, int64_t count, const char* name) {
  require(tensor.scalar_type() == statistics_type(map) && same_device(tensor, x),
          std::string(name) + " is float32 (float64 where x is) and on the device of x.");
  require(tensor.numel() == count, std::string(name) + " has " + std::to_string(count) + " elements, not " +
                                       std::to_string(tensor.numel()) + ".");
  return torch::stable::contiguous(tensor);
}

inline std::optional<Tensor> numbers(const std::optional<Tensor>& tensor, const Tensor& x, const FeatureMap& map,
                                     int64_t count, const char* name) {
  if (!tensor.has_value()) return std::nullopt;
  return numbers(*tensor, x, map, count, name);
}

// Whether a parameter (N, C) is given for each image, and not (C,) for all of them.
inline bool per_image(const Tensor& parameter) { return parameter.dim() == 2; }

inline bool per_image(const std::optional<Tensor>& parameter) { return parameter.has_value() && per_image(*parameter); }

// How many numbers a parameter has.
inline int64_t parameter_count(const FeatureMap& map, bool each) { return (each ? map.batch : 1) * map.channels; }

inline const void* pointer(const Tensor& tensor) { return tensor.const_data_ptr(); }

inline const void* pointer(const std::optional<Tensor>& tensor) {
  return tensor.has_value() ? tensor->const_data_ptr() : nullptr;
}

inline void* writable(const Tensor& tensor) { return tensor.numel() > 0 ? tensor.mutable_data_ptr() : nullptr; }

// A new (N, C) tensor for statistics.
inline Tensor new_statistics(const Tensor& x, const FeatureMap& map) {
  const int64_t sizes[] = {map.batch, map.channels};
  return torch::stable::new_empty(x, {sizes, 2}, statistics_type(map));
}

// A new tensor for the gradient of a parameter, (C,) or, for each image, (N, C).
inline Tensor new_gradient(const Tensor& x, const FeatureMap& map, bool each) {
  const int64_t sizes[] = {map.batch, map.channels};
  return each ? new_statistics(x, map) : torch::stable::new_empty(x, {sizes + 1, 1}, statistics_type(map));
}

// The same, or one of no elements where there is no parameter.
inline Tensor new_gradient(const std::optional<Tensor>& parameter, const Tensor& x, const FeatureMap& map, bool each) {
  const int64_t none = 0;
  return parameter.has_value() ? new_gradient(x, map, each)
                               : torch::stable::new_empty(x, {&none, 1}, statistics_type(map));
}

// Torch's own thread pool, which obeys torch.set_num_threads.
inline void torch_for(int64_t count, int64_t grain, void (*body)(int64_t, int64_t, void*), void* context) {
  torch::stable::parallel_for(0, count, grain, [&](int64_t begin, int64_t end) { body(begin, end, context); });
}

}  // namespace imtrans
