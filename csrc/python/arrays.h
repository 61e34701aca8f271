// numpy arrays as the kernels' maps and numbers. A map is a C-contiguous array, (N, H, W, C) where channels_last, else
// (N, C, H, W), of float32, float64, float16, or uint16 that holds bfloat16; its data pointer goes to the kernel as it
// is, aligned or not.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/feature_map.h"

namespace imtrans {

namespace py = pybind11;

using Array = py::array;
using Optional = std::optional<Array>;

inline DType dtype_of(const Array& map) {
  if (py::isinstance<py::array_t<float>>(map)) return DType::kFloat32;
  if (py::isinstance<py::array_t<double>>(map)) return DType::kFloat64;
  if (py::isinstance<py::array_t<uint16_t>>(map)) return DType::kBFloat16;
  if (map.dtype().char_() == 'e') return DType::kFloat16;
  throw py::type_error("a map is float32, float64, float16, or uint16 that holds bfloat16");
}

inline FeatureMap describe(const Array& x, bool channels_last) {
  if (x.ndim() != 4) throw py::value_error("a map has four dimensions");
  const int channels = channels_last ? 3 : 1, height = channels_last ? 1 : 2;
  return {x.shape(0),
          x.shape(channels),
          x.shape(height),
          x.shape(height + 1),
          channels_last ? Layout::kNHWC : Layout::kNCHW,
          dtype_of(x)};
}

inline py::dtype statistics_type(const FeatureMap& map) {
  return map.dtype == DType::kFloat64 ? py::dtype::of<double>() : py::dtype::of<float>();
}

using Shape = std::vector<py::ssize_t>;

// Of a map with `pad` pixels around it.
inline Shape shape_of(const FeatureMap& map, int64_t pad = 0) {
  const py::ssize_t height = map.height + 2 * pad, width = map.width + 2 * pad;
  if (map.layout == Layout::kNHWC) return {map.batch, height, width, map.channels};
  return {map.batch, map.channels, height, width};
}

inline Shape shape_of(const Array& array) { return {array.shape(), array.shape() + array.ndim()}; }

// Checks type and shape, so that a mistake in a test is an exception and not a stray read.
inline const void* checked(const Array& array, const py::dtype& type, const Shape& shape, const char* name) {
  const bool contiguous = (array.flags() & py::array::c_style) != 0;
  if (!array.dtype().is(type) && !array.dtype().equal(type)) throw py::type_error(std::string(name) + ": wrong type");
  if (shape_of(array) != shape || !contiguous) {
    throw py::value_error(std::string(name) + ": wrong shape or not contiguous");
  }
  return array.data();
}

inline const void* checked(const Optional& array, const py::dtype& type, const Shape& shape, const char* name) {
  return array.has_value() ? checked(*array, type, shape, name) : nullptr;
}

// How far a residual reaches beyond the map on each side.
inline int64_t border_of(const Optional& residual, const FeatureMap& map) {
  if (!residual.has_value() || residual->ndim() != 4) return 0;
  return (residual->shape(map.layout == Layout::kNHWC ? 1 : 2) - map.height) / 2;
}

// Whether a scale or shift is given for each image, and its shape.
inline bool per_image(const Optional& parameter) { return parameter.has_value() && parameter->ndim() == 2; }

inline Shape parameter_shape(const FeatureMap& map, bool per_image) {
  return per_image ? Shape{map.batch, map.channels} : Shape{map.channels};
}

// A new array full of 0xff bytes, which is NaN in every floating type: what a kernel fails to write shows.
inline Array unwritten(const py::dtype& type, const Shape& shape) {
  Array array(type, shape);
  std::memset(array.mutable_data(), 0xff, array.nbytes());
  return array;
}

// The same where `wanted`, else an array of no elements.
inline Array unwritten_if(bool wanted, const py::dtype& type, const Shape& shape) {
  return unwritten(type, wanted ? shape : Shape{0});
}

inline void* writable(Array& array) { return array.size() > 0 ? array.mutable_data() : nullptr; }

}  // namespace imtrans
