// The frame of every normalisation: reduce each channel of each image, turn the sums into a few coefficients, apply
// them. No include guard: compiled once for every instruction set (cpu/foreach_isa.h).
//
// An operator is a class with
//
//     Element                   how its maps lie in memory; A = Accumulator<Element> is what it computes in
//     map, frame                sizes, and the borders that some of its maps have (cpu/border.h)
//     kSums, kRaw               how many raw numbers a chunk of a channel gives: kSums sums, then constants
//     kMerged, kCoefficients    how many numbers are left when the chunks are merged, and what is computed from these
//     Reducer                   begin(op, coefficients, run), step<kFolded>(op, spot), step_some<kFolded>(op, spot,
//     lanes);
//                               raw[kRaw] holds the sums of the vectors that passed
//     merge(merged, had, raw, count)   adds the raw numbers of `count` pixels to what `had` pixels have given
//     kCoupled                  whether the coefficients of a channel depend on the other channels of its image; then
//                               couple(image, merged) sees the merged numbers of all channels before
//     coefficients(image, channel, merged, table)
//     Applier                   begin(op, coefficients), step<kFolded>(op, spot), step_some<kFolded>(op, spot, lanes)
//     kFolds                    whether it reads a map with a border, dy, as folded, and writes the folded map where
//                               dresidual is not null
//     mirrored()                the map that it writes with a border, or null
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

// The state of a reducer: kSums sums, then constants.
template <typename A, int kSums, int kRaw>
struct RawSums {
  Vec<A> raw[kRaw];

  IMTRANS_INLINE void clear() {
#pragma GCC unroll 8
    for (int k = 0; k < kRaw; ++k) raw[k] = Vec<A>{};
  }
  IMTRANS_INLINE void add(const RawSums& other) {
#pragma GCC unroll 8
    for (int k = 0; k < kSums; ++k) raw[k] += other.raw[k];
  }
};

// A pixel's value of a map with a border, together with what its reflections hold.
template <bool kFolded, typename T>
IMTRANS_INLINE Vec<Accumulator<T>> load_outer(const T* map, const Spot& at) {
  Vec<Accumulator<T>> sum = load(map + at.outer);
  if constexpr (kFolded) {
    for (int i = 1; i < at.fold->count; ++i) sum += load(map + at.outer + at.fold->by[i]);
  }
  return sum;
}

template <bool kFolded, typename T>
IMTRANS_INLINE Vec<Accumulator<T>> load_outer_some(const T* map, const Spot& at, int lanes) {
  using A = Accumulator<T>;
  Vec<A> sum = load_some(map + at.outer, lanes, A(0));
  if constexpr (kFolded) {
    for (int i = 1; i < at.fold->count; ++i) sum += load_some(map + at.outer + at.fold->by[i], lanes, A(0));
  }
  return sum;
}

// Adds the border of a plane to its interior: the gradient of a padded map becomes that of the map within. `folded` has
// room for one plane without a border.
template <typename T>
IMTRANS_TARGET void fold_plane(const T* map, T* folded, const Frame& frame, int64_t plane) {
  constexpr int W = kLanes<Accumulator<T>>;
  Walk walk(frame, plane, 0, frame.pixels(), true);
  for (Stretch s; walk.next(s);) {
    T* const to = folded + frame.offset(0, s.row, s.column, 0);
    const int64_t elements = s.pixels * frame.pixel;
    if (walk.fold().count == 1) {
      std::memcpy(to, map + s.first.outer, elements * sizeof(T));
      continue;
    }
    int64_t i = 0;
    for (; i + W <= elements; i += W) store(to + i, load_outer<true>(map, s.first.at(i)));
    if (i < elements) {
      const int rest = int(elements - i);
      store_some(to + i, load_outer_some<true>(map, s.first.at(i), rest), rest);
    }
  }
}

}  // namespace imtrans::IMTRANS_ISA

#include "cpu/reduce_apply_nchw.h"
#include "cpu/reduce_apply_nhwc.h"

namespace imtrans::IMTRANS_ISA {

template <typename Op>
IMTRANS_TARGET void reduce(const Op& op, Table<typename Op::A>& table, ParallelFor run) {
  if (op.map.layout == Layout::kNHWC) {
    reduce_nhwc(op, table, run);
  } else {
    reduce_nchw(op, table, run);
  }
}

template <typename Op>
IMTRANS_TARGET void apply(const Op& op, const Table<typename Op::A>& table, ParallelFor run) {
  if (op.map.layout == Layout::kNHWC) {
    apply_nhwc(op, table, run);
  } else {
    apply_nchw(op, table, run);
  }
}

template <typename Op>
IMTRANS_TARGET void reduce_and_apply(const Op& op, Table<typename Op::A>& table, ParallelFor run) {
  if (op.map.layout == Layout::kNCHW && !Op::kCoupled) {
    // A channel is applied while it is still in the cache.
    reduce_and_apply_nchw(op, table, run);
  } else {
    reduce(op, table, run);
    apply(op, table, run);
  }
}

template <typename T>
IMTRANS_TARGET void fold_planes(const T* map, T* folded, const Frame& frame, int64_t begin, int64_t end) {
  for (int64_t plane = begin; plane < end; ++plane) {
    fold_plane(map, folded + frame.offset(plane, 0, 0, 0), frame, plane);
  }
}

// The same for all planes of a map.
template <typename T>
void fold_map(const T* padded, T* folded, const FeatureMap& map, const Frame& frame, ParallelFor run) {
  const int64_t planes = map.batch * map.channels / frame.pixel;
  const int64_t grain = std::max<int64_t>(1, kWorthAThread / (frame.pixels() * frame.pixel));
  parallel(run, planes, grain, [&](int64_t begin, int64_t end) { fold_planes(padded, folded, frame, begin, end); });
}

}  // namespace imtrans::IMTRANS_ISA
