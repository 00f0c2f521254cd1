// How wide a path has to be: the search behind `validate --requirements`.
#pragma once

#include <cstdint>
#include <functional>

#include "sim/base/types.h"

namespace tessera::validation {

/// The smallest width of 1 to `widest` whose run takes at most `slack` (a fraction) more cycles
/// than `unlimited`. By bisection: a wider path never makes a run longer, so far as the answer is
/// exact. `widest` when no narrower one does.
std::int64_t smallest_width(Cycle unlimited, double slack, std::int64_t widest,
                            const std::function<Cycle(std::int64_t)>& cycles_at);

}  // namespace tessera::validation
