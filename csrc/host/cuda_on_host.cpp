// Fibers that stand for the threads of a block, and the scheduler that runs them in turn.
#include "host/cuda_on_host.h"

// The checked longjmp takes a jump to another stack for a mistake.
#undef _FORTIFY_SOURCE
#include <setjmp.h>
#include <ucontext.h>

#include <cstring>
#include <map>
#include <memory>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

Index3 threadIdx, blockIdx;

namespace imtrans::cuda::host {
namespace {

constexpr size_t kStackBytes = 64 * 1024;
constexpr int kWarp = 32;

// A stack, and the place where its fiber stopped.
struct Context {
  ucontext_t beginning;
  jmp_buf stopped;
  bool started = false;
  const void* stack = nullptr;
  size_t stack_bytes = 0;
  void* sanitizer_state = nullptr;
};

#ifdef __SANITIZE_ADDRESS__
// AddressSanitizer has to be told of every change of stacks, and understands no jumps between them.
void switch_context(Context& from, Context& to, bool from_ends = false) {
  __sanitizer_start_switch_fiber(from_ends ? nullptr : &from.sanitizer_state, to.stack, to.stack_bytes);
  swapcontext(&from.beginning, &to.beginning);
  __sanitizer_finish_switch_fiber(from.sanitizer_state, nullptr, nullptr);
}
#else
// swapcontext() would do, but asks the kernel for the signal mask each time; a jump takes some nanoseconds.
void switch_context(Context& from, Context& to, bool /*from_ends*/ = false) {
  if (_setjmp(from.stopped) != 0) return;
  if (to.started) _longjmp(to.stopped, 1);
  to.started = true;
  setcontext(&to.beginning);
}
#endif

struct Barrier {
  int expected = 0;
  int arrived = 0;
  unsigned generation = 0;
};

struct Allocation {
  size_t bytes;
  std::unique_ptr<char[]> memory;
};

// What the threads of one block share.
struct Block {
  unsigned index = 0;
  int running = 0;  // threads that have not finished
  Barrier all;
  std::vector<Barrier> warps;
  // Two sets of slots by turns: a lane may be one shuffle ahead of another that has still to read.
  std::vector<uint32_t> slots[2];
  std::map<const void*, Allocation> shared;
};

// The blocks that are running: one cluster. Fibers are numbered through, block after block.
struct Cluster {
  Context scheduler;
  int threads = 0, shared_bytes = 0;  // of a block
  std::vector<Block> blocks;
  std::vector<Context> fibers;
  std::vector<bool> finished;
  Barrier all;
  const std::function<void()>* thread = nullptr;
  const char* wrong = nullptr;
  bool progress = false;
};

Cluster* cluster = nullptr;
int current = 0;  // number of the fiber that runs

Block& own_block() { return cluster->blocks[current / cluster->threads]; }

void wait_at(Barrier& barrier) {
  if (++barrier.arrived == barrier.expected) {
    barrier.arrived = 0;
    ++barrier.generation;
    cluster->progress = true;
    return;
  }
  const unsigned generation = barrier.generation;
  Context& self = cluster->fibers[current];
  while (barrier.generation == generation) switch_context(self, cluster->scheduler);
}

void fiber_main() {
#ifdef __SANITIZE_ADDRESS__
  Context& home = cluster->scheduler;
  __sanitizer_finish_switch_fiber(nullptr, &home.stack, &home.stack_bytes);
#endif
  (*cluster->thread)();
  cluster->finished[current] = true;
  --own_block().running;
  cluster->progress = true;
  switch_context(cluster->fibers[current], cluster->scheduler, true);
}

void start_blocks(Cluster& next, int64_t first, int count) {
  next.blocks.resize(count);
  for (int i = 0; i < count; ++i) {
    Block& block = next.blocks[i];
    block.index = static_cast<unsigned>(first + i);
    block.running = block.all.expected = next.threads;
    block.warps.resize((next.threads + kWarp - 1) / kWarp);
    for (auto& slots : block.slots) slots.assign(next.threads, 0);
    for (int thread = 0; thread < next.threads; ++thread) ++block.warps[thread / kWarp].expected;
  }
}

void start_fibers(Cluster& next, std::vector<std::unique_ptr<char[]>>& stacks) {
  next.scheduler.started = true;
  next.fibers.resize(stacks.size());
  next.finished.assign(stacks.size(), false);
  next.all.expected = static_cast<int>(stacks.size());
  for (size_t i = 0; i < stacks.size(); ++i) {
    Context& fiber = next.fibers[i];
    getcontext(&fiber.beginning);
    fiber.stack = fiber.beginning.uc_stack.ss_sp = stacks[i].get();
    fiber.stack_bytes = fiber.beginning.uc_stack.ss_size = kStackBytes;
    makecontext(&fiber.beginning, fiber_main, 0);
  }
}

// Resumes every fiber by turns until all have finished; false when all that are left wait for ever.
bool run_fibers(Cluster& running) {
  for (size_t left = running.fibers.size(); left > 0;) {
    running.progress = false;
    for (size_t i = 0; i < running.fibers.size(); ++i) {
      if (running.finished[i]) continue;
      current = static_cast<int>(i);
      threadIdx = {static_cast<unsigned>(current % running.threads), 0, 0};
      blockIdx = {own_block().index, 0, 0};
      switch_context(running.scheduler, running.fibers[i]);
      left -= running.finished[i];
    }
    if (!running.progress) return false;
  }
  return true;
}

}  // namespace

const char* run_grid(int64_t blocks, int cluster_blocks, int threads, int shared_bytes,
                     const std::function<void()>& thread) {
  if (blocks > INT32_MAX) return "the tensor needs more thread blocks than one launch can have";
  const bool whole_clusters = cluster_blocks >= 1 && cluster_blocks <= 8 && blocks % cluster_blocks == 0;
  if (threads < 1 || threads > 1024 || !whole_clusters || shared_bytes > kMostSharedBytes) {
    return "invalid configuration argument";
  }
  std::vector<std::unique_ptr<char[]>> stacks(size_t(threads) * cluster_blocks);
  for (auto& stack : stacks) stack.reset(new char[kStackBytes]);
  for (int64_t first = 0; first < blocks; first += cluster_blocks) {
    Cluster next;
    next.thread = &thread;
    next.threads = threads;
    next.shared_bytes = shared_bytes;
    start_blocks(next, first, cluster_blocks);
    start_fibers(next, stacks);
    cluster = &next;
    const bool finished = run_fibers(next);
    cluster = nullptr;
    if (!finished) return "some threads of a block never reach a barrier or a shuffle that others wait at";
    if (next.wrong != nullptr) return next.wrong;
  }
  return nullptr;
}

namespace {

char* allocate(Block& block, const void* key, size_t bytes) {
  Allocation& allocation = block.shared[key];
  if (!allocation.memory) {
    allocation = {bytes, std::unique_ptr<char[]>(new char[bytes])};
    std::memset(allocation.memory.get(), 0xff, bytes);
  }
  return allocation.memory.get();
}

}  // namespace

void* shared_memory(const void* key, size_t bytes) { return allocate(own_block(), key, bytes); }

void* launch_shared_memory(const void* key) { return allocate(own_block(), key, cluster->shared_bytes); }

void* shared_memory_of(const void* own, int rank) {
  Block& other = cluster->blocks[rank];
  if (other.running < cluster->threads) cluster->wrong = "a block looks into the shared memory of one that is ending";
  for (const auto& [key, allocation] : own_block().shared) {
    const ptrdiff_t offset = static_cast<const char*>(own) - allocation.memory.get();
    if (offset >= 0 && size_t(offset) < allocation.bytes) return allocate(other, key, allocation.bytes) + offset;
  }
  cluster->wrong = "a block asks for the shared memory of another with a pointer that is not of its own";
  return const_cast<void*>(own);
}

void sync_threads() { wait_at(own_block().all); }

void sync_cluster() { wait_at(cluster->all); }

uint32_t shuffle_down(uint32_t value, unsigned offset) {
  const int self = static_cast<int>(threadIdx.x);
  Block& block = own_block();
  Barrier& warp = block.warps[self / kWarp];
  std::vector<uint32_t>& slots = block.slots[warp.generation % 2];
  slots[self] = value;
  wait_at(warp);
  const unsigned source = self % kWarp + offset;
  const size_t index = self - self % kWarp + source;
  // A source past the warp's end gives the lane its own value, as the hardware does.
  return source < kWarp && index < slots.size() ? slots[index] : value;
}

}  // namespace imtrans::cuda::host
