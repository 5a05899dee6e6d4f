// The reference: each row's arithmetic alone, in straight loops over memory that is there already.
// Close to what the machine can do. Built with -O3 -march=native -ffast-math, so that the compiler
// takes the vector functions of libmvec.
#include "worker.h"
#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

static Pool* pool;
static constexpr size_t kGrain = 16384;
static constexpr size_t kTile = 2048;
/// Results above this go around the caches.
static constexpr size_t kStream = 16u << 20;

/// Copies a tile with non-temporal stores; `to` is a multiple of 64 bytes.
template <class T>
static void stream(const T* from, T* to, size_t n) {
#if defined(__AVX512F__)
  size_t i = 0;
  for (; i + 64 / sizeof(T) <= n; i += 64 / sizeof(T))
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_loadu_si512(from + i));
  for (; i < n; i++) to[i] = from[i];
#elif defined(__AVX2__)
  size_t i = 0;
  for (; i + 32 / sizeof(T) <= n; i += 32 / sizeof(T))
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
  for (; i < n; i++) to[i] = from[i];
#else
  std::memcpy(to, from, n * sizeof(T));
#endif
}

template <class T, class F>
static void each(size_t n, T* y, F f) {
  pool->range(n, kGrain, kTile, [&](size_t begin, size_t end, int) {
    if (n * sizeof(T) < kStream) {
      for (size_t i = begin; i < end; i++) y[i] = f(i);
      return;
    }
    alignas(64) T tile[kTile];
    for (size_t i = begin; i < end; i += kTile) {
      const size_t m = std::min(kTile, end - i);
      for (size_t j = 0; j < m; j++) tile[j] = f(i + j);
      stream(tile, y + i, m);
    }
  });
}

/// A case over inputs that `inputs(set)` gives, with `n` results: run(inputs, y).
template <class T>
static Case over(size_t n, const std::function<std::vector<Shared<T>>(int)>& inputs,
                 const std::function<void(const std::vector<Shared<T>>&, T*)>& run) {
  auto sets = std::make_shared<std::vector<std::vector<Shared<T>>>>();
  for (int set = 0; set < 2; set++) sets->push_back(inputs(set));
  auto y = make<T>(n);
  return {dtype_name<T>(), [=](int64_t i) { run((*sets)[i & 1], y->data); },
          [=](int set) {
            run((*sets)[set], y->data);
            return Checksum().add(y->data, n);
          }};
}

template <class T>
static void elementwise(const std::string& prefix, Rows* rows) {
  using In = std::vector<Shared<T>>;
  for (auto [label, n] : {std::pair{"1e5", size_t{100000}}, {"1e7", size_t{10000000}}}) {
    auto add = [&, label = label, n = n](const std::string& op, const std::string& streams,
                                         auto f) {
      rows->push_back({"elem." + prefix + op + "." + label, [=] {
                         auto inputs = [=](int set) {
                           In in;
                           for (char c : streams)
                             in.push_back(c == 'p' ? positive<T>(set, 0, n)
                                                   : uniform<T>(set,
                                                                c == 'x'   ? 0
                                                                : c == 'w' ? 1
                                                                           : 2,
                                                                n));
                           while (in.size() < 3) in.push_back(in[0]);
                           return in;
                         };
                         return over<T>(n, inputs, [=](const In& in, T* y) {
                           const T* a = in[0]->data;
                           const T* b = in[1]->data;
                           const T* c = in[2]->data;
                           each(n, y, [=](size_t i) { return f(a[i], b[i], c[i]); });
                         });
                       }});
    };
    add("add", "xw", [](T x, T w, T) { return x + w; });
    add("affine", "xwb", [](T x, T w, T b) { return x * w + b; });
    add("exp", "x", [](T x, T, T) { return std::exp(x); });
    add("sigmoid", "x", [](T x, T, T) { return T(1) / (T(1) + std::exp(-x)); });
    add("log", "p", [](T p, T, T) { return std::log(p); });
    add("tanh", "x", [](T x, T, T) { return std::tanh(x); });
    add("pow", "p", [](T p, T, T) { return std::pow(p, T(2.3)); });
  }
}

static void chain(Rows* rows) {
  using In = std::vector<Shared<float>>;
  for (auto [label, n] :
       {std::pair{"1e3", size_t{1000}}, {"1e5", size_t{100000}}, {"1e7", size_t{10000000}}}) {
    rows->push_back({std::string("elem.sce8.") + label, [n = n] {
                       auto inputs = [=](int set) {
                         return In{uniform<float>(set, 0, n), labels(set, 1, n)};
                       };
                       return over<float>(n, inputs, [=](const In& in, float* y) {
                         const float* x = in[0]->data;
                         const float* z = in[1]->data;
                         each(n, y, [=](size_t i) {
                           return std::fmax(x[i], 0.f) - x[i] * z[i] +
                                  std::log(1.f + std::exp(-std::fabs(x[i])));
                         });
                       });
                     }});
  }
}

static constexpr size_t kRows = 4096, kColumns = 1024, kVector = 10000000;

struct Sum {
  template <class T>
  static T start() {
    return 0;
  }
  template <class T>
  static T join(T a, T b) {
    return a + b;
  }
};
struct Max {
  template <class T>
  static T start() {
    return T(-1e30);
  }
  template <class T>
  static T join(T a, T b) {
    return a > b ? a : b;
  }
};

template <class T, class Op>
static T fold(const T* x, size_t n) {
  // Several accumulators: one would wait for itself.
  static constexpr size_t kLanes = 512 / sizeof(T);
  T lanes[kLanes];
  for (T& lane : lanes) lane = Op::template start<T>();
  const size_t whole = n / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes)
    for (size_t j = 0; j < kLanes; j++) lanes[j] = Op::join(lanes[j], x[i + j]);
  T all = Op::template start<T>();
  for (size_t i = whole; i < n; i++) all = Op::join(all, x[i]);
  for (T lane : lanes) all = Op::join(all, lane);
  return all;
}

template <class T, class Op>
static void reductions(const std::string& name, bool of_positive, Rows* rows) {
  using In = std::vector<Shared<T>>;
  auto inputs = [=](size_t n) {
    return
        [=](int set) { return In{of_positive ? positive<T>(set, 0, n) : uniform<T>(set, 0, n)}; };
  };
  rows->push_back({name + ".1e7", [=] {
                     return over<T>(1, inputs(kVector), [](const In& in, T* y) {
                       T parts[64];
                       for (T& part : parts) part = Op::template start<T>();
                       pool->range(kVector, kGrain, 16, [&](size_t begin, size_t end, int t) {
                         parts[t] = fold<T, Op>(in[0]->data + begin, end - begin);
                       });
                       *y = fold<T, Op>(parts, 64);
                     });
                   }});
  rows->push_back({name + ".axis0", [=] {
                     return over<T>(kColumns, inputs(kRows * kColumns), [](const In& in, T* y) {
                       const T* x = in[0]->data;
                       pool->range(kColumns, 2, 64, [&](size_t begin, size_t end, int) {
                         for (size_t j = begin; j < end; j += 64) {
                           T sums[64];
                           for (T& sum : sums) sum = Op::template start<T>();
                           for (size_t i = 0; i < kRows; i++)
                             for (size_t k = 0; k < 64; k++)
                               sums[k] = Op::join(sums[k], x[i * kColumns + j + k]);
                           for (size_t k = 0; k < 64; k++) y[j + k] = sums[k];
                         }
                       });
                     });
                   }});
  rows->push_back({name + ".axis1", [=] {
                     return over<T>(kRows, inputs(kRows * kColumns), [](const In& in, T* y) {
                       const T* x = in[0]->data;
                       pool->range(kRows, 2, 16, [&](size_t begin, size_t end, int) {
                         for (size_t i = begin; i < end; i++)
                           y[i] = fold<T, Op>(x + i * kColumns, kColumns);
                       });
                     });
                   }});
}

static void softmax(size_t r, size_t c, Rows* rows) {
  using In = std::vector<Shared<float>>;
  rows->push_back({"softmax." + std::to_string(r) + "x" + std::to_string(c), [=] {
                     auto inputs = [=](int set) { return In{uniform<float>(set, 0, r * c)}; };
                     return over<float>(r * c, inputs, [=](const In& in, float* y) {
                       pool->range(r, 2, 16, [&](size_t begin, size_t end, int) {
                         for (size_t i = begin; i < end; i++) {
                           const float* a = in[0]->data + i * c;
                           float* b = y + i * c;
                           const float most = fold<float, Max>(a, c);
                           float total = 0;
                           for (size_t j = 0; j < c; j++) total += b[j] = std::exp(a[j] - most);
                           total = 1 / total;
                           for (size_t j = 0; j < c; j++) b[j] *= total;
                         }
                       });
                     });
                   }});
}

static void layout(Rows* rows) {
  using In = std::vector<Shared<float>>;
  static constexpr size_t kSide = 1000;
  for (bool row : {true, false}) {
    rows->push_back({row ? "bcast.row.1000x1000" : "bcast.col.1000x1000", [=] {
                       auto inputs = [](int set) {
                         return In{uniform<float>(set, 0, kSide * kSide),
                                   uniform<float>(set, 1, kSide)};
                       };
                       return over<float>(kSide * kSide, inputs, [=](const In& in, float* y) {
                         const float* x = in[0]->data;
                         const float* v = in[1]->data;
                         pool->range(kSide, 2, 1, [&](size_t begin, size_t end, int) {
                           for (size_t i = begin * kSide; i < end * kSide; i += kSide)
                             if (row)
                               for (size_t j = 0; j < kSide; j++) y[i + j] = x[i + j] + v[j];
                             else
                               for (size_t j = 0; j < kSide; j++)
                                 y[i + j] = x[i + j] + v[i / kSide];
                         });
                       });
                     }});
  }
}

static void logreg(Rows* rows) {
  static constexpr int kPoints = 1000, kEpochs = 100;
  struct Points {
    alignas(64) float x0[kPoints], x1[kPoints], l[kPoints];
  };
  struct Result {
    float costs[kEpochs], w[2], b;
  };
  for (bool whole : {false, true}) {
    rows->push_back({whole ? "train.logreg.wholeloop" : "train.logreg", [=] {
                       auto sets = std::make_shared<std::array<Points, 2>>();
                       for (int set = 0; set < 2; set++) {
                         const auto x = uniform<float>(set, 0, 2 * kPoints);
                         const auto l = labels(set, 1, kPoints);
                         for (int i = 0; i < kPoints; i++) {
                           (*sets)[set].x0[i] = x->data[2 * i];
                           (*sets)[set].x1[i] = x->data[2 * i + 1];
                           (*sets)[set].l[i] = l->data[i];
                         }
                       }
                       auto result = std::make_shared<Result>();
                       auto run = [=](int64_t call) {
                         const Points& p = (*sets)[call & 1];
                         float w0 = 0, w1 = 0, b = 0;
                         for (int epoch = 0; epoch < kEpochs; epoch++) {
                           float g0 = 0, g1 = 0, gb = 0, cost = 0;
                           for (int i = 0; i < kPoints; i++) {
                             const float q =
                                 1.f / (1.f + std::exp(-(p.x0[i] * w0 + p.x1[i] * w1 + b)));
                             cost -= p.l[i] * std::log(q) + (1 - p.l[i]) * std::log(1 - q);
                             const float g = q - p.l[i];
                             g0 += g * p.x0[i];
                             g1 += g * p.x1[i];
                             gb += g;
                           }
                           w0 -= 1e-3f * g0;
                           w1 -= 1e-3f * g1;
                           b -= 1e-3f * gb;
                           result->costs[epoch] = cost;
                         }
                         result->w[0] = w0;
                         result->w[1] = w1;
                         result->b = b;
                       };
                       return Case{"float32", run, [=](int set) {
                                     run(set);
                                     if (whole) return Checksum().add(result->costs, kEpochs);
                                     return Checksum()
                                         .add(result->costs + kEpochs - 1, 1)
                                         .add(result->w, 2)
                                         .add(&result->b, 1);
                                   }};
                     }});
  }
}

int main(int, char** argv) {
  Pool threads(std::atoi(argv[2]));
  pool = &threads;
  const std::string trial = argv[1];
  Rows rows;
  if (trial == "elementwise") {
    elementwise<float>("", &rows);
    elementwise<double>("f64.", &rows);
  }
  if (trial == "chain") chain(&rows);
  if (trial == "layout") layout(&rows);
  if (trial == "logreg") logreg(&rows);
  if (trial == "reductions") {
    reductions<float, Sum>("red.sum", true, &rows);
    reductions<double, Sum>("red.f64.sum", true, &rows);
    reductions<float, Max>("red.max", false, &rows);
    softmax(1024, 1000, &rows);
    softmax(kRows, kColumns, &rows);
  }
  return serve("C++, g++ " __VERSION__ " -O3 -march=native -ffast-math", rows);
}
