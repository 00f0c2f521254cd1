// The machine that nn_dataflow's model has in mind, as far as the idealisations make ours one.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <vector>

#include "mapping/code_cursor.h"
#include "mapping/program.h"
#include "mapping/tool_layer.h"
#include "sim/base/types.h"

namespace tessera::hw {

/// All channels together are one bandwidth. With the idealisation `overlap` a layer's transfers
/// overlap its own computation perfectly: what it asks of DRAM is there at once, and the layer is
/// over when its tiles are through and its words have had their time at that bandwidth. Layers that
/// share tiles, and segments, begin when the ones before are over; layers that read from other
/// tiles of their segment when the first piece of what they read is done; a segment is not over
/// before all of its words have had their time.
///
/// Source: nn_dataflow, `pipeline_segment_timing.py` (time of a layer: the longest of computation
/// and DRAM access; of a segment: no less than the sum of its DRAM times).
class ToolMachine {
 public:
  /// `ps_per_byte` of all channels together.
  ToolMachine(const mapping::Program& program, std::vector<mapping::ToolLayer> layers,
              double ps_per_byte, std::uint64_t period_ps);

  const mapping::ToolLayer& layer(int stage) const { return layers_[index(stage)]; }
  /// One of several equal pieces of a share; what it counts of the share adds up.
  struct Piece {
    std::int64_t number = 0;  ///< goes on counting in later visits of the share
    std::int64_t pieces = 1;
    std::int64_t of(std::int64_t share) const {
      return mapping::part_of(share, number % pieces, pieces);
    }
  };

  /// Words that a stage moves between DRAM and tiles; the output is the operand after the inputs.
  void count(int stage, int operand, std::int64_t words);
  std::int64_t words(int stage, int operand) const;
  /// Words times links, of what a stage moves; partial sums count for the output.
  void count_hops(int stage, int operand, std::int64_t word_hops);
  std::int64_t word_hops(int stage, int operand) const;

  /// Ranks that move an operand.
  static std::vector<bool> ranks_of(const workloads::Layer& layer,
                                    const workloads::Operand& operand);

  /// A step of a tile's array or vector unit: words between buffer and array, of an operand
  /// whenever its block of passes is another one than before; of outputs written, and read back
  /// when they have been there before. Taps and columns move inside a pass, and so does what the
  /// registers hold.
  void count_blocks(int tile, int stage, const mapping::CodeCursor& cursor);
  std::int64_t buffer_words(int stage, int operand) const;

  /// First cycle in which tiles may compute the stage; kNever while it is not known. Then the tile
  /// is woken later.
  Cycle opens(int stage, int tile);
  /// A step of a tile's array or vector unit that computes so many points ends at `end`.
  void stepped(int stage, std::int64_t points, Cycle end);
  /// A tile has computed and stored its share.
  void left(int stage, Cycle now);
  void set_wake(std::function<void(int tile, Cycle at)> wake) { wake_ = std::move(wake); }
  /// Cycle after the last layer.
  Cycle end() const;

  /// Idealisation dram: the bytes follow all others that any channel moves. Picoseconds.
  std::uint64_t transfer(std::uint64_t now_ps, Bytes bytes);

 private:
  struct Progress {
    std::vector<int> before;  ///< stages of the segment that share a tile with it, and come first
    std::size_t shares = 0;   ///< tiles that are not through
    Cycle opened = kNever;
    Cycle through = 0;                                         ///< when the last tile was
    std::vector<std::int64_t> words, word_hops, buffer_words;  ///< per operand
    std::vector<int> waiting;                                  ///< tiles
    std::int64_t points = 0;                                   ///< of all shares
    std::int64_t computed = 0;                   ///< of these, by steps that have begun
    Cycle computed_until = 0;                    ///< when the last of them ends
    std::map<std::int64_t, Cycle> first_pieces;  ///< by number of pieces: when the first is done
  };
  /// What the registers of a tile hold, as the tool sees it.
  struct Registers {
    int stage = -1;
    std::vector<std::vector<workloads::RankRange>> blocks;  ///< per operand
    std::vector<std::int64_t> visits;                       ///< per operand: blocks so far
  };
  static std::size_t index(int stage) { return static_cast<std::size_t>(stage); }
  /// How often a step of the array takes each of the operand's blocks, and how many blocks.
  struct Walk {
    std::int64_t times = 1, blocks = 1;
  };
  Walk walk(int stage, const std::vector<bool>& moves, workloads::RankTile ranks) const;
  void enter_blocks(int stage, std::size_t operand, Registers& held,
                    const mapping::CodeCursor& cursor);
  Cycle time_of(std::int64_t words) const;
  std::int64_t words_of(const Progress& stage) const;
  Cycle over(int stage) const;
  Cycle segment_over(std::size_t segment) const;
  void try_to_open(int stage);
  void change_stage(int tile, int stage, std::size_t operands);

  const mapping::Program& program_;
  std::vector<mapping::ToolLayer> layers_;
  std::vector<Registers> registers_;  ///< per tile
  /// What the registers had of inputs that stay for a later stage: by tile, stage and operand.
  struct Kept {
    std::vector<workloads::RankRange> block;
    std::int64_t visits = 0;
  };
  std::map<std::array<int, 3>, Kept> kept_;
  double ps_per_byte_;
  std::uint64_t period_ps_;
  int word_bytes_;
  std::vector<Progress> stages_;
  std::vector<std::vector<int>> segments_;  ///< stages, in order
  std::function<void(int, Cycle)> wake_;
  double pool_free_ps_ = 0;
};

}  // namespace tessera::hw
