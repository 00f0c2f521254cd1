// Granules handed from stage to stage that run at the same time, without time: who has asked, what
// has been computed, and what may leave.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "mapping/checker/stage_view.h"
#include "mapping/program_index.h"

namespace tessera::mapping::checker {

/// A granule can leave its ring when every group that reads from it has received its share as often
/// as it asks; a group asks when all its members have room. Pieces arrive as they are computed, in
/// any order of producers.
class StreamExchange {
 public:
  /// For a fusion: what its rings hand over.
  StreamExchange(const Program& program, const ProgramIndex& index);
  /// For stages [first, last] that rings tie together: all that they hand over, also what stays
  /// whole in the tiles or goes through a memory.
  StreamExchange(const Program& program, const ProgramIndex& index, int first, int last);

  /// True when all elements of the tensor come out of streamed slots.
  bool is_streamed(workloads::TensorId tensor) const;

  /// A tile has room for the boxes of its next granule of an operand. Number by which to ask for
  /// its arrival; -1: nothing has to come from these stages.
  std::int64_t ask(int stage, int operand, TileId tile,
                   const std::vector<workloads::Region>& boxes);
  bool arrived(std::int64_t ticket) const {
    return ticket < 0 || tickets_[static_cast<std::size_t>(ticket)].left == 0;
  }

  /// A tile has completed a granule of its outputs. UserError when readers ask for an element
  /// more often than they read it.
  void offer(int stage, TileId tile, const workloads::Region& region);
  /// Granules of a tile that have not left.
  int held(int stage, TileId tile) const;

  /// A tile has received everything that it reads in a stage.
  void finish_reading(int stage, TileId tile) { finished_.insert({stage, tile}); }
  /// Every stage that reads what a stage keeps has received all of it.
  bool closed(int stage) const;

  /// What groups wait for, "" when nothing.
  std::string waiting() const;

 private:
  struct Ticket {
    int stage = -1;
    int operand = -1;
    GroupId group = -1;
    std::size_t asked = 0;  ///< members
    std::vector<workloads::Region> boxes;
    std::int64_t left = -1;  ///< elements; -1: not all members have asked
  };
  struct Offer {
    int part = -1;
    workloads::Region region;
    std::int64_t owed = 0;
    bool streamed = false;  ///< else it stays
  };
  using Producer = std::pair<int, TileId>;

  void match(Ticket& ticket, Offer& offer) const;
  void let_go(std::deque<Offer>& offers) const;
  std::int64_t tracked_elements(workloads::TensorId tensor,
                                const std::vector<workloads::Region>& boxes) const;

  const Program& program_;
  const ProgramIndex& index_;
  std::vector<bool> tracked_;  ///< per part
  std::vector<Ticket> tickets_;
  std::vector<std::size_t> open_;  ///< tickets that all have asked for and that have not arrived
  std::map<std::tuple<int, int, GroupId>, std::vector<std::int64_t>> rounds_;
  std::map<std::tuple<int, int, TileId>, std::size_t> asked_;  ///< rounds per tile
  std::map<Producer, std::deque<Offer>> offers_;
  std::set<Producer> finished_;  ///< stage and tile
};

}  // namespace tessera::mapping::checker
