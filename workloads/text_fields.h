// Fields of network.proto as the graph builder wants them.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/graph_builder.h"
#include "workloads/network.pb.h"

namespace tessera::workloads {

using Integers = google::protobuf::RepeatedField<std::int64_t>;

Function function_of(proto::Activation activation);

/// One value for all spatial dimensions or one each; UserError naming layer and field otherwise.
std::vector<std::int64_t> spread(const std::string& layer, const char* field, const Integers& given,
                                 std::int64_t otherwise, std::size_t count);

/// `s` 0 means as `r`. Pads: none, one, height and width, or top, left, bottom, right. Dilation
/// stays 1.
WindowSpec window_of(const std::string& layer, std::int64_t r, std::int64_t s,
                     const Integers& stride, const Integers& pad, std::size_t spatial);

std::size_t spatial_dimensions(const Value& input);

/// Counted from the front; UserError naming the layer when it is none of `rank`.
int axis_of(const std::string& layer, std::int64_t axis, int rank);

}  // namespace tessera::workloads
