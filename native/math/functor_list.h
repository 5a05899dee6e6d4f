// Which functors there are, by what they take and give. Each list is X(functor, cost): cost is the
// work of one element in simple operations, by which loops are divided among threads.
#pragma once

// T -> T, float and double
#define GRAFO_UNARY_FLOAT(X) \
  X(Sqrt, 4) X(Rsqrt, 6) X(Reciprocal, 3) X(Inv, 3) X(Floor, 1) X(Ceil, 1) X(Rint, 1) X(Softsign, 3)
#define GRAFO_UNARY_EXP_LOG(X)                                                               \
  X(Exp, 8)                                                                                  \
  X(Expm1, 16) X(Log, 10) X(Log1p, 12) X(Sigmoid, 14) X(Tanh, 16) X(Softplus, 40) X(Elu, 16) \
      X(Selu, 16)
#define GRAFO_UNARY_ELEMENTARY(X)                                                        \
  X(Asin, 30)                                                                            \
  X(Acos, 30) X(Atan, 30) X(Sinh, 30) X(Cosh, 30) X(Asinh, 40) X(Acosh, 40) X(Atanh, 40) \
      X(Erf, 30) X(Erfc, 30)
// T -> T, float and double, with arguments that need the C library
#define GRAFO_UNARY_PERIODIC(X) X(Sin, 20) X(Cos, 20) X(Tan, 30)
// T -> T, every numeric type
#define GRAFO_UNARY_NUMERIC(X) \
  X(Neg, 1) X(Abs, 1) X(Sign, 1) X(Square, 1) X(Round, 1) X(Relu, 1) X(Relu6, 1)
// T -> bool, float and double
#define GRAFO_UNARY_TEST(X) X(IsNan, 1) X(IsInf, 1) X(IsFinite, 1)
// bool -> bool
#define GRAFO_UNARY_LOGICAL(X) X(LogicalNot, 1)

// T, T -> T, every numeric type
#define GRAFO_BINARY_NUMERIC(X)                                                       \
  X(Add, 1)                                                                           \
  X(AddV2, 1) X(Sub, 1) X(Mul, 1) X(Maximum, 1) X(Minimum, 1) X(SquaredDifference, 1) \
      X(ReluGrad, 1) X(Relu6Grad, 1)
// T, T -> T, every numeric type; integers refuse some second arguments
#define GRAFO_BINARY_CHECKED(X) \
  X(Div, 4)                     \
  X(TruncateDiv, 4) X(FloorDiv, 6) X(FloorMod, 20) X(TruncateMod, 20) X(Mod, 20) X(Pow, 40)
// T, T -> T, integers
#define GRAFO_BINARY_BITWISE(X) X(BitwiseAnd, 1) X(BitwiseOr, 1) X(BitwiseXor, 1)
// T, T -> T, float and double
#define GRAFO_BINARY_FLOAT(X)                                                           \
  X(RealDiv, 3)                                                                         \
  X(DivNoNan, 3) X(MulNoNan, 1) X(Xdivy, 3) X(Xlogy, 12) X(Atan2, 40) X(SigmoidGrad, 2) \
      X(TanhGrad, 2) X(SqrtGrad, 4) X(RsqrtGrad, 3) X(ReciprocalGrad, 2) X(InvGrad, 2)  \
          X(EluGrad, 2) X(SeluGrad, 2) X(SoftplusGrad, 12) X(SoftsignGrad, 4)
// T, T -> bool, every numeric type
#define GRAFO_BINARY_ORDER(X) X(Less, 1) X(LessEqual, 1) X(Greater, 1) X(GreaterEqual, 1)
// T, T -> bool, every numeric type and bool
#define GRAFO_BINARY_EQUAL(X) X(Equal, 1) X(NotEqual, 1)
// bool, bool -> bool
#define GRAFO_BINARY_LOGICAL(X) X(LogicalAnd, 1) X(LogicalOr, 1)
