// What every kernel must know about the tensors it is given: sizes, order in memory and type of the elements.
//
// Kernels are free of torch headers. csrc/register/ checks tensors and fills these structs; a test may fill them by
// hand.
#pragma once

#include <cstdint>

namespace imtrans {

enum class DType : int { kFloat32, kFloat64, kBFloat16, kFloat16 };

// kNHWC is channels-last, the native order of the fused kernels; kNCHW is torch's default.
enum class Layout : int { kNCHW, kNHWC };

// A dense batch of feature maps. All maps of one call share one FeatureMap: same sizes, same order, same type; a map
// with a border is larger by `pad` pixels on each of the four sides, and dense at that size.
struct FeatureMap {
  int64_t batch;
  int64_t channels;
  int64_t height;
  int64_t width;
  Layout layout;
  DType dtype;

  int64_t pixels() const { return height * width; }
};

}  // namespace imtrans
