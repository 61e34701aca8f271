// The functions of padding and folding, for the two halves of the module.
#pragma once

#include <pybind11/pybind11.h>

namespace imtrans {

namespace py = pybind11;

void define_reflect_pad(py::module_& cpu, py::module_& cuda);

}  // namespace imtrans
