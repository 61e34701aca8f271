// Lengths of kernels on the CPU, as torch sees it. The schema is defined in imtrans/ops/demodulation.py.
#include "cpu/squared_lengths.h"

#include "register/tensors.h"

namespace imtrans {
namespace {

Tensor squared_lengths(const Tensor& weight, const Tensor& squares) {
  const FeatureMap map = describe(weight);
  require(squares.dim() == 2 && squares.size(1) == map.channels,
          "squared_lengths takes a factor for each channel of the weight, (N, I).");
  const int64_t images = squares.size(0), sizes[] = {images, map.batch};
  const Tensor factors = numbers(squares, weight, map, images * map.channels, "squares");
  Tensor y = torch::stable::new_empty(factors, {sizes, 2}, statistics_type(map));
  cpu::launch_squared_lengths({map, pointer(weight), images, pointer(factors), writable(y)}, torch_for);
  return y;
}

}  // namespace
}  // namespace imtrans

STABLE_TORCH_LIBRARY_IMPL(imtrans, CPU, m) { m.impl("squared_lengths", TORCH_BOX(&imtrans::squared_lengths)); }
