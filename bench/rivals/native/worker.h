// The process of a C++ program: the protocol of bench/lib/serve.ts and the inputs of
// bench/lib/inputs.ts.
#pragma once
#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

inline double now_ns() {
  using namespace std::chrono;
  return duration<double, std::nano>(steady_clock::now().time_since_epoch()).count();
}

/// Memory in huge pages where there are some, touched by its user first.
template <class T>
struct Array {
  T* data = nullptr;
  size_t size = 0;
  explicit Array(size_t n) : size(n) {
    const size_t bytes = ((n * sizeof(T) + (2 << 20) - 1) >> 21) << 21;
    data = static_cast<T*>(std::aligned_alloc(2 << 20, bytes));
    std::memset(data, 0, bytes);
  }
  ~Array() { std::free(data); }
  Array(const Array&) = delete;
};
template <class T>
using Shared = std::shared_ptr<Array<T>>;

template <class T>
Shared<T> make(size_t n) {
  return std::make_shared<Array<T>>(n);
}

/// Input number k of set 0 or 1: multiples of 2^-22 in [-2, 2).
template <class T>
Shared<T> uniform(int set, int k, size_t n) {
  auto out = make<T>(n);
  const uint32_t seed = static_cast<uint32_t>(10 * set + k + 1) * 0x9E3779B9u;
  for (size_t i = 0; i < n; i++) {
    uint32_t h = static_cast<uint32_t>(i) + seed;
    h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
    h = (h ^ (h >> 13)) * 0xC2B2AE35u;
    h ^= h >> 16;
    out->data[i] = static_cast<T>(((h >> 8) / 16777216.0 - 0.5) * 4);
  }
  return out;
}
template <class T>
Shared<T> positive(int set, int k, size_t n) {
  auto out = uniform<T>(set, k, n);
  for (size_t i = 0; i < n; i++) out->data[i] = std::abs(out->data[i]) + static_cast<T>(0.1);
  return out;
}
inline Shared<float> labels(int set, int k, size_t n) {
  auto out = uniform<float>(set, k, n);
  for (size_t i = 0; i < n; i++) out->data[i] = out->data[i] > 0 ? 1.f : 0.f;
  return out;
}

/// The checksum of bench/lib/inputs.ts.
struct Checksum {
  double sum = 0, scale = 0;
  template <class T>
  Checksum& add(const T* y, size_t n) {
    for (size_t i = 0; i < n; i++) {
      const double term = static_cast<double>(y[i]) * static_cast<double>(1 + i % 13);
      sum += term;
      scale += std::abs(term);
    }
    return *this;
  }
};

template <class T>
const char* dtype_name();
template <>
inline const char* dtype_name<float>() {
  return "float32";
}
template <>
inline const char* dtype_name<double>() {
  return "float64";
}
template <>
inline const char* dtype_name<int64_t>() {
  return "int64";
}

/// One row: call(i), and check(set), which computes and sums the results.
struct Case {
  std::string dtype;
  std::function<void(int64_t)> call;
  std::function<Checksum(int)> check;
};
using Rows = std::vector<std::pair<std::string, std::function<Case()>>>;

class Runner {
 public:
  Runner(Case made, bool every_call, double round_ns)
      : case_(std::move(made)), step_(every_call ? 1 : 0), round_ns_(round_ns) {}
  int64_t warm() {
    for (double spent = 0, fastest = 1e30; spent < 100e6;) {
      const double elapsed = time(calls_);
      spent += elapsed;
      fastest = std::min(fastest, elapsed / static_cast<double>(calls_));
      const double wanted = std::ceil(round_ns_ / std::max(fastest, 1.0));
      calls_ = std::max<int64_t>(1, std::min<int64_t>(100 * calls_, static_cast<int64_t>(wanted)));
    }
    return calls_;
  }
  double round() {
    if (step_ == 0) next_++;
    time(std::max<int64_t>(1, calls_ / 20));
    return time(calls_) / static_cast<double>(calls_);
  }

 private:
  double time(int64_t calls) {
    const double started = now_ns();
    for (int64_t n = 0; n < calls; n++, next_ += step_) case_.call(next_);
    return now_ns() - started;
  }
  Case case_;
  int64_t step_, next_ = 0, calls_ = 1;
  double round_ns_;
};

inline void say(const std::string& json) { std::cout << "@bench " << json << "\n" << std::flush; }

inline std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return std::isfinite(value) ? text : "null";
}

/// Serves the rows until told to quit.
inline int serve(const std::string& version, const Rows& rows) {
  std::string names;
  for (auto& row : rows) names += (names.empty() ? "\"" : ",\"") + row.first + "\"";
  say("{\"version\":\"" + version + "\",\"rows\":[" + names + "]}");
  std::unique_ptr<Runner> runner;
  for (std::string text; std::getline(std::cin, text);) {
    std::istringstream words(text);
    std::string command, name, inputs;
    double round_ms = 0;
    words >> command >> name >> inputs >> round_ms;
    if (command == "quit") break;
    if (command == "make") {
      auto found =
          std::find_if(rows.begin(), rows.end(), [&](auto& row) { return row.first == name; });
      if (found == rows.end()) {
        say("{\"error\":\"no such row\"}");
        continue;
      }
      Case made = found->second();
      const Checksum a = made.check(0), b = made.check(1);
      std::string json = "{\"dtype\":\"" + made.dtype + "\",\"checks\":[";
      json += "{\"sum\":" + number(a.sum) + ",\"scale\":" + number(a.scale) + "},";
      json += "{\"sum\":" + number(b.sum) + ",\"scale\":" + number(b.scale) + "}],\"calls\":";
      runner = std::make_unique<Runner>(std::move(made), inputs == "everyCall", round_ms * 1e6);
      say(json + std::to_string(runner->warm()) + "}");
    } else if (command == "round") {
      say("{\"ns\":" + number(runner->round()) + "}");
    } else if (command == "drop") {
      runner.reset();
      say("{}");
    }
  }
  return 0;
}

/// Threads that wait for work by spinning: the cheapest hand-over there is.
class Pool {
 public:
  explicit Pool(int threads) : threads_(threads) {
    for (int i = 1; i < threads; i++) {
      workers_.emplace_back([this, i] {
        for (int seen = 0;;) {
          for (int spins = 0; generation_.load(std::memory_order_acquire) == seen; wait(&spins)) {
            if (stop_) return;
          }
          seen++;
          job_(i);
          done_++;
        }
      });
    }
  }
  ~Pool() {
    stop_ = true;
    for (auto& worker : workers_) worker.join();
  }
  /// f(begin, end, thread) over parts of [0, n); by this thread alone below `grain`.
  template <class F>
  void range(size_t n, size_t grain, size_t multiple, F f) {
    if (threads_ == 1 || n < grain) return f(size_t{0}, n, 0);
    const size_t part = (n / threads_ + multiple - 1) / multiple * multiple;
    run([&](int t) {
      const size_t begin = std::min(n, t * part),
                   end = t == threads_ - 1 ? n : std::min(n, begin + part);
      if (begin < end) f(begin, end, t);
    });
  }
  void run(std::function<void(int)> job) {
    job_ = std::move(job);
    done_ = 0;
    generation_++;
    job_(0);
    for (int spins = 0; done_ < threads_ - 1;) wait(&spins);
  }

 private:
  int threads_;
  /// Spins for some 0.1 ms, then lets others run: on a busy machine the other thread may be waiting
  /// for this CPU.
  static void wait(int* spins) {
    if (++*spins > kSpins) std::this_thread::yield();
  }
  static constexpr int kSpins = 100000;
  std::vector<std::thread> workers_;
  std::function<void(int)> job_;
  std::atomic<int> generation_{0}, done_{0};
  std::atomic<bool> stop_{false};
};
