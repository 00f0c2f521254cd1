#include "workloads/onnx/model_reader.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <fstream>
#include <limits>

#include "sim/base/error.h"

namespace tessera::workloads {

namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using google::protobuf::io::StringOutputStream;

/// Message types on the way from the model to a tensor's payload.
enum class Type { kModel, kGraph, kNode, kAttribute, kTensor, kOther };

/// Type of the sub-message in a length-delimited field (onnx.proto3, field numbers of the format).
Type type_of_field(Type parent, int field) {
  switch (parent) {
    case Type::kModel:
      return field == 7 ? Type::kGraph : Type::kOther;
    case Type::kGraph:
      if (field == 1) return Type::kNode;
      return field == 5 ? Type::kTensor : Type::kOther;
    case Type::kNode:
      return field == 5 ? Type::kAttribute : Type::kOther;
    case Type::kAttribute:
      return field == 5 ? Type::kTensor : Type::kOther;
    default:
      return Type::kOther;
  }
}

/// float_data, int32_data, string_data, int64_data, raw_data, double_data, uint64_data.
bool is_payload(int field) { return (field >= 4 && field <= 7) || (field >= 9 && field <= 11); }

/// Copies a message's wire format, dropping large payloads of tensors. False on malformed input.
bool copy_message(CodedInputStream& in, Type type, std::string& result);

bool copy_bytes(CodedInputStream& in, int length, std::string& result) {
  return in.ReadString(&result, length);
}

void append_field(int tag, const std::string& bytes, std::string& result) {
  StringOutputStream stream(&result);
  CodedOutputStream out(&stream);
  out.WriteVarint32(static_cast<std::uint32_t>(tag));
  out.WriteVarint32(static_cast<std::uint32_t>(bytes.size()));
  out.WriteString(bytes);
}

bool copy_delimited(CodedInputStream& in, Type parent, std::uint32_t tag, std::string& result) {
  int length = 0;
  if (!in.ReadVarintSizeAsInt(&length)) return false;
  const int field = WireFormatLite::GetTagFieldNumber(tag);
  if (parent == Type::kTensor && is_payload(field) && length > kLargestKeptTensorBytes)
    return in.Skip(length);
  std::string bytes;
  const Type type = type_of_field(parent, field);
  if (type == Type::kOther) {
    if (!copy_bytes(in, length, bytes)) return false;
  } else {
    const auto limit = in.PushLimit(length);
    if (!copy_message(in, type, bytes) || in.BytesUntilLimit() != 0) return false;
    in.PopLimit(limit);
  }
  append_field(static_cast<int>(tag), bytes, result);
  return true;
}

/// Fields that are not length-delimited are copied by the library's own skipper, which echoes them.
bool copy_scalar(CodedInputStream& in, std::uint32_t tag, std::string& result) {
  StringOutputStream stream(&result);
  CodedOutputStream out(&stream);
  return WireFormatLite::SkipField(&in, tag, &out);
}

bool copy_message(CodedInputStream& in, Type type, std::string& result) {
  while (const std::uint32_t tag = in.ReadTag()) {
    const bool delimited =
        WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    if (!(delimited ? copy_delimited(in, type, tag, result) : copy_scalar(in, tag, result)))
      return false;
  }
  return in.ConsumedEntireMessage() || in.BytesUntilLimit() == 0;
}

}  // namespace

onnx::ModelProto read_onnx_model(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw UserError(path, ": cannot be read");
  std::string small;
  bool sound = false;
  {
    google::protobuf::io::IstreamInputStream stream(&file);
    CodedInputStream in(&stream);
    in.SetTotalBytesLimit(std::numeric_limits<int>::max());
    sound = copy_message(in, Type::kModel, small);
  }
  onnx::ModelProto model;
  if (!sound || !model.ParseFromString(small) || !model.has_graph())
    throw UserError(path, ": not a complete ONNX model (truncated or of another kind)");
  return model;
}

}  // namespace tessera::workloads
