#include "cpu/scratch.h"

#include <cstdlib>
#include <memory>
#include <new>

namespace imtrans {
namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

struct Block {
  std::unique_ptr<void, Free> memory;
  size_t bytes = 0;
};

}  // namespace

void* thread_scratch(size_t bytes) {
  static thread_local Block block;
  if (bytes > block.bytes) {
    constexpr size_t kLine = 64;
    const size_t whole = (bytes + kLine - 1) / kLine * kLine;
    block.memory.reset();
    block.bytes = 0;
    block.memory.reset(std::aligned_alloc(kLine, whole));
    if (!block.memory) throw std::bad_alloc();
    block.bytes = whole;
  }
  return block.memory.get();
}

}  // namespace imtrans
