// YAML as the importers want it: every value knows its place, every misuse is one line that names
// it.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/error.h"

namespace tessera::mapping::importers {

/// A node of a YAML file. Errors of all members are UserErrors of the form
/// `file:line:column: what was found, what is allowed`. Expressions and templates, which the
/// Timeloop front end evaluates, are refused: a number has to be written as a number.
class YamlValue {
 public:
  static YamlValue load(const std::string& path);
  static YamlValue parse(const std::string& text, const std::string& origin);

  bool is_map() const { return node_.IsMap(); }
  bool is_list() const { return node_.IsSequence(); }
  bool is_scalar() const { return node_.IsScalar(); }
  /// The tag as written, `!Component`; empty when there is none.
  std::string tag() const;

  /// Fields of a map in file order; a key that occurs twice is an error.
  std::vector<std::pair<std::string, YamlValue>> fields() const;
  std::optional<YamlValue> find(const std::string& key) const;
  YamlValue at(const std::string& key) const;
  /// Fails on the first key that is not listed.
  void allow_only(std::initializer_list<const char*> keys) const;

  std::vector<YamlValue> items() const;

  std::string text() const;
  std::int64_t integer() const;
  double number() const;
  bool flag() const;
  /// A list of scalars, or a scalar that lists them separated by commas or blanks.
  std::vector<std::string> words() const;

  template <typename... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw UserError(place(), ": ", parts...);
  }
  /// file:line:column, counted from 1.
  std::string place() const;

 private:
  YamlValue(YAML::Node node, std::shared_ptr<const std::string> file)
      : node_(std::move(node)), file_(std::move(file)) {}

  YAML::Node node_;
  std::shared_ptr<const std::string> file_;
};

}  // namespace tessera::mapping::importers
