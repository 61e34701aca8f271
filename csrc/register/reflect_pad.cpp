// Reflection padding and folding on the CPU, as torch sees them. The schemas are defined in imtrans/ops/reflect_pad.py.
#include "register/reflect_pad.h"

#include "cpu/reflect_pad.h"

namespace imtrans {
namespace {

Tensor pad_on_cpu(const Tensor& x, int64_t pad) {
  return reflect_pad(x, pad, [](const ReflectPad& p) { cpu::launch_reflect_pad(p, torch_for); });
}

Tensor fold_on_cpu(const Tensor& y, int64_t pad) {
  return reflect_fold(y, pad, [](const ReflectFold& p) { cpu::launch_reflect_fold(p, torch_for); });
}

}  // namespace
}  // namespace imtrans

STABLE_TORCH_LIBRARY_IMPL(imtrans, CPU, m) {
  m.impl("reflect_pad", TORCH_BOX(&imtrans::pad_on_cpu));
  m.impl("reflect_fold", TORCH_BOX(&imtrans::fold_on_cpu));
}
