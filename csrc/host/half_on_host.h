// bfloat16 and float16 for the host build of the CUDA kernels, rounded to nearest, ties to even, as the hardware does.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace imtrans::cuda::host {

struct BFloat16 {
  uint16_t bits;
};
struct Float16 {
  uint16_t bits;
};

inline uint32_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

inline float float_of(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

inline float to_real(BFloat16 value) { return float_of(uint32_t{value.bits} << 16); }

inline void from_real(float value, BFloat16& to) {
  const uint32_t bits = bits_of(value);
  to.bits = std::isnan(value) ? uint16_t{0x7fff} : uint16_t((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline float to_real(Float16 value) {
  const uint32_t sign = uint32_t{value.bits & 0x8000u} << 16;
  const uint32_t exponent = (value.bits >> 10) & 0x1fu;
  const uint32_t mantissa = value.bits & 0x3ffu;
  if (exponent == 0x1f) return float_of(sign | 0x7f800000u | (mantissa << 13));
  if (exponent == 0) return float_of(sign | bits_of(std::ldexp(float(mantissa), -24)));
  return float_of(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

inline void from_real(float value, Float16& to) {
  const uint32_t sign = (bits_of(value) >> 16) & 0x8000u;
  const float magnitude = std::fabs(value);
  uint32_t bits;
  if (std::isnan(value)) {
    bits = 0x7fff;
  } else if (magnitude >= 65520.0f) {  // halfway between the largest number and what would be the next one
    bits = 0x7c00;
  } else if (magnitude < 6.103515625e-05f) {  // 2^-14: below it the spacing is 2^-24
    bits = uint32_t(std::nearbyint(std::ldexp(magnitude, 24)));
  } else {
    const uint32_t wide = bits_of(magnitude);
    bits = ((wide + 0xfffu + ((wide >> 13) & 1u)) >> 13) - (112u << 10);
  }
  to.bits = uint16_t(sign | bits);
}

}  // namespace imtrans::cuda::host
