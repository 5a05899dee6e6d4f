// Matrix products by OpenBLAS, BLIS or oneDNN: their plain calls over row-major operands, nothing
// packed before.
#include "worker.h"
#if defined(USE_ONEDNN)
#include <oneapi/dnnl/dnnl.h>

#include <oneapi/dnnl/dnnl.hpp>
#elif defined(USE_BLIS) || defined(USE_OPENBLAS)
#include <cblas.h>
#if defined(USE_BLIS)
extern "C" {
void bli_thread_set_num_threads(long);
const char* bli_info_get_version_str(void);
}
#endif
#else
#error "say which library: USE_OPENBLAS, USE_BLIS or USE_ONEDNN"
#endif

struct Shape {
  int m, k, n;
  bool ta, tb;
  std::string size() const {
    return m == n && n == k ? std::to_string(m)
                            : std::to_string(m) + "x" + std::to_string(k) + "x" + std::to_string(n);
  }
};

static void multiply(const Shape& s, const float* a, const float* b, float* c) {
#if defined(USE_ONEDNN)
  dnnl_sgemm(s.ta ? 'T' : 'N', s.tb ? 'T' : 'N', s.m, s.n, s.k, 1.f, a, s.ta ? s.m : s.k, b,
             s.tb ? s.k : s.n, 0.f, c, s.n);
#else
  cblas_sgemm(CblasRowMajor, s.ta ? CblasTrans : CblasNoTrans, s.tb ? CblasTrans : CblasNoTrans,
              s.m, s.n, s.k, 1.f, a, s.ta ? s.m : s.k, b, s.tb ? s.k : s.n, 0.f, c, s.n);
#endif
}
#if !defined(USE_ONEDNN)
static void multiply(const Shape& s, const double* a, const double* b, double* c) {
  cblas_dgemm(CblasRowMajor, s.ta ? CblasTrans : CblasNoTrans, s.tb ? CblasTrans : CblasNoTrans,
              s.m, s.n, s.k, 1.0, a, s.ta ? s.m : s.k, b, s.tb ? s.k : s.n, 0.0, c, s.n);
}
#endif

#if defined(USE_ONEDNN)
/// oneDNN's matmul primitive: for some shapes it is ahead of dnnl_sgemm. The better of both, timed
/// here, is the row's.
class Primitive {
 public:
  explicit Primitive(const Shape& s) {
    using namespace dnnl;
    using tag = memory::format_tag;
    const memory::desc a({s.m, s.k}, memory::data_type::f32, s.ta ? tag::ba : tag::ab);
    const memory::desc b({s.k, s.n}, memory::data_type::f32, s.tb ? tag::ba : tag::ab);
    const memory::desc c({s.m, s.n}, memory::data_type::f32, tag::ab);
#if DNNL_VERSION_MAJOR >= 3
    matmul_ = matmul(matmul::primitive_desc(engine_, a, b, c));
#else
    matmul_ = matmul(matmul::primitive_desc(matmul::desc(a, b, c), engine_));
#endif
    a_ = memory(a, engine_, DNNL_MEMORY_NONE);
    b_ = memory(b, engine_, DNNL_MEMORY_NONE);
    c_ = memory(c, engine_, DNNL_MEMORY_NONE);
  }
  void run(const float* a, const float* b, float* c) {
    a_.set_data_handle(const_cast<float*>(a));
    b_.set_data_handle(const_cast<float*>(b));
    c_.set_data_handle(c);
    matmul_.execute(stream_, {{DNNL_ARG_SRC, a_}, {DNNL_ARG_WEIGHTS, b_}, {DNNL_ARG_DST, c_}});
    stream_.wait();
  }

 private:
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  dnnl::matmul matmul_;
  dnnl::memory a_, b_, c_;
};
#endif

template <class T>
using Product = std::function<void(const T*, const T*, T*)>;

template <class T>
Product<T> best_product(const Shape& s, const T* a, const T* b, T* c) {
  const Product<T> call = [s](const T* x, const T* y, T* z) { multiply(s, x, y, z); };
#if defined(USE_ONEDNN)
  auto primitive = std::make_shared<Primitive>(s);
  const Product<T> other = [primitive](const T* x, const T* y, T* z) { primitive->run(x, y, z); };
  auto fastest = [&](const Product<T>& product) {
    double least = 1e30;
    product(a, b, c);
    for (int i = 0; i < 7; i++) {
      const double started = now_ns();
      for (int j = 0; j < 4; j++) product(a, b, c);
      least = std::min(least, now_ns() - started);
    }
    return least;
  };
  return fastest(call) <= fastest(other) ? call : other;
#else
  (void)a, (void)b, (void)c;
  return call;
#endif
}

template <class T>
Case product(const Shape& s) {
  std::vector<Shared<T>> a, b;
  for (int set = 0; set < 2; set++) {
    a.push_back(uniform<T>(set, 0, static_cast<size_t>(s.m) * s.k));
    b.push_back(uniform<T>(set, 1, static_cast<size_t>(s.k) * s.n));
  }
  auto c = make<T>(static_cast<size_t>(s.m) * s.n);
  const Product<T> run = best_product<T>(s, a[0]->data, b[0]->data, c->data);
  auto call = [=](int64_t i) { run(a[i & 1]->data, b[i & 1]->data, c->data); };
  return {dtype_name<T>(), call, [=](int set) {
            call(set);
            return Checksum().add(c->data, static_cast<size_t>(s.m) * s.n);
          }};
}

template <class T>
void add_rows(const char* dtype, Rows* rows) {
  std::vector<std::pair<std::string, Shape>> shapes;
  for (int n : {64, 128, 256, 512, 1024, 2048}) shapes.push_back({"", {n, n, n, false, false}});
  for (auto [m, k, n] :
       {std::array{128, 784, 512}, {128, 512, 256}, {128, 256, 10}, {1, 1024, 1024}, {4096, 2, 1}})
    shapes.push_back({"", {m, k, n, false, false}});
  for (std::string kind : {"nt", "tn", "tt"})
    shapes.push_back({"." + kind, {512, 512, 512, kind[0] == 't', kind[1] == 't'}});
  for (auto& [suffix, shape] : shapes)
    rows->push_back({std::string("gemm.") + dtype + "." + shape.size() + suffix,
                     [shape = shape] { return product<T>(shape); }});
}

int main(int, char** argv) {
  const int threads = std::atoi(argv[2]);
  std::string version;
#if defined(USE_ONEDNN)
  const dnnl_version_t* v = dnnl_version();
  version = "oneDNN " + std::to_string(v->major) + "." + std::to_string(v->minor) + "." +
            std::to_string(v->patch);
#elif defined(USE_BLIS)
  bli_thread_set_num_threads(threads);
  version = std::string("BLIS ") + bli_info_get_version_str();
#else
  openblas_set_num_threads(threads);
  version = openblas_get_config();
#endif
  (void)threads;
  Rows rows;
  if (std::string(argv[1]) == "gemm") {
    add_rows<float>("f32", &rows);
#if !defined(USE_ONEDNN)
    add_rows<double>("f64", &rows);
#endif
  }
  return serve(version, rows);
}
