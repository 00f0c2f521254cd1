// What stays in the tile buffers from one layer to a later one although it could be fetched again.
#pragma once

#include <map>
#include <vector>

#include "hw_models/description/accelerator.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// Inputs that several layers on the same tiles use one after the other (the pieces of a layer that
/// takes turns with others: `kept_from`), and outputs that are written to DRAM and read in the
/// tiles as well. Both are kept as long as there is room: what has none is fetched again, all of a
/// chain of layers alike, and its slots say so.
///
/// Also outputs that stay in the tiles in two copies: the next layer on these tiles does not take
/// their place, so that it can begin before their readers are through. Without room it
/// waits.
class KeptData {
 public:
  /// `plans`: per stage, null for fused ones; what they say of keeping is brought in line with what
  /// is kept. UserError naming the layer when layers that should share data have different ones.
  KeptData(std::vector<StagePlan*> plans, const workloads::Network& network,
           const hw::Accelerator& accelerator);

  /// Last stage for which the output of a stage has a place of its own; -1: until its last reader.
  int output_until(int stage) const;
  /// Last stage that reads the copy of its output which a stage keeps beside DRAM; -1: none.
  int kept_until(int stage) const;
  /// Input slots of a stage that later ones go on with: the last that does.
  std::map<SlotId, int> handed_on(int stage) const;
  /// Stage whose slot an input goes on with; -1: its own.
  int continues(int stage, int input) const;

  /// Stages that use an input of a stage one after the other without fetching it again.
  int uses(int stage, int input) const;

  /// Something that is kept while the stage runs gives way: of several what takes most bytes.
  /// Stages to be built again; none when nothing is kept there.
  std::vector<int> give_way(int stage, const std::vector<Stage>& built);

 private:
  enum class Kind { kInput, kBesideDram, kSecondCopy };
  /// One datum and the stages that use it, ascending; the first fetches or produces it.
  struct Kept {
    Kind kind = Kind::kInput;
    int input = -1;  ///< -1: an output
    std::vector<int> stages;
  };

  const workloads::Layer& layer(int stage) const;
  std::vector<std::int64_t> nominal_of(int stage) const;
  int stage_of(workloads::LayerId layer) const;
  void find_inputs();
  void keep_input(int stage, int input);
  void require_same_data(int stage, int earlier, int input) const;
  bool same_granules(int stage, int earlier, int input) const;
  void find_outputs();
  bool reads(int reader, int producer) const;
  bool leaves_and_returns(int stage) const;
  int next_on_tiles(int stage) const;
  bool share_tiles(int a, int b) const;
  void drop(const Kept& kept);

  std::vector<StagePlan*> plans_;
  const workloads::Network& network_;
  const hw::Accelerator& accelerator_;
  std::vector<Kept> kept_;
};

}  // namespace tessera::mapping
