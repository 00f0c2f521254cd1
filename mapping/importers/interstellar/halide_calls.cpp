#include "mapping/importers/interstellar/halide_calls.h"

#include <cctype>

#include "sim/base/error.h"

namespace tessera::mapping::interstellar {

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

class Lexer {
 public:
  Lexer(const std::string& text, const std::string& origin) : text_(text), origin_(origin) {}

  std::vector<HalideToken> tokens() {
    while (at_ < text_.size()) next();
    tokens_.push_back({"", line_});
    return std::move(tokens_);
  }

 private:
  bool starts(const char* mark) const { return text_.compare(at_, 2, mark) == 0; }

  void next() {
    if (starts("//")) return skip_to("\n");
    if (starts("/*")) return skip_comment();
    const char c = text_[at_];
    if (is_word(c)) return take_word();
    if (std::isspace(static_cast<unsigned char>(c)) == 0) {
      const HalideToken token{std::string(1, c), line_};
      if (std::string(".,;(){}").find(c) == std::string::npos)
        fail_at(origin_, token, "no part of a schedule");
      tokens_.push_back(token);
    }
    advance(1);
  }

  void take_word() {
    std::size_t end = at_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    tokens_.push_back({text_.substr(at_, end - at_), line_});
    at_ = end;
  }

  void skip_comment() {
    const HalideToken begin{"/*", line_};
    skip_to("*/");
    if (at_ >= text_.size()) fail_at(origin_, begin, "the comment does not end");
    advance(2);
  }

  void skip_to(const std::string& mark) {
    advance(std::min(text_.find(mark, at_), text_.size()) - at_);
  }

  void advance(std::size_t characters) {
    for (; characters > 0; --characters) line_ += text_[at_++] == '\n' ? 1 : 0;
  }

  const std::string& text_;
  const std::string& origin_;
  std::size_t at_ = 0;
  int line_ = 1;
  std::vector<HalideToken> tokens_;
};

class Parser {
 public:
  Parser(std::vector<HalideToken> tokens, const std::string& origin)
      : tokens_(std::move(tokens)), origin_(origin) {}

  std::vector<HalideStatement> parse() {
    std::vector<HalideStatement> statements;
    while (!peek().text.empty()) statements.push_back(statement());
    return statements;
  }

 private:
  const HalideToken& peek() const { return tokens_[at_]; }
  bool at(const char* mark) const { return peek().text == mark; }

  HalideToken word(const char* what) {
    if (peek().text.empty() || !is_word(peek().text[0]))
      fail_at(origin_, peek(), std::string(what) + " is expected");
    return tokens_[at_++];
  }

  void expect(const char* mark) {
    if (!at(mark)) fail_at(origin_, peek(), std::string("'") + mark + "' is expected");
    ++at_;
  }

  HalideStatement statement() {
    HalideStatement statement{word("input, weight or output"), {}};
    while (at(".")) {
      ++at_;
      statement.calls.push_back(call());
    }
    if (statement.calls.empty()) expect(".");
    expect(";");
    return statement;
  }

  HalideCall call() {
    HalideCall call{word("a call"), {}};
    expect("(");
    if (!at(")")) {
      call.arguments.push_back(argument());
      while (at(",")) {
        ++at_;
        call.arguments.push_back(argument());
      }
    }
    expect(")");
    return call;
  }

  HalideArgument argument() {
    HalideArgument argument;
    argument.list = at("{");
    if (!argument.list) {
      argument.tokens.push_back(word("a name or number"));
      return argument;
    }
    do {
      ++at_;
      argument.tokens.push_back(word("a name"));
    } while (at(","));
    expect("}");
    return argument;
  }

  std::vector<HalideToken> tokens_;
  const std::string& origin_;
  std::size_t at_ = 0;
};

}  // namespace

void fail_at(const std::string& origin, const HalideToken& token, const std::string& what) {
  const std::string shown = token.text.empty() ? "end of file" : "'" + token.text + "'";
  throw UserError(origin, ":", token.line, ": ", shown, ": ", what);
}

std::vector<HalideStatement> parse_halide(const std::string& text, const std::string& origin) {
  return Parser(Lexer(text, origin).tokens(), origin).parse();
}

}  // namespace tessera::mapping::interstellar
