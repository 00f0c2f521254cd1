#include "mapping/importers/looptree/affine_text.h"

#include <cctype>
#include <charconv>

namespace tessera::mapping::importers {

namespace {

/// Words, numbers and the operators `<=`, `<`, `[`, `]`, `,`, `+`, `-`, `*`.
std::vector<std::string> tokens_of(const YamlValue& value) {
  const std::string text = value.text();
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    std::size_t end = i + 1;
    if (std::isspace(byte)) {
      i = end;
      continue;
    }
    if (std::isdigit(byte)) {
      while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end]))) ++end;
    } else if (std::isalpha(byte) || byte == '_') {
      while (end < text.size() &&
             (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_'))
        ++end;
    } else if (byte == '<' && end < text.size() && text[end] == '=') {
      ++end;
    } else if (std::string("<[],+-*").find(text[i]) == std::string::npos) {
      value.fail("'", text[i], "' does not belong here");
    }
    tokens.push_back(text.substr(i, end - i));
    i = end;
  }
  return tokens;
}

class Parser {
 public:
  explicit Parser(const YamlValue& value) : value_(value), tokens_(tokens_of(value)) {}

  std::vector<AffineText> projection() {
    expect("[");
    std::vector<AffineText> sums;
    do {
      sums.push_back(sum());
    } while (accept(","));
    expect("]");
    at_end();
    return sums;
  }

  std::map<std::string, std::int64_t> extents() {
    std::map<std::string, std::int64_t> extents;
    do {
      const std::int64_t low = number();
      if (low != 0) value_.fail("lower bound ", low, " is not read, only 0");
      expect("<=");
      const std::string name = word();
      const bool inclusive = accept("<=");
      if (!inclusive) expect("<");
      const std::int64_t extent = number() + (inclusive ? 1 : 0);
      if (extent < 1) value_.fail("'", name, "' has no values");
      if (!extents.emplace(name, extent).second) value_.fail("'", name, "' is bounded twice");
    } while (accept("and"));
    at_end();
    return extents;
  }

 private:
  AffineText sum() {
    AffineText sum;
    std::int64_t sign = accept("-") ? -1 : 1;
    for (;;) {
      term(sign, sum);
      if (accept("+"))
        sign = 1;
      else if (accept("-"))
        sign = -1;
      else
        return sum;
    }
  }

  void term(std::int64_t sign, AffineText& sum) {
    if (!is_number()) return add(word(), sign, sum);
    const std::int64_t factor = sign * number();
    if (accept("*") || is_word())
      add(word(), factor, sum);
    else
      sum.constant += factor;
  }

  void add(const std::string& name, std::int64_t coefficient, AffineText& sum) const {
    if (coefficient < 1)
      value_.fail("coefficient ", coefficient, " of '", name, "' has to be at least 1");
    sum.terms.emplace_back(name, coefficient);
  }

  const std::string& peek() const {
    static const std::string end = "the end";
    return next_ < tokens_.size() ? tokens_[next_] : end;
  }
  bool is_number() const {
    return next_ < tokens_.size() && std::isdigit(static_cast<unsigned char>(peek()[0]));
  }
  bool is_word() const {
    return next_ < tokens_.size() &&
           (std::isalpha(static_cast<unsigned char>(peek()[0])) || peek()[0] == '_');
  }

  bool accept(const std::string& token) {
    if (next_ >= tokens_.size() || tokens_[next_] != token) return false;
    ++next_;
    return true;
  }
  void expect(const std::string& token) {
    if (!accept(token)) value_.fail("expected '", token, "', found '", peek(), "'");
  }
  void at_end() const {
    if (next_ != tokens_.size()) value_.fail("'", peek(), "' does not belong here");
  }
  std::int64_t number() {
    if (!is_number()) value_.fail("expected a number, found '", peek(), "'");
    const std::string& token = tokens_[next_++];
    std::int64_t number = 0;
    const auto [rest, error] = std::from_chars(token.data(), token.data() + token.size(), number);
    if (error != std::errc()) value_.fail("'", token, "' is too large");
    return number;
  }
  std::string word() {
    if (!is_word()) value_.fail("expected a dimension, found '", peek(), "'");
    return tokens_[next_++];
  }

  const YamlValue& value_;
  std::vector<std::string> tokens_;
  std::size_t next_ = 0;
};

}  // namespace

std::vector<AffineText> parse_projection(const YamlValue& value) {
  return Parser(value).projection();
}

std::map<std::string, std::int64_t> parse_extents(const YamlValue& value) {
  return Parser(value).extents();
}

}  // namespace tessera::mapping::importers
