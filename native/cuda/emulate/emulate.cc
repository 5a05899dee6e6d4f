// See cuda_runtime.h: the threads of a grid, as fibers.
#include "cuda_runtime.h"

#include <ucontext.h>

#include <memory>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

thread_local uint3 threadIdx, blockIdx;
thread_local dim3 blockDim, gridDim;

namespace emulate {
namespace {

// --- fibers: the threads of a block ---

constexpr size_t kStackBytes = size_t{64} << 10;

enum class State { kRuns, kAtBlockBarrier, kAtWarpBarrier, kDone };

struct Fiber {
  ucontext_t context;
  std::unique_ptr<unsigned char[]> stack{new unsigned char[kStackBytes]};
  unsigned thread = 0;  // of the block
  State state = State::kDone;
  void* fake_stack = nullptr;  // the address sanitizer's
};

// Runs one block after the other. A fiber takes the next thread when its own has returned, so that a kernel without barriers
// needs one fiber only.
class Block {
 public:
  void run(const std::function<void()>& body) {
    body_ = &body;
    total_ = blockDim.x * blockDim.y * blockDim.z;
    next_ = 0;
    while (next_ < total_ || waiting()) {
      release();
      bool ran = false;
      for (size_t f = 0; f < live_; ++f) {
        if (fibers_[f]->state == State::kRuns) resume(*fibers_[f]), ran = true;
      }
      if (next_ < total_ && !ran) start();
    }
    live_ = 0;
  }

  void barrier(State state) {
    Fiber& fiber = *current_;
    fiber.state = state;
    leave(fiber, false);
    place(fiber.thread);
  }

  uint64_t* exchange() { return slots_[current_->thread / 32]; }

 private:
  bool waiting() const {
    for (size_t f = 0; f < live_; ++f) {
      if (fibers_[f]->state != State::kDone) return true;
    }
    return false;
  }

  // Opens barriers at which everybody has arrived. All threads must have begun: one that has not may still come to it.
  void release() {
    if (next_ < total_) {
      release_warps();
      return;
    }
    bool all = true;
    for (size_t f = 0; f < live_; ++f) {
      all &= fibers_[f]->state == State::kDone || fibers_[f]->state == State::kAtBlockBarrier;
    }
    for (size_t f = 0; all && f < live_; ++f) {
      if (fibers_[f]->state == State::kAtBlockBarrier) fibers_[f]->state = State::kRuns;
    }
    release_warps();
  }
  void release_warps() {
    for (unsigned first = 0; first < total_; first += 32) {
      const unsigned end = first + 32 < total_ ? first + 32 : total_;
      if (next_ < end) return;
      bool all = true, any = false;
      for (size_t f = 0; f < live_; ++f) {
        const Fiber& fiber = *fibers_[f];
        if (fiber.state == State::kDone || fiber.thread < first || fiber.thread >= end) continue;
        all &= fiber.state == State::kAtWarpBarrier;
        any = true;
      }
      for (size_t f = 0; all && any && f < live_; ++f) {
        Fiber& fiber = *fibers_[f];
        if (fiber.state == State::kAtWarpBarrier && fiber.thread >= first && fiber.thread < end) fiber.state = State::kRuns;
      }
    }
  }

  void start() {
    size_t f = 0;
    while (f < live_ && fibers_[f]->state != State::kDone) ++f;
    if (f == fibers_.size()) fibers_.push_back(std::make_unique<Fiber>());
    if (f == live_) ++live_;
    Fiber& fiber = *fibers_[f];
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = nullptr;
    fiber.fake_stack = nullptr;
    makecontext(&fiber.context, &Block::enter, 0);
    fiber.state = State::kRuns;
    fiber.thread = next_++;
    place(fiber.thread);
    resume(fiber);
  }

  static void enter();

  void resume(Fiber& fiber) {
    current_ = &fiber;
    place(fiber.thread);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&fake_stack_, fiber.stack.get(), kStackBytes);
#endif
    swapcontext(&scheduler_, &fiber.context);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack_, nullptr, nullptr);
#endif
  }

  void leave(Fiber& fiber, bool for_good) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(for_good ? nullptr : &fiber.fake_stack, bottom_, size_);
#else
    (void)for_good;
#endif
    swapcontext(&fiber.context, &scheduler_);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fiber.fake_stack, &bottom_, &size_);
#endif
  }

  void place(unsigned thread) {
    threadIdx = {thread % blockDim.x, thread / blockDim.x % blockDim.y, thread / blockDim.x / blockDim.y};
  }

  const std::function<void()>* body_ = nullptr;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  size_t live_ = 0;
  unsigned total_ = 0, next_ = 0;
  Fiber* current_ = nullptr;
  ucontext_t scheduler_;
  uint64_t slots_[32][32];
  void* fake_stack_ = nullptr;
  const void* bottom_ = nullptr;
  size_t size_ = 0;
};

thread_local Block* g_block = nullptr;

void Block::enter() {
  Block& block = *g_block;
  Fiber& fiber = *block.current_;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &block.bottom_, &block.size_);
#endif
  for (;;) {
    (*block.body_)();
    // While nobody waits, the next thread may be this fiber's.
    bool alone = block.next_ < block.total_;
    for (size_t f = 0; alone && f < block.live_; ++f) {
      alone = block.fibers_[f].get() == &fiber || block.fibers_[f]->state == State::kDone;
    }
    if (!alone) break;
    fiber.thread = block.next_++;
    block.place(fiber.thread);
  }
  fiber.state = State::kDone;
  block.leave(fiber, true);
}

}  // namespace

void block_barrier() { g_block->barrier(State::kAtBlockBarrier); }
void warp_barrier() { g_block->barrier(State::kAtWarpBarrier); }
uint64_t* warp_exchange() { return g_block->exchange(); }
void* dynamic_shared() {
  // What a launch may ask for without an attribute of the kernel.
  alignas(64) static thread_local unsigned char memory[kDynamicShared];
  return memory;
}

void run_grid(dim3 grid, dim3 block, const std::function<void()>& body) {
  static thread_local Block runner;
  g_block = &runner;
  gridDim = grid;
  blockDim = block;
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = {x, y, z};
        runner.run(body);
      }
    }
  }
}

}  // namespace emulate
