// Brings a map that still awaits its normalisation into its final form; see common/affine.h.
#pragma once

#include "common/affine.h"
#include "common/parallel.h"

namespace imtrans::cpu {

void launch_affine(const Affine& parameters, ParallelFor run);

}  // namespace imtrans::cpu
