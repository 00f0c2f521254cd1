#include "workloads/text_fields.h"

#include "sim/base/error.h"

namespace tessera::workloads {

Function function_of(proto::Activation activation) {
  switch (activation) {
    case proto::RELU:
      return Function::kRelu;
    case proto::RELU6:
      return Function::kRelu6;
    case proto::CLIP:
      return Function::kClip;
    case proto::SIGMOID:
      return Function::kSigmoid;
    case proto::TANH:
      return Function::kTanh;
    case proto::GELU:
      return Function::kGelu;
    case proto::SWISH:
      return Function::kSwish;
    case proto::HARD_SWISH:
      return Function::kHardSwish;
    case proto::LEAKY_RELU:
      return Function::kLeakyRelu;
    case proto::EXP:
      return Function::kExp;
    case proto::SQRT:
      return Function::kSqrt;
    case proto::ERF:
      return Function::kErf;
    default:
      return Function::kNone;
  }
}

std::vector<std::int64_t> spread(const std::string& layer, const char* field, const Integers& given,
                                 std::int64_t otherwise, std::size_t count) {
  if (given.empty()) return std::vector<std::int64_t>(count, otherwise);
  if (given.size() == 1) return std::vector<std::int64_t>(count, given[0]);
  if (static_cast<std::size_t>(given.size()) == count) return {given.begin(), given.end()};
  throw UserError(layer, ": ", field, " has ", given.size(), " values; 1 or ", count,
                  " are allowed");
}

WindowSpec window_of(const std::string& layer, std::int64_t r, std::int64_t s,
                     const Integers& stride, const Integers& pad, std::size_t spatial) {
  WindowSpec window;
  window.kernel.assign(spatial, r);
  if (spatial == 2 && s != 0) window.kernel[1] = s;
  window.stride = spread(layer, "stride", stride, 1, spatial);
  window.dilation.assign(spatial, 1);
  if (static_cast<std::size_t>(pad.size()) == 2 * spatial && spatial > 1) {
    const auto middle = pad.begin() + static_cast<long>(spatial);
    window.pad_begin = {pad.begin(), middle};
    window.pad_end = {middle, pad.end()};
  } else {
    window.pad_begin = spread(layer, "pad", pad, 0, spatial);
    window.pad_end = window.pad_begin;
  }
  return window;
}

std::size_t spatial_dimensions(const Value& input) {
  return input.rank() > 2 ? static_cast<std::size_t>(input.rank()) - 2 : 0;
}

int axis_of(const std::string& layer, std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank)
    throw UserError(layer, ": axis is ", axis, "; ", -rank, " to ", rank - 1, " is allowed");
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

}  // namespace tessera::workloads
