// A tile as the slow judge of programs sees it: where its queues stand, and every granule that ever
// was in its rings.
#pragma once

#include <deque>
#include <vector>

#include "mapping/code_cursor.h"
#include "mapping/program.h"
#include "tests/mapping/elements.h"

namespace tessera::test {

struct Granule {
  Contents contents;
  int operand = -1;
  bool left = false;
  bool passed = false;  ///< to the tile that shares it
};

/// Of a slot, in a tile's buffer.
struct Ring {
  std::deque<Granule> granules;  ///< all that were ever appended; rings of tests are short-lived
  std::int64_t complete = 0;
  std::int64_t released[2] = {};  ///< by the compute queue and by the store queue
  std::int64_t window[2] = {};    ///< acquired in the stage itself
  bool open = false;
  std::size_t reopened = 0;  ///< restored granules that were opened
  std::size_t at = 0;        ///< the open one
};

/// A tile's share of a stage.
struct Turn {
  const mapping::Stage* stage = nullptr;
  int number = 0;
  const mapping::TileShare* share = nullptr;
  mapping::CodeCursor cursors[3];
  std::vector<Ring> rings;
  std::int64_t sums_taken = 0;
  std::int64_t sums_sent = 0;
  int sums_added = 0;
  std::int64_t computed = 0;
};

struct Tile {
  std::vector<Turn> turns;
  std::size_t at[3] = {};  ///< each queue's turn
};

/// Whether a tile passes a granule of shared outputs on, which it appended as its `number`-th.
bool passes(const Turn& turn, mapping::SlotId slot, std::size_t number);

/// Granules of shared outputs in a tile's ring.
std::int64_t held_of_shared(const Turn& turn, mapping::SlotId slot);

}  // namespace tessera::test
