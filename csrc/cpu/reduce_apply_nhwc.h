// Channels-last maps: a tile is some channels of many pixels. Part of cpu/reduce_apply.h.

namespace imtrans::IMTRANS_ISA {

// Adds one stretch to U vectors of channels side by side; where U is small, several pixels go side by side as well.
template <bool kFolded, typename Op, int U, typename Reducers>
IMTRANS_INLINE void reduce_stretch(const Op& op, Reducers& reducers, Spot at, int64_t pixels) {
  constexpr int W = kLanes<typename Op::A>, P = kUnroll / U;
  const int64_t stride = op.map.channels;
  int64_t pixel = 0;
  for (; pixel + P <= pixels; pixel += P, at = at.at(P * stride)) {
#pragma GCC unroll 4
    for (int i = 0; i < kUnroll; ++i) {
      reducers[i / U][i % U].template step<kFolded>(op, at.at(i / U * stride + i % U * W));
    }
  }
  for (; pixel < pixels; ++pixel, at = at.at(stride)) {
#pragma GCC unroll 4
    for (int u = 0; u < U; ++u) reducers[0][u].template step<kFolded>(op, at.at(u * W));
  }
}

// Pixels of one image, for all channels or some of them.
struct Chunk {
  int64_t image, first, pixels;
};

// Sums over the chunk's pixels of U vectors of channels; raw is [kRaw][channels].
template <typename Op, int U>
IMTRANS_TARGET void reduce_tile(const Op& op, const Table<typename Op::A>& table, const Chunk& chunk, int64_t channel,
                                typename Op::A* raw) {
  using A = typename Op::A;
  constexpr int W = kLanes<A>, P = kUnroll / U;
  const int64_t stride = op.map.channels;
  const int64_t offset = (chunk.image * op.map.pixels() + chunk.first) * stride + channel;
  typename Op::template Reducer<false> reducers[P][U];
#pragma GCC unroll 4
  for (int u = 0; u < U; ++u) {
    reducers[0][u].begin(op, Coefficients<A, false>{table, chunk.image, channel + u * W},
                         {offset + u * W, stride, chunk.pixels, W});
  }
#pragma GCC unroll 4
  for (int i = U; i < kUnroll; ++i) reducers[i / U][i % U] = reducers[0][i % U];
  if constexpr (Op::kFolds) {
    Walk walk(op.frame, chunk.image, chunk.first, chunk.pixels, true);
    for (Stretch s; walk.next(s);) {
      if (walk.fold().count > 1) {
        reduce_stretch<true, Op, U>(op, reducers, s.first.at(channel), s.pixels);
      } else {
        reduce_stretch<false, Op, U>(op, reducers, s.first.at(channel), s.pixels);
      }
    }
  } else {
    reduce_stretch<false, Op, U>(op, reducers, Spot{offset, offset, offset, nullptr}, chunk.pixels);
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
IMTRANS_TARGET void reduce_narrow_tile(const Op& op, const Table<typename Op::A>& table, const Chunk& chunk,
                                       int64_t channel, typename Op::A* raw) {
  const int64_t stride = op.map.channels;
  const int lanes = int(stride - channel);
  const int64_t offset = (chunk.image * op.map.pixels() + chunk.first) * stride + channel;
  typename Op::template Reducer<false> reducer;
  reducer.begin(op, Coefficients<typename Op::A, false>{table, chunk.image, channel},
                {offset, stride, chunk.pixels, lanes});
  Walk walk(op.frame, chunk.image, chunk.first, chunk.pixels, Op::kFolds);
  for (Stretch s; walk.next(s);) {
    for (int64_t pixel = 0; pixel < s.pixels; ++pixel) {
      reducer.template step_some<Op::kFolds>(op, s.first.at(pixel * stride + channel), lanes);
    }
  }
  for (int k = 0; k < Op::kRaw; ++k) store_some(raw + k * stride, reducer.raw[k], lanes);
}

// All channels of one chunk; raw is [kRaw][channels].
template <typename Op>
IMTRANS_TARGET void reduce_pixels(const Op& op, const Table<typename Op::A>& table, const Chunk& chunk,
                                  typename Op::A* raw) {
  constexpr int W = kLanes<typename Op::A>;
  const int64_t channels = op.map.channels;
  int64_t c = 0;
  for (; c + 4 * W <= channels; c += 4 * W) reduce_tile<Op, 4>(op, table, chunk, c, raw + c);
  for (; c + 2 * W <= channels; c += 2 * W) reduce_tile<Op, 2>(op, table, chunk, c, raw + c);
  for (; c + W <= channels; c += W) reduce_tile<Op, 1>(op, table, chunk, c, raw + c);
  if (c < channels) reduce_narrow_tile(op, table, chunk, c, raw + c);
}

// Merges the chunks of one image for channels [begin, end), some at a time; merged is [channels][kMerged].
template <typename Op>
IMTRANS_TARGET void merge_channels(const Op& op, int64_t begin, int64_t end, const typename Op::A* raw, int64_t chunks,
                                   double* merged) {
  constexpr int64_t kSome = 16;
  const int64_t channels = op.map.channels;
  for (int64_t c = begin; c < end; c += kSome) {
    const int64_t some = std::min(kSome, end - c);
    std::fill_n(merged + c * Op::kMerged, some * Op::kMerged, 0.0);
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      const double had = double(chunk * kSteps), count = double(std::min(kSteps, op.map.pixels() - chunk * kSteps));
      const typename Op::A* row = raw + chunk * Op::kRaw * channels + c;
      for (int64_t i = 0; i < some; ++i) {
        double numbers[Op::kRaw];
        for (int k = 0; k < Op::kRaw; ++k) numbers[k] = double(row[k * channels + i]);
        Op::merge(merged + (c + i) * Op::kMerged, had, numbers, count);
      }
    }
  }
}

// The coefficients of channels [begin, end) of an image, after those of its channels that they depend on.
template <typename Op>
void find_coefficients(const Op& op, Table<typename Op::A>& table, int64_t image, int64_t begin, int64_t end,
                       const double* merged) {
  for (int64_t c = begin; c < end; ++c) op.coefficients(image, c, merged + c * Op::kMerged, table);
}

inline int64_t chunks_of(const FeatureMap& map) { return (map.pixels() + kSteps - 1) / kSteps; }

inline Chunk chunk_of(const FeatureMap& map, int64_t task) {
  const int64_t chunks = chunks_of(map), first = task % chunks * kSteps;
  return {task / chunks, first, std::min(kSteps, map.pixels() - first)};
}

inline int64_t chunks_worth_a_thread(const FeatureMap& map) {
  return std::max<int64_t>(1, kWorthAThread / (std::min(kSteps, map.pixels()) * map.channels));
}

template <typename Op>
IMTRANS_TARGET void reduce_nhwc(const Op& op, Table<typename Op::A>& table, ParallelFor run) {
  const int64_t batch = op.map.batch, channels = op.map.channels;
  const int64_t chunks = chunks_of(op.map), width = Op::kRaw * channels;
  std::unique_ptr<typename Op::A[]> raw(new typename Op::A[batch * chunks * width]);
  std::unique_ptr<double[]> merged(new double[batch * channels * Op::kMerged]);

  parallel(run, batch * chunks, chunks_worth_a_thread(op.map), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      reduce_pixels(op, table, chunk_of(op.map, task), raw.get() + task * width);
    }
  });
  parallel(run, batch * channels, std::max<int64_t>(1, kWorthAThread / chunks), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end;) {
      const int64_t image = task / channels, c = task % channels, stop = std::min(channels, c + end - task);
      double* const own = merged.get() + image * channels * Op::kMerged;
      merge_channels(op, c, stop, raw.get() + image * chunks * width, chunks, own);
      if (!Op::kCoupled) find_coefficients(op, table, image, c, stop, own);
      task += stop - c;
    }
  });
  if constexpr (Op::kCoupled) {
    for (int64_t image = 0; image < batch; ++image) {
      const double* own = merged.get() + image * channels * Op::kMerged;
      op.couple(image, own);
      find_coefficients(op, table, image, 0, channels, own);
    }
  }
}

template <bool kFolded, typename Op, int U>
IMTRANS_TARGET void apply_tile(const Op& op, const Table<typename Op::A>& table, int64_t image, int64_t channel,
                               Spot at, int64_t pixels) {
  using A = typename Op::A;
  constexpr int W = kLanes<A>;
  typename Op::Applier appliers[U];
#pragma GCC unroll 4
  for (int u = 0; u < U; ++u) appliers[u].begin(op, Coefficients<A, false>{table, image, channel + u * W});
  for (int64_t pixel = 0; pixel < pixels; ++pixel, at = at.at(op.map.channels)) {
#pragma GCC unroll 4
    for (int u = 0; u < U; ++u) appliers[u].template step<kFolded>(op, at.at(u * W));
  }
}

template <bool kFolded, typename Op>
IMTRANS_TARGET void apply_stretch(const Op& op, const Table<typename Op::A>& table, int64_t image, const Stretch& s) {
  using A = typename Op::A;
  constexpr int W = kLanes<A>;
  constexpr int U = Op::kApplyUnroll;
  const int64_t channels = op.map.channels;
  int64_t c = 0;
  for (; c + U * W <= channels; c += U * W) {
    apply_tile<kFolded, Op, U>(op, table, image, c, s.first.at(c), s.pixels);
  }
  for (; c + W <= channels; c += W) apply_tile<kFolded, Op, 1>(op, table, image, c, s.first.at(c), s.pixels);
  if (c < channels) {
    typename Op::Applier applier;
    applier.begin(op, Coefficients<A, false>{table, image, c});
    for (int64_t pixel = 0; pixel < s.pixels; ++pixel) {
      applier.template step_some<kFolded>(op, s.first.at(pixel * channels + c), int(channels - c));
    }
  }
}

template <typename Op>
IMTRANS_TARGET void apply_pixels(const Op& op, const Table<typename Op::A>& table, const Chunk& chunk) {
  Walk walk(op.frame, chunk.image, chunk.first, chunk.pixels, Op::kFolds);
  for (Stretch s; walk.next(s);) {
    if (Op::kFolds && walk.fold().count > 1) {
      apply_stretch<true>(op, table, chunk.image, s);
    } else {
      apply_stretch<false>(op, table, chunk.image, s);
    }
    if (op.frame.outer > 0 && op.mirrored() != nullptr) mirror(op.mirrored(), op.frame, chunk.image, s);
  }
}

template <typename Op>
IMTRANS_TARGET void apply_nhwc(const Op& op, const Table<typename Op::A>& table, ParallelFor run) {
  // Backwards, because the chunks that were read last are those that the cache still holds.
  parallel(run, op.map.batch * chunks_of(op.map), chunks_worth_a_thread(op.map), [&](int64_t begin, int64_t end) {
    for (int64_t task = end - 1; task >= begin; --task) apply_pixels(op, table, chunk_of(op.map, task));
  });
}

}  // namespace imtrans::IMTRANS_ISA
