#include "validation/smallest_width.h"

#include <algorithm>

namespace tessera::validation {

std::int64_t smallest_width(Cycle unlimited, double slack, std::int64_t widest,
                            const std::function<Cycle(std::int64_t)>& cycles_at) {
  const double limit = static_cast<double>(unlimited) * (1 + slack);
  const auto suffices = [&](std::int64_t width) {
    return static_cast<double>(cycles_at(width)) <= limit;
  };
  // Doubling first: narrow paths are the common answer, and the wide ones simulate no faster.
  std::int64_t too_narrow = 0, enough = 1;
  while (enough < widest && !suffices(enough)) {
    too_narrow = enough;
    enough = std::min(widest, 2 * enough);
  }
  while (enough - too_narrow > 1) {
    const std::int64_t middle = too_narrow + (enough - too_narrow) / 2;
    (suffices(middle) ? enough : too_narrow) = middle;
  }
  return enough;
}

}  // namespace tessera::validation
