// Reflection padding, which is copying, and the choice of the kernel that folds.
#include "cpu/reflect_pad.h"

#include "cpu/dispatch.h"
#include "cpu/kernel_includes.h"

namespace imtrans {
namespace {

// Elements below which a second thread costs more than it saves.
constexpr int64_t kElementsWorthAThread = 16384;

int64_t rows_worth_a_thread(const Planes& planes) {
  return std::max<int64_t>(1, kElementsWorthAThread / (planes.width * planes.unit));
}

}  // namespace
}  // namespace imtrans

#define IMTRANS_KERNELS "cpu/reflect_pad_kernels.h"
#include "cpu/foreach_isa.h"

namespace imtrans::cpu {
namespace {

int64_t bytes_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return 8;
    case DType::kFloat32:
      return 4;
    default:
      return 2;
  }
}

// Rows [begin, end) of all padded planes, counted through. With kBytes, the bytes of a pixel, known to the compiler,
// copying one is a single instruction; kBytes of 0 leaves it open.
template <int64_t kBytes>
void pad_rows(const ReflectPad& p, int64_t begin, int64_t end) {
  const Planes planes = planes_of(p.map);
  const int64_t bytes = kBytes > 0 ? kBytes : planes.unit * bytes_of(p.map.dtype);
  const int64_t padded_height = planes.height + 2 * p.pad, padded_width = planes.width + 2 * p.pad;
  int64_t plane = begin / padded_height, place = begin % padded_height;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = plane * planes.height + reflected(place, planes.height, p.pad);
    const char* from = static_cast<const char*>(p.from) + row * planes.width * bytes;
    char* to = static_cast<char*>(p.to) + i * padded_width * bytes;
    for (int64_t k = 0; k < p.pad; ++k) std::memcpy(to + k * bytes, from + (p.pad - k) * bytes, bytes);
    to += p.pad * bytes;
    std::memcpy(to, from, planes.width * bytes);
    to += planes.width * bytes;
    for (int64_t k = 0; k < p.pad; ++k) std::memcpy(to + k * bytes, from + (planes.width - 2 - k) * bytes, bytes);
    if (++place == padded_height) {
      place = 0;
      ++plane;
    }
  }
}

using PadRows = void (*)(const ReflectPad&, int64_t, int64_t);

PadRows choose_pad_rows(const ReflectPad& p) {
  if (planes_of(p.map).unit > 1) return pad_rows<0>;
  switch (bytes_of(p.map.dtype)) {
    case 8:
      return pad_rows<8>;
    case 4:
      return pad_rows<4>;
    default:
      return pad_rows<2>;
  }
}

}  // namespace

void launch_reflect_pad(const ReflectPad& parameters, ParallelFor run) {
  const Planes planes = planes_of(parameters.map);
  const PadRows pad = choose_pad_rows(parameters);
  parallel(run, planes.count * (planes.height + 2 * parameters.pad), rows_worth_a_thread(planes),
           [&](int64_t begin, int64_t end) { pad(parameters, begin, end); });
}

void launch_reflect_fold(const ReflectFold& parameters, ParallelFor run) { IMTRANS_DISPATCH(fold, parameters, run) }

}  // namespace imtrans::cpu
