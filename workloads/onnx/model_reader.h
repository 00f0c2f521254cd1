// Reads ONNX files without their weights: an importer of shapes needs a few kilobytes of a file
// that may be gigabytes.
#pragma once

#include <string>

#include "onnx/onnx_pb.h"

namespace tessera::workloads {

/// Tensor payloads longer than this are left out; shapes for Reshape and the like are shorter.
inline constexpr int kLargestKeptTensorBytes = 4096;

/// The model with every large tensor's payload skipped while reading, so that memory stays small.
/// UserError naming the file when it cannot be read or is no ONNX model.
onnx::ModelProto read_onnx_model(const std::string& path);

}  // namespace tessera::workloads
