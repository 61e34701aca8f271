#include "cpu/capability.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace imtrans {
namespace {

Capability of_machine() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512 && __builtin_cpu_supports("avx512bf16")) return Capability::kAvx512Bf16;
  if (avx512) return Capability::kAvx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Capability::kAvx2;
#endif
  return Capability::kBaseline;
}

Capability find() {
  const Capability found = of_machine();
  const char* wanted = std::getenv("IMTRANS_CPU");
  if (wanted == nullptr) return found;
  for (Capability each : {Capability::kBaseline, Capability::kAvx2, Capability::kAvx512, Capability::kAvx512Bf16}) {
    if (std::strcmp(wanted, name_of(each)) == 0) return std::min(each, found);
  }
  return found;
}

}  // namespace

Capability cpu_capability() {
  static const Capability capability = find();
  return capability;
}

const char* name_of(Capability capability) {
  switch (capability) {
    case Capability::kAvx512Bf16:
      return "avx512_bf16";
    case Capability::kAvx512:
      return "avx512";
    case Capability::kAvx2:
      return "avx2";
    default:
      return "baseline";
  }
}

}  // namespace imtrans
