// Which instruction set the kernels use on this machine.
#pragma once

namespace imtrans {

// kBaseline is what the compiler assumes without flags: SSE2 on x86-64, NEON on AArch64.
enum class Capability : int { kBaseline, kAvx2, kAvx512, kAvx512Bf16 };

// The best one that the machine has, found once. IMTRANS_CPU=baseline|avx2|avx512|avx512_bf16 lowers it, for tests and
// for hunting differences; it never raises it.
Capability cpu_capability();

const char* name_of(Capability capability);

}  // namespace imtrans
