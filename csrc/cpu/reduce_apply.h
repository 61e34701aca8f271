// The frame of every normalisation: reduce each channel of each image, turn the sums into a few coefficients, apply
// them. No include guard: compiled once for every instruction set (cpu/foreach_isa.h).
//
// An operator is a class with
//
//     Element                   how its maps lie in memory; A = Accumulator<Element> is what it computes in
//     kSums, kRaw               how many raw numbers a chunk of a channel gives: kSums sums, then constants
//     kMerged, kCoefficients    how many numbers are left when the chunks are merged, and what is computed from these
//     Reducer                   begin(op, coefficients, run), step(op, offset), step_some(op, offset, lanes);
//                               raw[kRaw] holds the sums of the vectors that passed
//     merge(merged, had, raw, count)   adds the raw numbers of `count` pixels to what `had` pixels have given
//     coefficients(image, channel, merged, table)
//     Applier                   begin(op, coefficients), step(op, offset), step_some(op, offset, lanes)
//
// Chunks depend on the sizes only and are merged in their order, so the result is the same for any number of threads.
// A chunk is summed in A, chunks are merged in double: that bounds the rounding error however large the map.

namespace imtrans::IMTRANS_ISA {

// Vectors that go through the inner loop side by side: enough to hide the latency of an addition.
inline constexpr int kUnroll = 4;
// Steps of a chunk; short enough for float sums, long enough to make merging cheap.
inline constexpr int64_t kSteps = 128;
// Elements below which a second thread costs more than it saves.
inline constexpr int64_t kWorthAThread = 16384;

// What a reducer is about to see: vectors of `lanes` values, `stride` elements apart.
struct Run {
  int64_t offset;
  int64_t stride;
  int64_t steps;
  int lanes;
};

// One row of numbers per coefficient and image; rows are padded, so that a whole vector may be read at any channel.
template <typename A>
struct Table {
  Table(int64_t batch, int64_t channels, int rows)
      : width(channels + kLanes<A>), rows(rows), values(new A[batch * rows * width]()) {}
  A* row(int64_t image, int k) const { return values.get() + (image * rows + k) * width; }

  int64_t width;
  int rows;
  std::unique_ptr<A[]> values;
};

// The coefficients of one vector: those of neighbouring channels (NHWC), or one channel's in every lane (NCHW).
template <typename A, bool kOneChannel>
struct Coefficients {
  const Table<A>& table;
  int64_t image;
  int64_t channel;

  IMTRANS_INLINE Vec<A> operator[](int k) const {
    const A* at = table.row(image, k) + channel;
    if constexpr (kOneChannel) return repeat<A>(*at);
    return load(at);
  }
};

// --------------------------------------------------------------- channels-last: a tile is some channels of many pixels

// Sums over `pixels` pixels of U vectors of channels; raw is [kRaw][channels]. Where U is small, several pixels go side
// by side.
template <typename Op, int U>
IMTRANS_TARGET void reduce_tile(const Op& op, const Table<typename Op::A>& table, int64_t image, int64_t channel,
                                int64_t offset, int64_t pixels, typename Op::A* raw) {
  using A = typename Op::A;
  constexpr int W = kLanes<A>, P = kUnroll / U;
  const int64_t stride = op.map.channels;
  typename Op::template Reducer<false> reducers[P][U];
#pragma GCC unroll 4
  for (int u = 0; u < U; ++u) {
    reducers[0][u].begin(op, Coefficients<A, false>{table, image, channel + u * W},
                         {offset + u * W, stride, pixels, W});
  }
#pragma GCC unroll 4
  for (int i = U; i < kUnroll; ++i) reducers[i / U][i % U] = reducers[0][i % U];
  int64_t pixel = 0;
  for (; pixel + P <= pixels; pixel += P, offset += P * stride) {
#pragma GCC unroll 4
    for (int i = 0; i < kUnroll; ++i) reducers[i / U][i % U].step(op, offset + i / U * stride + i % U * W);
  }
  for (; pixel < pixels; ++pixel, offset += stride) {
#pragma GCC unroll 4
    for (int u = 0; u < U; ++u) reducers[0][u].step(op, offset + u * W);
  }
#pragma GCC unroll 4
  for (int i = U; i < kUnroll; ++i) reducers[0][i % U].add(reducers[i / U][i % U]);
#pragma GCC unroll 4
  for (int u = 0; u < U; ++u) {
#pragma GCC unroll 8
    for (int k = 0; k < Op::kRaw; ++k) store(raw + k * stride + u * W, reducers[0][u].raw[k]);
  }
}

// The same for the last channels, fewer than a vector.
template <typename Op>
IMTRANS_TARGET void reduce_narrow_tile(const Op& op, const Table<typename Op::A>& table, int64_t image, int64_t channel,
                                       int64_t offset, int64_t pixels, typename Op::A* raw) {
  const int64_t stride = op.map.channels;
  const int lanes = int(stride - channel);
  typename Op::template Reducer<false> reducer;
  reducer.begin(op, Coefficients<typename Op::A, false>{table, image, channel}, {offset, stride, pixels, lanes});
  for (int64_t pixel = 0; pixel < pixels; ++pixel) reducer.step_some(op, offset + pixel * stride, lanes);
  for (int k = 0; k < Op::kRaw; ++k) store_some(raw + k * stride, reducer.raw[k], lanes);
}

// All channels of one chunk of pixels of one image; raw is [kRaw][channels].
template <typename Op>
IMTRANS_TARGET void reduce_pixels(const Op& op, const Table<typename Op::A>& table, int64_t image, int64_t first,
                                  int64_t pixels, typename Op::A* raw) {
  constexpr int W = kLanes<typename Op::A>;
  const int64_t channels = op.map.channels;
  const int64_t offset = (image * op.map.pixels() + first) * channels;
  int64_t c = 0;
  for (; c + 4 * W <= channels; c += 4 * W) reduce_tile<Op, 4>(op, table, image, c, offset + c, pixels, raw + c);
  for (; c + 2 * W <= channels; c += 2 * W) reduce_tile<Op, 2>(op, table, image, c, offset + c, pixels, raw + c);
  for (; c + W <= channels; c += W) reduce_tile<Op, 1>(op, table, image, c, offset + c, pixels, raw + c);
  if (c < channels) reduce_narrow_tile(op, table, image, c, offset + c, pixels, raw + c);
}

// Merges the chunks of one image for channels [begin, end), some at a time, and computes their coefficients.
template <typename Op>
IMTRANS_TARGET void merge_channels(const Op& op, Table<typename Op::A>& table, int64_t image, int64_t begin,
                                   int64_t end, const typename Op::A* raw, int64_t chunks) {
  constexpr int64_t kSome = 16;
  const int64_t channels = op.map.channels;
  for (int64_t c = begin; c < end; c += kSome) {
    const int64_t some = std::min(kSome, end - c);
    double merged[kSome][Op::kMerged] = {};
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      const double had = double(chunk * kSteps), count = double(std::min(kSteps, op.map.pixels() - chunk * kSteps));
      const typename Op::A* row = raw + chunk * Op::kRaw * channels + c;
      for (int64_t i = 0; i < some; ++i) {
        double numbers[Op::kRaw];
        for (int k = 0; k < Op::kRaw; ++k) numbers[k] = double(row[k * channels + i]);
        Op::merge(merged[i], had, numbers, count);
      }
    }
    for (int64_t i = 0; i < some; ++i) op.coefficients(image, c + i, merged[i], table);
  }
}

template <typename Op, int U>
IMTRANS_TARGET void apply_tile(const Op& op, const Table<typename Op::A>& table, int64_t image, int64_t channel,
                               int64_t offset, int64_t pixels) {
  using A = typename Op::A;
  constexpr int W = kLanes<A>;
  typename Op::Applier appliers[U];
#pragma GCC unroll 4
  for (int u = 0; u < U; ++u) appliers[u].begin(op, Coefficients<A, false>{table, image, channel + u * W});
  for (int64_t pixel = 0; pixel < pixels; ++pixel, offset += op.map.channels) {
#pragma GCC unroll 4
    for (int u = 0; u < U; ++u) appliers[u].step(op, offset + u * W);
  }
}

template <typename Op>
IMTRANS_TARGET void apply_pixels(const Op& op, const Table<typename Op::A>& table, int64_t image, int64_t first,
                                 int64_t pixels) {
  using A = typename Op::A;
  constexpr int W = kLanes<A>;
  constexpr int U = Op::kApplyUnroll;
  const int64_t channels = op.map.channels;
  const int64_t offset = (image * op.map.pixels() + first) * channels;
  int64_t c = 0;
  for (; c + U * W <= channels; c += U * W) apply_tile<Op, U>(op, table, image, c, offset + c, pixels);
  for (; c + W <= channels; c += W) apply_tile<Op, 1>(op, table, image, c, offset + c, pixels);
  if (c < channels) {
    typename Op::Applier applier;
    applier.begin(op, Coefficients<A, false>{table, image, c});
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      applier.step_some(op, offset + pixel * channels + c, int(channels - c));
    }
  }
}

template <typename Op>
IMTRANS_TARGET void run_nhwc(const Op& op, Table<typename Op::A>& table, ParallelFor run) {
  const int64_t batch = op.map.batch, channels = op.map.channels, pixels = op.map.pixels();
  const int64_t chunks = (pixels + kSteps - 1) / kSteps;
  const int64_t width = Op::kRaw * channels;
  std::unique_ptr<typename Op::A[]> raw(new typename Op::A[batch * chunks * width]);
  const int64_t grain = std::max<int64_t>(1, kWorthAThread / (std::min(kSteps, pixels) * channels));

  parallel(run, batch * chunks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t image = task / chunks, first = task % chunks * kSteps;
      reduce_pixels(op, table, image, first, std::min(kSteps, pixels - first), raw.get() + task * width);
    }
  });
  parallel(run, batch * channels, std::max<int64_t>(1, kWorthAThread / chunks), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end;) {
      const int64_t image = task / channels, c = task % channels;
      const int64_t stop = std::min(channels, c + end - task);
      merge_channels(op, table, image, c, stop, raw.get() + image * chunks * width, chunks);
      task += stop - c;
    }
  });
  // Backwards, because the chunks that were read last are those that the cache still holds.
  parallel(run, batch * chunks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t task = end - 1; task >= begin; --task) {
      const int64_t image = task / chunks, first = task % chunks * kSteps;
      apply_pixels(op, table, image, first, std::min(kSteps, pixels - first));
    }
  });
}

// ------------------------------------------------------------------ contiguous: the pixels of a channel are neighbours

// Merges a chunk of one channel into what the chunks before it have given.
template <typename Op>
IMTRANS_TARGET void reduce_row(const Op& op, const Table<typename Op::A>& table, int64_t image, int64_t channel,
                               int64_t first, int64_t pixels, double* merged) {
  using A = typename Op::A;
  constexpr int W = kLanes<A>;
  const int64_t offset = (image * op.map.channels + channel) * op.map.pixels() + first;
  typename Op::template Reducer<true> reducers[kUnroll];
  reducers[0].begin(op, Coefficients<A, true>{table, image, channel},
                    {offset, W, std::max<int64_t>(1, pixels / W), int(std::min<int64_t>(W, pixels))});
#pragma GCC unroll 4
  for (int u = 1; u < kUnroll; ++u) reducers[u] = reducers[0];
  int64_t p = 0;
  for (; p + kUnroll * W <= pixels; p += kUnroll * W) {
#pragma GCC unroll 4
    for (int u = 0; u < kUnroll; ++u) reducers[u].step(op, offset + p + u * W);
  }
  for (; p + W <= pixels; p += W) reducers[0].step(op, offset + p);
  if (p < pixels) reducers[0].step_some(op, offset + p, int(pixels - p));
#pragma GCC unroll 4
  for (int u = 1; u < kUnroll; ++u) reducers[0].add(reducers[u]);

  double numbers[Op::kRaw] = {};
  for (int k = 0; k < Op::kRaw; ++k) {
    const int lanes = k < Op::kSums ? W : 1;
    for (int lane = 0; lane < lanes; ++lane) numbers[k] += double(reducers[0].raw[k][lane]);
  }
  Op::merge(merged, double(first), numbers, double(pixels));
}

template <typename Op>
IMTRANS_TARGET void apply_row(const Op& op, const Table<typename Op::A>& table, int64_t image, int64_t channel,
                              int64_t offset, int64_t pixels) {
  constexpr int W = kLanes<typename Op::A>;
  typename Op::Applier applier;
  applier.begin(op, Coefficients<typename Op::A, true>{table, image, channel});
  int64_t p = 0;
  for (; p + W <= pixels; p += W) applier.step(op, offset + p);
  if (p < pixels) applier.step_some(op, offset + p, int(pixels - p));
}

template <typename Op>
IMTRANS_TARGET void run_row(const Op& op, Table<typename Op::A>& table, int64_t row) {
  const int64_t chunk = kSteps * kUnroll * kLanes<typename Op::A>;
  const int64_t image = row / op.map.channels, channel = row % op.map.channels;
  const int64_t pixels = op.map.pixels();
  double merged[Op::kMerged] = {};
  for (int64_t first = 0; first < pixels; first += chunk) {
    reduce_row(op, table, image, channel, first, std::min(chunk, pixels - first), merged);
  }
  op.coefficients(image, channel, merged, table);
  apply_row(op, table, image, channel, row * pixels, pixels);
}

template <typename Op>
IMTRANS_TARGET void run_nchw(const Op& op, Table<typename Op::A>& table, ParallelFor run) {
  const int64_t grain = std::max<int64_t>(1, kWorthAThread / op.map.pixels());
  parallel(run, op.map.batch * op.map.channels, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) run_row(op, table, row);
  });
}

template <typename Op>
IMTRANS_TARGET void run_operator(const Op& op, Table<typename Op::A>& table, ParallelFor run) {
  if (op.map.layout == Layout::kNHWC) {
    run_nhwc(op, table, run);
  } else {
    run_nchw(op, table, run);
  }
}

}  // namespace imtrans::IMTRANS_ISA
