// JSON files of other tools, read with errors that name file, line and field.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tessera::mapping {

/// A parsed file and its text, kept to find the line of a field when an error needs it.
struct JsonText {
  std::string origin;
  std::string text;
  int first_line = 1;  ///< of the text in the file, for files of one document a line
  nlohmann::ordered_json root;
};

/// One value of a file. Every accessor throws UserError `FILE:LINE: path: what, allowed` when the
/// value is not what is asked for. Cheap to copy; the file lives as long as any value of it.
class JsonValue {
 public:
  /// UserError with line, column and token when the text is not JSON.
  static JsonValue parse(const std::string& text, const std::string& origin, int first_line = 1);
  static JsonValue load(const std::string& path);

  /// Member of an object; it must exist.
  JsonValue at(const std::string& key) const;
  bool has(const std::string& key) const;
  bool is_null() const { return value_->is_null(); }
  bool is_array() const { return value_->is_array(); }
  bool is_object() const { return value_->is_object(); }

  /// Elements of an array.
  std::vector<JsonValue> items() const;
  /// Members of an object in file order.
  std::vector<std::pair<std::string, JsonValue>> members() const;
  /// Elements of an array, which must have `count` of them.
  std::vector<JsonValue> items(std::size_t count) const;

  /// A whole number; allowed are `least` or more.
  std::int64_t integer(std::int64_t least) const;
  /// A number; allowed are 0 or more.
  double number() const;
  bool boolean() const;
  const std::string& text() const;
  /// An array of whole numbers.
  std::vector<std::int64_t> integers(std::int64_t least) const;

  [[noreturn]] void fail(const std::string& why) const;
  const std::string& origin() const { return file_->origin; }
  const std::string& path() const { return path_; }

 private:
  JsonValue(std::shared_ptr<const JsonText> file, const nlohmann::ordered_json* value,
            std::string path)
      : file_(std::move(file)), value_(value), path_(std::move(path)) {}
  std::string shown() const;

  std::shared_ptr<const JsonText> file_;
  const nlohmann::ordered_json* value_;
  std::string path_;  ///< as in `layers[3].shape`
};

}  // namespace tessera::mapping
