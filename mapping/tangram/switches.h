// What the schedule `tangram` may use.
#pragma once

namespace tessera::mapping {

enum class Pipelining {
  kNone,    ///< layer by layer
  kChains,  ///< segments in which every layer reads the one before and nothing else
  kDag,     ///< segments with branches and skip connections
};

struct TangramSwitches {
  /// What several tiles want alike is fetched once and forked on its way; off: every tile fetches
  /// its own copy.
  bool forwarding = true;
  /// Tiles that want the same operand hold one copy between them and pass its pieces round.
  bool sharing = true;
  Pipelining pipelining = Pipelining::kDag;
  /// Alternate layer loop ordering: stages hand over pieces of channels; off: whole maps.
  bool allo = true;
};

}  // namespace tessera::mapping
