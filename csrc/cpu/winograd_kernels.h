// 3x3 convolutions of stride 1 by Winograd's minimal filtering F(4x4, 3x3): 36 products for 16 pixels in place of 144.
// Lavin and Gray: Fast Algorithms for Convolutional Neural Networks, 2015, https://arxiv.org/abs/1509.09308.
// No include guard: compiled once for every instruction set (cpu/foreach_isa.h).
//
//     Y = At [ (G g Gt) . (Bt d B) ] A           d: 6x6 pixels of x, g: the kernel, Y: 4x4 pixels of y
//
// The polynomials are interpolated at 0, +-sqrt(1/2), +-sqrt(2) and infinity. Lavin's points 0, +-1, +-2 spread the
// magnitudes further apart: in bfloat16 their error is twice as large.
//
// A task takes kTiles tiles: their transforms V stay in the second-level cache while panel after panel of weights
// passes by. Rows of V and M are set apart by a cache line, because 36 streams at a distance of a power of two would
// share one place in the cache.

namespace imtrans::IMTRANS_ISA {

inline constexpr int kTile = 4, kPatch = 6, kProducts = kPatch * kPatch;
inline constexpr int64_t kTiles = 32;
inline constexpr float kP = 0.70710678118654752f, kQ = 1.41421356237309505f;

// One dimension of Bt d.
IMTRANS_INLINE void transform_input(const Vec<float> (&d)[kPatch], Vec<float> (&t)[kPatch]) {
  const Vec<float> even_p = d[4] - 2.0f * d[2], odd_p = kP * (d[3] - 2.0f * d[1]);
  const Vec<float> even_q = d[4] - 0.5f * d[2], odd_q = kQ * (d[3] - 0.5f * d[1]);
  t[0] = d[0] - 2.5f * d[2] + d[4];
  t[1] = even_p + odd_p;
  t[2] = even_p - odd_p;
  t[3] = even_q + odd_q;
  t[4] = even_q - odd_q;
  t[5] = d[1] - 2.5f * d[3] + d[5];
}

// One dimension of At m.
IMTRANS_INLINE void transform_output(const Vec<float> (&m)[kPatch], Vec<float> (&y)[kTile]) {
  const Vec<float> sum_p = m[1] + m[2], difference_p = m[1] - m[2];
  const Vec<float> sum_q = m[3] + m[4], difference_q = m[3] - m[4];
  y[0] = m[0] + sum_p + sum_q;
  y[1] = kP * difference_p + kQ * difference_q;
  y[2] = 0.5f * sum_p + 2.0f * sum_q;
  y[3] = (0.5f * kP) * difference_p + (2.0f * kQ) * difference_q + m[5];
}

// G, in double.
struct KernelTransform {
  KernelTransform() {
    const double p = std::sqrt(0.5), q = std::sqrt(2.0);
    const double point[5] = {0, p, -p, q, -q}, divisor[5] = {1, -1.5, -1.5, 6, 6};
    for (int i = 0; i < 5; ++i) {
      rows[i][0] = 1 / divisor[i];
      rows[i][1] = point[i] / divisor[i];
      rows[i][2] = point[i] * point[i] / divisor[i];
    }
    rows[5][2] = 1;
  }

  // G g Gt of one kernel.
  void operator()(const float* g, double (&u)[kPatch][kPatch]) const {
    double half[kPatch][3];
    for (int i = 0; i < kPatch; ++i) {
      for (int l = 0; l < 3; ++l) {
        half[i][l] = rows[i][0] * double(g[l]) + rows[i][1] * double(g[3 + l]) + rows[i][2] * double(g[6 + l]);
      }
    }
    for (int i = 0; i < kPatch; ++i) {
      for (int j = 0; j < kPatch; ++j) {
        u[i][j] = half[i][0] * rows[j][0] + half[i][1] * rows[j][1] + half[i][2] * rows[j][2];
      }
    }
  }

  double rows[kPatch][3] = {};
};

inline bool is_winograd(const ConvolutionLayer& layer) {
  return !layer.transposed && layer.kernel == 3 && layer.stride == 1 && layer.padding == 1 &&
         layer.in_channels >= kWidth && layer.out_channels >= kWidth;
}

template <typename T>
int64_t winograd_matrix(const ConvolutionLayer& layer) {
  return packed_size(round_up(layer.in_channels, kGroup<T>), layer.out_channels);
}

// weight: (out, in, 3, 3)
template <typename T>
void pack_winograd(const ConvolutionLayer& layer, const float* weight, T* to) {
  const int64_t in = layer.in_channels, out = layer.out_channels;
  const KernelTransform transform;
  std::unique_ptr<float[]> all(new float[kProducts * in * out]);
  for (int64_t o = 0; o < out; ++o) {
    for (int64_t i = 0; i < in; ++i) {
      double u[kPatch][kPatch];
      transform(weight + (o * in + i) * 9, u);
      for (int x = 0; x < kProducts; ++x) all[(x * in + i) * out + o] = float(u[x / kPatch][x % kPatch]);
    }
  }
  for (int x = 0; x < kProducts; ++x) {
    const float* matrix = all.get() + x * in * out;
    pack_matrix<T>(
        in, out, [&](int64_t k, int64_t o) { return matrix[k * out + o]; }, to + x * winograd_matrix<T>(layer));
  }
}

template <typename T, typename Y>
struct WinogradConvolution {
  const Convolution& p;
  PerChannel scale, shift, bias;
  int64_t out_height, out_width, across, tiles;  // tiles across an image, and in all of it
  int64_t v_row, v_product, m_row, m_product;
  Panels panels;

  explicit WinogradConvolution(const Convolution& p_)
      : p(p_),
        scale(p.scale, p.map.batch, p.layer.in_channels),
        shift(p.shift, p.map.batch, p.layer.in_channels),
        bias(p.bias, 1, p.layer.out_channels),
        out_height(p.map.height),
        out_width(p.map.width),
        across((out_width + kTile - 1) / kTile),
        tiles(across * ((out_height + kTile - 1) / kTile)),
        panels(p.layer.out_channels) {
    constexpr int64_t kLine = 64;
    v_row = round_up(p.layer.in_channels, kWidth) + kLine / int64_t(sizeof(T));
    v_product = kTiles * v_row + kLine / int64_t(sizeof(T));
    m_row = panels.widest() * kWidth;
    m_product = most_rows(kTiles) * m_row + kWidth;
  }

  int64_t tasks() const { return (tiles + kTiles - 1) / kTiles; }

  // Where the six rows (or columns) of a patch that begins at `first` lie, in elements; -1 for a zero.
  IMTRANS_TARGET void places(int64_t first, int64_t size, int64_t step, int64_t (&at)[kPatch]) const {
    for (int i = 0; i < kPatch; ++i) {
      const int64_t index = bordered(first + i, size, 1, p.layer.border);
      at[i] = index < 0 ? -1 : index * step;
    }
  }

  template <bool kPending>
  IMTRANS_TARGET void transform_patch(const T* x, const int64_t (&rows)[kPatch], const int64_t (&columns)[kPatch],
                                      const Reader<T>& reader, int lanes, T* v) const {
    Vec<float> half[kPatch][kPatch];
    for (int j = 0; j < kPatch; ++j) {
      Vec<float> d[kPatch], t[kPatch];
#pragma GCC unroll 6
      for (int i = 0; i < kPatch; ++i) {
        if (rows[i] < 0 || columns[j] < 0) {
          d[i] = Vec<float>{};
          continue;
        }
        const T* at = x + rows[i] + columns[j];
        d[i] = reader.template apply<kPending>(lanes == kWidth ? load(at) : load_some(at, lanes, 0.0f));
      }
      transform_input(d, t);
#pragma GCC unroll 6
      for (int i = 0; i < kPatch; ++i) half[i][j] = t[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < kPatch; ++i) {
      Vec<float> t[kPatch];
      transform_input(half[i], t);
#pragma GCC unroll 6
      for (int j = 0; j < kPatch; ++j) store(v + (i * kPatch + j) * v_product, t[j]);
    }
  }

  // V of `count` tiles from `first` on.
  IMTRANS_TARGET void transform_inputs(int64_t image, int64_t first, int64_t count, T* v) const {
    const int64_t channels = p.layer.in_channels, row = p.map.width * channels;
    const T* x = static_cast<const T*>(p.x) + image * p.map.height * row;
    for (int64_t t = 0; t < count; ++t) {
      int64_t rows[kPatch], columns[kPatch];
      places((first + t) / across * kTile - 1, p.map.height, row, rows);
      places((first + t) % across * kTile - 1, p.map.width, channels, columns);
      for (int64_t c = 0; c < channels; c += kWidth) {
        const int lanes = int(std::min<int64_t>(kWidth, channels - c));
        Reader<T> reader;
        reader.begin(scale.row(image), shift.row(image), p.slope, c);
        if (reader.pending) {
          transform_patch<true>(x + c, rows, columns, reader, lanes, v + t * v_row + c);
        } else {
          transform_patch<false>(x + c, rows, columns, reader, lanes, v + t * v_row + c);
        }
      }
    }
  }

  // Y of one panel's vector of channels, for all tiles of a task.
  IMTRANS_TARGET void transform_outputs(int64_t image, int64_t first, int64_t count, const float* m, int64_t channel,
                                        const Statistics& statistics) const {
    const int64_t channels = p.layer.out_channels, row = out_width * channels;
    Y* y = static_cast<Y*>(p.y) + image * out_height * row + channel;
    const Vec<float> added = bias.row(0) ? load(bias.row(0) + channel) : Vec<float>{};
    Vec<float> origin{}, sum{}, square{};
    for (int64_t t = 0; t < count; ++t) {
      const int64_t top = (first + t) / across * kTile, left = (first + t) % across * kTile;
      const int64_t height = std::min<int64_t>(kTile, out_height - top);
      const int64_t width = std::min<int64_t>(kTile, out_width - left);
      Vec<float> half[kTile][kPatch];
#pragma GCC unroll 6
      for (int j = 0; j < kPatch; ++j) {
        Vec<float> column[kPatch], own[kTile];
#pragma GCC unroll 6
        for (int i = 0; i < kPatch; ++i) column[i] = load(m + (i * kPatch + j) * m_product + t * m_row);
        transform_output(column, own);
#pragma GCC unroll 4
        for (int i = 0; i < kTile; ++i) half[i][j] = own[i];
      }
      for (int64_t i = 0; i < height; ++i) {
        Vec<float> own[kTile];
        transform_output(half[i], own);
        Y* to = y + (top + i) * row + left * channels;
#pragma GCC unroll 4
        for (int64_t j = 0; j < kTile; ++j) {
          if (j >= width) break;
          const Vec<float> value = own[j] + added;
          if (t == 0 && i == 0 && j == 0) origin = value;
          const Vec<float> deviation = value - origin;
          sum += deviation;
          square += deviation * deviation;
          store_channels(to + j * channels, value, channels - channel);
        }
      }
    }
    if (statistics.raw == nullptr) return;
    store(statistics.row(Statistics::kShift) + channel, origin);
    store(statistics.row(Statistics::kSum) + channel, sum);
    store(statistics.row(Statistics::kSquare) + channel, square);
  }

  IMTRANS_TARGET int64_t operator()(int64_t image, int64_t task, const Statistics& statistics) const {
    const int64_t first = task * kTiles, count = std::min(kTiles, tiles - first);
    char* scratch = static_cast<char*>(thread_scratch(kProducts * (v_product * sizeof(T) + m_product * sizeof(float))));
    float* m = reinterpret_cast<float*>(scratch);
    T* v = reinterpret_cast<T*>(scratch + kProducts * m_product * sizeof(float));
    transform_inputs(image, first, count, v);

    const int64_t length = round_up(p.layer.in_channels, kGroup<T>), offset = 0;
    const Segments whole{1, length, &offset};
    const T* packed = static_cast<const T*>(p.packed);
    for (int64_t panel = 0; panel < panels.count; ++panel) {
      const int64_t begin = panels.begin(panel) * kWidth;
      for (int x = 0; x < kProducts; ++x) {
        multiply_panel(v + x * v_product, v_row, count, whole,
                       packed + x * winograd_matrix<T>(p.layer) + begin * length, panels.size(panel), m + x * m_product,
                       m_row);
      }
      for (int i = 0; i < panels.size(panel); ++i) {
        transform_outputs(image, first, count, m + i * kWidth, begin + i * kWidth, statistics);
      }
    }
    return pixels_of(first, count);
  }

  int64_t pixels_of(int64_t first, int64_t count) const {
    int64_t pixels = 0;
    for (int64_t t = first; t < first + count; ++t) {
      pixels += std::min<int64_t>(kTile, out_height - t / across * kTile) *
                std::min<int64_t>(kTile, out_width - t % across * kTile);
    }
    return pixels;
  }
};

}  // namespace imtrans::IMTRANS_ISA
