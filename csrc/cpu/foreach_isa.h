// Compiles the header named by IMTRANS_KERNELS once for every instruction set, each in a namespace of its own:
//
//     #define IMTRANS_KERNELS "cpu/instance_norm_kernels.h"
//     #include "cpu/foreach_isa.h"
//
// gives imtrans::baseline, and on x86-64 also avx2, avx512 and avx512_bf16. Within that header every function is marked
// IMTRANS_TARGET or IMTRANS_INLINE. Attributes rather than flags for each file: with flags, an inline function of the
// standard library that the linker keeps from the AVX-512 file would crash an older machine.
#ifndef IMTRANS_KERNELS
#error "define IMTRANS_KERNELS before including cpu/foreach_isa.h"
#endif

#define IMTRANS_INLINE inline __attribute__((always_inline)) IMTRANS_TARGET

#define IMTRANS_ISA baseline
#define IMTRANS_TARGET
#define IMTRANS_VECTOR_BYTES 16
#include "cpu/vector.h"
#include IMTRANS_KERNELS
#undef IMTRANS_ISA
#undef IMTRANS_TARGET
#undef IMTRANS_VECTOR_BYTES

#if defined(__x86_64__)

#define IMTRANS_ISA avx2
#define IMTRANS_TARGET __attribute__((target("avx2,fma")))
#define IMTRANS_VECTOR_BYTES 32
#include "cpu/vector.h"
#include IMTRANS_KERNELS
#undef IMTRANS_ISA
#undef IMTRANS_TARGET
#undef IMTRANS_VECTOR_BYTES

#define IMTRANS_ISA avx512
#define IMTRANS_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define IMTRANS_VECTOR_BYTES 64
#include "cpu/vector.h"
#include IMTRANS_KERNELS
#undef IMTRANS_ISA
#undef IMTRANS_TARGET
#undef IMTRANS_VECTOR_BYTES

// The same with the instruction that rounds to bfloat16, in place of nine.
#define IMTRANS_ISA avx512_bf16
#define IMTRANS_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")))
#define IMTRANS_VECTOR_BYTES 64
#define IMTRANS_CONVERTS_BFLOAT16
#include "cpu/vector.h"
#include IMTRANS_KERNELS
#undef IMTRANS_CONVERTS_BFLOAT16
#undef IMTRANS_ISA
#undef IMTRANS_TARGET
#undef IMTRANS_VECTOR_BYTES

#endif
