// The gradient of reflection padding, a row of pixels at a time. No include guard: compiled once for every instruction
// set (cpu/foreach_isa.h). Every sum is of the same numbers in the same order in all of them.

namespace imtrans::IMTRANS_ISA {

// The runs of elements that are added to one: three rows times three columns at most.
template <typename T>
struct Sources {
  const T* at[9];
  int count = 0;
};

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
  if (k < length) {
    const int lanes = int(length - k);
    Vec<A> sum = load_some(from.at[0] + k, lanes, A(0));
    for (int s = 1; s < from.count; ++s) sum += load_some(from.at[s] + k, lanes, A(0));
    store_some(to + k, sum, lanes);
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
      for (int c = 0; c < 3; ++c) {
        if (rows[r] < 0 || columns[c] < 0) continue;
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
IMTRANS_TARGET void fold_rows(const ReflectFold& p, int64_t begin, int64_t end) {
  const Planes planes = planes_of(p.map);
  const int64_t padded_plane = (planes.height + 2 * p.pad) * (planes.width + 2 * p.pad) * planes.unit;
  for (int64_t i = begin; i < end; ++i) {
    const T* plane = static_cast<const T*>(p.from) + i / planes.height * padded_plane;
    fold_row(planes, p.pad, i % planes.height, plane, static_cast<T*>(p.to) + i * planes.width * planes.unit);
  }
}

}  // namespace imtrans::IMTRANS_ISA
