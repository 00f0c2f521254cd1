// Words of a MAESTRO text, cut the way the tool cuts them.
#pragma once

#include <string>
#include <vector>

namespace tessera::mapping::maestro {

struct Token {
  std::string text;
  int line = 0;  ///< from 1
};

/// Delimiters are dropped: blank, tab and , - > ( ) : ; so there are no negative numbers and a name
/// loses its hyphens. Braces are ordinary characters and must stand alone. A word that begins with
/// // ends its line; # begins no comment. A carriage return stays on the last word of its line.
std::vector<Token> tokenize(const std::string& text);

}  // namespace tessera::mapping::maestro
