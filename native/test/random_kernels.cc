// Random kernels: TensorFlow's published numbers, the stream's state, and the distributions against libm in double.
#include <algorithm>
#include <cmath>

#include "math/philox.h"
#include "test/check.h"
#include "test/step.h"

namespace grafo::test {
namespace {

template <class T>
Step random_step(const char* kernel, int64_t seed, int64_t seed2, int64_t size) {
  Step step;
  step.kernel = kernel;
  step.outputs = {output<T>({size})};
  step.attrs.i64(seed).i64(seed2).i32(0);
  return step;
}

template <class T>
std::vector<T> draw(Step step) {
  const Status status = step.run();
  CHECK_EQ(std::string(status.text), "");
  return step.outputs[0].get<T>();
}

TEST("RandomUniform: TensorFlow's float32 bits") {
  const std::vector<float> expected = {0.06672299f, 0.3009504f, 0.85697794f, 0.1031245f};
  CHECK(draw<float>(random_step<float>("RandomUniform", 777, 3, 4)) == expected);
  const std::vector<float> other = {0.48394096f, 0.50620306f, 0.25514376f, 0.12474227f};
  CHECK(draw<float>(random_step<float>("RandomUniform", 87654321, 7, 4)) == other);
}

TEST("RandomUniform: the second run starts 256 blocks an element further") {
  Step step = random_step<float>("RandomUniform", 777, 3, 4);
  CHECK(step.run().ok());
  CHECK_EQ(step.state, 1024);
  const std::vector<float> y = draw<float>(step);
  const double printed[] = {0.05056989, 0.39608145, 0.28754139, 0.42544782};
  for (int i = 0; i < 4; ++i) CHECK(std::abs(y[i] - printed[i]) < 0.51e-8 + 1e-8 * printed[i]);
}

TEST("RandomStandardNormal: TensorFlow's float32 numbers") {
  CHECK_EQ(draw<float>(random_step<float>("RandomStandardNormal", 777, 3, 1))[0], 2.2086694f);
  CHECK_EQ(draw<float>(random_step<float>("RandomStandardNormal", 777, 12, 1))[0], -0.82041824f);
  const std::vector<float> expected = {0.80269563f, 0.67861295f, -1.2172831f, -0.3051686f};
  CHECK(draw<float>(random_step<float>("RandomStandardNormal", 777, 5, 4)) == expected);
}

TEST("Philox: the counter carries into the high words") {
  const Block a = Philox(1, 5, ~uint64_t{0}).at(1);
  const Block b = Philox(1, 6, 0).at(0);
  for (int i = 0; i < 4; ++i) CHECK_EQ(a.x[i], b.x[i]);
}

TEST("Philox: log, sin and cos round to libm's floats and stay under 1 ulp as doubles") {
  const Philox stream(42, 1, 0);
  int64_t wrong_log = 0, wrong_sine = 0, wrong_cosine = 0;
  double worst_log = 0, worst_sine = 0, worst_cosine = 0;
  const auto ulps = [](double got, long double want) {
    const double scale = std::abs(std::nextafter(double(want), INFINITY) - double(want));
    return double(std::abs(got - want)) / scale;
  };
  for (uint64_t i = 0; i < 1000000; ++i) {
    const Block block = stream.at(i);
    const double u = std::max(philox::uniform(block.x[0], block.x[1]), 1e-7);
    const double angle = 6.283185307179586 * philox::uniform(block.x[2], block.x[3]);
    double sine, cosine;
    philox::sin_cos(angle, &sine, &cosine);
    const double logarithm = philox::log_of(u);
    worst_log = std::max(worst_log, ulps(logarithm, logl(u)));
    worst_sine = std::max(worst_sine, ulps(sine, sinl(angle)));
    worst_cosine = std::max(worst_cosine, ulps(cosine, cosl(angle)));
    wrong_log += float(logarithm) != float(std::log(u));
    wrong_sine += float(sine) != float(std::sin(angle));
    wrong_cosine += float(cosine) != float(std::cos(angle));
  }
  CHECK(worst_log < 1 && worst_sine < 1 && worst_cosine < 1);
  CHECK_EQ(wrong_log + wrong_sine + wrong_cosine, 0);
}

TEST("TruncatedNormal: inside 2 deviations, and the same for any number of threads and any cut") {
  Step step = random_step<float>("TruncatedNormal", 7, 9, 100003);
  const std::vector<float> one = draw<float>(step);
  for (float x : one) CHECK(std::abs(x) < 2);
  step.threads = 5;
  CHECK(draw<float>(step) == one);
  const std::vector<float> prefix = draw<float>(random_step<float>("TruncatedNormal", 7, 9, 6));
  CHECK(std::equal(prefix.begin(), prefix.end(), one.begin()));
  const std::vector<double> doubles = draw<double>(random_step<double>("TruncatedNormal", 7, 9, 1001));
  for (double x : doubles) CHECK(std::abs(x) < 2);
}

TEST("RandomUniformInt: bounds, and an empty range is INVALID_ARGUMENT") {
  Step step = random_step<int32_t>("RandomUniformInt", 1, 2, 1000);
  step.inputs = {scalar<int32_t>(-3), scalar<int32_t>(4)};
  for (int32_t x : draw<int32_t>(step)) CHECK(x >= -3 && x < 4);
  step.inputs = {scalar<int32_t>(3), scalar<int32_t>(2)};
  CHECK_EQ(std::string(step.run().text), "Need minval < maxval, got 3 >= 2");
  step.outputs = {output<int32_t>({0})};
  CHECK(step.run().ok());
  step.outputs = {output<int64_t>({5})};
  CHECK(step.run().code == Code::kInternal);
  Step wide = random_step<int64_t>("RandomUniformInt", 1, 2, 1000);
  wide.inputs = {scalar<int64_t>(INT64_MIN), scalar<int64_t>(INT64_MAX)};
  CHECK_EQ(draw<int64_t>(wide).size(), 1000u);
}

TEST("random kernels reject a state the plan does not have") {
  Step step = random_step<float>("RandomUniform", 1, 2, 4);
  step.attrs.words.back() = 1;
  CHECK(step.run().code == Code::kInternal);
  step.attrs.words.back() = -1;
  CHECK(step.run().code == Code::kInternal);
}

}  // namespace
}  // namespace grafo::test
