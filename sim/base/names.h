// Help for a user who mistyped a name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// "known: a, b, c" or, when some are close by edit distance, "did you mean a, b?".
std::string suggest(std::string_view given, const std::vector<std::string>& known);

/// Items joined by a separator.
std::string join(const std::vector<std::string>& items, std::string_view separator = ", ");

}  // namespace tessera
