#include "mapping/importers/json/json_file.h"

#include <algorithm>

#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"

namespace tessera::mapping {

namespace {

using Json = nlohmann::ordered_json;

/// Walks the text again, following the path, and stops at the value it names.
class LineFinder {
 public:
  explicit LineFinder(const std::string& text) : text_(text) {}

  /// Line of the value, from 1; of the document when the path cannot be followed.
  int line_of(const std::string& path) {
    skip_blanks();
    for (std::size_t begin = 0; begin < path.size();) {
      const auto end = std::min(path.find_first_of(".[", begin + 1), path.size());
      const auto step = path.substr(begin, end - begin);
      const bool found = step[0] == '[' ? enter_element(std::stoul(step.substr(1)))
                                        : enter_member(step[0] == '.' ? step.substr(1) : step);
      if (!found) break;
      begin = end;
    }
    return 1 + static_cast<int>(
                   std::count(text_.begin(), text_.begin() + static_cast<long>(at_), '\n'));
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && (std::isspace(static_cast<unsigned char>(text_[at_])) != 0 ||
                                  text_[at_] == ',' || text_[at_] == ':'))
      ++at_;
  }

  std::string take_string() {
    const auto begin = ++at_;
    while (text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    return text_.substr(begin, at_++ - begin);
  }

  void skip_value() {
    int depth = 0;
    do {
      skip_blanks();
      const char c = text_[at_];
      if (c == '"') {
        take_string();
        continue;
      }
      depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
      ++at_;
      if (depth == 0 && c != '}' && c != ']')
        at_ = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
    } while (depth > 0);
  }

  bool enter_member(const std::string& key) {
    ++at_;
    for (skip_blanks(); text_[at_] == '"'; skip_blanks()) {
      const bool found = take_string() == key;
      skip_blanks();
      if (found) return true;
      skip_value();
    }
    return false;
  }

  bool enter_element(std::size_t index) {
    ++at_;
    for (skip_blanks(); index > 0 && text_[at_] != ']'; --index) {
      skip_value();
      skip_blanks();
    }
    return text_[at_] != ']';
  }

  const std::string& text_;
  std::size_t at_ = 0;
};

/// nlohmann's message without its exception number.
std::string readable(const std::string& message) {
  const auto end = message.find("] ");
  return end == std::string::npos ? message : message.substr(end + 2);
}

}  // namespace

JsonValue JsonValue::parse(const std::string& text, const std::string& origin, int first_line) {
  auto file = std::make_shared<JsonText>();
  file->origin = origin;
  file->text = text;
  file->first_line = first_line;
  try {
    file->root = Json::parse(text);
  } catch (const Json::parse_error& error) {
    const auto bytes = std::min(error.byte, text.size());
    const auto line =
        first_line + std::count(text.begin(), text.begin() + static_cast<long>(bytes), '\n');
    throw UserError(origin, ":", line, ": ", readable(error.what()));
  }
  const auto* root = &file->root;
  return JsonValue(std::move(file), root, "");
}

JsonValue JsonValue::load(const std::string& path) { return parse(read_file(path), path); }

std::string JsonValue::shown() const {
  std::string text = value_->dump();
  constexpr std::size_t kMost = 40;
  if (text.size() > kMost) text = text.substr(0, kMost) + "...";
  return text;
}

void JsonValue::fail(const std::string& why) const {
  const int line = file_->first_line - 1 + LineFinder(file_->text).line_of(path_);
  throw UserError(file_->origin, ":", line, ": ", path_.empty() ? "document" : path_, ": ", why);
}

bool JsonValue::has(const std::string& key) const {
  return value_->is_object() && value_->contains(key);
}

JsonValue JsonValue::at(const std::string& key) const {
  if (!value_->is_object()) fail(shown() + " where an object with '" + key + "' is expected");
  const auto found = value_->find(key);
  if (found == value_->end()) {
    std::vector<std::string> known;
    for (const auto& [name, value] : value_->items()) known.push_back(name);
    fail("no member '" + key + "'; " + suggest(key, known));
  }
  return JsonValue(file_, &*found, path_.empty() ? key : path_ + "." + key);
}

std::vector<JsonValue> JsonValue::items() const {
  if (!value_->is_array()) fail(shown() + " where an array is expected");
  std::vector<JsonValue> values;
  for (std::size_t i = 0; i < value_->size(); ++i)
    values.push_back(JsonValue(file_, &(*value_)[i], path_ + "[" + std::to_string(i) + "]"));
  return values;
}

std::vector<JsonValue> JsonValue::items(std::size_t count) const {
  auto values = items();
  if (values.size() != count)
    fail("an array of " + std::to_string(values.size()) + " where " + std::to_string(count) +
         " are expected");
  return values;
}

std::vector<std::pair<std::string, JsonValue>> JsonValue::members() const {
  if (!value_->is_object()) fail(shown() + " where an object is expected");
  std::vector<std::pair<std::string, JsonValue>> values;
  for (const auto& [key, value] : value_->items()) values.emplace_back(key, at(key));
  return values;
}

std::int64_t JsonValue::integer(std::int64_t least) const {
  if (!value_->is_number_integer() || value_->get<std::int64_t>() < least)
    fail(shown() + " where a whole number >= " + std::to_string(least) + " is expected");
  return value_->get<std::int64_t>();
}

double JsonValue::number() const {
  if (!value_->is_number() || !(value_->get<double>() >= 0))
    fail(shown() + " where a number >= 0 is expected");
  return value_->get<double>();
}

bool JsonValue::boolean() const {
  if (!value_->is_boolean()) fail(shown() + " where true or false is expected");
  return value_->get<bool>();
}

const std::string& JsonValue::text() const {
  if (!value_->is_string()) fail(shown() + " where a string is expected");
  return value_->get_ref<const std::string&>();
}

std::vector<std::int64_t> JsonValue::integers(std::int64_t least) const {
  std::vector<std::int64_t> numbers;
  for (const auto& value : items()) numbers.push_back(value.integer(least));
  return numbers;
}

}  // namespace tessera::mapping
