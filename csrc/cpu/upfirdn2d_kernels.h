// Resampling, a run of y at a time. No include guard: compiled once for every instruction set (cpu/foreach_isa.h).
//
// Whatever the factors, the inner loop is one: a run of neighbouring elements, each a weighted sum of the elements at
// the same place of several other runs. Channels-last, a run is the channels of a pixel, or of all pixels of a row with
// the same taps. Contiguous, it is the pixels o, o + up, o + 2 up, ... of a row of y, which read the pixels i, i +
// down, ... of rows of x; so the rows of x are taken apart by i mod down, and those of y are put together from their
// `up` parts.

namespace imtrans::IMTRANS_ISA {

// Elements below which a second thread costs more than it saves.
inline constexpr int64_t kResampledWorthAThread = 8192;

}  // namespace imtrans::IMTRANS_ISA

#include "cpu/upfirdn2d_factored_kernels.h"

namespace imtrans::IMTRANS_ISA {

// The runs that are summed, with their weights.
template <typename S, typename A>
struct WeightedRuns {
  struct Run {
    const S* at;
    A weight;
  };
  std::vector<Run> runs;
};

// to[k] = sum over all runs of weight * run[k], for U vectors of elements side by side.
template <int U, typename S, typename D, typename A>
IMTRANS_INLINE void sum_vectors(const WeightedRuns<S, A>& from, D* to, int64_t k) {
  constexpr int W = kLanes<A>;
  Vec<A> sum[U] = {};
  for (const auto& run : from.runs) {
#pragma GCC unroll 4
    for (int u = 0; u < U; ++u) sum[u] += run.weight * load(run.at + k + u * W);
  }
#pragma GCC unroll 4
  for (int u = 0; u < U; ++u) store(to + k + u * W, sum[u]);
}

// `length` elements. With kPadded, whole vectors may be read beyond them.
template <bool kPadded, typename S, typename D, typename A>
IMTRANS_TARGET void sum_runs(const WeightedRuns<S, A>& from, D* to, int64_t length) {
  constexpr int W = kLanes<A>;
  int64_t k = 0;
  for (; k + 4 * W <= length; k += 4 * W) sum_vectors<4>(from, to, k);
  for (; k + W <= length; k += W) sum_vectors<1>(from, to, k);
  if (k == length) return;
  const int rest = int(length - k);
  Vec<A> sum{};
  for (const auto& run : from.runs) {
    if constexpr (kPadded) {
      sum += run.weight * load(run.at + k);
    } else {
      sum += run.weight * load_some(run.at + k, rest, A(0));
    }
  }
  store_some(to + k, sum, rest);
}

// The filter as it meets the pixels, times the gain.
template <typename A>
std::vector<A> weights_of(const Upfirdn2d& p) {
  std::vector<A> weights(p.rows.taps * p.columns.taps);
  for (int64_t row = 0; row < p.rows.taps; ++row) {
    for (int64_t column = 0; column < p.columns.taps; ++column) {
      const A own = static_cast<const A*>(p.f)[filter_at(p, row, column)];
      weights[row * p.columns.taps + column] = A(own * p.gain);
    }
  }
  return weights;
}

// ---------------------------------------------------------------------------------------------------------channels-last

// How many places from `place` on have the same taps, at pixels that move along with them: all that meet the whole
// filter, where nothing is enlarged or shrunk.
inline int64_t places_alike(const ResampledAxis& axis, const Taps& taps, int64_t place) {
  if (axis.up != 1 || axis.down != 1 || taps.count != axis.taps) return 1;
  return std::min(axis.resized - place, axis.size - taps.index - axis.taps + 1);
}
// Pixels [begin, end) of a row of y.
template <typename T, typename A>
IMTRANS_TARGET void resample_pixels(const Upfirdn2d& p, const std::vector<A>& weights, int64_t image, int64_t row,
                                    int64_t begin, int64_t end, WeightedRuns<T, A>& from) {
  const int64_t channels = p.map.channels, width = p.columns.size;
  const T* const x = static_cast<const T*>(p.x) + image * p.rows.size * width * channels;
  T* const y = static_cast<T*>(p.y) + (image * p.rows.resized + row) * p.columns.resized * channels;
  const Taps down = taps_at(p.rows, row);
  for (int64_t column = begin; column < end;) {
    const Taps across = taps_at(p.columns, column);
    from.runs.clear();
    for (int64_t i = 0; i < down.count; ++i) {
      const T* const line = x + (down.index + i) * width * channels;
      const A* const own = weights.data() + (down.tap + i * p.rows.up) * p.columns.taps;
      for (int64_t j = 0; j < across.count; ++j) {
        from.runs.push_back({line + (across.index + j) * channels, own[across.tap + j * p.columns.up]});
      }
    }
    const int64_t alike = std::min(places_alike(p.columns, across, column), end - column);
    sum_runs<false>(from, y + column * channels, alike * channels);
    column += alike;
  }
}

// Pixels of y side by side whose rows of x the first-level cache holds from one row of y to the next.
template <typename T>
int64_t strip_of(const Upfirdn2d& p) {
  constexpr int64_t kBytes = 24 << 10, kLeast = 8;
  const int64_t rows = (p.rows.taps - 1) / p.rows.up + 1;
  const int64_t pixel = rows * p.map.channels * int64_t(sizeof(T)) * p.columns.down;
  return std::max(kLeast, kBytes * p.columns.up / pixel);
}

// Rows [begin, end) of y, counted through all images.
template <typename T, typename A>
IMTRANS_TARGET void resample_images(const Upfirdn2d& p, const std::vector<A>& weights, int64_t begin, int64_t end) {
  const int64_t height = p.rows.resized, width = p.columns.resized, strip = strip_of<T>(p);
  WeightedRuns<T, A> from;
  for (int64_t first = 0; first < width; first += strip) {
    const int64_t last = std::min(first + strip, width);
    for (int64_t i = begin; i < end; ++i) resample_pixels(p, weights, i / height, i % height, first, last, from);
  }
}

// ------------------------------------------------------------------------------------------------------------contiguous

// Rows of x in A, taken apart: part q holds the pixels lowest * down + q, lowest * down + q + down, ..., with zeros
// where x has none. As many rows are held as a row of y meets. Neighbouring pixels of a row are `unit` elements apart:
// 1, or the channels of a channels-last map that has too few of them to fill a vector.
template <typename T>
struct RowsOfX {
  using A = Accumulator<T>;

  // Which elements of a part are pixels of x, and the pixel of the first of these.
  struct Span {
    int64_t begin, end, pixel;
  };
  // Where in a row of x the elements lie that a part of a row of y sums, and the tap across that they meet.
  struct Source {
    int64_t offset, tap;
  };

  RowsOfX(const Upfirdn2d& p, int64_t unit)
      : p(p),
        unit(unit),
        rows((p.rows.taps - 1) / p.rows.up + 1),
        lowest(floor_of(ceil_of(-p.columns.pad, p.columns.up), p.columns.down)),
        parted((p.columns.resized - 1) / p.columns.up + 1),
        length(parted + (p.columns.taps + p.columns.up) / p.columns.up + p.columns.up + 4 + kLanes<A>),
        held(rows, -1),
        sources(p.columns.up) {
    const int64_t elements = rows * p.columns.down * length;
    memory = static_cast<A*>(thread_scratch((elements + p.columns.up * (parted + kLanes<A>)) * sizeof(A)));
    std::fill_n(memory, elements, A(0));  // what is beyond a row of x stays so
    for (int64_t q = 0; q < p.columns.down; ++q) {
      const int64_t first = lowest * p.columns.down + q;
      const int64_t begin = std::clamp<int64_t>(ceil_of(-first, p.columns.down), 0, length);
      const int64_t end = std::clamp<int64_t>(ceil_of(p.columns.size - first, p.columns.down), begin, length);
      spans.push_back({begin, end, first + begin * p.columns.down});
    }
    for (int64_t part = 0; part < p.columns.up; ++part) find_sources(part);
  }

  void find_sources(int64_t part) {
    const int64_t start = part * p.columns.down - p.columns.pad;
    for (int64_t i = ceil_of(start, p.columns.up); i * p.columns.up - start < p.columns.taps; ++i) {
      const int64_t away = i - lowest * p.columns.down;
      const int64_t offset = away % p.columns.down * length + away / p.columns.down;
      sources[part].push_back({offset, i * p.columns.up - start});
    }
  }

  A* row(int64_t i) const { return memory + i % rows * p.columns.down * length; }
  // Room for a part of a row of y.
  A* result(int64_t part) const { return memory + rows * p.columns.down * length + part * (parted + kLanes<A>); }

  void forget() { std::fill(held.begin(), held.end(), int64_t{-1}); }

  IMTRANS_TARGET void hold(const T* plane, int64_t i) {
    if (held[i % rows] == i) return;
    held[i % rows] = i;
    const T* const from = plane + i * p.columns.size * unit;
    for (int64_t q = 0; q < p.columns.down; ++q) {
      const Span& own = spans[q];
      copy_every(from + own.pixel * unit, p.columns.down * unit, row(i) + q * length + own.begin, own.end - own.begin);
    }
  }

  IMTRANS_TARGET static void copy_every(const T* from, int64_t step, A* to, int64_t count) {
    constexpr int W = kLanes<A>;
    int64_t j = 0;
    if (step == 1) {
      for (; j + W <= count; j += W) store(to + j, load(from + j));
    }
    for (; j < count; ++j) to[j] = number_of(from[j * step]);
  }

  IMTRANS_INLINE static float number_of(float x) { return x; }
  IMTRANS_INLINE static double number_of(double x) { return x; }
  IMTRANS_INLINE static float number_of(BFloat16 x) {
    const uint32_t bits = uint32_t{x.bits} << 16;
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }

  const Upfirdn2d& p;
  const int64_t unit;
  const int64_t rows;
  const int64_t lowest;
  const int64_t parted;  // pixels of a part of a row of y
  const int64_t length;  // of a part of a row of x
  std::vector<int64_t> held;
  std::vector<Span> spans;
  std::vector<std::vector<Source>> sources;
  A* memory;
};

// Puts the parts of a row of y together.
template <typename T>
IMTRANS_TARGET void weave(const RowsOfX<T>& x, T* y) {
  using A = Accumulator<T>;
  constexpr int W = kLanes<A>;
  const int64_t width = x.p.columns.resized, up = x.p.columns.up;
  int64_t part = 0, j = 0;
  for (int64_t place = 0; place < width; place += W) {
    const int lanes = int(std::min<int64_t>(W, width - place));
    A together[W] = {};
    for (int lane = 0; lane < lanes; ++lane) {
      together[lane] = x.result(part)[j];
      if (++part == up) {
        part = 0;
        ++j;
      }
    }
    T narrow[W];
    store(narrow, load(together));
    for (int lane = 0; lane < lanes; ++lane) y[(place + lane) * x.unit] = narrow[lane];
  }
}

// Row `row` of y, of the plane whose first elements are given.
template <typename T, typename A>
IMTRANS_TARGET void resample_row(const std::vector<A>& weights, RowsOfX<T>& x, const T* from_plane, T* to_plane,
                                 int64_t row, WeightedRuns<A, A>& from) {
  const Upfirdn2d& p = x.p;
  const int64_t width = p.columns.resized, up = p.columns.up;
  const Taps down = taps_at(p.rows, row);
  for (int64_t i = 0; i < down.count; ++i) x.hold(from_plane, down.index + i);
  T* const y = to_plane + row * width * x.unit;
  for (int64_t part = 0; part < std::min(up, width); ++part) {
    from.runs.clear();
    for (int64_t i = 0; i < down.count; ++i) {
      const A* const line = x.row(down.index + i);
      const A* const own = weights.data() + (down.tap + i * p.rows.up) * p.columns.taps;
      for (const auto& source : x.sources[part]) from.runs.push_back({line + source.offset, own[source.tap]});
    }
    if (up == 1 && x.unit == 1) return sum_runs<true>(from, y, width);
    sum_runs<true>(from, x.result(part), (width - 1 - part) / up + 1);
  }
  weave(x, y);
}

// Rows [begin, end) of y, counted through all planes.
template <typename T, typename A>
IMTRANS_TARGET void resample_planes(const Upfirdn2d& p, const std::vector<A>& weights, int64_t begin, int64_t end) {
  const bool nhwc = p.map.layout == Layout::kNHWC;
  const int64_t unit = nhwc ? p.map.channels : 1, height = p.rows.resized;
  RowsOfX<T> x(p, unit);
  WeightedRuns<A, A> from;
  for (int64_t i = begin; i < end; ++i) {
    if (i % height == 0) x.forget();
    // Of the planes, `unit` lie in one another.
    const int64_t plane = i / height, first = plane / unit * unit, offset = plane % unit;
    resample_row<T>(weights, x, static_cast<const T*>(p.x) + first * p.rows.size * p.columns.size + offset,
                    static_cast<T*>(p.y) + first * height * p.columns.resized + offset, i % height, from);
  }
}

// -----------------------------------------------------------------------------------------------------------------
// both

template <typename T>
IMTRANS_TARGET void upfirdn2d(const Upfirdn2d& p, ParallelFor run) {
  const auto weights = weights_of<Accumulator<T>>(p);
  if (try_factored<T>(p, weights, run)) return;
  // Runs of fewer channels than a vector would leave it nearly empty; but where nothing is resized, a run is a row.
  const bool fills_vectors = p.map.channels >= kLanes<Accumulator<T>> || (p.columns.up == 1 && p.columns.down == 1);
  const bool by_pixels = p.map.layout == Layout::kNHWC && fills_vectors;
  const int64_t rows = p.map.batch * (by_pixels ? 1 : p.map.channels) * p.rows.resized;
  const int64_t elements = p.columns.resized * (by_pixels ? p.map.channels : 1);
  parallel(run, rows, std::max<int64_t>(1, kResampledWorthAThread / elements), [&](int64_t begin, int64_t end) {
    by_pixels ? resample_images<T>(p, weights, begin, end) : resample_planes<T>(p, weights, begin, end);
  });
}

}  // namespace imtrans::IMTRANS_ISA
