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
  const auto largest = std::max_element(weights.begin(), weights.end(),
                                        [](A a, A b) { return std::abs(a) < std::abs(b); }) - weights.begin();
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
      : axis(axis),
        begin(ceil_of(-shift(), kUp)),
        end(ceil_of(axis.resized - 1 - shift(), kUp) + 1) {}

  // The first pixel that a step meets, and the first place that it gives.
  int64_t pixel(int64_t step) const { return kUp == 1 ? step * kDown - axis.pad : step; }
  int64_t place(int64_t step) const { return step * kUp + shift() - (kUp - 1); }
  int64_t shift() const { return kUp == 1 ? 0 : axis.pad; }

  const ResampledAxis axis;
  const int64_t begin, end;
};

// A block of rows: those of x that are read and those of y that are written; null beyond the map.
template <typename T, int kUp, int kDown>
struct RowBlock {
  static_assert(kUp == 1 || kDown == 1, "");
  static_assert(kFactoredTaps % kUp == 0, "");
  static constexpr int kSteps = kUp == 1 ? 4 : 2;
  static constexpr int kMet = kFactoredTaps / kUp;  // pixels that an element of y meets along one axis
  static constexpr int kRead = (kSteps - 1) * kDown + kMet, kWritten = kSteps * kUp;

  const T* x[kRead];
  T* y[kWritten];
  bool whole;
};

template <int kUp, int kDown, typename T>
RowBlock<T, kUp, kDown> block_of(const Upfirdn2d& p, const Steps<kUp, kDown>& steps, int64_t image, int64_t step) {
  RowBlock<T, kUp, kDown> rows;
  rows.whole = true;
  const auto at = [&](auto* map, int64_t height, int64_t width, int64_t row) -> decltype(map) {
    if (row >= 0 && row < height) return map + (image * height + row) * width * p.map.channels;
    rows.whole = false;
    return nullptr;
  };
  for (int i = 0; i < rows.kRead; ++i) {
    rows.x[i] = at(static_cast<const T*>(p.x), p.rows.size, p.columns.size, steps.pixel(step) + i);
  }
  for (int i = 0; i < rows.kWritten; ++i) {
    rows.y[i] = at(static_cast<T*>(p.y), p.rows.resized, p.columns.resized, steps.place(step) + i);
  }
  return rows;
}

// What a step across reads and writes, for some channels from `x` and `y` on.
template <typename A, int kUp, int kDown, int kMet>
struct Across {
  int64_t x[kDown];  // offsets of the pixels that are new to this step; negative beyond the map
  int64_t y[kUp];    // offsets of the places that it gives; negative beyond the map
  A* sums[kMet];     // of the columns that it meets, the last kDown of them to be filled; each of all rows of y
  int64_t channels, stride;  // of sums, from one row of y to the next
};

// For each row of y, the sum of the pixels below one another at offset `at`.
template <bool kWhole, int kUp, int kDown, typename T>
IMTRANS_INLINE void sum_down(const RowBlock<T, kUp, kDown>& rows, const Vec<Accumulator<T>> (&weights)[kFactoredTaps],
                             int64_t at, Vec<Accumulator<T>> (&sums)[RowBlock<T, kUp, kDown>::kWritten]) {
  using Rows = RowBlock<T, kUp, kDown>;
  using V = Vec<Accumulator<T>>;
  V pixels[Rows::kRead];
#pragma GCC unroll 16
  for (int i = 0; i < Rows::kRead; ++i) pixels[i] = kWhole || rows.x[i] != nullptr ? load(rows.x[i] + at) : V{};
#pragma GCC unroll 16
  for (int row = 0; row < Rows::kWritten; ++row) {
    const int tap = kUp - 1 - row % kUp, first = row / kUp * kDown;
    sums[row] = weights[tap] * pixels[first];
#pragma GCC unroll 4
    for (int k = 1; k < Rows::kMet; ++k) sums[row] += weights[tap + k * kUp] * pixels[first + k];
  }
}

// A vector of channels, the one that is `k` channels on.
template <bool kWhole, int kUp, int kDown, typename T, typename A, int kMet>
IMTRANS_INLINE void step_vector(const RowBlock<T, kUp, kDown>& rows, const Vec<A> (&down)[kFactoredTaps],
                                const Vec<A> (&across)[kFactoredTaps], const Across<A, kUp, kDown, kMet>& step,
                                int64_t k) {
  constexpr int kWritten = RowBlock<T, kUp, kDown>::kWritten, kOld = kMet - kDown;
  Vec<A> fresh[kDown][kWritten] = {};
#pragma GCC unroll 4
  for (int i = 0; i < kDown; ++i) {
    if (step.x[i] >= 0) sum_down<kWhole>(rows, down, step.x[i] + k, fresh[i]);
#pragma GCC unroll 16
    for (int row = 0; row < kWritten; ++row) store(step.sums[kOld + i] + row * step.stride + k, fresh[i][row]);
  }
#pragma GCC unroll 4
  for (int part = 0; part < kUp; ++part) {
    if (step.y[part] < 0) continue;
    const int tap = kUp - 1 - part;
#pragma GCC unroll 16
    for (int row = 0; row < kWritten; ++row) {
      if (!kWhole && rows.y[row] == nullptr) continue;
      Vec<A> sum = across[tap + kOld * kUp] * fresh[0][row];
#pragma GCC unroll 4
      for (int i = 1; i < kDown; ++i) sum += across[tap + (kOld + i) * kUp] * fresh[i][row];
#pragma GCC unroll 4
      for (int i = 0; i < kOld; ++i) sum += across[tap + i * kUp] * load(step.sums[i] + row * step.stride + k);
      store(rows.y[row] + step.y[part] + k, sum);
    }
  }
}

// Channels whose sums the first-level cache holds.
template <typename A, int kWritten, int kMet>
inline constexpr int64_t kChannelsAtOnce = (24 << 10) / (kWritten * kMet * int64_t(sizeof(A)));

// A block of rows, all columns and channels. `memory` has room for kMet columns of kWritten sums.
template <bool kWhole, int kUp, int kDown, typename T, typename A>
IMTRANS_TARGET void resample_block(const RowBlock<T, kUp, kDown> rows, const FilterFactors<A>& factors,
                                   const Steps<kUp, kDown> columns, int64_t channels, A* memory) {
  using Rows = RowBlock<T, kUp, kDown>;
  constexpr int kMet = Rows::kMet, kOld = kMet - kDown;
  constexpr int64_t kMost = kChannelsAtOnce<A, Rows::kWritten, kMet>;
  constexpr int W = kLanes<A>;
  Vec<A> down[kFactoredTaps], across[kFactoredTaps];
#pragma GCC unroll 4
  for (int k = 0; k < kFactoredTaps; ++k) {
    down[k] = repeat(factors.down[k]);
    across[k] = repeat(factors.across[k]);
  }
  for (int64_t done = 0; done < channels; done += kMost) {
    const int64_t channel = std::min<int64_t>(done, channels - kLanes<A>);
    Across<A, kUp, kDown, kMet> step;
    step.channels = std::min(channels - channel, kMost);
    step.stride = step.channels;
    const auto offset = [=](int64_t place, int64_t places) {
      return place >= 0 && place < places ? place * channels + channel : int64_t{-1};
    };
    // The first steps only fill the sums that later ones meet.
    for (int64_t i = columns.begin - (kOld + kDown - 1) / kDown; i < columns.end; ++i) {
      for (int m = 0; m < kMet; ++m) {
        step.sums[m] = memory + ((i * kDown + m) & (kMet - 1)) * Rows::kWritten * step.stride;
      }
      for (int m = 0; m < kDown; ++m) step.x[m] = offset(columns.pixel(i) + kOld + m, columns.axis.size);
      for (int part = 0; part < kUp; ++part) step.y[part] = offset(columns.place(i) + part, columns.axis.resized);
      int64_t k = 0;
      for (; k + W <= step.channels; k += W) step_vector<kWhole>(rows, down, across, step, k);
      // The last vector goes back over channels that are done rather than beyond the last.
      if (k < step.channels) step_vector<kWhole>(rows, down, across, step, step.channels - W);
    }
  }
}

template <int kUp, int kDown, typename T, typename A>
void resample_factored(const Upfirdn2d& p, const FilterFactors<A>& factors, ParallelFor run) {
  using Rows = RowBlock<T, kUp, kDown>;
  const Steps<kUp, kDown> down(p.rows), across(p.columns);
  const int64_t blocks = (down.end - down.begin + Rows::kSteps - 1) / Rows::kSteps;
  const int64_t elements = Rows::kWritten * p.columns.resized * p.map.channels;
  parallel(run, p.map.batch * blocks, std::max<int64_t>(1, kResampledWorthAThread / elements),
           [&](int64_t begin, int64_t end) {
             constexpr int64_t kSums = kChannelsAtOnce<A, Rows::kWritten, Rows::kMet> * Rows::kWritten * Rows::kMet;
             A* const memory = static_cast<A*>(thread_scratch(kSums * sizeof(A)));
             for (int64_t i = begin; i < end; ++i) {
               const auto rows = block_of<kUp, kDown, T>(p, down, i / blocks, down.begin + i % blocks * Rows::kSteps);
               const auto resample = rows.whole ? resample_block<true, kUp, kDown, T, A>
                                                : resample_block<false, kUp, kDown, T, A>;
               resample(rows, factors, across, p.map.channels, memory);
             }
           });
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
