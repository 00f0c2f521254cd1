// Reads optional numbers of a description with their defaults and allowed ranges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sim/base/error.h"
#include "sim/base/types.h"

namespace tessera::hw {

/// Knows where a message stands in its file, so that every refusal names file, field, value and
/// range.
class FieldReader {
 public:
  explicit FieldReader(std::string origin, std::string path = "")
      : origin_(std::move(origin)), path_(std::move(path)) {}

  FieldReader inside(const std::string& field) const { return FieldReader(origin_, name(field)); }
  FieldReader inside(const std::string& field, int index) const {
    return inside(field + "[" + std::to_string(index) + "]");
  }

  std::int64_t integer(const std::string& field, std::optional<std::int64_t> given,
                       std::int64_t fallback, std::int64_t low, std::int64_t high) const {
    const std::int64_t value = given.value_or(fallback);
    if (value < low || value > high)
      refuse(field, value, detail::concatenate("must be ", low, " to ", high));
    return value;
  }

  double positive(const std::string& field, std::optional<double> given, double fallback,
                  double high) const {
    const double value = given.value_or(fallback);
    if (!(value > 0 && value <= high))
      refuse(field, value, detail::concatenate("must be greater than 0 and at most ", high));
    return value;
  }

  double not_negative(const std::string& field, double value, double high) const {
    if (!(value >= 0 && value <= high))
      refuse(field, value, detail::concatenate("must be 0 to ", high));
    return value;
  }

  template <typename Value>
  [[noreturn]] void refuse(const std::string& field, const Value& value,
                           const std::string& allowed) const {
    throw UserError(origin_, ": ", name(field), " = ", value, ": ", allowed);
  }

  /// File and path of the message, to lead a refusal that concerns several of its fields.
  std::string place() const { return origin_ + ": " + path_; }

 private:
  std::string name(const std::string& field) const {
    return path_.empty() ? field : path_ + "." + field;
  }

  std::string origin_;
  std::string path_;
};

}  // namespace tessera::hw
