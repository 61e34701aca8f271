// The two kernels that every normalisation needs: reduce each channel of each image, then apply a few coefficients.
//
// A Pass is a struct, copied to the GPU as the kernel's argument, with
//
//     Element                     type of the maps in memory
//     Total                       what is summed for each channel of each image; has merge()
//     Running<Vec>                a thread's sums for Vec columns; has total(column)
//     Channel                     constants of a channel for the reduction: channel(image, channel)
//     Coefficients                what the second kernel applies: coefficients(image, channel, total, first_split);
//                                 the first split's block also writes what is kept for each channel
//     Inputs<Vec>                 what one access loads: for_reduce<Vec>(offset), for_apply<Vec>(offset)
//     accumulate(running, channels, inputs[])     adds several accesses
//     apply(offset, coefficients, inputs)         computes and stores the outputs of one access
//     kUnroll                     accesses that a thread has in flight, so that loads overlap
#pragma once

#include "common/cuda_tiling.h"

namespace imtrans::cuda {

// Columns that belong to channels of their own: in an NCHW map all elements of an access are of one channel.
template <Layout layout, int Vec>
constexpr int kColumns = layout == Layout::kNHWC ? Vec : 1;

template <class Pass, Layout layout, int Vec>
__device__ void load_channels(const Pass& pass, const Place& place, int64_t channels,
                              typename Pass::Channel (&own)[kColumns<layout, Vec>]) {
  const int64_t first = place.first_channel + place.column;
#pragma unroll
  for (int v = 0; v < kColumns<layout, Vec>; ++v) {
    if (first + v < channels) own[v] = pass.channel(place.image, first + v);
  }
}

template <int Count, int Vec, class Pass, int Columns>
__device__ void accumulate(const Pass& pass, const Place& place, int64_t p,
                           const typename Pass::Channel (&channels)[Columns],
                           typename Pass::template Running<Vec>& running) {
  typename Pass::template Inputs<Vec> inputs[Count];
#pragma unroll
  for (int i = 0; i < Count; ++i) inputs[i] = pass.template for_reduce<Vec>(place.offset(p + i * place.step));
  pass.template accumulate<Count, Vec>(running, channels, inputs);
}

// partials is (batch, splits, channels).
template <class Pass, Layout layout, int Vec>
__global__ void __launch_bounds__(kThreads)
    reduce_kernel(const Pass pass, const Tiling tiling, typename Pass::Total* partials) {
  using Total = typename Pass::Total;
  constexpr int kOwn = kColumns<layout, Vec>;
  SHARED_ARRAY(Total, shared, kWarps * kMaxWidth);

  const Place place = locate<layout, Vec>(tiling);
  typename Pass::Channel channels[kOwn]{};
  load_channels<Pass, layout, Vec>(pass, place, tiling.channels, channels);
  typename Pass::template Running<Vec> running{};
  int64_t p = place.begin;
  for (; p + (Pass::kUnroll - 1) * place.step < place.end; p += Pass::kUnroll * place.step) {
    accumulate<Pass::kUnroll, Vec>(pass, place, p, channels, running);
  }
  for (; p < place.end; p += place.step) accumulate<1, Vec>(pass, place, p, channels, running);

  Total totals[kOwn];
#pragma unroll
  for (int v = 0; v < kOwn; ++v) totals[v] = running.total(v);
#pragma unroll
  for (int v = kOwn; v < Vec; ++v) totals[0].merge(running.total(v));
  merge_block(totals, tiling.lanes, shared);

  const int64_t channel = place.first_channel + threadIdx.x;
  if (threadIdx.x < unsigned(tiling.width) && channel < tiling.channels) {
    partials[(place.image * tiling.splits + place.split) * tiling.channels + channel] = shared[threadIdx.x];
  }
}

template <class Pass, Layout layout, int Vec>
__global__ void __launch_bounds__(kThreads)
    apply_kernel(const Pass pass, const Tiling tiling, const typename Pass::Total* partials) {
  using Total = typename Pass::Total;
  using Coefficients = typename Pass::Coefficients;
  constexpr int kOwn = kColumns<layout, Vec>;
  SHARED_ARRAY(Total, totals, kThreads);
  SHARED_ARRAY(Coefficients, table, kMaxWidth);

  const Place place = locate<layout, Vec>(tiling);
  const Total* rows = partials + place.image * tiling.splits * tiling.channels;
  merge_rows(rows, tiling.splits, tiling.channels, place.first_channel, tiling.width, totals);
  const int64_t channel = place.first_channel + threadIdx.x;
  if (threadIdx.x < unsigned(tiling.width) && channel < tiling.channels) {
    table[threadIdx.x] = pass.coefficients(place.image, channel, totals[threadIdx.x], place.split == 0);
  }
  __syncthreads();

  Coefficients coefficients[kOwn];
#pragma unroll
  for (int v = 0; v < kOwn; ++v) coefficients[v] = table[place.column + v];
  int64_t p = place.begin;
  for (; p + (Pass::kUnroll - 1) * place.step < place.end; p += Pass::kUnroll * place.step) {
    typename Pass::template Inputs<Vec> inputs[Pass::kUnroll];
#pragma unroll
    for (int i = 0; i < Pass::kUnroll; ++i) {
      inputs[i] = pass.template for_apply<Vec>(place.offset(p + i * place.step));
    }
#pragma unroll
    for (int i = 0; i < Pass::kUnroll; ++i) {
      pass.template apply<Vec>(place.offset(p + i * place.step), coefficients, inputs[i]);
    }
  }
  for (; p < place.end; p += place.step) {
    const int64_t offset = place.offset(p);
    pass.template apply<Vec>(offset, coefficients, pass.template for_apply<Vec>(offset));
  }
}

}  // namespace imtrans::cuda
