// Resampling a row of y at a time. No include guard: compiled once for every instruction set (cpu/foreach_isa.h).
//
// Whatever the factors, the inner loop is one: a run of neighbouring elements, each a weighted sum of the elements at
// the same place of several other runs. Channels-last, a run is the channels of a pixel, or of all pixels of a row with
// the same taps. Contiguous, it is the pixels o, o + up, o + 2 up, ... of a row of y, which read the pixels i, i +
// down, ... of rows of x; so the rows of x are taken apart by i mod down, and those of y are put together from their
// `up` parts.

namespace imtrans::IMTRANS_ISA {

// Elements below which a second thread costs more than it saves.
inline constexpr int64_t kResampledWorthAThread = 8192;

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

template <typename T, typename A>
IMTRANS_TARGET void resample_pixels(const Upfirdn2d& p, const std::vector<A>& weights, int64_t image, int64_t row) {
  const int64_t channels = p.map.channels, width = p.columns.size;
  const T* const x = static_cast<const T*>(p.x) + image * p.rows.size * width * channels;
  T* const y = static_cast<T*>(p.y) + (image * p.rows.resized + row) * p.columns.resized * channels;
  const Taps down = taps_at(p.rows, row);
  WeightedRuns<T, A> from;
  from.runs.reserve(weights.size());
  for (int64_t column = 0; column < p.columns.resized;) {
    const Taps across = taps_at(p.columns, column);
    from.runs.clear();
    for (int64_t i = 0; i < down.count; ++i) {
      const T* const line = x + (down.index + i) * width * channels;
      const A* const own = weights.data() + (down.tap + i * p.rows.up) * p.columns.taps;
      for (int64_t j = 0; j < across.count; ++j) {
        from.runs.push_back({line + (across.index + j) * channels, own[across.tap + j * p.columns.up]});
      }
    }
    const int64_t alike = places_alike(p.columns, across, column);
    sum_runs<false>(from, y + column * channels, alike * channels);
    column += alike;
  }
}

// ------------------------------------------------------------------------------------------------------------contiguous

// Rows of x in A, taken apart: part q holds the pixels lowest * down + q, lowest * down + q + down, ..., with zeros
// where x has none. As many rows are held as a row of y meets.
template <typename T>
struct RowsOfX {
  using A = Accumulator<T>;

  explicit RowsOfX(const Upfirdn2d& p)
      : p(p),
        rows((p.rows.taps - 1) / p.rows.up + 1),
        lowest(floor_of(ceil_of(-p.columns.pad, p.columns.up), p.columns.down)),
        parted((p.columns.resized - 1) / p.columns.up + 1),
        length(parted + (p.columns.taps + p.columns.up) / p.columns.up + p.columns.up + 4 + kLanes<A>),
        held(rows, -1),
        memory(static_cast<A*>(
            thread_scratch((rows * p.columns.down * length + p.columns.up * (parted + kLanes<A>)) * sizeof(A)))) {}

  A* part(int64_t row, int64_t q) const { return memory + (row % rows * p.columns.down + q) * length; }
  // Room for part r of a row of y.
  A* result(int64_t r) const { return memory + rows * p.columns.down * length + r * (parted + kLanes<A>); }

  void forget() { std::fill(held.begin(), held.end(), int64_t{-1}); }

  IMTRANS_TARGET void hold(const T* plane, int64_t row) {
    if (held[row % rows] == row) return;
    held[row % rows] = row;
    const int64_t step = p.columns.down, size = p.columns.size;
    const T* const from = plane + row * size;
    for (int64_t q = 0; q < step; ++q) {
      A* const to = part(row, q);
      const int64_t first = lowest * step + q;  // pixel of to[0]
      const int64_t begin = std::clamp<int64_t>(ceil_of(-first, step), 0, length);
      const int64_t end = std::clamp<int64_t>(ceil_of(size - first, step), begin, length);
      std::fill(to, to + begin, A(0));
      std::fill(to + end, to + length, A(0));
      copy_every(from + first + begin * step, step, to + begin, end - begin);
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
  const int64_t rows;
  const int64_t lowest;
  const int64_t parted;  // pixels of a part of a row of y
  const int64_t length;  // of a part of a row of x
  std::vector<int64_t> held;
  A* const memory;
};

// Part `part` of a row of y: places part, part + up, part + 2 up, ...
template <typename T, typename A>
IMTRANS_TARGET void gather_part(const Upfirdn2d& p, const std::vector<A>& weights, const RowsOfX<T>& x,
                                const Taps& down, int64_t part, WeightedRuns<A, A>& from) {
  const ResampledAxis& axis = p.columns;
  const int64_t start = part * axis.down - axis.pad;
  from.runs.clear();
  for (int64_t i = 0; i < down.count; ++i) {
    const A* const own = weights.data() + (down.tap + i * p.rows.up) * axis.taps;
    for (int64_t index = ceil_of(start, axis.up); index * axis.up - start < axis.taps; ++index) {
      const int64_t away = index - x.lowest * axis.down;
      from.runs.push_back({x.part(down.index + i, away % axis.down) + away / axis.down, own[index * axis.up - start]});
    }
  }
}

template <typename T, typename A>
IMTRANS_TARGET void resample_row(const Upfirdn2d& p, const std::vector<A>& weights, RowsOfX<T>& x, int64_t plane,
                                 int64_t row, WeightedRuns<A, A>& from) {
  const T* const map = static_cast<const T*>(p.x) + plane * p.rows.size * p.columns.size;
  T* const y = static_cast<T*>(p.y) + (plane * p.rows.resized + row) * p.columns.resized;
  const int64_t width = p.columns.resized, up = p.columns.up;
  const Taps down = taps_at(p.rows, row);
  for (int64_t i = 0; i < down.count; ++i) x.hold(map, down.index + i);
  if (up == 1) {
    gather_part(p, weights, x, down, 0, from);
    sum_runs<true>(from, y, width);
    return;
  }
  for (int64_t part = 0; part < std::min(up, width); ++part) {
    gather_part(p, weights, x, down, part, from);
    sum_runs<true>(from, x.result(part), (width - 1 - part) / up + 1);
  }
  constexpr int W = kLanes<A>;
  for (int64_t place = 0, part = 0, j = 0; place < width; place += W) {
    const int lanes = int(std::min<int64_t>(W, width - place));
    A together[W];
    for (int lane = 0; lane < lanes; ++lane) {
      together[lane] = x.result(part)[j];
      if (++part == up) {
        part = 0;
        ++j;
      }
    }
    if (lanes == W) {
      store(y + place, load(together));
    } else {
      for (int lane = lanes; lane < W; ++lane) together[lane] = 0;
      store_some(y + place, load(together), lanes);
    }
  }
}

// -----------------------------------------------------------------------------------------------------------------
// both

// Rows [begin, end) of y, counted through all images or planes.
template <typename T>
IMTRANS_TARGET void resample_rows(const Upfirdn2d& p, const std::vector<Accumulator<T>>& weights, int64_t begin,
                                  int64_t end) {
  const int64_t height = p.rows.resized;
  if (p.map.layout == Layout::kNHWC) {
    for (int64_t i = begin; i < end; ++i) resample_pixels<T>(p, weights, i / height, i % height);
    return;
  }
  RowsOfX<T> x(p);
  WeightedRuns<Accumulator<T>, Accumulator<T>> from;
  for (int64_t i = begin; i < end; ++i) {
    if (i % height == 0) x.forget();
    resample_row<T>(p, weights, x, i / height, i % height, from);
  }
}

template <typename T>
IMTRANS_TARGET void upfirdn2d(const Upfirdn2d& p, ParallelFor run) {
  const auto weights = weights_of<Accumulator<T>>(p);
  const bool nhwc = p.map.layout == Layout::kNHWC;
  const int64_t rows = p.map.batch * (nhwc ? 1 : p.map.channels) * p.rows.resized;
  const int64_t elements = p.columns.resized * (nhwc ? p.map.channels : 1);
  parallel(run, rows, std::max<int64_t>(1, kResampledWorthAThread / elements),
           [&](int64_t begin, int64_t end) { resample_rows<T>(p, weights, begin, end); });
}

}  // namespace imtrans::IMTRANS_ISA
