#include "mapping/importers/yaml/yaml_value.h"

#include <algorithm>
#include <charconv>

#include "sim/base/message_io.h"
#include "sim/base/names.h"

namespace tessera::mapping::importers {

namespace {

/// Templates are text processing before YAML; the braces would otherwise parse as nested maps.
void refuse_templates(const std::string& text, const std::string& origin) {
  std::size_t line = 1;
  std::size_t line_begin = 0;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '#') i = std::min(text.find('\n', i), text.size() - 1);
    if (text[i] == '\n') {
      ++line;
      line_begin = i + 1;
      continue;
    }
    if (text[i] == '{' && (text[i + 1] == '{' || text[i + 1] == '%'))
      throw UserError(origin, ":", line, ":", i - line_begin + 1, ": '", text.substr(i, 2),
                      "' opens a template; templates are not evaluated, write the result");
  }
}

template <typename Number>
std::optional<Number> parse_whole(const std::string& text) {
  Number value{};
  const char* begin = text.data();
  const char* end = begin + text.size();
  if (begin != end && *begin == '+') ++begin;
  const auto [rest, error] = std::from_chars(begin, end, value);
  if (error != std::errc() || rest != end) return std::nullopt;
  return value;
}

}  // namespace

YamlValue YamlValue::load(const std::string& path) { return parse(read_file(path), path); }

YamlValue YamlValue::parse(const std::string& text, const std::string& origin) {
  refuse_templates(text, origin);
  try {
    return {YAML::Load(text), std::make_shared<const std::string>(origin)};
  } catch (const YAML::Exception& error) {
    throw UserError(origin, ":", error.mark.line + 1, ":", error.mark.column + 1, ": ", error.msg);
  }
}

std::string YamlValue::tag() const {
  const std::string tag = node_.Tag();
  return tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org") ? "" : tag;
}

std::string YamlValue::place() const {
  const auto mark = node_.Mark();
  return detail::concatenate(*file_, ":", mark.line + 1, ":", mark.column + 1);
}

std::vector<std::pair<std::string, YamlValue>> YamlValue::fields() const {
  if (!is_map()) fail("expected `key: value` fields");
  std::vector<std::pair<std::string, YamlValue>> fields;
  for (const auto& entry : node_) {
    const std::string key = YamlValue(entry.first, file_).text();
    for (const auto& earlier : fields)
      if (earlier.first == key) YamlValue(entry.first, file_).fail("'", key, "' is given twice");
    fields.emplace_back(key, YamlValue(entry.second, file_));
  }
  return fields;
}

std::optional<YamlValue> YamlValue::find(const std::string& key) const {
  if (!is_map()) fail("expected `key: value` fields, among them '", key, "'");
  const YAML::Node child = static_cast<const YAML::Node&>(node_)[key];
  if (!child.IsDefined() || child.IsNull()) return std::nullopt;
  return YamlValue(child, file_);
}

YamlValue YamlValue::at(const std::string& key) const {
  if (const auto value = find(key)) return *value;
  fail("'", key, "' is missing here");
}

void YamlValue::allow_only(std::initializer_list<const char*> keys) const {
  const std::vector<std::string> known(keys.begin(), keys.end());
  for (const auto& entry : node_) {
    const YamlValue key(entry.first, file_);
    if (std::ranges::find(known, key.text()) == known.end())
      key.fail("'", key.text(), "' is not a known key; ", suggest(key.text(), known));
  }
  fields();
}

std::vector<YamlValue> YamlValue::items() const {
  if (!is_list()) fail("expected a list");
  std::vector<YamlValue> items;
  for (const auto& entry : node_) items.push_back(YamlValue(entry, file_));
  return items;
}

std::string YamlValue::text() const {
  if (!is_scalar()) fail("expected a word or a number, found a list or fields");
  return node_.Scalar();
}

std::int64_t YamlValue::integer() const {
  if (const auto value = parse_whole<std::int64_t>(text())) return *value;
  fail("'", text(), "' is not a whole number (expressions are not evaluated)");
}

double YamlValue::number() const {
  if (const auto value = parse_whole<double>(text())) return *value;
  fail("'", text(), "' is not a number (expressions are not evaluated)");
}

bool YamlValue::flag() const {
  const std::string word = text();
  for (const char* yes : {"true", "True", "TRUE", "yes", "Yes", "on", "1"})
    if (word == yes) return true;
  for (const char* no : {"false", "False", "FALSE", "no", "No", "off", "0"})
    if (word == no) return false;
  fail("'", word, "' is neither true nor false");
}

std::vector<std::string> YamlValue::words() const {
  std::vector<std::string> words;
  if (is_list()) {
    for (const auto& item : items()) words.push_back(item.text());
    return words;
  }
  std::string word;
  for (const char c : text() + " ") {
    if (c != ' ' && c != ',' && c != '\t' && c != '\n') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, ""));
    }
  }
  return words;
}

}  // namespace tessera::mapping::importers
