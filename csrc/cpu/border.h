// Maps with a border: where a run of pixels lies in each map of a call, which reflections it has, and the writing of
// these. A border of `pad` pixels is filled by reflection about the outermost pixels, as torch.nn.ReflectionPad2d does:
// row r of the map appears again at -r where r <= pad, and at 2 (height - 1) - r where that is below height + pad.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "common/feature_map.h"

namespace imtrans {

// What the maps of a call look like to a loop over pixels. A plane is what a loop walks through: an image whose pixels
// have all channels (NHWC), or one channel of an image (NCHW).
struct Frame {
  int64_t height, width;
  int64_t pixel;            // elements of a pixel of a plane
  int64_t outer;            // border of y, dy and grad_dy
  int64_t residual;         // border of the residual
  int64_t outer_first = 0;  // first plane that y, dy or grad_dy has

  int64_t pixels() const { return height * width; }
  bool has_borders() const { return outer > 0 || residual > 0; }
  // Offset of a pixel in a map with `pad` pixels around it.
  int64_t offset(int64_t plane, int64_t row, int64_t column, int64_t pad) const {
    return ((plane * (height + 2 * pad) + row + pad) * (width + 2 * pad) + column + pad) * pixel;
  }
};

struct Fold;

// Offsets of one pixel's first element: in maps without a border, in those with the border of y, in the residual.
struct Spot {
  int64_t inner, outer, residual;
  const Fold* fold;

  Spot at(int64_t elements) const { return {inner + elements, outer + elements, residual + elements, fold}; }
};

inline Spot spot(const Frame& frame, int64_t plane, int64_t row, int64_t column, const Fold* fold = nullptr) {
  return {frame.offset(plane, row, column, 0), frame.offset(plane - frame.outer_first, row, column, frame.outer),
          frame.offset(plane, row, column, frame.residual), fold};
}

inline Frame frame_of(const FeatureMap& map, int64_t outer, int64_t residual) {
  return {map.height, map.width, map.layout == Layout::kNHWC ? map.channels : 1, outer, residual};
}

// The places at which row (or column) `at` of `length` appears in the padded map, as distances from its own.
struct Reflections {
  int count;
  int64_t by[3];

  Reflections(int64_t at, int64_t length, int64_t pad) : count(1), by{} {
    if (at >= 1 && at <= pad) by[count++] = -2 * at;
    const int64_t from_end = length - 1 - at;
    if (from_end >= 1 && from_end <= pad) by[count++] = 2 * from_end;
  }
};

// Distances, in elements, from a pixel of the padded map to all that reflect it, itself included.
struct Fold {
  int count;
  int64_t by[9];

  void fill(const Frame& frame, int64_t row, int64_t column) {
    const Reflections rows(row, frame.height, frame.outer), columns(column, frame.width, frame.outer);
    count = 0;
    for (int i = 0; i < rows.count; ++i) {
      for (int j = 0; j < columns.count; ++j) {
        by[count++] = (rows.by[i] * (frame.width + 2 * frame.outer) + columns.by[j]) * frame.pixel;
      }
    }
  }
};

// Pixels of one row (all the pixels asked for, where no map has a border) that are neighbours in every map.
struct Stretch {
  int64_t row, column, pixels;
  Spot first;
};

// Cuts a run of pixels of a plane into stretches:
//
//     Walk walk(frame, plane, first, pixels, folds);
//     for (Stretch s; walk.next(s);) ...
//
// With `folds`, all pixels of a stretch also have the same reflections, at the same distances: walk.fold().
class Walk {
 public:
  Walk(const Frame& frame, int64_t plane, int64_t first, int64_t pixels, bool folds = false)
      : frame_(frame), plane_(plane), at_(first), end_(first + pixels), folds_(folds && frame.outer > 0) {
    fold_.count = 1;
    fold_.by[0] = 0;
  }

  bool next(Stretch& stretch) {
    if (at_ >= end_) return false;
    const int64_t row = frame_.has_borders() ? at_ / frame_.width : 0;
    const int64_t column = at_ - row * frame_.width;
    stretch.row = row;
    stretch.column = column;
    stretch.pixels = end_ - at_;
    if (frame_.has_borders()) stretch.pixels = std::min(stretch.pixels, frame_.width - column);
    if (folds_) {
      stretch.pixels = std::min(stretch.pixels, alike(column));
      fold_.fill(frame_, row, column);
    }
    stretch.first = spot(frame_, plane_, row, column, &fold_);
    at_ += stretch.pixels;
    return true;
  }

  const Fold& fold() const { return fold_; }

 private:
  // Pixels from `column` on that have no reflection in their row; 1 where it has one itself.
  int64_t alike(int64_t column) const {
    if (column == 0) return 1;
    const int64_t begin = frame_.outer + 1, end = frame_.width - 1 - frame_.outer;
    return column >= begin && column < end ? end - column : 1;
  }

  const Frame& frame_;
  int64_t plane_, at_, end_;
  bool folds_;
  Fold fold_;
};

// Writes the reflections of a stretch of `plane`, which has just been written and is in the cache.
template <typename T>
void mirror(T* map, const Frame& frame, int64_t plane, const Stretch& stretch) {
  const int64_t pad = frame.outer, width = frame.width, size = frame.pixel;
  const int64_t begin = stretch.column, end = stretch.column + stretch.pixels;
  const T* from = map + frame.offset(plane, stretch.row, 0, pad);
  const Reflections rows(stretch.row, frame.height, pad);
  for (int i = 0; i < rows.count; ++i) {
    T* to = map + frame.offset(plane, stretch.row + rows.by[i], 0, pad);
    if (to != from) std::memcpy(to + begin * size, from + begin * size, (end - begin) * size * sizeof(T));
    for (int64_t w = std::max<int64_t>(begin, 1); w < std::min(end, pad + 1); ++w) {
      std::copy_n(from + w * size, size, to - w * size);
    }
    for (int64_t w = std::max(begin, width - 1 - pad); w < std::min(end, width - 1); ++w) {
      std::copy_n(from + w * size, size, to + (2 * (width - 1) - w) * size);
    }
  }
}

}  // namespace imtrans
