// Padding and folding on numpy arrays of four dimensions, (N, H, W, C) where channels_last, else (N, C, H, W); see
// csrc/python/kernels.cpp for their types.
#include "python/reflect_pad.h"

#include <pybind11/numpy.h>

#include <cstring>
#include <stdexcept>
#include <vector>

#include "cpu/reflect_pad.h"
#include "cuda/reflect_pad.h"

namespace imtrans {
namespace {

using Array = py::array;

struct OnCpu {
  static void run(const ReflectPad& p) { cpu::launch_reflect_pad(p, serial_for); }
  static void run(const ReflectFold& p) { cpu::launch_reflect_fold(p, serial_for); }
};

struct OnCuda {
  static void require(cuda::Status status) {
    if (status != nullptr) throw std::runtime_error(status);
  }
  static void run(const ReflectPad& p) { require(cuda::launch_reflect_pad(p, nullptr)); }
  static void run(const ReflectFold& p) { require(cuda::launch_reflect_fold(p, nullptr)); }
};

DType dtype_of(const Array& map) {
  if (py::isinstance<py::array_t<float>>(map)) return DType::kFloat32;
  if (py::isinstance<py::array_t<double>>(map)) return DType::kFloat64;
  if (py::isinstance<py::array_t<uint16_t>>(map)) return DType::kBFloat16;
  if (map.dtype().char_() == 'e') return DType::kFloat16;
  throw py::type_error("a map is float32, float64, float16, or uint16 that holds bfloat16");
}

// Runs Parameters{sizes without the border, pad, from, to} on a new array that is larger by `border` on each side.
template <class Device, class Parameters>
Array run(const Array& from, int64_t pad, int64_t border, bool channels_last) {
  if (from.ndim() != 4 || (from.flags() & py::array::c_style) == 0) {
    throw py::value_error("a map has four dimensions and is C-contiguous");
  }
  const int channels = channels_last ? 3 : 1, height = channels_last ? 1 : 2, width = height + 1;
  std::vector<py::ssize_t> shape(from.shape(), from.shape() + 4);
  shape[height] += 2 * border;
  shape[width] += 2 * border;
  const std::vector<py::ssize_t>& inner = border < 0 ? shape : std::vector<py::ssize_t>(from.shape(), from.shape() + 4);
  if (pad < 0 || pad >= inner[height] || pad >= inner[width]) throw py::value_error("the border is too wide");
  Array to(from.dtype(), shape);
  std::memset(to.mutable_data(), 0xff, to.nbytes());  // NaN in every floating type: what nobody writes shows
  const Layout layout = channels_last ? Layout::kNHWC : Layout::kNCHW;
  const FeatureMap map{inner[0], inner[channels], inner[height], inner[width], layout, dtype_of(from)};
  Device::run(Parameters{map, pad, from.data(), to.mutable_data()});
  return to;
}

template <class Device>
void define(py::module_& module) {
  using py::arg;
  module.def(
      "reflect_pad",
      [](const Array& x, int64_t pad, bool channels_last) {
        return run<Device, ReflectPad>(x, pad, pad, channels_last);
      },
      arg("x"), arg("pad"), arg("channels_last"));
  module.def(
      "reflect_fold",
      [](const Array& y, int64_t pad, bool channels_last) {
        return run<Device, ReflectFold>(y, pad, -pad, channels_last);
      },
      arg("y"), arg("pad"), arg("channels_last"));
}

}  // namespace

void define_reflect_pad(py::module_& cpu, py::module_& cuda) {
  define<OnCpu>(cpu);
  define<OnCuda>(cuda);
}

}  // namespace imtrans
