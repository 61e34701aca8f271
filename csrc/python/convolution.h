// The packed convolutions, for the CPU half of the module.
#pragma once

#include <pybind11/pybind11.h>

namespace imtrans {

void define_convolution(pybind11::module_& cpu);

}  // namespace imtrans
