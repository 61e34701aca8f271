// Convolutions of any kernel and stride, and transposed ones, as products of the map with the packed kernel: nothing is
// unfolded, because the pixels under one row of a kernel are neighbours in a channels-last map.
// No include guard: compiled once for every instruction set (cpu/foreach_isa.h).
//
// A task takes some rows of y. It copies the rows of x that they see into a buffer, normalised, activated and with
// their border, and multiplies from there.
//
// A transposed convolution of stride s is s x s convolutions of stride 1, each of which gives every s-th pixel: those
// are the phases. Where there are few output channels (the last layer of a generator has three), most lanes of a vector
// would do nothing; there the columns of the kernel become output channels too, and their products are added up one
// pixel apart (`spread`).

namespace imtrans::IMTRANS_ISA {

inline constexpr int64_t kBufferBytes = 512 << 10;
inline constexpr int64_t kFewestTasks = 16;
// Rows of a product whose sums stay in the first-level cache until they are written: multiples of kTileRows.
inline constexpr int64_t kRowsAtOnce = 48, kSpreadRowsAtOnce = 132;

// The pixels y(q * out_step + out_offset) see the `taps` places from q * in_step + first on, in each of two dimensions.
struct Taps {
  int64_t first, count;
  int64_t out_offset;
  int64_t kernel_first, kernel_step;  // the kernel's index of the first tap, and of each next one
};

inline std::vector<Taps> taps_of(const ConvolutionLayer& layer) {
  if (!layer.transposed) return {{-layer.padding, layer.kernel, 0, 0, 1}};
  std::vector<Taps> phases;
  for (int64_t phase = 0; phase < layer.stride; ++phase) {
    const int64_t k = (phase + layer.padding) % layer.stride;  // the smallest that meets this phase
    const int64_t count = k < layer.kernel ? (layer.kernel - k + layer.stride - 1) / layer.stride : 0;
    const int64_t nearest = (phase + layer.padding - k) / layer.stride;  // what k sees; larger k see earlier places
    phases.push_back({nearest - count + 1, count, phase, k + (count - 1) * layer.stride, -layer.stride});
  }
  return phases;
}

inline bool is_spread(const ConvolutionLayer& layer) {
  return !layer.transposed && layer.stride == 1 && layer.kernel > 1 && layer.kernel < 16 &&
         layer.out_channels * 2 <= kWidth;
}

// Numbers in one row of the kernel, as a segment of the product.
template <typename T>
int64_t segment_length(const ConvolutionLayer& layer, const Taps& columns) {
  return round_up((is_spread(layer) ? 1 : columns.count) * layer.in_channels, kGroup<T>);
}

inline int64_t product_channels(const ConvolutionLayer& layer) {
  return layer.out_channels * (is_spread(layer) ? layer.kernel : 1);
}

template <typename T>
int64_t phase_size(const ConvolutionLayer& layer, const Taps& rows, const Taps& columns) {
  return packed_size(rows.count * segment_length<T>(layer, columns), product_channels(layer));
}

template <typename T>
int64_t direct_size(const ConvolutionLayer& layer) {
  int64_t size = 0;
  for (const Taps& rows : taps_of(layer)) {
    for (const Taps& columns : taps_of(layer)) size += phase_size<T>(layer, rows, columns);
  }
  return size;
}

// weight: (out, in, kernel, kernel), or (in, out, kernel, kernel) of a transposed convolution.
template <typename T>
void pack_direct(const ConvolutionLayer& layer, const float* weight, T* to) {
  const int64_t in = layer.in_channels, out = layer.out_channels, size = layer.kernel;
  auto at = [&](int64_t o, int64_t i, int64_t y, int64_t x) {
    return weight[((layer.transposed ? i * out + o : o * in + i) * size + y) * size + x];
  };
  for (const Taps& rows : taps_of(layer)) {
    for (const Taps& columns : taps_of(layer)) {
      const int64_t length = segment_length<T>(layer, columns);
      auto get = [&](int64_t k, int64_t o) {
        const int64_t y = rows.kernel_first + k / length * rows.kernel_step, rest = k % length;
        if (is_spread(layer)) return rest < in ? at(o % out, rest, y, o / out) : 0.0f;
        if (rest >= columns.count * in) return 0.0f;
        return at(o, rest % in, y, columns.kernel_first + rest / in * columns.kernel_step);
      };
      pack_matrix<T>(rows.count * length, product_channels(layer), get, to);
      to += phase_size<T>(layer, rows, columns);
    }
  }
}

template <typename T, typename Y>
struct DirectConvolution {
  const Convolution& p;
  PerChannel scale, shift, bias;
  std::vector<Taps> taps;
  int64_t out_height, out_width, in_step, out_step;
  int64_t first, last;          // places before and behind q * in_step that some tap sees
  int64_t rows_of_task, bases;  // rows q of a task, and in all
  int64_t pitch;                // elements of a row of the buffer
  bool spread;
  Panels panels;

  explicit DirectConvolution(const Convolution& p_)
      : p(p_),
        scale(p.scale, p.map.batch, p.layer.in_channels),
        shift(p.shift, p.map.batch, p.layer.in_channels),
        bias(p.bias, 1, p.layer.out_channels),
        taps(taps_of(p.layer)),
        out_height(p.layer.out_size(p.map.height)),
        out_width(p.layer.out_size(p.map.width)),
        in_step(p.layer.transposed ? 1 : p.layer.stride),
        out_step(p.layer.transposed ? p.layer.stride : 1),
        first(0),
        last(0),
        spread(is_spread(p.layer)),
        panels(product_channels(p.layer)) {
    for (const Taps& own : taps) {
      first = std::min(first, own.first);
      last = std::max(last, own.first + own.count - 1);
    }
    // The last segment may reach one element beyond the last pixel, and meets a zero there.
    pitch = ((bases_of(out_width) - 1) * in_step + last - first + 1) * p.layer.in_channels + kGroup<T>;
    bases = bases_of(out_height);
    const int64_t fit = kBufferBytes / (pitch * int64_t(sizeof(T))) - (last - first);
    rows_of_task = std::max<int64_t>(1, std::min(fit / in_step, (bases + kFewestTasks - 1) / kFewestTasks));
  }

  int64_t bases_of(int64_t size) const { return (size + out_step - 1) / out_step; }
  int64_t tasks() const { return (bases + rows_of_task - 1) / rows_of_task; }

  template <bool kPending>
  IMTRANS_TARGET void read_row(const T* x, const float* scales, const float* shifts, T* to) const {
    const int64_t channels = p.layer.in_channels;
    if constexpr (!kPending) {
      std::memcpy(to, x, size_t(p.map.width * channels) * sizeof(T));
      return;
    }
    for (int64_t pixel = 0; pixel < p.map.width; ++pixel, x += channels, to += channels) {
      for (int64_t c = 0; c < channels; c += kWidth) {
        Reader<T> reader;
        reader.begin(scales, shifts, p.slope, c);
        if (c + kWidth <= channels) {
          store(to + c, reader.template apply<kPending>(load(x + c)));
        } else {
          const int lanes = int(channels - c);
          store_some(to + c, reader.template apply<kPending>(load_some(x + c, lanes, 0.0f)), lanes);
        }
      }
    }
  }

  // Row `at` of the bordered map.
  IMTRANS_TARGET void fill_row(int64_t image, int64_t at, T* to) const {
    const int64_t channels = p.layer.in_channels, row = p.map.width * channels;
    const int64_t index = bordered(at, p.map.height, p.layer.padding, p.layer.border);
    if (index < 0) {
      std::memset(to, 0, size_t(pitch) * sizeof(T));
      return;
    }
    const T* x = static_cast<const T*>(p.x) + (image * p.map.height + index) * row;
    T* inside = to - first * channels;
    if (scale.row(0)) {
      read_row<true>(x, scale.row(image), shift.row(image), inside);
    } else {
      read_row<false>(x, nullptr, nullptr, inside);
    }
    const int64_t pixels = (pitch - kGroup<T>) / channels;
    for (int64_t column = 0; column < pixels; ++column) {
      if (column == -first) column += p.map.width;  // what lies inside is there
      if (column >= pixels) break;
      const int64_t source = bordered(column + first, p.map.width, p.layer.padding, p.layer.border);
      if (source < 0) {
        std::memset(to + column * channels, 0, size_t(channels) * sizeof(T));
      } else {
        std::memcpy(to + column * channels, inside + source * channels, size_t(channels) * sizeof(T));
      }
    }
    std::memset(to + pixels * channels, 0, kGroup<T> * sizeof(T));
  }

  // Writes vectors of channels from `channel` on of `count` pixels, whose products lie `pitch_of_sums` apart.
  IMTRANS_TARGET void write(const float* sums, int64_t pitch_of_sums, int64_t count, int64_t channel, Y* y, bool begins,
                            const Statistics& statistics) const {
    const int64_t channels = p.layer.out_channels, step = out_step * channels;
    const Vec<float> added = bias.row(0) ? load(bias.row(0) + channel) : Vec<float>{};
    Vec<float> origin = load(sums) + added, sum{}, square{};
    if (statistics.raw != nullptr && !begins) {
      origin = load(statistics.row(Statistics::kShift) + channel);
      sum = load(statistics.row(Statistics::kSum) + channel);
      square = load(statistics.row(Statistics::kSquare) + channel);
    }
    for (int64_t i = 0; i < count; ++i) {
      const Vec<float> value = load(sums + i * pitch_of_sums) + added, deviation = value - origin;
      sum += deviation;
      square += deviation * deviation;
      store_channels(y + i * step + channel, value, channels - channel);
    }
    if (statistics.raw == nullptr) return;
    store(statistics.row(Statistics::kShift) + channel, origin);
    store(statistics.row(Statistics::kSum) + channel, sum);
    store(statistics.row(Statistics::kSquare) + channel, square);
  }

  // Adds up the products of a kernel's columns, each one pixel further on, in place.
  IMTRANS_TARGET void gather_columns(float* sums, int64_t count) const {
    const int64_t wide = panels.vectors * kWidth;
    for (int64_t i = 0; i < count; ++i) {
      Vec<float> total = load(sums + i * wide);
      for (int64_t k = 1; k < p.layer.kernel; ++k) total += load(sums + (i + k) * wide + k * p.layer.out_channels);
      store(sums + i * wide, total);
    }
  }

  // The pixels [begin, begin + count) of one row of one phase, counted in steps of out_step.
  IMTRANS_TARGET void multiply(const T* a, const Segments& segments, const T* packed, int64_t count, Y* y, float* sums,
                               bool begins, const Statistics& statistics) const {
    const int64_t step = in_step * p.layer.in_channels, wide = panels.widest() * kWidth;
    const int64_t depth = segments.count * segments.length;
    for (int64_t panel = 0; panel < panels.count; ++panel) {
      const int64_t channel = panels.begin(panel) * kWidth;
      const int64_t pixels = count + (spread ? p.layer.kernel - 1 : 0);
      multiply_panel(a, step, pixels, segments, packed + channel * depth, panels.size(panel), sums, wide);
      if (spread) gather_columns(sums, count);
      const int vectors = spread ? 1 : panels.size(panel);
      for (int v = 0; v < vectors; ++v) {
        write(sums + v * kWidth, wide, count, channel + v * kWidth, y, begins, statistics);
      }
    }
  }

  IMTRANS_TARGET int64_t run_phase(int64_t image, int64_t base, int64_t stop, const Taps& rows, const Taps& columns,
                                   const T* buffer, const T* packed, float* sums, bool begins,
                                   const Statistics& statistics) const {
    const int64_t channels = p.layer.in_channels, row = out_width * p.layer.out_channels;
    std::vector<int64_t> offset(size_t(rows.count));
    for (int64_t r = 0; r < rows.count; ++r) offset[size_t(r)] = r * pitch;
    const Segments segments{rows.count, segment_length<T>(p.layer, columns), offset.data()};
    const int64_t width = (out_width - columns.out_offset + out_step - 1) / out_step;
    Y* image_of_y = static_cast<Y*>(p.y) + image * out_height * row;
    int64_t pixels = 0;
    for (int64_t q = base; q < stop && q * out_step + rows.out_offset < out_height; ++q, pixels += width) {
      const T* a = buffer + ((q - base) * in_step + rows.first - first) * pitch + (columns.first - first) * channels;
      Y* y = image_of_y + (q * out_step + rows.out_offset) * row + columns.out_offset * p.layer.out_channels;
      const int64_t at_once = spread ? kSpreadRowsAtOnce - (p.layer.kernel - 1) : kRowsAtOnce;
      for (int64_t begin = 0; begin < width; begin += at_once) {
        multiply(a + begin * in_step * channels, segments, packed, std::min(at_once, width - begin),
                 y + begin * out_step * p.layer.out_channels, sums, begins && pixels == 0 && begin == 0, statistics);
      }
    }
    return pixels;
  }

  IMTRANS_TARGET int64_t operator()(int64_t image, int64_t task, const Statistics& statistics) const {
    const int64_t base = task * rows_of_task, stop = std::min(bases, base + rows_of_task);
    const int64_t filled = (stop - base - 1) * in_step + last - first + 1;
    const int64_t room = most_rows(spread ? kSpreadRowsAtOnce : kRowsAtOnce) * panels.widest() * kWidth + 2 * kWidth;
    char* scratch = static_cast<char*>(thread_scratch(room * sizeof(float) + filled * pitch * sizeof(T)));
    float* sums = reinterpret_cast<float*>(scratch);
    T* buffer = reinterpret_cast<T*>(scratch + room * sizeof(float));
    for (int64_t r = 0; r < filled; ++r) fill_row(image, base * in_step + first + r, buffer + r * pitch);

    const T* packed = static_cast<const T*>(p.packed);
    int64_t pixels = 0;
    for (const Taps& rows : taps) {
      for (const Taps& columns : taps) {
        pixels += run_phase(image, base, stop, rows, columns, buffer, packed, sums, pixels == 0, statistics);
        packed += phase_size<T>(p.layer, rows, columns);
      }
    }
    return pixels;
  }
};

}  // namespace imtrans::IMTRANS_ISA
