// Help for a user who mistyped a name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// "did you mean a or b?" of those that are close by edit distance; empty when none is.
std::string did_you_mean(std::string_view given, const std::vector<std::string>& known);

/// "known: a, b, c" or, when some are close, `did_you_mean`.
std::string suggest(std::string_view given, const std::vector<std::string>& known);

/// Items joined by a separator.
std::string join(const std::vector<std::string>& items, std::string_view separator = ", ");

}  // namespace tessera
