// The kernels that every normalisation needs: reduce each channel of each image, then apply a few coefficients.
//
// A Pass is a struct, copied to the GPU as the kernel's argument, with
//
//     Element                     type of the maps in memory
//     Total                       what is summed for each channel of each image; has merge()
//     ImageTotal                  what is summed over the channels of an image as well, for statistics of whole images:
//                                 image_term(image, channel, total); Nothing where there are none
//     Running<Vec>                a thread's sums for Vec columns; has total(column)
//     Channel                     constants of a channel for the reduction: channel(image, channel)
//     Coefficients                what the second kernel applies: coefficients(image, channel, total, image total,
//                                 writes); where `writes`, it also writes what is kept for each channel
//     kMaps, kReduced             maps that are read: the first kReduced by both kernels, the others by the second only
//     maps()                      how many of them there are; optional ones come last
//     source(map, spot)           where an access of one of them begins
//     accumulate(running, channels, accesses, inputs[])     adds several accesses
//     apply(spot, coefficients, inputs)                     computes and stores the outputs of one access
//     kWritesMaps                 whether there is anything to apply; else the coefficients are computed, no more
//     kUnroll                     accesses that a thread has in flight, so that loads overlap
#pragma once

#include <type_traits>

#include "common/cuda_tiling.h"

namespace imtrans::cuda {

struct Nothing {};

template <class Pass>
constexpr bool kCouplesChannels = !std::is_same_v<typename Pass::ImageTotal, Nothing>;

// Columns that belong to channels of their own: in an NCHW map all elements of an access are of one channel.
template <Layout layout, int Vec>
constexpr int kColumns = layout == Layout::kNHWC ? Vec : 1;

// Several accesses of a thread, of which the first `number` exist. Leaves the cursor behind the last.
template <int Count>
struct Accesses {
  Spot spots[Count];
  int number = 0;

  __device__ Accesses(const Tiling& tiling, const Place& place, Cursor& cursor) {
#pragma unroll
    for (int i = 0; i < Count; ++i) {
      spots[i] = cursor.spot(place);
      if (cursor.pixel() < place.end) number = i + 1;
      cursor.advance(tiling);
    }
  }
};

// One access to every map; absent maps are zero.
template <typename T, int Vec, int Maps>
struct Packs {
  Pack<T, Vec> map[Maps];
};
template <class Pass, int Vec>
using Inputs = Packs<typename Pass::Element, Vec, Pass::kMaps>;

// Loads the first `maps` maps.
template <int Vec, class Pass, int Count>
__device__ void load_inputs(const Pass& pass, const Accesses<Count>& some, int maps,
                            Inputs<Pass, Vec> (&inputs)[Count]) {
#pragma unroll
  for (int i = 0; i < Count; ++i) {
#pragma unroll
    for (int m = 0; m < Pass::kMaps; ++m) {
      if (i < some.number && m < maps) inputs[i].map[m] = load<Vec>(pass.source(m, some.spots[i]));
    }
  }
}

template <int Vec, class Pass, int Count, int Columns>
__device__ void apply(const Pass& pass, const Accesses<Count>& some,
                      const typename Pass::Coefficients (&coefficients)[Columns],
                      const Inputs<Pass, Vec> (&inputs)[Count]) {
#pragma unroll
  for (int i = 0; i < Count; ++i) {
    if (i < some.number) pass.template apply<Vec>(some.spots[i], coefficients, inputs[i]);
  }
}

template <Layout layout, int Vec, class Pass>
__device__ void load_channels(const Pass& pass, const Place& place, int64_t channels,
                              typename Pass::Channel (&own)[kColumns<layout, Vec>]) {
  const int64_t first = place.first_channel + place.column;
#pragma unroll
  for (int v = 0; v < kColumns<layout, Vec>; ++v) {
    if (first + v < channels) own[v] = pass.channel(place.image, first + v);
  }
}

// The block's totals from those of its threads: afterwards shared[c] is the total of the block's channel c.
template <Layout layout, int Vec, typename Running, typename Total>
__device__ void merge_threads(const Running& running, const Tiling& tiling, Total* shared) {
  constexpr int kOwn = kColumns<layout, Vec>;
  Total totals[kOwn];
#pragma unroll
  for (int v = 0; v < kOwn; ++v) totals[v] = running.total(v);
#pragma unroll
  for (int v = kOwn; v < Vec; ++v) totals[0].merge(running.total(v));
  merge_block(totals, tiling.lanes, shared);
}

// The channel of the block that this thread stands for in what is done once a channel; false where there is none.
__device__ inline bool owns_channel(const Tiling& tiling, const Place& place, int64_t& channel) {
  channel = place.first_channel + threadIdx.x;
  return threadIdx.x < unsigned(tiling.width) && channel < tiling.channels;
}

// partials is (batch, splits, channels).
template <class Pass, Layout layout, int Vec>
__global__ void __launch_bounds__(kThreads, 2)
    reduce_kernel(const Pass pass, const Tiling tiling, typename Pass::Total* partials) {
  SHARED_ARRAY(typename Pass::Total, shared, kWarps * kMaxWidth);

  const Place place = locate<layout, Vec>(tiling, blockIdx.x);
  typename Pass::Channel channels[kColumns<layout, Vec>]{};
  load_channels<layout, Vec>(pass, place, tiling.channels, channels);
  typename Pass::template Running<Vec> running{};
  for (Cursor cursor(place, tiling); cursor.pixel() < place.end;) {
    const Accesses<Pass::kUnroll> some(tiling, place, cursor);
    Inputs<Pass, Vec> inputs[Pass::kUnroll]{};
    load_inputs<Vec>(pass, some, Pass::kReduced, inputs);
    pass.template accumulate<Vec>(running, channels, some, inputs);
  }
  merge_threads<layout, Vec>(running, tiling, shared);

  int64_t channel;
  if (owns_channel(tiling, place, channel)) {
    partials[(place.image * tiling.splits + place.split) * tiling.channels + channel] = shared[threadIdx.x];
  }
}

// One block an image: merges the splits' totals of each channel into totals (batch, channels), and then the channels'
// into image_totals (batch,).
template <class Pass>
__global__ void __launch_bounds__(kThreads, 2)
    couple_kernel(const Pass pass, const Tiling tiling, const typename Pass::Total* partials,
                  typename Pass::Total* totals, typename Pass::ImageTotal* image_totals) {
  using ImageTotal = typename Pass::ImageTotal;
  SHARED_ARRAY(ImageTotal, shared, kWarps);
  const int64_t image = blockIdx.x, channels = tiling.channels;
  ImageTotal own[1]{};
  for (int64_t channel = threadIdx.x; channel < channels; channel += kThreads) {
    typename Pass::Total total{};
#pragma unroll 8
    for (int split = 0; split < tiling.splits; ++split) {
      total.merge(partials[(image * tiling.splits + split) * channels + channel]);
    }
    totals[image * channels + channel] = total;
    own[0].merge(pass.image_term(image, channel, total));
  }
  merge_block(own, 1, shared);
  if (threadIdx.x == 0) image_totals[image] = shared[0];
}

// partials is (batch, splits, channels); (batch, 1, channels), and image_totals not null, after couple_kernel; null
// where the coefficients need no totals.
template <class Pass, Layout layout, int Vec>
__global__ void __launch_bounds__(kThreads, 2)
    apply_kernel(const Pass pass, const Tiling tiling, const typename Pass::Total* partials,
                 const typename Pass::ImageTotal* image_totals) {
  using Coefficients = typename Pass::Coefficients;
  constexpr int kOwn = kColumns<layout, Vec>;
  SHARED_ARRAY(typename Pass::Total, totals, kThreads);
  SHARED_ARRAY(Coefficients, table, kMaxWidth);

  // The last block first: where the maps are larger than the L2 cache, it holds what the reduction read last.
  const Place place = locate<layout, Vec>(tiling, unsigned(tiling.blocks()) - 1 - blockIdx.x);
  const int rows = partials == nullptr ? 0 : kCouplesChannels<Pass> ? 1 : tiling.splits;
  merge_rows(partials + place.image * rows * tiling.channels, rows, tiling.channels, place.first_channel, tiling.width,
             totals);
  int64_t channel;
  if (owns_channel(tiling, place, channel)) {
    typename Pass::ImageTotal image_total{};
    if constexpr (kCouplesChannels<Pass>) image_total = image_totals[place.image];
    table[threadIdx.x] = pass.coefficients(place.image, channel, totals[threadIdx.x], image_total, place.split == 0);
  }
  __syncthreads();

  Coefficients coefficients[kOwn];
#pragma unroll
  for (int v = 0; v < kOwn; ++v) coefficients[v] = table[place.column + v];
  for (Cursor cursor(place, tiling); cursor.pixel() < place.end;) {
    const Accesses<Pass::kUnroll> some(tiling, place, cursor);
    Inputs<Pass, Vec> inputs[Pass::kUnroll]{};
    load_inputs<Vec>(pass, some, pass.maps(), inputs);
    apply<Vec>(pass, some, coefficients, inputs);
  }
}

// For passes without outputs of the maps' size, in place of apply_kernel: one block for kFinishWidth channels of an
// image, so that the coefficients, which write what is kept for each channel, are computed.
constexpr int kFinishWidth = 32;

template <class Pass>
__global__ void __launch_bounds__(kThreads, 2)
    finish_kernel(const Pass pass, const Tiling tiling, const typename Pass::Total* partials) {
  SHARED_ARRAY(typename Pass::Total, totals, kThreads);
  const unsigned groups = unsigned(ceil_divide(tiling.channels, kFinishWidth));
  const int64_t image = blockIdx.x / groups, first = int64_t(blockIdx.x % groups) * kFinishWidth;
  merge_rows(partials + image * tiling.splits * tiling.channels, tiling.splits, tiling.channels, first, kFinishWidth,
             totals);
  const int64_t channel = first + threadIdx.x;
  if (threadIdx.x < kFinishWidth && channel < tiling.channels) {
    pass.coefficients(image, channel, totals[threadIdx.x], {}, true);
  }
}

}  // namespace imtrans::cuda
