// What the machine can do: FMA peak, and copy bandwidth by working set, with the given number of
// threads. Prints `name rate`: operations or bytes a nanosecond; the best of several tries, because
// nothing but a disturbance makes one slower. `limits N handover` prints only `handover ns`.
#include "worker.h"
#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
static constexpr int kBytes = 64;
#else
static constexpr int kBytes = 32;
#endif

/// 12 independent chains of multiply-adds in vectors of T; operations done.
template <class T>
__attribute__((noinline)) static double fma_chains(long n) {
  typedef T V __attribute__((vector_size(kBytes)));
  constexpr int kChains = 12;
  V a[kChains];
  const V x = V{} + T(0.9999), y = V{} + T(1e-4);
  for (int i = 0; i < kChains; i++) a[i] = V{} + T(i);
  for (long k = 0; k < n; k++) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; i++) a[i] = a[i] * x + y;
  }
  V sum = V{};
  for (const V& one : a) sum += one;
  volatile T sink = sum[0];
  (void)sink;
  return 2.0 * n * kChains * (kBytes / sizeof(T));
}

static double best(int tries, const std::function<double()>& rate) {
  double most = 0;
  for (int i = 0; i < tries; i++) most = std::max(most, rate());
  return most;
}

template <class T>
static void peak(const char* name, Pool& pool) {
  const double rate = best(9, [&] {
    const double started = now_ns();
    std::atomic<long> operations{0};
    pool.run([&](int) { operations += static_cast<long>(fma_chains<T>(1000000)); });
    return static_cast<double>(operations) / (now_ns() - started);
  });
  std::printf("fma.%s %.3f\n", name, rate);
}

static void copy_plain(const float* from, float* to, size_t n) {
  typedef float V __attribute__((vector_size(kBytes), aligned(4), may_alias));
  for (size_t i = 0; i + kBytes / 4 <= n; i += kBytes / 4)
    *reinterpret_cast<V*>(to + i) = *reinterpret_cast<const V*>(from + i);
}

static bool copy_streaming(const float* from, float* to, size_t n) {
#if defined(__AVX512F__)
  for (size_t i = 0; i + 16 <= n; i += 16) _mm512_stream_ps(to + i, _mm512_loadu_ps(from + i));
  _mm_sfence();
  return true;
#elif defined(__AVX2__)
  for (size_t i = 0; i + 8 <= n; i += 8) _mm256_stream_ps(to + i, _mm256_loadu_ps(from + i));
  _mm_sfence();
  return true;
#else
  (void)from, (void)to, (void)n;
  return false;
#endif
}

/// Working sets (read and written together) from a cache's to many times the last one's.
static void copies(int threads, Pool& pool) {
  for (size_t bytes : {size_t{400000}, size_t{2000000}, size_t{8000000}, size_t{32000000},
                       size_t{80000000}, size_t{160000000}}) {
    const size_t n = bytes / 8;
    Array<float> from(n), to(n);
    const size_t part = (n / threads + 15) / 16 * 16;
    const int repeats = static_cast<int>(std::max<size_t>(1, 80000000 / bytes));
    auto run = [&](const char* kind, auto copy) {
      const double rate = best(9, [&] {
        const double started = now_ns();
        pool.run([&](int t) {
          const size_t begin = std::min(n, t * part), end = std::min(n, begin + part);
          for (int r = 0; r < repeats; r++) {
            copy(from.data + begin, to.data + begin, end - begin);
            asm volatile("" ::: "memory");
          }
        });
        return static_cast<double>(bytes) * repeats / (now_ns() - started);
      });
      std::printf("copy%s.%zu %.3f\n", kind, bytes, rate);
    };
    run("", copy_plain);
    if (copy_streaming(from.data, to.data, 16)) run(".nt", copy_streaming);
  }
}

/// Nanoseconds for a line of the caches to go from one thread to another and back: where two processors share a cache it is some
/// 80, where they do not several times that.
static double handover(Pool& pool) {
  constexpr int kTrips = 1000;
  alignas(64) std::atomic<int> turn{0};
  return 1 / best(20, [&] {
           turn = 0;
           const double started = now_ns();
           pool.run([&](int t) {
             for (int i = 0; t < 2 && i < kTrips; i++) {
               while (turn.load(std::memory_order_acquire) != t) {
               }
               turn.store(1 - t, std::memory_order_release);
             }
           });
           return kTrips / (now_ns() - started);
         });
}

int main(int argc, char** argv) {
  const int threads = std::atoi(argv[1]);
  Pool pool(threads);
  if (argc > 2 && std::string(argv[2]) == "handover") {
    std::printf("handover %.0f\n", threads > 1 ? handover(pool) : 0);
    return 0;
  }
  peak<float>("float32", pool);
  peak<double>("float64", pool);
  copies(threads, pool);
  return 0;
}
