// The entry points of the packed convolutions, and the choice between the two kinds.
// No include guard: compiled once for every instruction set (cpu/foreach_isa.h).
#include "cpu/matrix_tile.h"
//
#include "cpu/convolution_frame.h"
//
#include "cpu/direct_convolution_kernels.h"
#include "cpu/winograd_kernels.h"

namespace imtrans::IMTRANS_ISA {

template <typename T>
int64_t packed_elements(const ConvolutionLayer& layer) {
  return is_winograd(layer) ? kProducts * winograd_matrix<T>(layer) : direct_size<T>(layer);
}

template <typename T>
void pack(const ConvolutionLayer& layer, const float* weight, void* to) {
  if (is_winograd(layer)) {
    pack_winograd(layer, weight, static_cast<T*>(to));
  } else {
    pack_direct(layer, weight, static_cast<T*>(to));
  }
}

template <typename T, typename Y>
void convolve_into(const Convolution& p, ParallelFor run) {
  if (is_winograd(p.layer)) {
    const WinogradConvolution<T, Y> convolution(p);
    run_tasks(p, convolution.tasks(), run, convolution);
  } else {
    const DirectConvolution<T, Y> convolution(p);
    run_tasks(p, convolution.tasks(), run, convolution);
  }
}

template <typename T>
void convolve(const Convolution& p, ParallelFor run) {
  if (p.y_dtype == DType::kFloat32) {
    convolve_into<T, float>(p, run);
  } else {
    convolve_into<T, T>(p, run);
  }
}

}  // namespace imtrans::IMTRANS_ISA
