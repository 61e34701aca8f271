// Both halves of a normalisation in one kernel, for maps that are small enough to stay on the GPU's processors.
//
// A cluster of blocks owns some channels of one image: its threads copy every pixel once into shared memory, the blocks
// tell each other their totals, and the outputs are computed from the copies. That is one launch instead of two, and
// one reading instead of two. On GPUs without clusters a cluster is one block. Each thread reads back only what it
// copied, so that needs no barrier, and neighbouring threads lie in neighbouring banks.
//
// The same numbers are summed as in cuda_passes.h, but in another grouping, so results agree up to rounding.
#pragma once

#include "common/cuda_passes.h"

namespace imtrans::cuda {

// Blocks that keep every processor of an H100 at work. No property of the GPU at hand, as kTargetBlocks is none.
constexpr int64_t kResidentBlocks = 128;
// Bytes of a block's copies: where there are clusters, two blocks share a processor, so that one stores while the other
// loads; where there are none, a block has to hold all pixels. The rest of the shared memory is for totals.
constexpr int kClusterCopies = 96 * 1024, kLoneCopies = 128 * 1024, kForTotals = 16 * 1024;

inline int most_copied_bytes(int most_splits) {
  return std::min(most_splits > 1 ? kClusterCopies : kLoneCopies, most_shared_bytes() - kForTotals);
}

// A tiling in which each thread copies `copies` pixels at most and an image's splits are one cluster of at most
// `most_splits` (a power of two) blocks; one of no splits where the maps are too large for that.
inline Tiling make_resident_tiling(const FeatureMap& map, int vec, int element_bytes, int copies, int most_splits) {
  const bool nhwc = map.layout == Layout::kNHWC;
  const int pack_bytes = vec * element_bytes;
  const int64_t packs = nhwc ? ceil_divide(map.channels, vec) : 1;
  int widest = nhwc ? kLineBytes / pack_bytes : 1;
  while (widest > 1 && widest / 2 >= packs) widest /= 2;
  const int least = std::min(widest, std::max(1, kSectorBytes / pack_bytes));
  Tiling found{};
  for (int lanes = widest; lanes >= least; lanes /= 2) {
    const int64_t step = nhwc ? kThreads / lanes : int64_t(kThreads) * vec;
    const int64_t slabs = map.batch * (nhwc ? ceil_divide(map.channels, lanes * vec) : map.channels);
    int64_t splits = 1;
    while (splits < most_splits && map.pixels() > splits * step * copies) splits *= 2;
    // More blocks as long as there are processors without one and each thread keeps something to do.
    while (splits < most_splits && slabs * splits < kResidentBlocks && map.pixels() >= 2 * splits * step) splits *= 2;
    if (map.pixels() > splits * step * copies) continue;
    const Tiling tiling = tile(map, vec, lanes, splits);
    // A cluster has as many blocks as the tiling has splits, and clusters come in powers of two.
    if (tiling.splits == splits) found = tiling;
    if (found.blocks() >= kResidentBlocks) break;
  }
  return found;
}

// Accesses of the thread that has the most.
inline int64_t most_accesses(const Tiling& tiling) { return ceil_divide(tiling.split_pixels, tiling.step); }

template <class Pass, int Vec>
__device__ void copy_all(const Pass& pass, const Tiling& tiling, const Place& place,
                         Pack<typename Pass::Element, Vec>* copies) {
  for (Cursor cursor(place, tiling); cursor.pixel() < place.end; cursor.advance(tiling)) {
    const Spot spot = cursor.spot(place);
    for (int m = 0; m < pass.maps(); ++m, copies += kThreads) copy_to_shared(copies, pass.source(m, spot));
  }
  await_copies();
}

// The first `maps` maps of several accesses; `copies` is where the first of them lies.
template <int Vec, class Pass, int Count>
__device__ void read_copies(const Pass& pass, const Accesses<Count>& some, int maps,
                            const Pack<typename Pass::Element, Vec>* copies, Inputs<Pass, Vec> (&inputs)[Count]) {
#pragma unroll
  for (int i = 0; i < Count; ++i) {
#pragma unroll
    for (int m = 0; m < Pass::kMaps; ++m) {
      if (i < some.number && m < maps) inputs[i].map[m] = copies[(i * pass.maps() + m) * kThreads];
    }
  }
}

template <class Pass, Layout layout, int Vec>
__global__ void __launch_bounds__(kThreads, 2) resident_kernel(const Pass pass, const Tiling tiling) {
  using Total = typename Pass::Total;
  using Coefficients = typename Pass::Coefficients;
  constexpr int kOwn = kColumns<layout, Vec>, kCount = Pass::kUnroll;
  SHARED_ARRAY(Total, shared, kWarps * kMaxWidth);
  SHARED_ARRAY(Coefficients, table, kMaxWidth);
  LAUNCH_SHARED_MEMORY(memory);
  auto* const copies = reinterpret_cast<Pack<typename Pass::Element, Vec>*>(memory) + threadIdx.x;
  const int64_t group = int64_t(kCount) * pass.maps() * kThreads;

  // The blocks of a cluster are neighbours, so here the splits come first.
  const unsigned splits = unsigned(tiling.splits), slabs = unsigned(tiling.slabs), rest = blockIdx.x / splits;
  const Place place = locate<layout, Vec>(tiling, rest / slabs, rest % slabs, blockIdx.x % splits);
  copy_all<Pass, Vec>(pass, tiling, place, copies);

  typename Pass::Channel channels[kOwn]{};
  load_channels<layout, Vec>(pass, place, tiling.channels, channels);
  typename Pass::template Running<Vec> running{};
  const Pack<typename Pass::Element, Vec>* next = copies;
  for (Cursor cursor(place, tiling); cursor.pixel() < place.end; next += group) {
    const Accesses<kCount> some(tiling, place, cursor);
    Inputs<Pass, Vec> inputs[kCount]{};
    read_copies<Vec>(pass, some, Pass::kReduced, next, inputs);
    pass.template accumulate<Vec>(running, channels, some, inputs);
  }
  merge_threads<layout, Vec>(running, tiling, shared);

  sync_cluster();
  int64_t channel;
  if (owns_channel(tiling, place, channel)) {
    Total total{};
    for (int rank = 0; rank < tiling.splits; ++rank) total.merge(shared_of(shared, rank)[threadIdx.x]);
    table[threadIdx.x] = pass.coefficients(place.image, channel, total, {}, place.split == 0);
  }
  sync_cluster();  // a barrier of the block too; and no block may end while another reads its totals

  Coefficients coefficients[kOwn];
#pragma unroll
  for (int v = 0; v < kOwn; ++v) coefficients[v] = table[place.column + v];
  next = copies;
  for (Cursor cursor(place, tiling); cursor.pixel() < place.end; next += group) {
    const Accesses<kCount> some(tiling, place, cursor);
    Inputs<Pass, Vec> inputs[kCount]{};
    read_copies<Vec>(pass, some, pass.maps(), next, inputs);
    apply<Vec>(pass, some, coefficients, inputs);
  }
}

}  // namespace imtrans::cuda
