// What an analytical tool counts of a stage, for the idealisations that count as it does.
#pragma once

#include <cstdint>
#include <vector>

namespace tessera::mapping {

/// Part `number` of so many nearly equal parts of a count; together they are the whole.
constexpr std::int64_t part_of(std::int64_t whole, std::int64_t number, std::int64_t parts) {
  return whole * (number + 1) / parts - whole * number / parts;
}

/// Words of one operand in the share of one tile, each counted once: with padding, the halos of
/// folds, and as much as the largest share of all tiles.
struct ToolOperand {
  std::int64_t dram_words = 0;    ///< between DRAM and the tile
  std::int64_t buffer_words = 0;  ///< between tile buffer and array; 0 when it bypasses the buffer
  /// Words times links, by tile: of the share that a tile asks for, for itself and those who need
  /// the same, or that it completes. Empty: not counted.
  std::vector<std::int64_t> word_hops = {};
};

/// A stage on other tiles whose outputs a stage reads there. The tool lets the reader begin when
/// the first of so many equal pieces of the producer's work is done.
struct ToolFeed {
  int producer = 0;  ///< stage
  std::int64_t pieces = 1;
};

/// One stage of a program as the tool sees it.
struct ToolLayer {
  int segment = 0;  ///< of the tool's schedule; one begins when the one before has ended
  std::vector<ToolOperand> inputs;
  ToolOperand output;
  int output_copies =
      1;  ///< tiles with sums of the same outputs, where the tool counts all of them
  std::vector<ToolFeed> feeds = {};
  std::vector<std::int64_t> sum_hops = {};  ///< by tile: of the partial sums that it sends
};

}  // namespace tessera::mapping
