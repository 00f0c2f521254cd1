// Look-ups in a program that checker and machine both need.
#pragma once

#include <vector>

#include "mapping/program.h"
#include "mapping/readings.h"

namespace tessera::mapping {

/// A tile that holds a piece of a part in its buffer.
struct Owner {
  TileId tile = 0;
  workloads::Region region;
};

/// Made once from a program that outlives it; everything is answered from tables.
class ProgramIndex {
 public:
  explicit ProgramIndex(const Program& program);

  /// Stages in which a tile has a share, ascending, with the share's position.
  struct Turn {
    int stage = 0;
    int share = 0;
  };
  const std::vector<Turn>& turns(TileId tile) const { return turns_[tile]; }

  /// Parts of a tensor, by index into Program::parts.
  const std::vector<int>& parts_of(workloads::TensorId tensor) const { return parts_of_[tensor]; }
  /// Part a stage writes.
  int part_of_stage(int stage) const { return part_of_stage_[stage]; }
  /// Tiles that hold a part whose home is the tiles, or a copy of one in DRAM; ascending by tile,
  /// which stands there once for every box that it completes. Empty for other parts.
  const std::vector<Owner>& owners(int part) const { return owners_[part]; }

  /// First stage of those that go on with one slot after the other.
  int first_of_slot(int stage, SlotId slot) const {
    while (program_.stages[stage].slots[slot].continues >= 0)
      stage = program_.stages[stage].slots[slot].continues;
    return stage;
  }

  /// Reading groups that will tell this owner that they are done with the part.
  int expected_closings(int part, std::size_t owner) const { return closings_[part][owner]; }

  /// Reading groups that will tell every shared buffer that they are done with a part that lives
  /// there.
  int expected_shared_closings(int part) const { return shared_closings_[part]; }
  /// Elements of a piece of a part in streamed slots that all reading groups receive together: once
  /// where a window keeps what came, else as often as the group's code asks.
  std::int64_t readings(int part, const workloads::Region& piece) const;

  /// Elements of the tensor come out of streamed slots, which count how often each is taken.
  bool is_streamed_in_part(workloads::TensorId tensor) const;
  /// The part's owners give their granules away.
  bool is_streamed(int part) const;

  /// What a group reads of an operand over the whole stage.
  workloads::Region group_region(int stage, int operand, GroupId group) const;

  const TileShare& share_of(int stage, TileId tile) const;

 private:
  void find_owners(int part);
  void add_reader(int part, const workloads::Region& region);
  void count_closings();
  Readings readings_of(int part, int stage, int operand, GroupId group) const;

  const Program& program_;
  std::vector<std::vector<Turn>> turns_;
  std::vector<std::vector<int>> parts_of_;
  std::vector<int> part_of_stage_;
  std::vector<std::vector<Owner>> owners_;
  std::vector<std::vector<int>> closings_;
  std::vector<int> shared_closings_;
  std::vector<std::vector<Readings>> readings_;  ///< per part in streamed slots: of each group
};

}  // namespace tessera::mapping
