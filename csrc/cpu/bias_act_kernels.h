// The three passes of common/bias_act.h. No include guard: compiled once for every instruction set
// (cpu/foreach_isa.h).
//
// A pass is a struct that computes the outputs of one vector of elements, and how the loops below call it:
//
//     kNumbers, kSums              how many numbers a channel has, and how many sums it is given
//     numbers(image, channel, to)  the numbers
//     step<kWhole>(numbers, noise, at, lanes, sums)   the elements at offset `at`; `lanes` of them, where not kWhole
//
// Channels-last, numbers of neighbouring channels stand side by side in a table, and a pixel's noise is one number;
// contiguous, a vector is of one channel, and noise lies as the map does.

#include "cpu/reduce_apply.h"

namespace imtrans::IMTRANS_ISA {

// Pixels (channels-last) or elements (contiguous) that are summed in A before their sum is added to a double.
inline constexpr int64_t kChunkPixels = 256;
inline constexpr int64_t kChunkElements = 4096;

template <bool kWhole, typename T>
IMTRANS_INLINE Vec<Accumulator<T>> take(const T* from, int lanes) {
  if constexpr (kWhole) return load(from);
  return load_some(from, lanes, Accumulator<T>(0));
}

template <bool kWhole, typename T>
IMTRANS_INLINE void put(T* to, Vec<Accumulator<T>> v, int lanes) {
  if constexpr (kWhole) {
    store(to, v);
  } else {
    store_some(to, v, lanes);
  }
}

// Sums of channels side by side: rows of memory.
template <typename A>
struct SumsInMemory {
  A* at;
  int64_t width;
  IMTRANS_INLINE void add(int k, Vec<A> v) {
    A* const to = at + k * width;
    store(to, load(to) + v);
  }
};

// Sums of one channel: the lanes of a register.
template <typename A>
struct SumsInLanes {
  Vec<A> lanes[kBiasActSums];
  IMTRANS_INLINE void add(int k, Vec<A> v) { lanes[k] += v; }
};

// What all passes know.
template <typename T, class Parameters>
struct Pass {
  using Element = T;
  using A = Accumulator<T>;

  explicit Pass(const Parameters& p)
      : p(p),
        slope(A(p.slope)),
        gain(A(p.gain)),
        clamp(A(p.clamp)),
        strength(p.strength == nullptr ? A(1) : *static_cast<const A*>(p.strength)) {}

  static A number(const void* from, int64_t at, A otherwise) {
    return from == nullptr ? otherwise : static_cast<const A*>(from)[at];
  }
  A scale(int64_t image, int64_t channel) const { return number(p.scale, image * p.map.channels + channel, A(1)); }
  A bias(int64_t channel) const { return number(p.bias, channel, A(0)); }
  A style(int64_t image, int64_t channel) const { return number(p.style, image * p.map.channels + channel, A(1)); }
  const A* noise(int64_t image) const {
    return p.noise == nullptr ? nullptr : static_cast<const A*>(p.noise) + (p.noises == 1 ? 0 : image) * p.map.pixels();
  }

  // u and m at x.
  struct Point {
    Vec<A> u, m;
  };
  IMTRANS_INLINE Point at(Vec<A> x, Vec<A> d, Vec<A> b, Vec<A> noise) const {
    const Vec<A> z = x * d + (b + strength * noise), t = gain * activate(z, repeat(slope));
    const Vec<A> most = repeat(clamp), least = -most;
    const Vec<A> slopes = (z > 0) ? repeat(gain) : repeat(gain * slope);
    const Vec<A> bounded = (t > most) ? most : ((t < least) ? least : t);
    return {bounded, (t <= most) ? ((t >= least) ? slopes : Vec<A>{}) : Vec<A>{}};
  }

  const Parameters p;
  const A slope, gain, clamp, strength;
};

template <typename T>
struct Forward : Pass<T, BiasActForward> {
  using typename Pass<T, BiasActForward>::A;
  using Pass<T, BiasActForward>::Pass;
  static constexpr int kNumbers = 3, kSums = 0;

  template <typename Put>
  void numbers(int64_t image, int64_t channel, const Put& to) const {
    to(0, this->scale(image, channel));
    to(1, this->bias(channel));
    to(2, this->style(image, channel));
  }

  template <bool kWhole, class Numbers, class Sums>
  IMTRANS_INLINE void step(const Numbers& c, Vec<A> noise, int64_t at, int lanes, Sums&) const {
    const Vec<A> x = take<kWhole>(static_cast<const T*>(this->p.x) + at, lanes);
    put<kWhole>(static_cast<T*>(this->p.y) + at, this->at(x, c[0], c[1], noise).u * c[2], lanes);
  }
};

template <typename T>
struct Backward : Pass<T, BiasActBackward> {
  using typename Pass<T, BiasActBackward>::A;
  using Pass<T, BiasActBackward>::Pass;
  static constexpr int kNumbers = 3, kSums = kBiasActSums;

  template <typename Put>
  void numbers(int64_t image, int64_t channel, const Put& to) const {
    const A scale = this->scale(image, channel);
    to(0, scale);
    to(1, this->bias(channel));
    to(2, scale * this->style(image, channel));
  }

  template <bool kWhole, class Numbers, class Sums>
  IMTRANS_INLINE void step(const Numbers& c, Vec<A> noise, int64_t at, int lanes, Sums& sums) const {
    const Vec<A> x = take<kWhole>(static_cast<const T*>(this->p.x) + at, lanes);
    const Vec<A> dy = take<kWhole>(static_cast<const T*>(this->p.dy) + at, lanes);
    const auto point = this->at(x, c[0], c[1], noise);
    const Vec<A> e = point.m * dy;
    put<kWhole>(static_cast<T*>(this->p.dx) + at, c[2] * e, lanes);
    sums.add(0, e);
    sums.add(1, e * x);
    sums.add(2, e * noise);
    sums.add(3, point.u * dy);
  }
};

template <typename T>
struct BackwardBackward : Pass<T, BiasActBackwardBackward> {
  using typename Pass<T, BiasActBackwardBackward>::A;
  using Pass<T, BiasActBackwardBackward>::Pass;
  static constexpr int kNumbers = 7, kSums = kBiasActSums;

  template <typename Put>
  void numbers(int64_t image, int64_t channel, const Put& to) const {
    const A scale = this->scale(image, channel);
    to(0, scale);
    to(1, this->bias(channel));
    to(2, scale * this->style(image, channel));
    const int64_t own = image * this->p.map.channels + channel, all = this->p.map.batch * this->p.map.channels;
    for (int k = 0; k < kBiasActSums; ++k) to(3 + k, this->number(this->p.dsums, k * all + own, A(0)));
  }

  template <bool kWhole, class Numbers, class Sums>
  IMTRANS_INLINE void step(const Numbers& c, Vec<A> noise, int64_t at, int lanes, Sums& sums) const {
    const Vec<A> x = take<kWhole>(static_cast<const T*>(this->p.x) + at, lanes);
    const Vec<A> dy = take<kWhole>(static_cast<const T*>(this->p.dy) + at, lanes);
    const Vec<A> v = take<kWhole>(static_cast<const T*>(this->p.ddx) + at, lanes);
    const auto point = this->at(x, c[0], c[1], noise);
    const Vec<A> e = point.m * dy, inner = c[2] * v + c[3] + c[4] * x + c[5] * noise;
    put<kWhole>(static_cast<T*>(this->p.grad_dy) + at, point.m * inner + c[6] * point.u, lanes);
    if (this->p.grad_x != nullptr) {
      put<kWhole>(static_cast<T*>(this->p.grad_x) + at, e * (c[4] + c[6] * c[0]), lanes);
    }
    sums.add(0, e);
    sums.add(1, e * x);
    sums.add(2, e * noise);
    sums.add(3, e * v);
  }
};

// The numbers of neighbouring channels from `phase` on. The rows' addresses are kept apart from the table: a store
// might change the table for all that the compiler knows.
template <typename A, int kNumbers>
struct NumbersOfChannels {
  const A* rows[kNumbers];
  int64_t phase;

  NumbersOfChannels(const Table<A>& table, int64_t image) : phase(0) {
    for (int k = 0; k < kNumbers; ++k) rows[k] = table.row(image, k);
  }
  IMTRANS_INLINE Vec<A> operator[](int k) const { return load(rows[k] + phase); }
};

// Each row holds the numbers of all channels, and then begins again: a vector that runs past the last channel of a
// pixel goes on with the first of the next.
template <class P>
Table<typename P::A> make_table(const P& pass) {
  using A = typename P::A;
  const FeatureMap& map = pass.p.map;
  Table<A> table(map.batch, map.channels, P::kNumbers);
  for (int64_t image = 0; image < map.batch; ++image) {
    for (int64_t channel = 0; channel < map.channels; ++channel) {
      pass.numbers(image, channel, [&](int k, A value) {
        A* const row = table.row(image, k);
        for (int64_t i = channel; i < table.width; i += map.channels) row[i] = value;
      });
    }
  }
  return table;
}

// Neighbouring elements, the first of which is of channel 0.
template <class P, class Numbers>
IMTRANS_INLINE void walk_channels(const P pass, Numbers numbers, typename P::A noise_number, int64_t at,
                                  int64_t elements, SumsInMemory<typename P::A> sums) {
  using A = typename P::A;
  constexpr int W = kLanes<A>;
  const Vec<A> noise = repeat(noise_number);
  const int64_t channels = pass.p.map.channels;
  A* const first = sums.at;
  int64_t i = 0;
  for (; i + W <= elements; i += W) {
    pass.template step<true>(numbers, noise, at + i, W, sums);
    numbers.phase += W;
    while (numbers.phase >= channels) numbers.phase -= channels;
    sums.at = first + numbers.phase;
  }
  if (i < elements) pass.template step<false>(numbers, noise, at + i, int(elements - i), sums);
}

// Pixels of one image, all of their channels.
template <class P>
IMTRANS_TARGET void walk_pixels(const P& pass, const Table<typename P::A>& table, int64_t image, int64_t first,
                                int64_t pixels, SumsInMemory<typename P::A> sums) {
  using A = typename P::A;
  const int64_t channels = pass.p.map.channels, at = (image * pass.p.map.pixels() + first) * channels;
  const NumbersOfChannels<A, P::kNumbers> numbers(table, image);
  const A* noise = pass.noise(image);
  if (noise == nullptr) {
    walk_channels(pass, numbers, A(0), at, pixels * channels, sums);
    return;
  }
  for (int64_t i = 0; i < pixels; ++i) {
    walk_channels(pass, numbers, noise[first + i], at + i * channels, channels, sums);
  }
}

// Adds up the sums of an image's chunks, in their order.
template <class P>
void merge_chunks(const P& pass, const Table<typename P::A>& table, const typename P::A* partial, int64_t chunks) {
  using A = typename P::A;
  const FeatureMap& map = pass.p.map;
  std::vector<double> totals(map.channels);
  for (int64_t row = 0; row < P::kSums * map.batch; ++row) {
    const int64_t k = row / map.batch, image = row % map.batch;
    std::fill(totals.begin(), totals.end(), 0.0);
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      const A* from = partial + ((image * chunks + chunk) * P::kSums + k) * table.width;
      for (int64_t i = 0, channel = 0; i < table.width; ++i) {
        totals[channel] += double(from[i]);
        if (++channel == map.channels) channel = 0;
      }
    }
    A* const to = static_cast<A*>(pass.p.sums) + row * map.channels;
    for (int64_t channel = 0; channel < map.channels; ++channel) to[channel] = A(totals[channel]);
  }
}

template <class P>
void run_nhwc(const P& pass, ParallelFor run) {
  using A = typename P::A;
  const FeatureMap& map = pass.p.map;
  const Table<A> table = make_table(pass);
  const int64_t chunks = (map.pixels() + kChunkPixels - 1) / kChunkPixels;
  const int64_t room = P::kSums * table.width;
  std::vector<A> partial(map.batch * chunks * room);
  const int64_t grain = std::max<int64_t>(1, kWorthAThread / (kChunkPixels * map.channels));
  parallel(run, map.batch * chunks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % chunks * kChunkPixels;
      walk_pixels(pass, table, i / chunks, first, std::min(kChunkPixels, map.pixels() - first),
                  {partial.data() + i * room, table.width});
    }
  });
  if constexpr (P::kSums > 0) merge_chunks(pass, table, partial.data(), chunks);
}

// Some neighbouring elements of one channel of one image.
template <class P>
IMTRANS_INLINE void walk_elements(const P pass, const Coefficients<typename P::A, true>& table, int64_t plane,
                                  int64_t first, int64_t elements, SumsInLanes<typename P::A>& sums) {
  using A = typename P::A;
  constexpr int W = kLanes<A>;
  Vec<A> numbers[P::kNumbers];
#pragma GCC unroll 8
  for (int k = 0; k < P::kNumbers; ++k) numbers[k] = table[k];
  const A* noise = pass.noise(table.image);
  const int64_t at = plane * pass.p.map.pixels();
  int64_t i = first;
  for (; i + W <= first + elements; i += W) {
    pass.template step<true>(numbers, noise == nullptr ? Vec<A>{} : load(noise + i), at + i, W, sums);
  }
  if (i < first + elements) {
    const int rest = int(first + elements - i);
    pass.template step<false>(numbers, noise == nullptr ? Vec<A>{} : load_some(noise + i, rest, A(0)), at + i, rest,
                              sums);
  }
}

template <class P>
IMTRANS_TARGET void walk_plane(const P& pass, const Table<typename P::A>& table, int64_t plane) {
  using A = typename P::A;
  const FeatureMap& map = pass.p.map;
  const Coefficients<A, true> numbers{table, plane / map.channels, plane % map.channels};
  double totals[kBiasActSums] = {};
  for (int64_t first = 0; first < map.pixels(); first += kChunkElements) {
    SumsInLanes<A> sums{};
    walk_elements(pass, numbers, plane, first, std::min(kChunkElements, map.pixels() - first), sums);
    for (int k = 0; k < P::kSums; ++k) totals[k] += double(lane_sum(sums.lanes[k]));
  }
  if constexpr (P::kSums > 0) {
    for (int k = 0; k < P::kSums; ++k) {
      static_cast<A*>(pass.p.sums)[k * map.batch * map.channels + plane] = A(totals[k]);
    }
  }
}

template <class P>
void run_nchw(const P& pass, ParallelFor run) {
  const Table<typename P::A> table = make_table(pass);
  const int64_t planes = pass.p.map.batch * pass.p.map.channels;
  parallel(run, planes, planes_worth_a_thread(pass.p.map), [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) walk_plane(pass, table, plane);
  });
}

template <class P>
void run_pass(const P& pass, ParallelFor run) {
  if (pass.p.map.layout == Layout::kNHWC) {
    run_nhwc(pass, run);
  } else {
    run_nchw(pass, run);
  }
}

template <typename T>
IMTRANS_TARGET void forward(const BiasActForward& p, ParallelFor run) {
  run_pass(Forward<T>(p), run);
}

template <typename T>
IMTRANS_TARGET void backward(const BiasActBackward& p, ParallelFor run) {
  run_pass(Backward<T>(p), run);
}

template <typename T>
IMTRANS_TARGET void backward_backward(const BiasActBackwardBackward& p, ParallelFor run) {
  run_pass(BackwardBackward<T>(p), run);
}

}  // namespace imtrans::IMTRANS_ISA
