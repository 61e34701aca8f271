// The torch-free kernels as a Python module of functions on numpy arrays, for tests and for work on kernels.
//
// kernels.cpu runs the CPU kernels on one thread; kernels.cuda runs the CUDA kernels on the host (csrc/host/). Both
// have the functions and the arguments of imtrans/ops/instance_norm.py plus `channels_last`. A map is a C-contiguous
// array, (N, H*W, C) where channels_last, else (N, C, H*W), of float32, float64, float16, or uint16 that holds
// bfloat16; its data pointer goes to the kernel as it is, aligned or not.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "cpu/instance_norm.h"
#include "cuda/instance_norm.h"
#include "python/convolution.h"
#include "python/reflect_pad.h"

namespace py = pybind11;

namespace imtrans {
namespace {

using Array = py::array;
using Optional = std::optional<Array>;

DType dtype_of(const Array& map) {
  if (py::isinstance<py::array_t<float>>(map)) return DType::kFloat32;
  if (py::isinstance<py::array_t<double>>(map)) return DType::kFloat64;
  if (py::isinstance<py::array_t<uint16_t>>(map)) return DType::kBFloat16;
  if (map.dtype().char_() == 'e') return DType::kFloat16;
  throw py::type_error("a map is float32, float64, float16, or uint16 that holds bfloat16");
}

FeatureMap describe(const Array& x, bool channels_last) {
  if (x.ndim() != 3) throw py::value_error("a map has three dimensions");
  const Layout layout = channels_last ? Layout::kNHWC : Layout::kNCHW;
  const int64_t channels = x.shape(channels_last ? 2 : 1), pixels = x.shape(channels_last ? 1 : 2);
  return {x.shape(0), channels, 1, pixels, layout, dtype_of(x)};
}

py::dtype statistics_type(const FeatureMap& map) {
  return map.dtype == DType::kFloat64 ? py::dtype::of<double>() : py::dtype::of<float>();
}

// Checks type and size, so that a mistake in a test is an exception and not a stray read.
const void* checked(const Array& array, const py::dtype& type, int64_t size, const char* name) {
  const bool contiguous = (array.flags() & py::array::c_style) != 0;
  if (!array.dtype().is(type) && !array.dtype().equal(type)) throw py::type_error(std::string(name) + ": wrong type");
  if (array.size() != size || !contiguous) throw py::value_error(std::string(name) + ": wrong size or not contiguous");
  return array.data();
}

const void* checked(const Optional& array, const py::dtype& type, int64_t size, const char* name) {
  return array.has_value() ? checked(*array, type, size, name) : nullptr;
}

// A new array full of 0xff bytes, which is NaN in every floating type: what a kernel fails to write shows.
Array unwritten(const py::dtype& type, const std::vector<py::ssize_t>& shape) {
  Array array(type, shape);
  std::memset(array.mutable_data(), 0xff, array.nbytes());
  return array;
}

std::vector<py::ssize_t> shape_of(const Array& array) { return {array.shape(), array.shape() + array.ndim()}; }

void* writable(Array& array) { return array.size() > 0 ? array.mutable_data() : nullptr; }

// A launch as this module sees it: parameters in, an exception if it fails.
struct OnCpu {
  static void run(const InstanceNormForward& p) { cpu::launch_instance_norm(p, serial_for); }
  static void run(const InstanceNormBackward& p) { cpu::launch_instance_norm_backward(p, serial_for); }
  static void run(const InstanceNormBackwardBackward& p) { cpu::launch_instance_norm_backward_backward(p, serial_for); }
};

struct OnCuda {
  template <class Parameters, class Launch>
  static void run(const Parameters& p, const Launch& launch) {
    const std::unique_ptr<char[]> workspace(new char[cuda::workspace_bytes(p)]);
    std::memset(workspace.get(), 0xff, cuda::workspace_bytes(p));
    const cuda::Status status = launch(p, workspace.get(), nullptr);
    if (status != nullptr) throw std::runtime_error(status);
  }
  static void run(const InstanceNormForward& p) { run(p, cuda::launch_instance_norm); }
  static void run(const InstanceNormBackward& p) { run(p, cuda::launch_instance_norm_backward); }
  static void run(const InstanceNormBackwardBackward& p) { run(p, cuda::launch_instance_norm_backward_backward); }
};

template <class Device>
py::tuple forward(const Array& x, const Optional& weight, const Optional& bias, const Optional& residual, double slope,
                  double eps, bool channels_last) {
  const FeatureMap map = describe(x, channels_last);
  const py::dtype real = statistics_type(map), element = x.dtype();
  Array y = unwritten(element, shape_of(x));
  Array mean = unwritten(real, {map.batch, map.channels}), rstd = unwritten(real, {map.batch, map.channels});
  Device::run(
      InstanceNormForward{map, checked(x, element, x.size(), "x"), checked(weight, real, map.channels, "weight"),
                          checked(bias, real, map.channels, "bias"), checked(residual, element, x.size(), "residual"),
                          0, false, 0, slope, eps, writable(y), writable(mean), writable(rstd)});
  return py::make_tuple(y, mean, rstd);
}

template <class Device>
py::tuple backward(const Array& dy, const Array& x, const Optional& weight, const Optional& bias, const Array& mean,
                   const Array& rstd, double slope, bool channels_last) {
  const FeatureMap map = describe(x, channels_last);
  const py::dtype real = statistics_type(map), element = x.dtype();
  const int64_t statistics = map.batch * map.channels;
  Array dx = unwritten(element, shape_of(x));
  Array dweight = unwritten(real, {weight ? map.channels : 0}), dbias = unwritten(real, {bias ? map.channels : 0});
  Device::run(InstanceNormBackward{map, checked(dy, element, x.size(), "dy"), checked(x, element, x.size(), "x"),
                                   checked(weight, real, map.channels, "weight"),
                                   checked(bias, real, map.channels, "bias"), checked(mean, real, statistics, "mean"),
                                   checked(rstd, real, statistics, "rstd"), false, 0, slope, writable(dx), nullptr,
                                   writable(dweight), writable(dbias)});
  return py::make_tuple(dx, dweight, dbias);
}

template <class Device>
py::tuple backward_backward(const Array& ddx, const Optional& ddweight, const Optional& ddbias, const Array& dy,
                            const Array& x, const Optional& weight, const Optional& bias, const Array& mean,
                            const Array& rstd, double slope, bool channels_last) {
  const FeatureMap map = describe(x, channels_last);
  const py::dtype real = statistics_type(map), element = x.dtype();
  const int64_t statistics = map.batch * map.channels;
  Array grad_dy = unwritten(element, shape_of(x)), grad_x = unwritten(element, shape_of(x));
  Array grad_weight = unwritten(real, {weight ? map.channels : 0});
  Device::run(InstanceNormBackwardBackward{
      map, checked(ddx, element, x.size(), "ddx"), checked(ddweight, real, map.channels, "ddweight"),
      checked(ddbias, real, map.channels, "ddbias"), checked(dy, element, x.size(), "dy"),
      checked(x, element, x.size(), "x"), checked(weight, real, map.channels, "weight"),
      checked(bias, real, map.channels, "bias"), checked(mean, real, statistics, "mean"),
      checked(rstd, real, statistics, "rstd"), nullptr, false, 0, slope, writable(grad_dy), writable(grad_x),
      writable(grad_weight)});
  return py::make_tuple(grad_dy, grad_x, grad_weight);
}

template <class Device>
void define(py::module_ module) {
  using py::arg;
  module.def("instance_norm", forward<Device>, arg("x"), arg("weight"), arg("bias"), arg("residual"), arg("slope"),
             arg("eps"), arg("channels_last"));
  module.def("instance_norm_backward", backward<Device>, arg("dy"), arg("x"), arg("weight"), arg("bias"), arg("mean"),
             arg("rstd"), arg("slope"), arg("channels_last"));
  module.def("instance_norm_backward_backward", backward_backward<Device>, arg("ddx"), arg("ddweight"), arg("ddbias"),
             arg("dy"), arg("x"), arg("weight"), arg("bias"), arg("mean"), arg("rstd"), arg("slope"),
             arg("channels_last"));
}

}  // namespace
}  // namespace imtrans

PYBIND11_MODULE(imtrans_kernels, module) {
  module.doc() = "The kernels of imtrans on numpy arrays: cpu, and cuda as run on the host.";
  py::module_ cpu = module.def_submodule("cpu"), cuda = module.def_submodule("cuda");
  imtrans::define<imtrans::OnCpu>(cpu);
  imtrans::define<imtrans::OnCuda>(cuda);
  imtrans::define_convolution(cpu);
  imtrans::define_reflect_pad(cpu, cuda);
}
