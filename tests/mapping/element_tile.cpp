#include "tests/mapping/element_tile.h"

#include "mapping/rotation.h"

namespace tessera::test {

bool passes(const Turn& turn, mapping::SlotId slot, std::size_t number) {
  return mapping::is_passed_on(turn.stage->slots[slot], turn.share->rotation,
                               static_cast<std::int64_t>(number));
}

/// Passed on, and released by the store queue where it reads; complete outputs that are served
/// stay.
std::int64_t held_of_shared(const Turn& turn, mapping::SlotId slot) {
  const Ring& ring = turn.rings[slot];
  const bool stored = (turn.stage->slots[slot].readers & 2u) != 0;
  std::int64_t held = 0;
  for (std::size_t i = 0; i < ring.granules.size(); ++i) {
    const bool goes_on = passes(turn, slot, i);
    const bool released = static_cast<std::int64_t>(i) < ring.released[1];
    const bool gone = (!goes_on || ring.granules[i].passed) && (stored ? released : goes_on);
    held += gone ? 0 : 1;
  }
  return held;
}

}  // namespace tessera::test
