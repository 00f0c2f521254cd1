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
  /// Additions may run on the tiles that make one of their operands; off: on tiles of their own.
  bool additions = true;
  /// Simulation may give layers by themselves tiles with room for a second copy of what streams in.
  bool blocking = true;
};

}  // namespace tessera::mapping
