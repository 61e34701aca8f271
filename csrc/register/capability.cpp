// imtrans::cpu_capability() -> str, for `imtrans doctor`: which instruction set the CPU kernels use here.
#include "cpu/capability.h"

#include <torch/csrc/stable/library.h>

#include <string>

namespace imtrans {
namespace {

std::string capability() { return name_of(cpu_capability()); }

}  // namespace
}  // namespace imtrans

STABLE_TORCH_LIBRARY_IMPL(imtrans, CompositeExplicitAutograd, m) {
  m.impl("cpu_capability", TORCH_BOX(&imtrans::capability));
}
