// The heart of the convolutions: a small tile of a matrix product, kept in registers.
// No include guard: compiled once for every instruction set (cpu/foreach_isa.h).
//
//     c[r][o] = sum over segments s and k < length of a[r][offset[s] + k] * b[s][k][o]
//
// Rows of `a` are pixels: a segment is a run of neighbouring numbers in memory, such as one row of a kernel over all of
// its channels. `b` is packed in panels of up to kPanelVectors vectors of output channels, so that it is read from
// first to last. bfloat16 goes in pairs of k, which one instruction multiplies and adds in float32.

namespace imtrans::IMTRANS_ISA {

#if IMTRANS_VECTOR_BYTES == 64
// 4 x 6 sums, 6 vectors of b and a broadcast fill 31 of 32 registers. Wider tiles of fewer rows measured faster than
// 6 x 4 with the same number of loads.
inline constexpr int kPanelVectors = 6;
inline constexpr int kTileRegisters = 24;
#else
inline constexpr int kPanelVectors = 3;
inline constexpr int kTileRegisters = 12;
#endif
inline constexpr int kWidth = kLanes<float>;  // channels of a vector
inline constexpr int kMostRows = 12;

// Rows of a tile whose panel has V vectors.
template <int V>
inline constexpr int kTileRows = V >= 4 ? 4 : (kTileRegisters / V < kMostRows ? kTileRegisters / V : kMostRows);

// How many k are multiplied at a time, and lie side by side in b: two of bfloat16.
template <typename T>
inline constexpr int kGroup = 1;
template <>
inline constexpr int kGroup<BFloat16> = 2;

// Whether the instruction set multiplies elements of type T at all.
template <typename T>
inline constexpr bool kMultiplies = false;
template <>
inline constexpr bool kMultiplies<float> = true;
#if defined(IMTRANS_CONVERTS_BFLOAT16)
template <>
inline constexpr bool kMultiplies<BFloat16> = true;
#endif

struct Segments {
  int64_t count;
  int64_t length;         // a multiple of kGroup
  const int64_t* offset;  // in elements, one for each segment
};

template <int R, int V>
IMTRANS_INLINE void multiply_add(Vec<float> (&sums)[R][V], const float* const (&a)[R], int64_t at, const float* b) {
  Vec<float> columns[V];
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) columns[v] = load(b + v * kWidth);
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    const Vec<float> element = repeat(a[r][at]);
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sums[r][v] += element * columns[v];
  }
}

#if defined(IMTRANS_CONVERTS_BFLOAT16)
template <int R, int V>
IMTRANS_INLINE void multiply_add(Vec<float> (&sums)[R][V], const BFloat16* const (&a)[R], int64_t at,
                                 const BFloat16* b) {
  __m512bh columns[V];
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) std::memcpy(&columns[v], b + v * 2 * kWidth, sizeof(columns[v]));
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    int32_t pair;
    std::memcpy(&pair, a[r] + at, sizeof(pair));
    const __m512bh element = (__m512bh)_mm512_set1_epi32(pair);
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sums[r][v] = (Vec<float>)_mm512_dpbf16_ps((__m512)sums[r][v], element, columns[v]);
  }
}
#endif

// One tile: R rows, the V vectors of one panel. `c` has `pitch` floats a row.
template <typename T, int R, int V>
IMTRANS_TARGET void multiply_tile(const T* const (&rows)[R], const Segments& segments, const T* b, float* c,
                                  int64_t pitch) {
  Vec<float> sums[R][V] = {};
  for (int64_t s = 0; s < segments.count; ++s) {
    const T* a[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) a[r] = rows[r] + segments.offset[s];
    for (int64_t k = 0; k < segments.length; k += kGroup<T>, b += kGroup<T> * V * kWidth) multiply_add(sums, a, k, b);
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) store(c + r * pitch + v * kWidth, sums[r][v]);
  }
}

// `count` rows, row r at a + r * stride, times one panel. Beyond the last row, the last one is computed again and
// thrown away: c has room for most_rows(count) rows.
template <typename T, int V>
IMTRANS_TARGET void multiply_rows(const T* a, int64_t stride, int64_t count, const Segments& segments, const T* b,
                                  float* c, int64_t pitch) {
  constexpr int R = kTileRows<V>;
  for (int64_t first = 0; first < count; first += R) {
    const T* rows[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) rows[r] = a + std::min(first + r, count - 1) * stride;
    multiply_tile<T, R, V>(rows, segments, b, c + first * pitch, pitch);
  }
}

template <typename T>
IMTRANS_TARGET void multiply_panel(const T* a, int64_t stride, int64_t count, const Segments& segments, const T* b,
                                   int vectors, float* c, int64_t pitch) {
  switch (vectors) {
    case 1:
      return multiply_rows<T, 1>(a, stride, count, segments, b, c, pitch);
    case 2:
      return multiply_rows<T, 2>(a, stride, count, segments, b, c, pitch);
    case 3:
      return multiply_rows<T, 3>(a, stride, count, segments, b, c, pitch);
#if IMTRANS_VECTOR_BYTES == 64
    case 4:
      return multiply_rows<T, 4>(a, stride, count, segments, b, c, pitch);
    case 5:
      return multiply_rows<T, 5>(a, stride, count, segments, b, c, pitch);
    default:
      return multiply_rows<T, 6>(a, stride, count, segments, b, c, pitch);
#else
    default:
      return;
#endif
  }
}

constexpr int64_t round_up(int64_t value, int64_t to) { return (value + to - 1) / to * to; }

// Rows that multiply_rows may write where `count` are asked for.
inline int64_t most_rows(int64_t count) { return count + kMostRows; }

// How output channels are dealt out to panels: as few as will do, as equal as can be.
struct Panels {
  explicit Panels(int64_t channels)
      : vectors((channels + kWidth - 1) / kWidth), count((vectors + kPanelVectors - 1) / kPanelVectors) {}

  int64_t begin(int64_t panel) const { return panel * vectors / count; }  // in vectors
  int size(int64_t panel) const { return int(begin(panel + 1) - begin(panel)); }
  int widest() const { return int((vectors + count - 1) / count); }

  int64_t vectors;
  int64_t count;
};

// Elements of the packed matrix of `rows` (a multiple of kGroup) by `channels`.
inline int64_t packed_size(int64_t rows, int64_t channels) { return rows * Panels(channels).vectors * kWidth; }

inline void convert(float value, float* to) { *to = value; }
inline void convert(float value, BFloat16* to) {  // to nearest, ties to even; weights are finite
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  to->bits = uint16_t((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// Packs get(row, channel); rows beyond `rows` and channels beyond `channels` become zero.
template <typename T, typename Get>
void pack_matrix(int64_t rows, int64_t channels, const Get& get, T* to) {
  const Panels panels(channels);
  for (int64_t panel = 0; panel < panels.count; ++panel) {
    const int64_t first = panels.begin(panel) * kWidth, width = panels.size(panel) * kWidth;
    for (int64_t k = 0; k < round_up(rows, kGroup<T>); k += kGroup<T>) {
      for (int64_t o = first; o < first + width; ++o) {
        for (int64_t i = 0; i < kGroup<T>; ++i) {
          convert(k + i < rows && o < channels ? get(k + i, o) : 0.0f, to++);
        }
      }
    }
  }
}

}  // namespace imtrans::IMTRANS_ISA
