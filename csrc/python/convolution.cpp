// Packed convolutions on numpy arrays: maps (N, H, W, C) of float32, or of uint16 that holds bfloat16.
#include "python/convolution.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <array>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "cpu/affine.h"
#include "cpu/convolution.h"

namespace imtrans {
namespace {

namespace py = pybind11;
using Array = py::array;
using Floats = py::array_t<float, py::array::c_style>;
using Numbers = std::array<int64_t, 8>;  // of ConvolutionLayer, in its order

DType type_of(const Array& map) {
  return py::isinstance<py::array_t<uint16_t>>(map) ? DType::kBFloat16 : DType::kFloat32;
}

ConvolutionLayer layer_of(const Numbers& n, DType dtype) {
  return {n[0], n[1], n[2], n[3], n[4], n[5], n[6] != 0, Border(int(n[7])), dtype};
}

FeatureMap describe(const Array& x) {
  if (x.ndim() != 4 || (x.flags() & py::array::c_style) == 0) throw py::value_error("a map is C-contiguous NHWC");
  return {x.shape(0), x.shape(3), x.shape(1), x.shape(2), Layout::kNHWC, type_of(x)};
}

const float* pointer(const std::optional<Floats>& numbers) { return numbers ? numbers->data() : nullptr; }

// A new array full of NaN: what a kernel fails to write shows.
template <typename T>
py::array_t<T, py::array::c_style> unwritten(std::vector<py::ssize_t> shape) {
  py::array_t<T, py::array::c_style> array(shape);
  std::memset(array.mutable_data(), 0xff, size_t(array.nbytes()));
  return array;
}

// y in float32, and its scale and shift.
py::tuple convolve(const Array& x, const Floats& weight, const Numbers& numbers, const std::optional<Floats>& scale,
                   const std::optional<Floats>& shift, float slope, const std::optional<Floats>& bias, double eps) {
  const FeatureMap map = describe(x);
  const ConvolutionLayer layer = layer_of(numbers, map.dtype);
  const size_t bytes = size_t(cpu::packed_bytes(layer));
  auto packed = unwritten<uint8_t>({py::ssize_t(bytes)});
  cpu::pack_convolution(layer, weight.data(), packed.mutable_data());
  auto y = unwritten<float>({map.batch, layer.out_size(map.height), layer.out_size(map.width), layer.out_channels});
  auto y_scale = unwritten<float>({map.batch, layer.out_channels}),
       y_shift = unwritten<float>({map.batch, layer.out_channels});
  cpu::launch_convolution(
      {layer, map, x.data(), pointer(scale), pointer(shift), slope, packed.data(), pointer(bias), DType::kFloat32,
       y.mutable_data(), nullptr, nullptr, eps, y_scale.mutable_data(), y_shift.mutable_data()},
      serial_for);
  return py::make_tuple(y, y_scale, y_shift);
}

Array affine(const Array& x, const std::optional<Floats>& scale, const std::optional<Floats>& shift, float slope,
             const std::optional<Array>& residual) {
  Array y(x.dtype(), std::vector<py::ssize_t>(x.shape(), x.shape() + x.ndim()));
  cpu::launch_affine({describe(x), x.data(), pointer(scale), pointer(shift), slope,
                      residual ? residual->data() : nullptr, y.mutable_data()},
                     serial_for);
  return y;
}

}  // namespace

void define_convolution(py::module_& cpu) {
  using py::arg;
  cpu.def("multiplies_bfloat16", [] { return cpu::multiplies(DType::kBFloat16); });
  cpu.def("packed_convolution", convolve, arg("x"), arg("weight"), arg("layer"), arg("scale"), arg("shift"),
          arg("slope"), arg("bias"), arg("eps"));
  cpu.def("affine", affine, arg("x"), arg("scale"), arg("shift"), arg("slope"), arg("residual"));
}

}  // namespace imtrans
