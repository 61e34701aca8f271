// Lengths of kernels in one pass over the weight. No include guard: compiled once for every instruction set
// (cpu/foreach_isa.h).
//
// The squares of one output channel are summed over the taps into a row that stays in the first-level cache, and every
// image takes its product with that row. So the weight is read once, in its own type, and no square of it is kept.

namespace imtrans::IMTRANS_ISA {

// Elements of the weight below which a second thread costs more than it saves.
inline constexpr int64_t kMeasuredWorthAThread = 16384;

// Channels-last: for each tap in turn, the channels side by side. `sums` is as long as whole vectors of channels. The
// weight is read from front to back; with a vector's taps together it would be read in leaps, at a third of the speed.
template <typename T, typename A>
IMTRANS_TARGET void sum_squares_nhwc(const T* weight, int64_t channels, int64_t taps, A* sums) {
  constexpr int W = kLanes<A>;
  std::fill_n(sums, (channels + W - 1) / W * W, A(0));
  for (int64_t k = 0; k < taps; ++k, weight += channels) {
    int64_t i = 0;
    for (; i + W <= channels; i += W) {
      const Vec<A> w = load(weight + i);
      store(sums + i, load(sums + i) + w * w);
    }
    if (i < channels) {
      const Vec<A> w = load_some(weight + i, int(channels - i), A(0));
      store(sums + i, load(sums + i) + w * w);
    }
  }
}

// Contiguous: a channel's taps lie side by side. The sums of as many neighbours are taken from every place on, because
// whole vectors of those are quicker than one sum for each channel. The last channels, where that would read beyond the
// weight, are summed one by one.
template <typename T, typename A>
IMTRANS_TARGET void sum_squares_nchw(const T* weight, int64_t channels, int64_t taps, A* sums, A* places) {
  constexpr int W = kLanes<A>;
  int64_t i = 0;
  for (; i + W < channels; i += W) {
    const T* const from = weight + i * taps;
    for (int64_t e = 0; e < W * taps; e += W) {
      Vec<A> sum{};
      for (int64_t k = 0; k < taps; ++k) {
        const Vec<A> w = load(from + e + k);
        sum += w * w;
      }
      store(places + e, sum);
    }
    for (int64_t channel = 0; channel < W; ++channel) sums[i + channel] = places[channel * taps];
  }
  for (; i < channels; ++i) {
    Vec<A> sum{};
    for (int64_t k = 0; k < taps; k += W) {
      const Vec<A> w = load_some(weight + i * taps + k, int(std::min<int64_t>(W, taps - k)), A(0));
      sum += w * w;
    }
    sums[i] = lane_sum(sum);
  }
}

template <typename A>
IMTRANS_TARGET A product(const A* a, const A* b, int64_t count) {
  constexpr int W = kLanes<A>;
  Vec<A> sum[4] = {};
  int64_t i = 0;
  for (; i + 4 * W <= count; i += 4 * W) {
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) sum[u] += load(a + i + u * W) * load(b + i + u * W);
  }
  for (; i + W <= count; i += W) sum[0] += load(a + i) * load(b + i);
  if (i < count) sum[1] += load_some(a + i, int(count - i), A(0)) * load_some(b + i, int(count - i), A(0));
  return lane_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

// Output channels [begin, end).
template <typename T, typename A>
IMTRANS_TARGET void measure(const SquaredLengths& p, int64_t begin, int64_t end, A* memory) {
  const int64_t channels = p.map.channels, taps = p.map.pixels();
  A* const places = memory + (channels + kLanes<A>);
  for (int64_t o = begin; o < end; ++o) {
    const T* const weight = static_cast<const T*>(p.weight) + o * channels * taps;
    if (p.map.layout == Layout::kNHWC) {
      sum_squares_nhwc(weight, channels, taps, memory);
    } else {
      sum_squares_nchw(weight, channels, taps, memory, places);
    }
    for (int64_t n = 0; n < p.images; ++n) {
      const A* const factors = static_cast<const A*>(p.squares) + n * channels;
      static_cast<A*>(p.y)[n * p.map.batch + o] = product(factors, memory, channels);
    }
  }
}

template <typename T>
IMTRANS_TARGET void squared_lengths(const SquaredLengths& p, ParallelFor run) {
  using A = Accumulator<T>;
  constexpr int W = kLanes<A>;
  const int64_t elements = p.map.channels * p.map.pixels();
  parallel(run, p.map.batch, std::max<int64_t>(1, kMeasuredWorthAThread / elements), [&](int64_t begin, int64_t end) {
    const int64_t room = (p.map.channels + W) + p.map.pixels() * W;
    measure<T>(p, begin, end, static_cast<A*>(thread_scratch(room * sizeof(A))));
  });
}

}  // namespace imtrans::IMTRANS_ISA
