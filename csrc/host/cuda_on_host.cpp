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

// The one block that is running.
struct Block {
  Context scheduler;
  std::vector<Context> fibers;
  std::vector<bool> finished;
  Barrier all;
  std::vector<Barrier> warps;
  // Two sets of slots by turns: a lane may be one shuffle ahead of another that has still to read.
  std::vector<uint32_t> slots[2];
  std::map<const void*, std::unique_ptr<char[]>> shared;
  const std::function<void()>* thread = nullptr;
  bool progress = false;
};

Block* block = nullptr;

int current() { return static_cast<int>(threadIdx.x); }

void wait_at(Barrier& barrier) {
  if (++barrier.arrived == barrier.expected) {
    barrier.arrived = 0;
    ++barrier.generation;
    block->progress = true;
    return;
  }
  const unsigned generation = barrier.generation;
  const int self = current();
  while (barrier.generation == generation) switch_context(block->fibers[self], block->scheduler);
}

void fiber_main() {
#ifdef __SANITIZE_ADDRESS__
  Context& home = block->scheduler;
  __sanitizer_finish_switch_fiber(nullptr, &home.stack, &home.stack_bytes);
#endif
  (*block->thread)();
  const int self = current();
  block->finished[self] = true;
  block->progress = true;
  switch_context(block->fibers[self], block->scheduler, true);
}

void start_fibers(Block& next, std::vector<std::unique_ptr<char[]>>& stacks) {
  const int threads = static_cast<int>(stacks.size());
  next.scheduler.started = true;
  next.fibers.resize(threads);
  next.finished.assign(threads, false);
  next.all.expected = threads;
  next.warps.resize((threads + kWarp - 1) / kWarp);
  for (auto& slots : next.slots) slots.assign(threads, 0);
  for (int i = 0; i < threads; ++i) {
    Context& fiber = next.fibers[i];
    ++next.warps[i / kWarp].expected;
    getcontext(&fiber.beginning);
    fiber.stack = fiber.beginning.uc_stack.ss_sp = stacks[i].get();
    fiber.stack_bytes = fiber.beginning.uc_stack.ss_size = kStackBytes;
    makecontext(&fiber.beginning, fiber_main, 0);
  }
}

// Resumes every fiber by turns until all have finished; false when all that are left wait for ever.
bool run_fibers(Block& running) {
  for (size_t left = running.fibers.size(); left > 0;) {
    running.progress = false;
    for (size_t i = 0; i < running.fibers.size(); ++i) {
      if (running.finished[i]) continue;
      threadIdx = {static_cast<unsigned>(i), 0, 0};
      switch_context(running.scheduler, running.fibers[i]);
      left -= running.finished[i];
    }
    if (!running.progress) return false;
  }
  return true;
}

}  // namespace

const char* run_grid(int64_t blocks, int threads, const std::function<void()>& thread) {
  if (blocks > INT32_MAX) return "the tensor needs more thread blocks than one launch can have";
  if (threads < 1 || threads > 1024) return "invalid configuration argument";
  std::vector<std::unique_ptr<char[]>> stacks(threads);
  for (auto& stack : stacks) stack.reset(new char[kStackBytes]);
  bool finished = true;
  for (int64_t i = 0; i < blocks && finished; ++i) {
    Block next;
    next.thread = &thread;
    start_fibers(next, stacks);
    blockIdx = {static_cast<unsigned>(i), 0, 0};
    block = &next;
    finished = run_fibers(next);
    block = nullptr;
  }
  return finished ? nullptr : "some threads of a block never reach a barrier or a shuffle that others wait at";
}

void* shared_memory(const void* key, size_t bytes) {
  auto& memory = block->shared[key];
  if (!memory) {
    memory.reset(new char[bytes]);
    std::memset(memory.get(), 0xff, bytes);
  }
  return memory.get();
}

void sync_threads() { wait_at(block->all); }

uint32_t shuffle_down(uint32_t value, unsigned offset) {
  const int self = current();
  Barrier& warp = block->warps[self / kWarp];
  std::vector<uint32_t>& slots = block->slots[warp.generation % 2];
  slots[self] = value;
  wait_at(warp);
  const unsigned source = self % kWarp + offset;
  const size_t index = self - self % kWarp + source;
  // A source past the warp's end gives the lane its own value, as the hardware does.
  return source < kWarp && index < slots.size() ? slots[index] : value;
}

}  // namespace imtrans::cuda::host
