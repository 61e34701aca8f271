// Vectors of float or double, as wide as IMTRANS_VECTOR_BYTES, over the vector extensions that GCC and Clang share.
// No include guard: cpu/foreach_isa.h includes it once for every instruction set.

namespace imtrans::IMTRANS_ISA {

template <typename A>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float type __attribute__((vector_size(IMTRANS_VECTOR_BYTES)));
};
template <>
struct VectorOf<double> {
  typedef double type __attribute__((vector_size(IMTRANS_VECTOR_BYTES)));
};
template <typename A>
using Vec = typename VectorOf<A>::type;

// Number of values of type A in a vector.
template <typename A>
inline constexpr int kLanes = IMTRANS_VECTOR_BYTES / int(sizeof(A));

typedef uint32_t Bits __attribute__((vector_size(IMTRANS_VECTOR_BYTES)));
typedef uint16_t HalfBits __attribute__((vector_size(IMTRANS_VECTOR_BYTES / 2)));

#if IMTRANS_VECTOR_BYTES == 64
// The masked forms of the intrinsics compile to the plain instruction, without the warnings of GCC 12's plain forms.
inline constexpr __mmask16 kAll = 0xffff;
#endif

template <typename A>
IMTRANS_INLINE Vec<A> repeat(A value) {
  return Vec<A>{} + value;
}

IMTRANS_INLINE Vec<float> load(const float* from) {
  Vec<float> v;
  std::memcpy(&v, from, sizeof(v));
  return v;
}

IMTRANS_INLINE Vec<double> load(const double* from) {
  Vec<double> v;
  std::memcpy(&v, from, sizeof(v));
  return v;
}

IMTRANS_INLINE Vec<float> load(const BFloat16* from) {
#if IMTRANS_VECTOR_BYTES == 64  // GCC's own conversion takes four instructions here
  const Bits wide = (Bits)_mm512_maskz_cvtepu16_epi32(kAll, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
#else
  HalfBits half;
  std::memcpy(&half, from, sizeof(half));
  const Bits wide = __builtin_convertvector(half, Bits);
#endif
  return (Vec<float>)(wide << 16);
}

IMTRANS_INLINE void store(float* to, Vec<float> v) { std::memcpy(to, &v, sizeof(v)); }

IMTRANS_INLINE void store(double* to, Vec<double> v) { std::memcpy(to, &v, sizeof(v)); }

// Rounds to nearest, ties to even. A NaN keeps its upper half and gets the quiet bit: rounding could carry it to
// infinity.
IMTRANS_INLINE void store(BFloat16* to, Vec<float> v) {
#if defined(IMTRANS_CONVERTS_BFLOAT16)
  const __m256bh half = _mm512_cvtneps_pbh((__m512)v);
  std::memcpy(to, &half, sizeof(half));
#else
  const Bits bits = (Bits)v;
  const Bits rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  const Bits chosen = ((v == v) ? rounded : (bits | 0x00400000u)) >> 16;
#if IMTRANS_VECTOR_BYTES == 64
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_maskz_cvtepi32_epi16(kAll, (__m512i)chosen));
#else
  const HalfBits half = __builtin_convertvector(chosen, HalfBits);
  std::memcpy(to, &half, sizeof(half));
#endif
#endif
}

// Stores past the caches, in which a map that is larger than they are would not stay anyhow: that saves reading what is
// overwritten. `to` is a multiple of what is stored; whoever streams ends with fence_streams().
template <typename T>
IMTRANS_INLINE void stream(T* to, Vec<Accumulator<T>> v) {
#if IMTRANS_VECTOR_BYTES == 64
  if constexpr (std::is_same_v<T, float>) {
    _mm512_stream_ps(to, (__m512)v);
  } else if constexpr (std::is_same_v<T, double>) {
    _mm512_stream_pd(to, (__m512d)v);
  } else {
    alignas(32) T narrow[kLanes<float>];
    store(narrow, v);
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to), *reinterpret_cast<const __m256i*>(narrow));
  }
#else
  store(to, v);
#endif
}

IMTRANS_INLINE void fence_streams() {
#if IMTRANS_VECTOR_BYTES == 64
  _mm_sfence();
#endif
}

// The first `lanes` elements, the rest filled with `fill`; reads nothing beyond them.
template <typename T>
IMTRANS_INLINE Vec<Accumulator<T>> load_some(const T* from, int lanes, Accumulator<T> fill) {
  T padded[kLanes<Accumulator<T>>] = {};
  for (int lane = 0; lane < lanes; ++lane) padded[lane] = from[lane];
  Vec<Accumulator<T>> v = load(padded);
  for (int lane = lanes; lane < kLanes<Accumulator<T>>; ++lane) v[lane] = fill;
  return v;
}

// Writes the first `lanes` elements and nothing beyond them.
template <typename T>
IMTRANS_INLINE void store_some(T* to, Vec<Accumulator<T>> v, int lanes) {
  T padded[kLanes<Accumulator<T>>];
  store(padded, v);
  for (int lane = 0; lane < lanes; ++lane) to[lane] = padded[lane];
}

template <typename V>
IMTRANS_INLINE auto lane_sum(V v) {
  auto sum = v[0];
  for (size_t lane = 1; lane < sizeof(V) / sizeof(sum); ++lane) sum += v[lane];
  return sum;
}

// z where it is positive, slope * z elsewhere (also where z is NaN).
template <typename V>
IMTRANS_INLINE V activate(V z, V slope) {
  return (z > 0) ? z : slope * z;
}

// The gradient `dy` through activate() at z.
template <typename V>
IMTRANS_INLINE V through_activation(V dy, V z, V slope) {
  return (z > 0) ? dy : slope * dy;
}

}  // namespace imtrans::IMTRANS_ISA
