// Convolutions with packed weights on the CPU; see common/convolution.h. Nothing here needs torch.
#pragma once

#include <cstdint>

#include "common/convolution.h"
#include "common/parallel.h"

namespace imtrans::cpu {

// Whether this machine multiplies elements of this type; pack and launch throw std::invalid_argument where it does not.
bool multiplies(DType dtype);

// Bytes of the packed weights, which fit this layer, its type, and the instruction set of this machine only.
int64_t packed_bytes(const ConvolutionLayer& layer);

// weight: float, (out, in, kernel, kernel), or (in, out, kernel, kernel) of a transposed convolution.
void pack_convolution(const ConvolutionLayer& layer, const float* weight, void* packed);

void launch_convolution(const Convolution& parameters, ParallelFor run);

}  // namespace imtrans::cpu
