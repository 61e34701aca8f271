// The gradient of reflection padding, a row of pixels at a time. No include guard: compiled once for every instruction
// set (cpu/foreach_isa.h). Every sum is of the same numbers in the same order in all of them.

namespace imtrans::IMTRANS_ISA {

// The runs of elements that are added to one: three rows times three columns at most.
template <typename T>
struct Sources {
  const T* at[9];
  int count = 0;
};

IMTRANS_INLINE float value_of(float x) { return x; }
IMTRANS_INLINE double value_of(double x) { return x; }
IMTRANS_INLINE float value_of(BFloat16 x) {
  const uint32_t bits = uint32_t{x.bits} << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// to[k] = the sum over all sources of source[k], for `length` neighbouring elements.
template <typename T>
IMTRANS_TARGET void sum_runs(const Sources<T>& from, T* to, int64_t length) {
  using A = Accumulator<T>;
  constexpr int W = kLanes<A>;
  int64_t k = 0;
  for (; k + W <= length; k += W) {
    Vec<A> sum = load(from.at[0] + k);
    for (int s = 1; s < from.count; ++s) sum += load(from.at[s] + k);
    store(to + k, sum);
  }
  for (; k < length; ++k) {  // in a contiguous map a pixel is one element, so most calls come here at once
    A sum = value_of(from.at[0][k]);
    for (int s = 1; s < from.count; ++s) sum += value_of(from.at[s][k]);
    store_some(to + k, repeat(sum), 1);
  }
}

// Row `row` of one folded plane. Between the columns that the reflections show lies the most of it, in one run.
template <typename T>
IMTRANS_TARGET void fold_row(const Planes& planes, int64_t pad, int64_t row, const T* from, T* to) {
  const int64_t width = planes.width, unit = planes.unit;
  const Copies rows = copies_of(row, planes.height, pad);
  for (int64_t column = 0; column < width;) {
    const bool inside = column > pad && column < width - 1 - pad;
    const int64_t end = inside ? width - 1 - pad : column + 1;
    const Copies columns = copies_of(column, width, pad);
    Sources<T> sources;
    for (int r = 0; r < 3; ++r) {
      if (rows[r] < 0) continue;
      for (int c = 0; c < 3; ++c) {
        if (columns[c] < 0) continue;
        sources.at[sources.count++] = from + (rows[r] * (width + 2 * pad) + columns[c]) * unit;
      }
    }
    if (sources.count == 1) {
      std::memcpy(to + column * unit, sources.at[0], (end - column) * unit * sizeof(T));
    } else {
      sum_runs(sources, to + column * unit, (end - column) * unit);
    }
    column = end;
  }
}

// Rows [begin, end) of all planes, counted through.
template <typename T>
IMTRANS_TARGET void fold_rows(const ReflectFold& p, const Planes& planes, int64_t begin, int64_t end) {
  const int64_t padded_plane = (planes.height + 2 * p.pad) * (planes.width + 2 * p.pad) * planes.unit;
  int64_t plane = begin / planes.height, row = begin % planes.height;
  for (int64_t i = begin; i < end; ++i) {
    const T* from = static_cast<const T*>(p.from) + plane * padded_plane;
    fold_row(planes, p.pad, row, from, static_cast<T*>(p.to) + i * planes.width * planes.unit);
    if (++row == planes.height) {
      row = 0;
      ++plane;
    }
  }
}

template <typename T>
IMTRANS_TARGET void fold(const ReflectFold& p, ParallelFor run) {
  const Planes planes = planes_of(p.map);
  parallel(run, planes.count * planes.height, rows_worth_a_thread(planes),
           [&](int64_t begin, int64_t end) { fold_rows<T>(p, planes, begin, end); });
}

}  // namespace imtrans::IMTRANS_ISA
