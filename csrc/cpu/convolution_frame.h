// What both kinds of convolution share: reading x through the normalisation of the layer before it, writing y with its
// bias, and taking the statistics of y on the way.
// No include guard: compiled once for every instruction set (cpu/foreach_isa.h).

namespace imtrans::IMTRANS_ISA {

// A copy of `rows` rows of numbers per channel in which a whole vector may be read at any channel.
struct PerChannel {
  PerChannel(const float* from, int64_t rows, int64_t channels)
      : pitch(round_up(channels, kWidth)), values(from ? new float[rows * pitch]() : nullptr) {
    for (int64_t row = 0; from && row < rows; ++row) {
      std::copy_n(from + row * channels, channels, values.get() + row * pitch);
    }
  }
  const float* row(int64_t r) const { return values ? values.get() + r * pitch : nullptr; }

  int64_t pitch;
  std::unique_ptr<float[]> values;
};

// The index that a border shows at place `at` of `size` places; -1: a zero. Places beyond the border itself, which only
// products that nobody reads ask for, show the last place.
inline int64_t bordered(int64_t at, int64_t size, int64_t padding, Border border) {
  if (at >= 0 && at < size) return at;
  if (border == Border::kZero) return -1;
  if (border == Border::kReplicate || at >= size + padding) return at < 0 ? 0 : size - 1;
  return at < 0 ? -at : 2 * (size - 1) - at;
}

// Some channels of x as the convolution sees them.
template <typename T>
struct Reader {
  Vec<float> scale, shift, slope;
  bool pending;

  IMTRANS_INLINE void begin(const float* scales, const float* shifts, float slope_, int64_t channel) {
    pending = scales != nullptr;
    if (!pending) return;
    scale = load(scales + channel);
    shift = load(shifts + channel);
    slope = repeat(slope_);
  }
  template <bool kPending>
  IMTRANS_INLINE Vec<float> apply(Vec<float> x) const {
    if constexpr (!kPending) return x;
    return activate(x * scale + shift, slope);
  }
};

// The statistics of one task's pixels for every channel: deviations from the first pixel, so that their squares do not
// cancel.
struct Statistics {
  enum : int { kShift, kSum, kSquare, kRows };

  float* row(int k) const { return raw + k * pitch; }

  float* raw;  // null: nobody asked
  int64_t pitch;
};

template <typename Y>
IMTRANS_INLINE void store_channels(Y* to, Vec<float> y, int64_t lanes) {
  if (lanes >= kWidth) {
    store(to, y);
    return;
  }
#if IMTRANS_VECTOR_BYTES == 64
  if constexpr (std::is_same_v<Y, float>) {
    _mm512_mask_storeu_ps(to, __mmask16((1u << lanes) - 1), (__m512)y);
    return;
  }
#endif
  store_some(to, y, int(lanes));
}

// Merges the tasks of one image in their order (Chan, Golub and LeVeque, 1979) and gives the scale and shift with which
// the next layer reads y.
inline void merge_statistics(const Convolution& p, int64_t image, int64_t tasks, const int64_t* pixels,
                             const float* raw, int64_t pitch) {
  const int64_t channels = p.layer.out_channels;
  for (int64_t c = 0; c < channels; ++c) {
    double mean = 0, deviations = 0, had = 0;
    for (int64_t task = 0; task < tasks; ++task) {
      const float* own = raw + task * Statistics::kRows * pitch + c;
      const double count = double(pixels[task]), sum = own[Statistics::kSum * pitch];
      const double inside = sum / count, share = count / (had + count);
      const double apart = own[Statistics::kShift * pitch] + inside - mean;
      deviations += std::max(own[Statistics::kSquare * pitch] - sum * inside, 0.0) + apart * apart * had * share;
      mean += apart * share;
      had += count;
    }
    const double gamma = p.gamma ? double(p.gamma[c]) : 1.0, beta = p.beta ? double(p.beta[c]) : 0.0;
    const double scale = gamma / std::sqrt(deviations / had + p.eps);
    p.y_scale[image * channels + c] = float(scale);
    p.y_shift[image * channels + c] = float(beta - mean * scale);
  }
}

// Deals the pixels of every image out to tasks, runs them, and merges what they found out.
// task(image, index, statistics) returns the number of pixels that it wrote.
template <typename Task>
void run_tasks(const Convolution& p, int64_t tasks, ParallelFor run, const Task& task) {
  const int64_t pitch = round_up(p.layer.out_channels, kWidth), width = Statistics::kRows * pitch;
  const int64_t all = p.map.batch * tasks;
  std::unique_ptr<float[]> raw(p.y_scale ? new float[all * width] : nullptr);
  std::unique_ptr<int64_t[]> pixels(new int64_t[all]);
  parallel(run, all, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      pixels[i] = task(i / tasks, i % tasks, Statistics{raw ? raw.get() + i * width : nullptr, pitch});
    }
  });
  if (!raw) return;
  parallel(run, p.map.batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t image = begin; image < end; ++image) {
      const int64_t first = image * tasks;
      merge_statistics(p, image, tasks, pixels.get() + first, raw.get() + first * width, pitch);
    }
  });
}

}  // namespace imtrans::IMTRANS_ISA
