// What CUDA gives a kernel, for a C++ compiler: the source that CuPy makes of a kernel includes it first.
// A block whose threads wait for one another (`__syncthreads`) runs them in turn, as fibers; without that,
// one thread runs to its end before the next begins.
#pragma once
#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <ucontext.h>
#include <utility>
#include <vector>
#include <xmmintrin.h>

#define __global__
#define __device__
#define __host__
#define __shared__ static
#define __forceinline__ inline
#define __launch_bounds__(n)

using std::abs; using std::isfinite; using std::isinf; using std::isnan; using std::max; using std::min;
using std::signbit;
template <typename T> class complex;  // named in code for other dtypes

struct Place { unsigned x, y, z; };
static Place threadIdx, blockIdx, blockDim, gridDim;

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
inline float __int_as_float(int x) { float y; memcpy(&y, &x, sizeof y); return y; }
inline double __longlong_as_double(long long x) { double y; memcpy(&y, &x, sizeof y); return y; }

namespace launching {

enum State { READY, AT_WARP, AT_BLOCK, ENDED };
struct Fiber { ucontext_t context; std::unique_ptr<char[]> stack; unsigned number; State state; };
static ucontext_t scheduler;
static Fiber* running;
static void (*body)(void**);
static void** given;

static void enter() { body(given); running->state = ENDED; }

static void wait(State state) { running->state = state; swapcontext(&running->context, &scheduler); }

// Who waits for a warp goes on when nobody else can, who waits for a block when nobody waits for a warp.
static bool release(std::vector<Fiber>& fibers, State state) {
    bool any = false;
    for (Fiber& fiber : fibers) {
        if (fiber.state == state) { fiber.state = READY, any = true; }
    }
    return any;
}

static void in_turn(unsigned threads) {
    constexpr size_t stack = 64 << 10;
    std::vector<Fiber> fibers(threads);
    for (unsigned i = 0; i < threads; ++i) {
        Fiber& fiber = fibers[i];
        fiber.stack.reset(new char[stack]), fiber.number = i, fiber.state = READY;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.get(), fiber.context.uc_stack.ss_size = stack;
        fiber.context.uc_link = &scheduler;
        makecontext(&fiber.context, enter, 0);
    }
    do {
        for (Fiber& fiber : fibers) {
            if (fiber.state != READY) { continue; }
            running = &fiber, threadIdx.x = fiber.number;
            swapcontext(&scheduler, &fiber.context);
        }
    } while (release(fibers, AT_WARP) || release(fibers, AT_BLOCK));
}

template <typename... Types, size_t... Numbers>
void call(void (*kernel)(Types...), void** arguments, std::index_sequence<Numbers...>) {
    kernel(*static_cast<std::remove_reference_t<Types>*>(arguments[Numbers])...);
}

template <typename... Types>
void call(void (*kernel)(Types...), void** arguments) {
    call(kernel, arguments, std::index_sequence_for<Types...>());
}

// `flush` is whether numbers too small to be normal are 0: CuPy compiles with -ftz=true, for float32.
static void launch(void (*function)(void**), void** arguments, unsigned blocks, unsigned threads, bool waits,
                   bool flush) {
    unsigned before = _mm_getcsr();
    if (flush) { _mm_setcsr(before | 0x8040); }
    body = function, given = arguments;
    gridDim = {blocks, 1, 1}, blockDim = {threads, 1, 1}, threadIdx = {0, 0, 0}, blockIdx = {0, 0, 0};
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) {
        if (waits) { in_turn(threads); continue; }
        for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x) { function(arguments); }
    }
    _mm_setcsr(before);
}

}  // namespace launching

inline void __syncthreads() { launching::wait(launching::AT_BLOCK); }
inline void __syncwarp() { launching::wait(launching::AT_WARP); }
