#include "sim/base/json.h"

#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>

#include "sim/base/error.h"

namespace tessera {

namespace pb = google::protobuf;
using Json = nlohmann::ordered_json;

namespace {

Json message_to_json(const pb::Message& message);


Json scalar(const pb::Message& message, const pb::FieldDescriptor& field, int index) {
  const auto& reflection = *message.GetReflection();
  const bool repeated = index >= 0;
  switch (field.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_INT32:
      return repeated ? reflection.GetRepeatedInt32(message, &field, index) : reflection.GetInt32(message, &field);
    case pb::FieldDescriptor::CPPTYPE_INT64:
      return repeated ? reflection.GetRepeatedInt64(message, &field, index) : reflection.GetInt64(message, &field);
    case pb::FieldDescriptor::CPPTYPE_UINT32:
      return repeated ? reflection.GetRepeatedUInt32(message, &field, index) : reflection.GetUInt32(message, &field);
    case pb::FieldDescriptor::CPPTYPE_UINT64:
      return repeated ? reflection.GetRepeatedUInt64(message, &field, index) : reflection.GetUInt64(message, &field);
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      return repeated ? reflection.GetRepeatedDouble(message, &field, index) : reflection.GetDouble(message, &field);
    case pb::FieldDescriptor::CPPTYPE_FLOAT:
      return repeated ? reflection.GetRepeatedFloat(message, &field, index) : reflection.GetFloat(message, &field);
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      return repeated ? reflection.GetRepeatedBool(message, &field, index) : reflection.GetBool(message, &field);
    case pb::FieldDescriptor::CPPTYPE_ENUM:
      return (repeated ? reflection.GetRepeatedEnum(message, &field, index) : reflection.GetEnum(message, &field))->name();
    case pb::FieldDescriptor::CPPTYPE_STRING:
      return repeated ? reflection.GetRepeatedString(message, &field, index) : reflection.GetString(message, &field);
    case pb::FieldDescriptor::CPPTYPE_MESSAGE:
      return message_to_json(repeated ? reflection.GetRepeatedMessage(message, &field, index)
                                      : reflection.GetMessage(message, &field));
  }
  return nullptr;
}

Json map_to_json(const pb::Message& message, const pb::FieldDescriptor& field) {
  // Map entries come in hash order: sort by key so that equal results are equal bytes.
  std::map<std::string, Json> entries;
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const auto& entry = reflection.GetRepeatedMessage(message, &field, i);
    const auto* type = entry.GetDescriptor();
    const Json key = scalar(entry, *type->map_key(), -1);
    entries[key.is_string() ? key.get<std::string>() : key.dump()] = scalar(entry, *type->map_value(), -1);
  }
  Json object = Json::object();
  for (auto& [key, value] : entries) object[key] = std::move(value);
  return object;
}

Json message_to_json(const pb::Message& message) {
  Json object = Json::object();
  const auto& reflection = *message.GetReflection();
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    if (field.is_map()) {
      object[field.name()] = map_to_json(message, field);
    } else if (field.is_repeated()) {
      Json list = Json::array();
      for (int k = 0; k < reflection.FieldSize(message, &field); ++k) list.push_back(scalar(message, field, k));
      object[field.name()] = std::move(list);
    } else if (!field.has_presence() || reflection.HasField(message, &field)) {
      object[field.name()] = scalar(message, field, -1);
    }
  }
  return object;
}

}  // namespace

std::string to_json(const pb::Message& message) { return message_to_json(message).dump(2) + "\n"; }

std::string to_compact_json(const pb::Message& message) { return message_to_json(message).dump() + "\n"; }

void parse_json(const std::string& text, const std::string& origin, pb::Message& message) {
  const auto status = pb::util::JsonStringToMessage(text, &message);
  if (status.ok()) return;
  // The parser adds a line with the place, and another that points into it.
  const std::string reason(status.message());
  throw UserError(origin, ": ", reason.substr(0, reason.find('\n')));
}

}  // namespace tessera
