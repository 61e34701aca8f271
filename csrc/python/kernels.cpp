// The torch-free kernels as a Python module of functions on numpy arrays, for tests and for work on kernels.
//
// kernels.cpu runs the CPU kernels on one thread; kernels.cuda runs the CUDA kernels on the host (csrc/host/). Both
// have the functions and the arguments of the schemas in imtrans/ops/ plus `channels_last`.
#include "python/adalin.h"
#include "python/bias_act.h"
#include "python/convolution.h"
#include "python/devices.h"
#include "python/instance_norm.h"
#include "python/moments.h"
#include "python/reflect_pad.h"
#include "python/squared_lengths.h"
#include "python/upfirdn2d.h"

namespace imtrans {
namespace {

template <class Device>
void define(pybind11::module_ module) {
  define_instance_norm<Device>(module);
  define_adalin<Device>(module);
  define_moments<Device>(module);
  define_reflect_pad<Device>(module);
  define_bias_act<Device>(module);
  define_upfirdn2d<Device>(module);
}

}  // namespace
}  // namespace imtrans

PYBIND11_MODULE(imtrans_kernels, module) {
  module.doc() = "The kernels of imtrans on numpy arrays: cpu, and cuda as run on the host.";
  pybind11::module_ cpu = module.def_submodule("cpu");
  imtrans::define<imtrans::OnCpu>(cpu);
  imtrans::define_convolution(cpu);
  imtrans::define_squared_lengths(cpu);
  imtrans::define<imtrans::OnCuda>(module.def_submodule("cuda"));
}
