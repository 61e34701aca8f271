// No include guard: compiled once for every instruction set (cpu/foreach_isa.h).

namespace imtrans::IMTRANS_ISA {

template <typename T>
IMTRANS_TARGET void affine_pixel(const Affine& p, const float* scale, const float* shift, int64_t at) {
  const T *x = static_cast<const T*>(p.x) + at, *residual = static_cast<const T*>(p.residual) + at;
  T* y = static_cast<T*>(p.y) + at;
  const Vec<float> slope = repeat(p.slope);
  constexpr int W = kLanes<float>;
  for (int64_t c = 0; c < p.map.channels; c += W) {
    const int lanes = int(std::min<int64_t>(W, p.map.channels - c));
    const bool whole = lanes == W;
    Vec<float> v = whole ? load(x + c) : load_some(x + c, lanes, 0.0f);
    if (scale != nullptr) {
      v = whole ? v * load(scale + c) + load(shift + c)
                : v * load_some(scale + c, lanes, 0.0f) + load_some(shift + c, lanes, 0.0f);
    }
    v = activate(v, slope);
    if (p.residual != nullptr) v += whole ? load(residual + c) : load_some(residual + c, lanes, 0.0f);
    if (whole) {
      store(y + c, v);
    } else {
      store_some(y + c, v, lanes);
    }
  }
}

template <typename T>
void affine(const Affine& p, ParallelFor run) {
  const int64_t pixels = p.map.pixels(), channels = p.map.channels;
  parallel(run, p.map.batch * pixels, std::max<int64_t>(1, 16384 / channels), [&](int64_t begin, int64_t end) {
    for (int64_t pixel = begin; pixel < end; ++pixel) {
      const int64_t row = pixel / pixels * channels;
      affine_pixel<T>(p, p.scale ? p.scale + row : nullptr, p.shift ? p.shift + row : nullptr, pixel * channels);
    }
  });
}

}  // namespace imtrans::IMTRANS_ISA
