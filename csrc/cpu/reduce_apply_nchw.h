// Contiguous maps: the pixels of a channel are neighbours, a plane is one channel of one image. Part of
// cpu/reduce_apply.h.

namespace imtrans::IMTRANS_ISA {

// Merges a chunk of one channel into what the chunks before it have given.
template <typename Op>
IMTRANS_TARGET void reduce_row(const Op& op, const Table<typename Op::A>& table, int64_t image, int64_t channel,
                               int64_t first, int64_t pixels, double* merged) {
  using A = typename Op::A;
  constexpr int W = kLanes<A>;
  const Spot at = spot(op.frame, image * op.map.channels + channel, 0, 0).at(first);
  typename Op::template Reducer<true> reducers[kUnroll];
  reducers[0].begin(op, Coefficients<A, true>{table, image, channel},
                    {at.inner, W, std::max<int64_t>(1, pixels / W), int(std::min<int64_t>(W, pixels))});
#pragma GCC unroll 4
  for (int u = 1; u < kUnroll; ++u) reducers[u] = reducers[0];
  int64_t p = 0;
  for (; p + kUnroll * W <= pixels; p += kUnroll * W) {
#pragma GCC unroll 4
    for (int u = 0; u < kUnroll; ++u) reducers[u].template step<false>(op, at.at(p + u * W));
  }
  for (; p + W <= pixels; p += W) reducers[0].template step<false>(op, at.at(p));
  if (p < pixels) reducers[0].template step_some<false>(op, at.at(p), int(pixels - p));
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
IMTRANS_TARGET void reduce_plane(const Op& op, const Table<typename Op::A>& table, int64_t plane, double* merged) {
  const int64_t chunk = kSteps * kUnroll * kLanes<typename Op::A>;
  const int64_t image = plane / op.map.channels, channel = plane % op.map.channels, pixels = op.map.pixels();
  std::fill_n(merged, int(Op::kMerged), 0.0);
  for (int64_t first = 0; first < pixels; first += chunk) {
    reduce_row(op, table, image, channel, first, std::min(chunk, pixels - first), merged);
  }
}

// Elements below a vector's width at the end are done with the vector that ends there, some of them twice.
template <typename Op>
IMTRANS_TARGET void apply_plane(const Op& op, const Table<typename Op::A>& table, int64_t plane) {
  constexpr int W = kLanes<typename Op::A>;
  typename Op::Applier applier;
  applier.begin(op, Coefficients<typename Op::A, true>{table, plane / op.map.channels, plane % op.map.channels});
  Walk walk(op.frame, plane, 0, op.map.pixels());
  for (Stretch s; walk.next(s);) {
    int64_t p = 0;
    for (; p + W <= s.pixels; p += W) applier.template step<false>(op, s.first.at(p));
    if (p < s.pixels && s.pixels >= W) {
      applier.template step<false>(op, s.first.at(s.pixels - W));
    } else if (p < s.pixels) {
      applier.template step_some<false>(op, s.first.at(p), int(s.pixels - p));
    }
    if (op.frame.outer > 0 && op.mirrored() != nullptr) mirror(op.mirrored(), op.frame, plane, s);
  }
}

// A plane of an operator that reads a map with a border: that map is folded first, into dresidual or into a room of its
// own, which the cache still holds when it is read.
template <typename Op>
struct FoldedPlane {
  using T = typename Op::Element;

  explicit FoldedPlane(const Op& op) : op(op) {
    if constexpr (Op::kFolds) {
      if (op.frame.outer > 0 && op.dresidual == nullptr) room.reset(new T[op.map.pixels()]);
    }
  }

  // The operator as it sees this plane.
  IMTRANS_TARGET Op of(int64_t plane) {
    Op own = op;
    if constexpr (Op::kFolds) {
      if (op.frame.outer == 0) return own;
      T* const folded = room ? room.get() : op.dresidual + plane * op.map.pixels();
      fold_plane(op.dy, folded, op.frame, plane);
      own.dy = folded;
      own.dresidual = nullptr;
      own.frame.outer = 0;
      own.frame.outer_first = plane;
    }
    return own;
  }

  const Op& op;
  std::unique_ptr<T[]> room;
};

inline int64_t planes_worth_a_thread(const FeatureMap& map) {
  return std::max<int64_t>(1, kWorthAThread / map.pixels());
}

template <typename Op>
IMTRANS_TARGET void reduce_and_apply_planes(const Op& op, Table<typename Op::A>& table, int64_t begin, int64_t end) {
  FoldedPlane<Op> folded(op);
  double merged[Op::kMerged];
  for (int64_t plane = begin; plane < end; ++plane) {
    const Op own = folded.of(plane);
    reduce_plane(own, table, plane, merged);
    own.coefficients(plane / op.map.channels, plane % op.map.channels, merged, table);
    apply_plane(own, table, plane);
  }
}

template <typename Op>
void reduce_and_apply_nchw(const Op& op, Table<typename Op::A>& table, ParallelFor run) {
  parallel(run, op.map.batch * op.map.channels, planes_worth_a_thread(op.map),
           [&](int64_t begin, int64_t end) { reduce_and_apply_planes(op, table, begin, end); });
}

template <typename Op>
IMTRANS_TARGET void reduce_planes(const Op& op, const Table<typename Op::A>& table, int64_t begin, int64_t end,
                                  double* merged) {
  FoldedPlane<Op> folded(op);
  for (int64_t plane = begin; plane < end; ++plane) {
    reduce_plane(folded.of(plane), table, plane, merged + plane * Op::kMerged);
  }
}

template <typename Op>
void reduce_nchw(const Op& op, Table<typename Op::A>& table, ParallelFor run) {
  const int64_t channels = op.map.channels;
  std::unique_ptr<double[]> merged(new double[op.map.batch * channels * Op::kMerged]);
  parallel(run, op.map.batch * channels, planes_worth_a_thread(op.map),
           [&](int64_t begin, int64_t end) { reduce_planes(op, table, begin, end, merged.get()); });
  for (int64_t image = 0; image < op.map.batch; ++image) {
    const double* own = merged.get() + image * channels * Op::kMerged;
    if constexpr (Op::kCoupled) op.couple(image, own);
    for (int64_t c = 0; c < channels; ++c) op.coefficients(image, c, own + c * Op::kMerged, table);
  }
}

// From the last plane to the first, because the planes that were read last are those that the cache still holds.
template <typename Op>
IMTRANS_TARGET void apply_planes(const Op& op, const Table<typename Op::A>& table, int64_t begin, int64_t end) {
  FoldedPlane<Op> folded(op);
  for (int64_t plane = end - 1; plane >= begin; --plane) apply_plane(folded.of(plane), table, plane);
}

template <typename Op>
void apply_nchw(const Op& op, const Table<typename Op::A>& table, ParallelFor run) {
  parallel(run, op.map.batch * op.map.channels, planes_worth_a_thread(op.map),
           [&](int64_t begin, int64_t end) { apply_planes(op, table, begin, end); });
}

}  // namespace imtrans::IMTRANS_ISA
