#include "mapping/importers/maestro/lexer.h"

#include <gtest/gtest.h>

namespace tessera::mapping::maestro {

namespace {

std::string words(const std::string& text) {
  std::string joined;
  for (const auto& token : tokenize(text)) joined += (joined.empty() ? "" : "|") + token.text;
  return joined;
}

TEST(Lexer, DropsDelimitersAndKeepsBracesInsideWords) {
  EXPECT_EQ(words("Layer X{ TemporalMap(Sz(R),1) Y';"), "Layer|X{|TemporalMap|Sz|R|1|Y'");
}

TEST(Lexer, CommentBeginsOnlyAtTheStartOfAWord) {
  EXPECT_EQ(words("K;//note K\nC"), "K|C");
  EXPECT_EQ(words("K//note C"), "K//note|C");
  EXPECT_EQ(words("# K"), "#|K");
}

TEST(Lexer, HyphenSplitsWordsSoNamesLoseIt) { EXPECT_EQ(words("Conv2d-1 -5"), "Conv2d|1|5"); }

TEST(Lexer, CarriageReturnStaysOnTheLastWord) { EXPECT_EQ(words("K: 4\r\nC"), "K|4\r|C"); }

TEST(Lexer, CountsLinesFromOne) {
  const auto tokens = tokenize("\nK\n\n  C");
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[0].line, 2);
  EXPECT_EQ(tokens[1].line, 4);
}

}  // namespace

}  // namespace tessera::mapping::maestro
