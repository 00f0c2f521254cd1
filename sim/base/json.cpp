#include "sim/base/json.h"

#include <google/protobuf/reflection.h>
#include <google/protobuf/util/json_util.h>

#include <charconv>

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
      return repeated ? reflection.GetRepeatedInt32(message, &field, index)
                      : reflection.GetInt32(message, &field);
    case pb::FieldDescriptor::CPPTYPE_INT64:
      return repeated ? reflection.GetRepeatedInt64(message, &field, index)
                      : reflection.GetInt64(message, &field);
    case pb::FieldDescriptor::CPPTYPE_UINT32:
      return repeated ? reflection.GetRepeatedUInt32(message, &field, index)
                      : reflection.GetUInt32(message, &field);
    case pb::FieldDescriptor::CPPTYPE_UINT64:
      return repeated ? reflection.GetRepeatedUInt64(message, &field, index)
                      : reflection.GetUInt64(message, &field);
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      return repeated ? reflection.GetRepeatedDouble(message, &field, index)
                      : reflection.GetDouble(message, &field);
    case pb::FieldDescriptor::CPPTYPE_FLOAT:
      return repeated ? reflection.GetRepeatedFloat(message, &field, index)
                      : reflection.GetFloat(message, &field);
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      return repeated ? reflection.GetRepeatedBool(message, &field, index)
                      : reflection.GetBool(message, &field);
    case pb::FieldDescriptor::CPPTYPE_ENUM:
      return (repeated ? reflection.GetRepeatedEnum(message, &field, index)
                       : reflection.GetEnum(message, &field))
          ->name();
    case pb::FieldDescriptor::CPPTYPE_STRING:
      return repeated ? reflection.GetRepeatedString(message, &field, index)
                      : reflection.GetString(message, &field);
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
    entries[key.is_string() ? key.get<std::string>() : key.dump()] =
        scalar(entry, *type->map_value(), -1);
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
      for (int k = 0; k < reflection.FieldSize(message, &field); ++k)
        list.push_back(scalar(message, field, k));
      object[field.name()] = std::move(list);
    } else if (!field.has_presence() || reflection.HasField(message, &field)) {
      object[field.name()] = scalar(message, field, -1);
    }
  }
  return object;
}

/// Integers of a repeated field without a tree between: histories hold hundreds of thousands.
template <typename Integer>
void append_integers(const pb::RepeatedFieldRef<Integer>& values, std::string& text) {
  char digits[24];
  for (const Integer value : values) {
    const auto end = std::to_chars(std::begin(digits), std::end(digits), value).ptr;
    text.append(digits, end).push_back(',');
  }
}

void append_message(const pb::Message& message, std::string& text);

void append_list(const pb::Message& message, const pb::FieldDescriptor& field, std::string& text) {
  const auto& reflection = *message.GetReflection();
  text += '[';
  if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_UINT64) {
    append_integers(reflection.GetRepeatedFieldRef<std::uint64_t>(message, &field), text);
  } else if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_INT32) {
    append_integers(reflection.GetRepeatedFieldRef<std::int32_t>(message, &field), text);
  } else {
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE)
        append_message(reflection.GetRepeatedMessage(message, &field, i), text);
      else
        text += scalar(message, field, i).dump();
      text += ',';
    }
  }
  if (text.back() == ',') text.pop_back();
  text += ']';
}

/// What message_to_json makes, on one line.
void append_message(const pb::Message& message, std::string& text) {
  const auto& reflection = *message.GetReflection();
  const auto& type = *message.GetDescriptor();
  text += '{';
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    if (!field.is_repeated() && field.has_presence() && !reflection.HasField(message, &field))
      continue;
    text += '"' + field.name() + "\":";
    if (field.is_map())
      text += map_to_json(message, field).dump();
    else if (field.is_repeated())
      append_list(message, field, text);
    else
      text += scalar(message, field, -1).dump();
    text += ',';
  }
  if (text.back() == ',') text.pop_back();
  text += '}';
}

}  // namespace

std::string to_json(const pb::Message& message) { return message_to_json(message).dump(2) + "\n"; }

std::string to_compact_json(const pb::Message& message) {
  std::string text;
  append_message(message, text);
  return text + "\n";
}

void parse_json(const std::string& text, const std::string& origin, pb::Message& message) {
  const auto status = pb::util::JsonStringToMessage(text, &message);
  if (status.ok()) return;
  // The parser adds a line with the place, and another that points into it.
  const std::string reason(status.message());
  throw UserError(origin, ": ", reason.substr(0, reason.find('\n')));
}

}  // namespace tessera
