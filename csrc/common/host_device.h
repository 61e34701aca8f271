// Marks a function that both the CPU kernels and, compiled by nvcc, the CUDA kernels call.
#pragma once

#ifdef __CUDACC__
#define IMTRANS_HOST_DEVICE __host__ __device__ inline
#else
#define IMTRANS_HOST_DEVICE inline
#endif
