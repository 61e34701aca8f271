// Resampling of a channels-last map with a filter that is an outer product of four taps down and four taps across, as
// StyleGAN2's is. No include guard: compiled once for every instruction set (cpu/foreach_isa.h).
//
// A vector holds neighbouring channels. It walks along several rows of x at once: in every column it sums the pixels
// that stand below one another, once for each of the rows of y that they reach, and of these sums the last four, which
// never leave the registers, give a pixel of each row of y. So an element of y costs 8 products in place of 16, and a
// row of x is read less than twice in place of four times.
//
// Along an axis, a step g meets the pixels from g down - pad on and gives place g of y; or, where the map is enlarged,
// meets the pixels from g on and gives the `up` places that lie between them.

namespace imtrans::IMTRANS_ISA {

inline constexpr int kFactoredTaps = 4;

// Elements of a row that are fetched before they are needed: about the latency of memory.
inline constexpr int64_t kFetchedAhead = 512;

// filter[row][column] = down[row] * across[column].
template <typename A>
struct FilterFactors {
  A down[kFactoredTaps], across[kFactoredTaps];
};

// Whether the weights, of four rows and four columns, are a product within their rounding. `across` is scaled such that
// its smallest tap is 1: the sums down then overflow only where y does, and [1, 3, 3, 1] stays exact.
template <typename A>
bool factorise(const std::vector<A>& weights, FilterFactors<A>& factors) {
  constexpr int kTaps = kFactoredTaps;
  const double rounding = 4 * double(std::numeric_limits<A>::epsilon()), most_unequal = 1 << 16;
  const auto largest =
      std::max_element(weights.begin(), weights.end(), [](A a, A b) { return std::abs(a) < std::abs(b); }) -
      weights.begin();
  const A* const row = weights.data() + largest / kTaps * kTaps;
  int least = int(largest) % kTaps;
  for (int j = 0; j < kTaps; ++j) {
    if (row[j] != 0 && std::abs(row[j]) < std::abs(row[least])) least = j;
  }
  if (!(std::abs(row[least]) * most_unequal >= std::abs(weights[largest])) || row[least] == 0) return false;
  for (int j = 0; j < kTaps; ++j) {
    factors.down[j] = weights[j * kTaps + least];
    factors.across[j] = row[j] / row[least];
  }
  for (int i = 0; i < kTaps * kTaps; ++i) {
    const double product = double(factors.down[i / kTaps]) * double(factors.across[i % kTaps]);
    if (!(std::abs(product - double(weights[i])) <= rounding * std::abs(double(weights[i])))) return false;
  }
  return true;
}

// One axis in steps.
template <int kUp, int kDown>
struct Steps {
  explicit Steps(const ResampledAxis& axis)
      : axis(axis), begin(ceil_of(-shift(), kUp)), end(ceil_of(axis.resized - 1 - shift(), kUp) + 1) {}

  // The first pixel that a step meets, and the first place that it gives.
  int64_t pixel(int64_t step) const { return kUp == 1 ? step * kDown - axis.pad : step; }
  int64_t place(int64_t step) const { return step * kUp + shift() - (kUp - 1); }
  int64_t shift() const { return kUp == 1 ? 0 : axis.pad; }

  const ResampledAxis axis;
  const int64_t begin, end;
};

// The rows of x and y that meet in a few steps down. They lie at regular distances, which takes fewer registers than
// the address of each.
template <typename T, int kUp, int kDown>
struct RowBlock {
  static_assert((kUp == 1 || kDown == 1) && kFactoredTaps % kUp == 0, "");
  static constexpr int kSteps = kUp == 1 ? 4 : 2;
  static constexpr int kMet = kFactoredTaps / kUp;  // pixels that an element of y meets along one axis
  static constexpr int kRead = (kSteps - 1) * kDown + kMet, kWritten = kSteps * kUp;
  // A half-open range of rows of the block.
  struct Range {
    int begin, end;
    bool has(int row) const { return row >= begin && row < end; }
  };

  RowBlock(const Upfirdn2d& p, const Steps<kUp, kDown>& steps, int64_t image, int64_t step)
      : x(static_cast<const T*>(p.x)),
        y(static_cast<T*>(p.y)),
        x_stride(p.columns.size * p.map.channels),
        y_stride(p.columns.resized * p.map.channels),
        x_offset((image * p.rows.size + steps.pixel(step)) * x_stride),
        y_offset((image * p.rows.resized + steps.place(step)) * y_stride),
        read(within(steps.pixel(step), kRead, p.rows.size)),
        written(within(steps.place(step), kWritten, p.rows.resized)),
        streams(beyond_caches(p)) {}

  static Range within(int64_t first, int count, int64_t rows) {
    return {int(std::clamp<int64_t>(-first, 0, count)), int(std::clamp<int64_t>(rows - first, 0, count))};
  }
  // Whether x and y together are larger than the caches of most machines, and every vector of y can be streamed.
  static bool beyond_caches(const Upfirdn2d& p) {
    constexpr int64_t kBytes = 32 << 20;
    const int64_t pixels = p.rows.size * p.columns.size + p.rows.resized * p.columns.resized;
    return p.map.batch * p.map.channels * pixels * int64_t(sizeof(T)) >= kBytes &&
           p.map.channels % kLanes<Accumulator<T>> == 0 && reinterpret_cast<uintptr_t>(p.y) % IMTRANS_VECTOR_BYTES == 0;
  }
  bool whole() const { return read.end - read.begin == kRead && written.end - written.begin == kWritten; }

  const T* const x;
  T* const y;
  const int64_t x_stride, y_stride;  // from one row to the next
  const int64_t x_offset, y_offset;  // of the first row, which may lie beyond the map
  const Range read, written;         // the rows within the map
  const bool streams;
};

// What a step across reads and writes.
template <typename A, int kUp, int kDown, int kMet>
struct Across {
  int64_t x[kDown], y[kUp];             // offsets of pixels and places, at the first channel
  bool x_within[kDown], y_within[kUp];  // whether the map has them
  A* sums[kMet];                        // of the columns that are met; the last kDown of them are to be filled
  int64_t ahead;                        // how many elements on the pixels are that will be needed soon
};

// For each row of y, the sum of the pixels below one another at offset `at`.
template <bool kWhole, int kUp, int kDown, typename T>
IMTRANS_INLINE void sum_down(const RowBlock<T, kUp, kDown>& rows, const Vec<Accumulator<T>> (&weights)[kFactoredTaps],
                             int64_t at, Vec<Accumulator<T>> (&sums)[RowBlock<T, kUp, kDown>::kWritten]) {
  using Rows = RowBlock<T, kUp, kDown>;
  using V = Vec<Accumulator<T>>;
  V pixels[Rows::kRead];
#pragma GCC unroll 16
  for (int i = 0; i < Rows::kRead; ++i) {
    pixels[i] = kWhole || rows.read.has(i) ? load(rows.x + (at + i * rows.x_stride)) : V{};
  }
#pragma GCC unroll 16
  for (int row = 0; row < Rows::kWritten; ++row) {
    const int tap = kUp - 1 - row % kUp, first = row / kUp * kDown;
    sums[row] = weights[tap] * pixels[first];
#pragma GCC unroll 4
    for (int k = 1; k < Rows::kMet; ++k) sums[row] += weights[tap + k * kUp] * pixels[first + k];
  }
}

// Brings pixels below one another into the cache. The machine foresees a walk along one row and not along seven; where
// maps are shrunk, it made things worse.
template <typename T, int kUp, int kDown>
IMTRANS_INLINE void fetch(const RowBlock<T, kUp, kDown>& rows, int64_t at) {
#pragma GCC unroll 16
  for (int i = 0; i < RowBlock<T, kUp, kDown>::kRead; ++i) __builtin_prefetch(rows.x + (at + i * rows.x_stride));
}

// A vector of channels, the one that is `k` channels on, and whose sums lie `at` elements on.
template <bool kWhole, bool kStreams, int kUp, int kDown, typename T, typename A, int kMet>
IMTRANS_INLINE void step_vector(const RowBlock<T, kUp, kDown>& rows, const Vec<A> (&down)[kFactoredTaps],
                                const Vec<A> (&across)[kFactoredTaps], const Across<A, kUp, kDown, kMet>& step,
                                int64_t k, int64_t at) {
  constexpr int kWritten = RowBlock<T, kUp, kDown>::kWritten, kOld = kMet - kDown, W = kLanes<A>;
  Vec<A> fresh[kDown][kWritten] = {};
#pragma GCC unroll 4
  for (int i = 0; i < kDown; ++i) {
    if (step.x_within[i]) {
      if constexpr (kWhole && kUp == 1 && kDown == 1) fetch(rows, step.x[i] + k + step.ahead);
      sum_down<kWhole>(rows, down, step.x[i] + k, fresh[i]);
    }
#pragma GCC unroll 16
    for (int row = 0; row < kWritten; ++row) store(step.sums[kOld + i] + (at + row * W), fresh[i][row]);
  }
#pragma GCC unroll 4
  for (int part = 0; part < kUp; ++part) {
    if (!step.y_within[part]) continue;
    const int tap = kUp - 1 - part;
#pragma GCC unroll 16
    for (int row = 0; row < kWritten; ++row) {
      if (!kWhole && !rows.written.has(row)) continue;
      Vec<A> sum = across[tap + kOld * kUp] * fresh[0][row];
#pragma GCC unroll 4
      for (int i = 1; i < kDown; ++i) sum += across[tap + (kOld + i) * kUp] * fresh[i][row];
#pragma GCC unroll 4
      for (int i = 0; i < kOld; ++i) sum += across[tap + i * kUp] * load(step.sums[i] + (at + row * W));
      T* const to = rows.y + (step.y[part] + k + row * rows.y_stride);
      kStreams ? stream(to, sum) : store(to, sum);
    }
  }
}

// Channels whose sums the first-level cache holds.
template <typename A, class Rows>
inline constexpr int64_t kChannelsAtOnce = (24 << 10) / (Rows::kWritten * Rows::kMet * int64_t(sizeof(A)));

// Some channels of all columns of a block of rows. `memory` has room for their sums.
template <bool kWhole, bool kStreams, int kUp, int kDown, typename T, typename A>
IMTRANS_TARGET void walk_across(const RowBlock<T, kUp, kDown> rows, const FilterFactors<A>& factors,
                                const Steps<kUp, kDown> columns, int64_t first, int64_t last, int64_t channels,
                                A* memory) {
  using Rows = RowBlock<T, kUp, kDown>;
  constexpr int kMet = Rows::kMet, kOld = kMet - kDown, W = kLanes<A>;
  Vec<A> down[kFactoredTaps], across[kFactoredTaps];
#pragma GCC unroll 4
  for (int k = 0; k < kFactoredTaps; ++k) {
    down[k] = repeat(factors.down[k]);
    across[k] = repeat(factors.across[k]);
  }
  // The first steps only fill the sums that later ones meet.
  for (int64_t i = columns.begin - (kOld + kDown - 1) / kDown; i < columns.end; ++i) {
    Across<A, kUp, kDown, kMet> step;
    step.ahead = channels * std::max<int64_t>(1, kFetchedAhead / channels);
    for (int m = 0; m < kMet; ++m) {
      step.sums[m] = memory + ((i * kDown + m) & (kMet - 1)) * Rows::kWritten * kChannelsAtOnce<A, Rows>;
    }
    for (int m = 0; m < kDown; ++m) {
      const int64_t column = columns.pixel(i) + kOld + m;
      step.x[m] = rows.x_offset + column * channels;
      step.x_within[m] = column >= 0 && column < columns.axis.size;
    }
    for (int part = 0; part < kUp; ++part) {
      const int64_t place = columns.place(i) + part;
      step.y[part] = rows.y_offset + place * channels;
      step.y_within[part] = place >= 0 && place < columns.axis.resized;
    }
    int64_t k = first, at = 0;
    for (; k + W <= last; k += W, at += W * Rows::kWritten)
      step_vector<kWhole, kStreams>(rows, down, across, step, k, at);
    // The last vector goes back over channels that are done rather than beyond the last.
    if (k < last) step_vector<kWhole, kStreams>(rows, down, across, step, last - W, at);
  }
}

template <int kUp, int kDown, typename T, typename A>
IMTRANS_TARGET void resample_block(const RowBlock<T, kUp, kDown>& rows, const FilterFactors<A>& factors,
                                   const Steps<kUp, kDown>& columns, int64_t channels, A* memory) {
  constexpr int64_t kMost = kChannelsAtOnce<A, RowBlock<T, kUp, kDown>> - kLanes<A>;
  for (int64_t done = 0; done < channels; done += kMost) {
    const int64_t first = std::min<int64_t>(done, channels - kLanes<A>), last = std::min(channels, done + kMost);
    if (!rows.whole()) {
      walk_across<false, false>(rows, factors, columns, first, last, channels, memory);
    } else if (rows.streams) {
      walk_across<true, true>(rows, factors, columns, first, last, channels, memory);
    } else {
      walk_across<true, false>(rows, factors, columns, first, last, channels, memory);
    }
  }
}

template <int kUp, int kDown, typename T, typename A>
IMTRANS_TARGET void resample_blocks(const Upfirdn2d& p, const FilterFactors<A>& factors, int64_t blocks, int64_t begin,
                                    int64_t end) {
  using Rows = RowBlock<T, kUp, kDown>;
  const Steps<kUp, kDown> down(p.rows), across(p.columns);
  constexpr int64_t kSums = kChannelsAtOnce<A, Rows> * Rows::kWritten * Rows::kMet;
  A* const memory = static_cast<A*>(thread_scratch(kSums * sizeof(A)));
  for (int64_t i = begin; i < end; ++i) {
    const Rows rows(p, down, i / blocks, down.begin + i % blocks * Rows::kSteps);
    resample_block(rows, factors, across, p.map.channels, memory);
  }
  fence_streams();
}

template <int kUp, int kDown, typename T, typename A>
void resample_factored(const Upfirdn2d& p, const FilterFactors<A>& factors, ParallelFor run) {
  using Rows = RowBlock<T, kUp, kDown>;
  const Steps<kUp, kDown> down(p.rows);
  const int64_t blocks = (down.end - down.begin + Rows::kSteps - 1) / Rows::kSteps;
  const int64_t elements = Rows::kWritten * p.columns.resized * p.map.channels;
  parallel(run, p.map.batch * blocks, std::max<int64_t>(1, kResampledWorthAThread / elements),
           [&](int64_t begin, int64_t end) { resample_blocks<kUp, kDown, T>(p, factors, blocks, begin, end); });
}

inline bool is_resized(const Upfirdn2d& p, int64_t up, int64_t down) {
  return p.rows.up == up && p.columns.up == up && p.rows.down == down && p.columns.down == down;
}

// Whether the map was resampled this way.
template <typename T, typename A>
bool try_factored(const Upfirdn2d& p, const std::vector<A>& weights, ParallelFor run) {
  FilterFactors<A> factors;
  if (p.map.layout != Layout::kNHWC || p.map.channels < kLanes<A>) return false;
  if (p.rows.taps != kFactoredTaps || p.columns.taps != kFactoredTaps || !factorise(weights, factors)) return false;
  if (is_resized(p, 1, 1)) {
    resample_factored<1, 1, T>(p, factors, run);
  } else if (is_resized(p, 1, 2)) {
    resample_factored<1, 2, T>(p, factors, run);
  } else if (is_resized(p, 2, 1)) {
    resample_factored<2, 1, T>(p, factors, run);
  } else {
    return false;
  }
  return true;
}

}  // namespace imtrans::IMTRANS_ISA
