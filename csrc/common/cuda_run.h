// The host's part of a pass: how wide the accesses are, which kernels run, and where they keep what they hand on.
#pragma once

#include <initializer_list>

#include "common/cuda_resident.h"

namespace imtrans::cuda {

// Calls f with a value of the maps' element type.
template <typename F>
auto for_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kFloat64:
      return f(double{});
    case DType::kBFloat16:
      return f(BFloat16{});
    case DType::kFloat16:
      return f(Float16{});
    default:
      return f(float{});
  }
}

// Elements of one access: a full vector where every row of every map begins at a multiple of 16 bytes, else one. The
// rows of an NCHW map with a border are of another length than those without, and begin anywhere.
template <typename T>
int choose_vector(const FeatureMap& map, bool bordered, std::initializer_list<const void*> first_elements) {
  const bool nhwc = map.layout == Layout::kNHWC;
  bool aligned = (nhwc ? map.channels : map.pixels()) % kVector<T> == 0 && (nhwc || !bordered);
  for (const void* first : first_elements) {
    aligned = aligned && reinterpret_cast<uintptr_t>(first) % sizeof(Pack<T, kVector<T>>) == 0;
  }
  return aligned ? kVector<T> : 1;
}

inline int64_t round_up(int64_t bytes) { return ceil_divide(bytes, 16) * 16; }

// What the kernels of a pass hand on, in the memory from `base` on. A null base measures.
template <class Pass>
struct Handover {
  using Total = typename Pass::Total;
  using ImageTotal = typename Pass::ImageTotal;
  Total* partials;           // (batch, splits, channels)
  Total* totals;             // (batch, channels), and
  ImageTotal* image_totals;  // (batch,): only where channels are coupled
  int64_t bytes;

  Handover(const Tiling& tiling, void* base) {
    const int64_t channels = tiling.batch * tiling.channels, coupled = kCouplesChannels<Pass> ? 1 : 0;
    const int64_t for_partials = round_up(channels * tiling.splits * sizeof(Total));
    const int64_t for_totals = round_up(coupled * channels * sizeof(Total));
    bytes = for_partials + for_totals + round_up(coupled * tiling.batch * sizeof(ImageTotal));
    char* memory = static_cast<char*>(base);
    partials = reinterpret_cast<Total*>(memory);
    totals = memory == nullptr ? nullptr : reinterpret_cast<Total*>(memory + for_partials);
    image_totals = memory == nullptr ? nullptr : reinterpret_cast<ImageTotal*>(memory + for_partials + for_totals);
  }
};

template <class Pass>
int64_t handover_bytes(const FeatureMap& map, int vec) {
  return Handover<Pass>(make_tiling(map, vec, sizeof(typename Pass::Element)), nullptr).bytes;
}

template <class Pass, Layout layout, int Vec>
Status run_apart(const Pass& pass, const FeatureMap& map, void* workspace, void* stream) {
  const Tiling tiling = make_tiling(map, Vec, sizeof(typename Pass::Element));
  const Handover<Pass> memory(tiling, workspace);
  const typename Pass::Total* totals = memory.partials;
  Status status =
      launch(reduce_kernel<Pass, layout, Vec>, tiling.blocks(), kThreads, stream, pass, tiling, memory.partials);
  if constexpr (kCouplesChannels<Pass>) {
    if (status != nullptr) return status;
    totals = memory.totals;
    status = launch(couple_kernel<Pass>, tiling.batch, kThreads, stream, pass, tiling, memory.partials, memory.totals,
                    memory.image_totals);
  }
  if (status != nullptr) return status;
  if constexpr (Pass::kWritesMaps) {
    return launch(apply_kernel<Pass, layout, Vec>, tiling.blocks(), kThreads, stream, pass, tiling, totals,
                  memory.image_totals);
  } else {
    const int64_t blocks = tiling.batch * ceil_divide(tiling.channels, kFinishWidth);
    return launch(finish_kernel<Pass>, blocks, kThreads, stream, pass, tiling, totals);
  }
}

// One launch where the maps are small enough and no statistics couple the channels, else two (or three).
template <class Pass, Layout layout, int Vec>
Status run_as(const Pass& pass, const FeatureMap& map, void* workspace, void* stream) {
  using T = typename Pass::Element;
  if constexpr (Vec > 1 && !kCouplesChannels<Pass>) {
    const auto kernel = resident_kernel<Pass, layout, Vec>;
    const int most_splits = most_cluster_blocks(kernel), access_bytes = pass.maps() * sizeof(Pack<T, Vec>) * kThreads;
    const int copies = most_copied_bytes(most_splits) / access_bytes;
    const Tiling tiling = make_resident_tiling(map, Vec, sizeof(T), copies, most_splits);
    if (tiling.splits > 0) {
      const int shared_bytes = int(most_accesses(tiling)) * access_bytes;
      return launch_clusters(kernel, tiling.blocks(), tiling.splits, kThreads, shared_bytes, stream, pass, tiling);
    }
  }
  return run_apart<Pass, layout, Vec>(pass, map, workspace, stream);
}

// Enqueues a pass with accesses of `vec` elements, which choose_vector gave. The workspace has handover_bytes().
template <class Pass>
Status run(const Pass& pass, const FeatureMap& map, int vec, void* workspace, void* stream) {
  constexpr int kFull = kVector<typename Pass::Element>;
  const bool nhwc = map.layout == Layout::kNHWC;
  if constexpr (kFull > 1) {
    if (vec > 1) {
      return nhwc ? run_as<Pass, Layout::kNHWC, kFull>(pass, map, workspace, stream)
                  : run_as<Pass, Layout::kNCHW, kFull>(pass, map, workspace, stream);
    }
  }
  return nhwc ? run_as<Pass, Layout::kNHWC, 1>(pass, map, workspace, stream)
              : run_as<Pass, Layout::kNCHW, 1>(pass, map, workspace, stream);
}

// Enqueues the second half alone, for a pass whose coefficients need no totals.
template <class Pass>
Status apply_only(const Pass& pass, const FeatureMap& map, int vec, void* stream) {
  using T = typename Pass::Element;
  const Tiling tiling = make_tiling(map, vec, sizeof(T));
  const bool nhwc = map.layout == Layout::kNHWC;
  auto apply = nhwc ? apply_kernel<Pass, Layout::kNHWC, 1> : apply_kernel<Pass, Layout::kNCHW, 1>;
  if (vec > 1) {
    apply = nhwc ? apply_kernel<Pass, Layout::kNHWC, kVector<T>> : apply_kernel<Pass, Layout::kNCHW, kVector<T>>;
  }
  return launch(apply, tiling.blocks(), kThreads, stream, pass, tiling, static_cast<typename Pass::Total*>(nullptr),
                static_cast<typename Pass::ImageTotal*>(nullptr));
}

// Enqueues the first half and what merges its sums, for a pass that needs no coefficients for its maps and writes them
// as it adds up.
template <class Pass>
Status reduce_only(const Pass& pass, const FeatureMap& map, int vec, void* workspace, void* stream) {
  constexpr int kFull = kVector<typename Pass::Element>;
  static_assert(!Pass::kWritesMaps, "run_apart would apply coefficients");
  const bool nhwc = map.layout == Layout::kNHWC;
  if constexpr (kFull > 1) {
    if (vec > 1) {
      return nhwc ? run_apart<Pass, Layout::kNHWC, kFull>(pass, map, workspace, stream)
                  : run_apart<Pass, Layout::kNCHW, kFull>(pass, map, workspace, stream);
    }
  }
  return nhwc ? run_apart<Pass, Layout::kNHWC, 1>(pass, map, workspace, stream)
              : run_apart<Pass, Layout::kNCHW, 1>(pass, map, workspace, stream);
}

}  // namespace imtrans::cuda
