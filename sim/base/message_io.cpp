#include "sim/base/message_io.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera {

namespace pb = google::protobuf;

namespace {

class FirstError : public pb::io::ErrorCollector {
 public:
  void AddError(int line, pb::io::ColumnNumber column, const std::string& message) override {
    if (!text.empty()) return;
    text = detail::concatenate(line + 1, ":", column + 1, ": ", message);
  }
  std::string text;
};

std::vector<std::string> field_names(const pb::Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names;
}

std::vector<std::string> value_names(const pb::EnumDescriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count(); ++i) names.push_back(type.value(i)->name());
  return names;
}

/// Text in `message` between quotes, counted from 0.
std::string quoted_part(const std::string& message, int index) {
  std::size_t begin = 0, end = 0;
  for (int i = 0; i <= index; ++i) {
    begin = message.find('"', i == 0 ? 0 : end + 1);
    if (begin == std::string::npos) return "";
    end = message.find('"', begin + 1);
    if (end == std::string::npos) return "";
  }
  return message.substr(begin + 1, end - begin - 1);
}

/// Protobuf's parser says what it did not find; this adds what there is.
std::string allowed_instead(const std::string& error, const pb::Descriptor& root) {
  if (error.ends_with("got: ")) return "end of file";
  if (error.find("has no field named") == std::string::npos) return "";
  const auto* type = root.file()->pool()->FindMessageTypeByName(quoted_part(error, 0));
  return type == nullptr ? "" : " " + suggest(quoted_part(error, 1), field_names(*type));
}

/// Enum values are written in capitals in files; on the command line either way.
std::string upper_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

struct PathStep {
  std::string name;
  int index = -1;
};

PathStep parse_step(const std::string& text, const std::string& assignment) {
  const auto bracket = text.find('[');
  if (bracket == std::string::npos) return {text, -1};
  try {
    return {text.substr(0, bracket), std::stoi(text.substr(bracket + 1))};
  } catch (const std::exception&) {
    throw UserError("--set ", assignment, ": bad index in '", text, "'; write name[0]");
  }
}

const pb::FieldDescriptor& find_field(const pb::Message& message, const std::string& name,
                                      const std::string& assignment) {
  const auto* field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr)
    throw UserError("--set ", assignment, ": no field '", name, "' in ",
                    message.GetDescriptor()->name(), "; ",
                    suggest(name, field_names(*message.GetDescriptor())));
  return *field;
}

pb::Message& descend(pb::Message& message, const PathStep& step, const std::string& assignment) {
  const auto& field = find_field(message, step.name, assignment);
  if (field.cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE)
    throw UserError("--set ", assignment, ": '", step.name, "' has no fields of its own");
  const auto* reflection = message.GetReflection();
  if (!field.is_repeated()) return *reflection->MutableMessage(&message, &field);
  const int size = reflection->FieldSize(message, &field);
  if (step.index < 0 || step.index >= size)
    throw UserError("--set ", assignment, ": '", step.name, "' is a list of ", size, "; write ",
                    step.name, "[0] to ", step.name, "[", size - 1, "]");
  return *reflection->MutableRepeatedMessage(&message, &field, step.index);
}

}  // namespace

std::string read_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    throw UserError(path, ": is a folder; a file is needed");
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw UserError(path, ": cannot be read");
  return text;
}

void parse_textproto(const std::string& text, const std::string& origin, pb::Message& message) {
  FirstError errors;
  pb::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  if (!parser.ParseFromString(text, &message))
    throw UserError(origin, ":", errors.text,
                    allowed_instead(errors.text, *message.GetDescriptor()));
}

void load_textproto(const std::string& path, pb::Message& message) {
  parse_textproto(read_file(path), path, message);
}

void load_binary(const std::string& path, pb::Message& message) {
  if (!message.ParseFromString(read_file(path)))
    throw UserError(path, ": not a complete ", message.GetDescriptor()->name(),
                    " file (truncated or of another kind)");
}

std::string to_textproto(const pb::Message& message) {
  std::string text;
  pb::TextFormat::PrintToString(message, &text);
  return text;
}

std::string to_binary(const pb::Message& message) {
  std::string bytes;
  {
    pb::io::StringOutputStream stream(&bytes);
    pb::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

void set_field(pb::Message& message, const std::string& assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string::npos)
    throw UserError("--set ", assignment, ": write path.to.field=value");
  std::string path = assignment.substr(0, equals);
  const std::string value = assignment.substr(equals + 1);

  pb::Message* current = &message;
  for (auto dot = path.find('.'); dot != std::string::npos; dot = path.find('.')) {
    current = &descend(*current, parse_step(path.substr(0, dot), assignment), assignment);
    path.erase(0, dot + 1);
  }
  const PathStep last = parse_step(path, assignment);
  const auto& field = find_field(*current, last.name, assignment);
  current->GetReflection()->ClearField(current, &field);

  const bool is_string = field.cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING;
  const bool is_message = field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
  const bool quoted = !value.empty() && (value.front() == '"' || value.front() == '[');
  const bool is_enum = field.cpp_type() == pb::FieldDescriptor::CPPTYPE_ENUM;
  const auto value_text = is_enum ? upper_case(value) : value;
  std::string text = last.name + (is_message ? " {" + value_text + "}" : ": " + value_text);
  if (is_string && !quoted) text = last.name + ": \"" + value + "\"";
  FirstError errors;
  pb::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  if (!parser.MergeFromString(text, current))
    throw UserError("--set ", assignment, ": '", value, "' is no value for ", last.name, " (",
                    field.type_name(), ")",
                    is_enum ? "; " + suggest(value_text, value_names(*field.enum_type())) : "");
}

}  // namespace tessera
