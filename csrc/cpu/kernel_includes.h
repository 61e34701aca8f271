// What the headers that are compiled once for every instruction set need; these cannot include it themselves, since an
// include within a namespace or under a target attribute would differ from one to the next.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <type_traits>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "common/bfloat16.h"
#include "common/feature_map.h"
#include "common/parallel.h"
#include "cpu/border.h"
