#include "mapping/importers/maestro/lexer.h"

#include <sstream>

namespace tessera::mapping::maestro {

namespace {

constexpr char kDelimiters[] = " ,->():;\t";

/// False when the rest of the line is a comment.
bool take_word(const std::string& word, int line, std::vector<Token>& tokens) {
  if (word.starts_with("//")) return false;
  if (!word.empty()) tokens.push_back({word, line});
  return true;
}

}  // namespace

std::vector<Token> tokenize(const std::string& text) {
  std::vector<Token> tokens;
  std::istringstream in(text);
  std::string row;
  for (int line = 1; std::getline(in, row); ++line) {
    for (std::size_t begin = 0; begin <= row.size();) {
      const auto end = std::min(row.find_first_of(kDelimiters, begin), row.size());
      if (!take_word(row.substr(begin, end - begin), line, tokens)) break;
      begin = end + 1;
    }
  }
  return tokens;
}

}  // namespace tessera::mapping::maestro
