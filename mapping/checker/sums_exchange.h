// Partial sums handed from partners to the owner of their outputs, without time.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "mapping/checker/stage_view.h"

namespace tessera::mapping::checker {

/// A granule or piece of sums leaves a partner when its owner takes it; owners take from their
/// partners in turn, or from all at once when the network adds on the way.
class SumsExchange {
 public:
  /// The owner has room for the next one; false when the partner whose turn it is offers none.
  bool take(const StageView& view, const TileShare& owner);
  /// The partner's next one stands ready; true when the owner has taken it.
  bool send(const StageView& view, const TileShare& partner);

 private:
  struct Group {
    std::vector<std::int64_t> offered, sent, received;  ///< per partner
    std::int64_t taken = 0;
  };

  Group& group(const StageView& view, const TileShare& share);

  std::map<std::pair<int, GroupId>, Group> groups_;
};

}  // namespace tessera::mapping::checker
