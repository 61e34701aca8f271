// The types of elements in memory, the types the kernels compute in, and how several elements travel together.
#pragma once

#include "common/cuda_launch.h"
#include "common/feature_map.h"

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#else
#include "host/half_on_host.h"
#endif

namespace imtrans::cuda {

#ifdef __CUDACC__
using BFloat16 = __nv_bfloat16;
using Float16 = __half;

__device__ inline float to_real(BFloat16 value) { return __bfloat162float(value); }
__device__ inline float to_real(Float16 value) { return __half2float(value); }
__device__ inline void from_real(float value, BFloat16& to) { to = __float2bfloat16_rn(value); }
__device__ inline void from_real(float value, Float16& to) { to = __float2half_rn(value); }
#else
using host::BFloat16;
using host::Float16;
using host::from_real;
using host::to_real;
#endif

__device__ inline float to_real(float value) { return value; }
__device__ inline double to_real(double value) { return value; }
__device__ inline void from_real(float value, float& to) { to = value; }
__device__ inline void from_real(double value, double& to) { to = value; }

// What the kernels compute in, which is also the type of statistics and parameters.
template <typename T>
struct RealOf {
  using type = float;
};
template <>
struct RealOf<double> {
  using type = double;
};
template <typename T>
using Real = typename RealOf<T>::type;

// Elements of one 16-byte access, the widest that a thread can make. Double serves gradient checks, where speed matters
// less than one kernel fewer to compile.
template <typename T>
constexpr int kVector = 16 / sizeof(T);
template <>
constexpr int kVector<double> = 1;

// `Vec` neighbouring elements that are loaded and stored in one access.
template <typename T, int Vec>
struct alignas(sizeof(T) * Vec) Pack {
  T value[Vec];

  __device__ Real<T> operator[](int i) const { return to_real(value[i]); }
  __device__ void set(int i, Real<T> real) { from_real(real, value[i]); }
};

template <int Vec, typename T>
__device__ Pack<T, Vec> load(const T* from) {
  return *reinterpret_cast<const Pack<T, Vec>*>(from);
}

template <int Vec, typename T>
__device__ void store(T* to, const Pack<T, Vec>& pack) {
  *reinterpret_cast<Pack<T, Vec>*>(to) = pack;
}

}  // namespace imtrans::cuda
