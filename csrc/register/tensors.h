// From torch's tensors to the plain structs of the kernels: checks, orders in memory, allocation. Used by every
// operator.
#pragma once

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

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

inline bool same_sizes(const Tensor& a, const Tensor& b) {
  if (a.dim() != b.dim()) return false;
  for (int64_t d = 0; d < a.dim(); ++d) {
    if (a.size(d) != b.size(d)) return false;
  }
  return true;
}

inline bool same_device(const Tensor& a, const Tensor& b) { return a.device() == b.device(); }

// `tensor` in the order in which x lies, copied only if it must be. Gradients arrive in any order.
inline Tensor ordered_as(const Tensor& tensor, const Tensor& x, const FeatureMap& map, const char* name) {
  require(same_sizes(tensor, x) && tensor.scalar_type() == x.scalar_type() && same_device(tensor, x),
          std::string(name) + " has the shape, the type and the device of x.");
  if (is_dense(tensor, map.layout)) return tensor;
  const bool nhwc = map.layout == Layout::kNHWC;
  return torch::stable::contiguous(tensor, nhwc ? MemoryFormat::ChannelsLast : MemoryFormat::Contiguous);
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

// A new (C,) tensor for the gradient of `parameter`, or one of no elements where there is no parameter.
inline Tensor new_gradient(const std::optional<Tensor>& parameter, const Tensor& x, const FeatureMap& map) {
  const int64_t size = parameter.has_value() ? map.channels : 0;
  return torch::stable::new_empty(x, {&size, 1}, statistics_type(map));
}

// Torch's own thread pool, which obeys torch.set_num_threads.
inline void torch_for(int64_t count, int64_t grain, void (*body)(int64_t, int64_t, void*), void* context) {
  torch::stable::parallel_for(0, count, grain, [&](int64_t begin, int64_t end) { body(begin, end, context); });
}

}  // namespace imtrans
