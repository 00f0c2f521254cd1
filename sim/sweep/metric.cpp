#include "sim/sweep/metric.h"

#include <google/protobuf/descriptor.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "sim/base/error.h"
#include "sim/base/names.h"
#include "sim/result.pb.h"

namespace tessera::sweep {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

struct Step {
  std::string field;
  bool indexed = false;
  int index = -1;  ///< -1: all entries
};

/// False when the text between the brackets is neither empty nor a number.
bool read_step(const std::string& text, Step& step) {
  const auto bracket = text.find('[');
  step.field = text.substr(0, bracket);
  if (bracket == std::string::npos) return true;
  step.indexed = true;
  const std::string inside = text.substr(bracket + 1, text.size() - bracket - 2);
  if (!text.ends_with(']') || inside.size() > 6) return false;
  if (inside.find_first_not_of("0123456789") != std::string::npos) return false;
  if (!inside.empty()) step.index = std::stoi(inside);
  return true;
}

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (auto dot = path.find('.'); dot != std::string::npos; dot = path.find('.', begin)) {
    parts.push_back(path.substr(begin, dot - begin));
    begin = dot + 1;
  }
  parts.push_back(path.substr(begin));
  return parts;
}

bool is_number(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
    case FieldDescriptor::CPPTYPE_BOOL:
    case FieldDescriptor::CPPTYPE_ENUM:
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return false;
    default:
      return true;
  }
}

double sum_from(const nlohmann::json& node, const std::vector<std::string>& parts, std::size_t at) {
  if (at == parts.size()) return node.is_number() ? node.get<double>() : 0;
  Step step;
  read_step(parts[at], step);
  const auto found = node.find(step.field);
  if (found == node.end()) return 0;
  if (!step.indexed) return sum_from(*found, parts, at + 1);
  double sum = 0;
  for (std::size_t i = 0; i < found->size(); ++i)
    if (step.index < 0 || static_cast<std::size_t>(step.index) == i)
      sum += sum_from((*found)[i], parts, at + 1);
  return sum;
}

}  // namespace

void check_metric(const std::string& origin, const std::string& path) {
  const Descriptor* type = sim::proto::Result::descriptor();
  const FieldDescriptor* field = nullptr;
  for (const auto& part : split(path)) {
    Step step;
    if (!read_step(part, step))
      throw UserError(origin, ": metric ", path, ": '", part,
                      "'; allowed: field, field[0], field[]");
    if (type == nullptr)
      throw UserError(origin, ": metric ", path, ": ", field->name(), " has no fields of its own");
    field = type->FindFieldByName(step.field);
    if (field == nullptr) {
      std::vector<std::string> names;
      for (int i = 0; i < type->field_count(); ++i) names.push_back(type->field(i)->name());
      throw UserError(origin, ": metric ", path, ": a result has no field '", step.field, "'; ",
                      suggest(step.field, names));
    }
    if (field->is_map() || field->is_repeated() != step.indexed)
      throw UserError(origin, ": metric ", path, ": ", step.field,
                      field->is_repeated() && !field->is_map()
                          ? " is a list; write " + step.field + "[] or " + step.field + "[0]"
                          : std::string(" is no list of numbers or messages"));
    type = field->message_type();
  }
  if (!is_number(*field)) throw UserError(origin, ": metric ", path, ": is no number");
}

double metric_of(const nlohmann::json& result, const std::string& path) {
  return sum_from(result, split(path), 0);
}

}  // namespace tessera::sweep
