// Functors that are two functors, one after the other: what fused_pairs.cc makes loops of.
#pragma once
#include "cpu/fused_loops.h"

namespace grafo::cpu {

// outer(inner(x)), and with what the outer one also takes.
template <class Outer, class Inner>
struct Chained {
  template <class T>
  FN T operator()(T x) const {
    return Outer()(Inner()(x));
  }
  template <class T>
  FN T operator()(T x, T y) const {
    return Outer()(Inner()(x, y));
  }
};
template <class Outer, class Inner>
struct InFirst {
  template <class T>
  FN T operator()(T x, T y) const {
    return Outer()(Inner()(x), y);
  }
  template <class T>
  FN T operator()(T x, T y, T z) const {
    return Outer()(Inner()(x, y), z);
  }
};
template <class Outer, class Inner>
struct InSecond {
  template <class T>
  FN T operator()(T x, T y) const {
    return Outer()(y, Inner()(x));
  }
  template <class T>
  FN T operator()(T x, T y, T z) const {
    return Outer()(z, Inner()(x, y));
  }
};
template <class Outer, class Inner>
struct InThird {
  template <class T>
  FN T operator()(T x, T y, T z) const {
    return Outer()(y, z, Inner()(x));
  }
};
// The same over vectors, where the inner one has a usual path that the outer one leaves as it is,
template <class Inner, class Joined>
struct FromUsual : Joined {
  static constexpr int kVectors = 4;
  template <class T>
  FN static bool unusual(T x, T) {
    return Inner::unusual(x);
  }
  template <class T>
  FN static bool unusual(T x, T y, T) {
    return Inner::unusual(x, y);
  }
};
template <class Outer, class Inner>
struct InFirstUsual : FromUsual<Inner, InFirst<Outer, Inner>> {
  template <class T>
  FN T usual(T x, T y) const {
    return Outer()(Inner().usual(x), y);
  }
  template <class T>
  FN T usual(T x, T y, T z) const {
    return Outer()(Inner().usual(x, y), z);
  }
};
template <class Outer, class Inner>
struct InSecondUsual : FromUsual<Inner, InSecond<Outer, Inner>> {
  template <class T>
  FN T usual(T x, T y) const {
    return Outer()(y, Inner().usual(x));
  }
  template <class T>
  FN T usual(T x, T y, T z) const {
    return Outer()(z, Inner().usual(x, y));
  }
};
// and where the outer one has it.
template <class Outer, class Inner>
struct IntoUsual : Chained<Outer, Inner> {
  static constexpr int kVectors = 4;
  template <class T>
  FN static bool unusual(T x, T y) {
    return Outer::unusual(Inner()(x, y));
  }
  template <class T>
  FN T usual(T x, T y) const {
    return Outer().usual(Inner()(x, y));
  }
};
// relu(z) - x y
struct ReluSubMul {
  template <class T>
  FN T operator()(T x, T y, T z) const {
    return math::Sub()(math::Relu()(z), math::Mul()(x, y));
  }
};

}  // namespace grafo::cpu
