#include "workloads/window.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::workloads {

namespace {

void check_field(const std::string& name, const char* field,
                 const std::vector<std::int64_t>& values, std::size_t count, std::int64_t least) {
  if (values.size() != count)
    throw UserError(name, ": ", field, " has ", values.size(), " entries; the input has ", count,
                    " spatial dimensions");
  for (const auto value : values)
    if (value < least)
      throw UserError(name, ": ", field, " is ", value, "; at least ", least, " is allowed");
}

}  // namespace

std::int64_t volume_of(const std::vector<std::int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::vector<std::string> parts;
  for (const auto extent : shape) parts.push_back(std::to_string(extent));
  return join(parts, "x");
}

void check_window(const std::string& name, const std::vector<std::int64_t>& input,
                  const WindowSpec& window) {
  if (input.size() != 3 && input.size() != 4)
    throw UserError(name, ": the input has shape ", shape_text(input),
                    "; N, C and one or two spatial dimensions are allowed");
  const std::size_t spatial = input.size() - 2;
  check_field(name, "kernel", window.kernel, spatial, 1);
  check_field(name, "stride", window.stride, spatial, 1);
  check_field(name, "dilation", window.dilation, spatial, 1);
  check_field(name, "pad", window.pad_begin, spatial, 0);
  check_field(name, "pad", window.pad_end, spatial, 0);
}

std::vector<std::int64_t> output_extents(const std::string& name,
                                         const std::vector<std::int64_t>& spatial,
                                         const WindowSpec& window) {
  std::vector<std::int64_t> output;
  for (std::size_t i = 0; i < spatial.size(); ++i) {
    const std::int64_t span = window.dilation[i] * (window.kernel[i] - 1) + 1;
    const std::int64_t room = spatial[i] + window.pad_begin[i] + window.pad_end[i] - span;
    if (room < 0)
      throw UserError(name, ": a window of ", span, " does not fit into ", spatial[i],
                      " elements with padding ", window.pad_begin[i], " and ", window.pad_end[i]);
    std::int64_t count = room / window.stride[i] + 1;
    const bool rest = room % window.stride[i] != 0;
    if (window.ceil_mode && rest && count * window.stride[i] < spatial[i] + window.pad_begin[i])
      ++count;
    output.push_back(count);
  }
  return output;
}

void add_window_loops(IterationSpace& space, const std::vector<std::int64_t>& output,
                      const WindowSpec& window, OperandUse& reads, OperandUse& filters,
                      OperandUse& writes) {
  static constexpr const char* kPositions[] = {"P", "Q"};
  static constexpr const char* kTaps[] = {"R", "S"};
  std::vector<int> positions;
  for (std::size_t i = 0; i < output.size(); ++i) {
    positions.push_back(space.add_loop(kPositions[i], output[i]));
    writes.push_back(DimensionUse::of({positions[i]}));
  }
  for (std::size_t i = 0; i < output.size(); ++i) {
    const int tap = space.add_loop(kTaps[i], window.kernel[i], true);
    filters.push_back(DimensionUse::of({tap}));
    reads.push_back(DimensionUse::sliding(positions[i], tap, window.stride[i], window.dilation[i],
                                          window.pad_begin[i]));
  }
}

std::vector<std::int64_t> broadcast_shape(const std::string& name, std::vector<std::int64_t> a,
                                          std::vector<std::int64_t> b) {
  const auto given = shape_text(a) + " and " + shape_text(b);
  if (a.size() < b.size()) std::swap(a, b);
  b.insert(b.begin(), a.size() - b.size(), 1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && a[i] != 1 && b[i] != 1)
      throw UserError(name, ": shapes ", given, " do not broadcast");
    a[i] = std::max(a[i], b[i]);
  }
  return a;
}

void resolve_shape(const std::string& name, const std::vector<std::int64_t>& input,
                   std::vector<std::int64_t>& shape) {
  const auto wanted = shape_text(shape);
  const std::int64_t total = volume_of(input);
  std::int64_t known = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && i < input.size()) shape[i] = input[i];
    if (shape[i] > 0) known *= shape[i];
  }
  const auto open = std::ranges::find(shape, -1);
  if (open != shape.end()) {
    *open = total / known;
    known *= *open;
  }
  if (known != total || std::ranges::any_of(shape, [](std::int64_t extent) { return extent < 1; }))
    throw UserError(name, ": shape ", wanted, " does not hold the ", total, " elements of ",
                    shape_text(input));
}

}  // namespace tessera::workloads
