// Enumerators of the program in memory beside their numbers in files: the one place that pairs
// them, so that reordering an enumeration in the sources cannot change the meaning of stored
// programs.
#pragma once

#include <utility>

#include "mapping/program.h"
#include "mapping/program.pb.h"

namespace tessera::mapping::program {

template <typename InFile, typename InMemory>
using EnumPair = std::pair<InFile, InMemory>;

inline constexpr EnumPair<TensorKind, workloads::TensorKind> kTensorKinds[] = {
    {INPUT, workloads::TensorKind::kInput},
    {WEIGHT, workloads::TensorKind::kWeight},
    {INTERMEDIATE, workloads::TensorKind::kIntermediate},
    {OUTPUT, workloads::TensorKind::kOutput},
};

inline constexpr EnumPair<OperandRole, workloads::OperandRole> kOperandRoles[] = {
    {INPUT_OPERAND, workloads::OperandRole::kInput},
    {WEIGHT_OPERAND, workloads::OperandRole::kWeight},
    {OUTPUT_OPERAND, workloads::OperandRole::kOutput},
};

inline constexpr EnumPair<LayerKind, workloads::LayerKind> kLayerKinds[] = {
    {MATRIX, workloads::LayerKind::kMatrix},
    {POOL, workloads::LayerKind::kPool},
    {MAP, workloads::LayerKind::kMap},
    {SOFTMAX, workloads::LayerKind::kSoftmax},
    {NORMALISE, workloads::LayerKind::kNormalise},
    {MOVE, workloads::LayerKind::kMove},
};

inline constexpr EnumPair<Function, workloads::Function> kFunctions[] = {
    {NONE, workloads::Function::kNone},
    {RELU, workloads::Function::kRelu},
    {RELU6, workloads::Function::kRelu6},
    {CLIP, workloads::Function::kClip},
    {SIGMOID, workloads::Function::kSigmoid},
    {TANH, workloads::Function::kTanh},
    {GELU, workloads::Function::kGelu},
    {SWISH, workloads::Function::kSwish},
    {HARD_SWISH, workloads::Function::kHardSwish},
    {LEAKY_RELU, workloads::Function::kLeakyRelu},
    {ADD, workloads::Function::kAdd},
    {SUBTRACT, workloads::Function::kSubtract},
    {MULTIPLY, workloads::Function::kMultiply},
    {DIVIDE, workloads::Function::kDivide},
    {EXP, workloads::Function::kExp},
    {SQRT, workloads::Function::kSqrt},
    {ERF, workloads::Function::kErf},
    {POW, workloads::Function::kPow},
    {LSTM_CELL, workloads::Function::kLstmCell},
    {MAX_POOL, workloads::Function::kMaxPool},
    {AVERAGE_POOL, workloads::Function::kAveragePool},
    {LAYER_NORM, workloads::Function::kLayerNorm},
    {BATCH_NORM, workloads::Function::kBatchNorm},
    {LRN, workloads::Function::kLrn},
    {LSTM_HIDDEN, workloads::Function::kLstmHidden},
};

inline constexpr EnumPair<Copies, mapping::Copies> kCopies[] = {
    {ONE, mapping::Copies::kOne},
    {NEAREST, mapping::Copies::kNearest},
    {IN_TURN, mapping::Copies::kInTurn},
};

inline constexpr EnumPair<Home, mapping::Home> kHomes[] = {
    {DRAM, mapping::Home::kDram},
    {TILES, mapping::Home::kTiles},
    {SHARED, mapping::Home::kShared},
    {WINDOW, mapping::Home::kWindow},
};

inline constexpr EnumPair<Op, mapping::Op> kOps[] = {
    {RECEIVE, mapping::Op::kReceive},    {RECEIVE_SUMS, mapping::Op::kReceiveSums},
    {ACQUIRE, mapping::Op::kAcquire},    {RELEASE, mapping::Op::kRelease},
    {RESERVE, mapping::Op::kReserve},    {COMMIT, mapping::Op::kCommit},
    {ARRAY, mapping::Op::kArray},        {VECTOR, mapping::Op::kVector},
    {ADD_SUMS, mapping::Op::kAddSums},   {STORE, mapping::Op::kStore},
    {SEND_SUMS, mapping::Op::kSendSums}, {RESTORE, mapping::Op::kRestore},
    {REOPEN, mapping::Op::kReopen},      {YIELD, mapping::Op::kYield}};

static_assert(std::size(kTensorKinds) == TensorKind_ARRAYSIZE);
static_assert(std::size(kOperandRoles) == OperandRole_ARRAYSIZE);
static_assert(std::size(kLayerKinds) == LayerKind_ARRAYSIZE);
static_assert(std::size(kFunctions) == Function_ARRAYSIZE);
static_assert(std::size(kHomes) == Home_ARRAYSIZE);
static_assert(std::size(kCopies) == Copies_ARRAYSIZE);
static_assert(std::size(kOps) == Op_ARRAYSIZE);

}  // namespace tessera::mapping::program
