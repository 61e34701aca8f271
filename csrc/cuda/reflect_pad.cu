// Reflection padding and its gradient. Both are bound by memory: what counts is 16 bytes an access, several accesses of
// a thread in flight, and no division for each of them.
//
// Neighbouring threads take neighbouring accesses of one row of the output; a block has one long row or several short
// ones. What a thread loads in the first phase of folding is all there is to it everywhere but near the edges.
#include <algorithm>

#include "common/cuda_types.h"
#include "cuda/reflect_pad.h"

namespace imtrans::cuda {
namespace {

constexpr int kThreads = 256;
// Accesses that a thread has in flight.
constexpr int kUnroll = 4;

// The sizes of the planes in accesses, and how the rows of the output are dealt out.
struct Rows {
  int64_t planes, height, width;  // without the border
  int64_t packs;                  // accesses of one pixel
  int64_t pad;
  int64_t count;                     // rows of the output, of all planes
  int64_t length;                    // accesses of one of them
  int64_t segments;                  // parts of a row, each for threads of its own
  int lanes;                         // threads side by side in a row, a power of two
  int64_t step_columns, step_packs;  // how far `lanes` accesses lead: so many pixels, and so many accesses of the next

  int rows_of_block() const { return kThreads / lanes; }
  int64_t blocks() const { return (count + rows_of_block() - 1) / rows_of_block() * segments; }
};

Rows deal_out(const Planes& planes, int64_t pad, int64_t border, int vec) {
  Rows rows{planes.count, planes.height, planes.width, planes.unit / vec, pad, 0, 0, 0, kThreads, 0, 0};
  rows.count = planes.count * (planes.height + 2 * border);
  rows.length = (planes.width + 2 * border) * rows.packs;
  while (rows.lanes > 1 && rows.lanes / 2 * kUnroll >= rows.length) rows.lanes /= 2;
  const int64_t in_flight = int64_t{rows.lanes} * kUnroll;
  rows.segments = (rows.length + in_flight - 1) / in_flight;
  rows.step_columns = rows.lanes / rows.packs;
  rows.step_packs = rows.lanes % rows.packs;
  return rows;
}

// Where a thread begins, and the steps that lead from there to its next access.
struct Place {
  int64_t row;           // of the output, counted through all planes
  int64_t index;         // of the access in its row
  int64_t column, pack;  // the same as pixel and access within the pixel

  __device__ void advance(const Rows& rows) {
    index += rows.lanes;
    column += rows.step_columns;
    pack += rows.step_packs;
    if (pack >= rows.packs) {
      pack -= rows.packs;
      ++column;
    }
  }
};

__device__ Place locate(const Rows& rows) {
  const int64_t first_row = int64_t(blockIdx.x) / rows.segments * (kThreads / rows.lanes);
  const int64_t segment = int64_t(blockIdx.x) % rows.segments;
  Place place;
  place.row = first_row + threadIdx.x / rows.lanes;
  place.index = segment * rows.lanes * kUnroll + threadIdx.x % rows.lanes;
  place.column = place.index / rows.packs;
  place.pack = place.index % rows.packs;
  return place;
}

template <typename T, int Vec>
__global__ void __launch_bounds__(kThreads) pad_kernel(const T* from, T* to, const Rows rows) {
  const Place begin = locate(rows);
  if (begin.row >= rows.count) return;
  const int64_t padded_height = rows.height + 2 * rows.pad;
  const int64_t plane = begin.row / padded_height;
  const int64_t row = plane * rows.height + reflected(begin.row - plane * padded_height, rows.height, rows.pad);
  from += row * rows.width * rows.packs * Vec;
  to += begin.row * rows.length * Vec;
  Pack<T, Vec> held[kUnroll];
  Place place = begin;
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    if (place.index < rows.length) {
      held[u] = load<Vec>(from + (reflected(place.column, rows.width, rows.pad) * rows.packs + place.pack) * Vec);
    }
    place.advance(rows);
  }
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    const int64_t index = begin.index + int64_t{u} * rows.lanes;
    if (index < rows.length) store(to + index * Vec, held[u]);
  }
}

// `own` is what the pixel's own place holds; its reflections are added to it.
template <typename T, int Vec>
__device__ Pack<T, Vec> add_reflections(const Pack<T, Vec>& own, const T* plane, const Copies& rows,
                                        const Copies& columns, int64_t pack, const Rows& sizes) {
  Real<T> sum[Vec];
#pragma unroll
  for (int v = 0; v < Vec; ++v) sum[v] = own[v];
#pragma unroll 1
  for (int r = 0; r < 3; ++r) {
    if (rows[r] < 0) continue;
#pragma unroll 1
    for (int c = r == 0 ? 1 : 0; c < 3; ++c) {
      if (columns[c] < 0) continue;
      const int64_t pixel = rows[r] * (sizes.width + 2 * sizes.pad) + columns[c];
      const Pack<T, Vec> other = load<Vec>(plane + (pixel * sizes.packs + pack) * Vec);
#pragma unroll
      for (int v = 0; v < Vec; ++v) sum[v] += other[v];
    }
  }
  Pack<T, Vec> total;
#pragma unroll
  for (int v = 0; v < Vec; ++v) total.set(v, sum[v]);
  return total;
}

template <typename T, int Vec>
__global__ void __launch_bounds__(kThreads) fold_kernel(const T* from, T* to, const Rows rows) {
  const Place begin = locate(rows);
  if (begin.row >= rows.count) return;
  const int64_t plane = begin.row / rows.height, padded_width = rows.width + 2 * rows.pad;
  const Copies shown = copies_of(begin.row - plane * rows.height, rows.height, rows.pad);
  from += plane * (rows.height + 2 * rows.pad) * padded_width * rows.packs * Vec;
  to += begin.row * rows.length * Vec;
  const T* own_row = from + (shown.own * padded_width + rows.pad) * rows.packs * Vec;
  Pack<T, Vec> held[kUnroll];
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    const int64_t index = begin.index + int64_t{u} * rows.lanes;
    if (index < rows.length) held[u] = load<Vec>(own_row + index * Vec);
  }
  Place place = begin;
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    if (place.index < rows.length) {
      const Copies columns = copies_of(place.column, rows.width, rows.pad);
      if (!shown.alone() || !columns.alone()) {
        held[u] = add_reflections(held[u], from, shown, columns, place.pack, rows);
      }
      store(to + place.index * Vec, held[u]);
    }
    place.advance(rows);
  }
}

// Elements of one access: a full vector where every pixel begins at a multiple of 16 bytes, else one.
template <typename T, class Parameters>
int choose_vector(const Parameters& p) {
  const uintptr_t addresses = reinterpret_cast<uintptr_t>(p.from) | reinterpret_cast<uintptr_t>(p.to);
  return planes_of(p.map).unit % kVector<T> == 0 && addresses % 16 == 0 ? kVector<T> : 1;
}

template <typename T, int Vec>
Status run(const ReflectPad& p, void* stream) {
  const Rows rows = deal_out(planes_of(p.map), p.pad, p.pad, Vec);
  return launch(pad_kernel<T, Vec>, rows.blocks(), kThreads, stream, static_cast<const T*>(p.from),
                static_cast<T*>(p.to), rows);
}

template <typename T, int Vec>
Status run(const ReflectFold& p, void* stream) {
  const Rows rows = deal_out(planes_of(p.map), p.pad, 0, Vec);
  return launch(fold_kernel<T, Vec>, rows.blocks(), kThreads, stream, static_cast<const T*>(p.from),
                static_cast<T*>(p.to), rows);
}

template <typename T, class Parameters>
Status run_for(const Parameters& p, void* stream) {
  if constexpr (kVector<T> > 1) {
    if (choose_vector<T>(p) > 1) return run<T, kVector<T>>(p, stream);
  }
  return run<T, 1>(p, stream);
}

}  // namespace

// Padding only copies, so integers of the same size stand for the elements.
Status launch_reflect_pad(const ReflectPad& p, void* stream) {
  switch (p.map.dtype) {
    case DType::kFloat64:
      return run_for<uint64_t>(p, stream);
    case DType::kFloat32:
      return run_for<uint32_t>(p, stream);
    default:
      return run_for<uint16_t>(p, stream);
  }
}

Status launch_reflect_fold(const ReflectFold& p, void* stream) {
  switch (p.map.dtype) {
    case DType::kFloat64:
      return run_for<double>(p, stream);
    case DType::kFloat32:
      return run_for<float>(p, stream);
    case DType::kBFloat16:
      return run_for<BFloat16>(p, stream);
    default:
      return run_for<Float16>(p, stream);
  }
}

}  // namespace imtrans::cuda
