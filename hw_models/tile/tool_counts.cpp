// What a tile counts on nn_dataflow's machine: words and word-hops, as the machine moves them or as
// the tool counts them.
#include "hw_models/tile/tile.h"

namespace tessera::hw {

/// Idealisation toolwords: a granule counts as the piece of the share that it stands for, in all
/// tiles alike.
void Tile::count_fetch(StageRun& run, int operand, std::int64_t sequence, Bytes bytes) {
  if (context_.ideal(Ideal::kToolwords)) {
    const auto& counted = context_.tool->layer(run.number()).inputs[operand];
    const ToolMachine::Piece piece{sequence, run.receive(operand).pieces};
    context_.tool->count(run.number(), operand, piece.of(counted.dram_words));
    count_hops(run, operand, counted.word_hops, piece);
  } else if (from_dram(run, operand)) {
    context_.tool->count(run.number(), operand,
                         static_cast<std::int64_t>(bytes) / context_.program.word_bytes);
  }
}

/// The same for outputs that leave, and for sums that come back.
void Tile::count_output(StageRun& run, const mapping::CodeCursor& cursor, const Granule& granule) {
  const auto& layer = context_.tool->layer(run.number());
  if (!context_.ideal(Ideal::kToolwords))
    return context_.tool->count(run.number(), run.operands(), granule.region.elements());
  const auto piece = output_piece(run, cursor, granule);
  context_.tool->count(run.number(), run.operands(),
                       layer.output_copies * piece.of(layer.output.dram_words));
  count_hops(run, run.operands(), layer.output.word_hops, piece);
}

/// Partial sums on their way to the tile that completes the outputs. The tool moves the sums of an
/// earlier visit to the partners as well.
void Tile::count_sums(StageRun& run, const mapping::CodeCursor& cursor, const Granule& granule) {
  if (!context_.ideal(Ideal::kToolwords)) return;
  const auto piece = output_piece(run, cursor, granule);
  const auto& hops = context_.tool->layer(run.number()).sum_hops;
  count_hops(run, run.operands(), hops, piece);
  if (!cursor.visit(run.layer()).first()) count_hops(run, run.operands(), hops, piece);
}

/// Outputs that have gone round and stay: their sums have been on their way.
void Tile::count_kept(StageRun& run, const mapping::CodeCursor& cursor, const Granule& granule) {
  if (!context_.ideal(Ideal::kToolwords) ||
      context_.program.parts[context_.index.part_of_stage(run.number())].home !=
          mapping::Home::kTiles ||
      run.passes_on(run.stage().output_slot, granule))
    return;
  count_hops(run, run.operands(), context_.tool->layer(run.number()).output.word_hops,
             output_piece(run, cursor, granule));
}

/// Tiles that share outputs complete different pieces of them.
ToolMachine::Piece Tile::output_piece(const StageRun& run, const mapping::CodeCursor& cursor,
                                      const Granule& granule) {
  const auto& slot = run.stage().slots[run.stage().output_slot];
  const auto sequence = granule.sequence;
  return {slot.rotating
              ? sequence / slot.fill * slot.round + piece_of(slot, run.share().rotation, sequence)
              : sequence,
          cursor.trips(ToolMachine::ranks_of(run.layer(), run.layer().output))};
}

/// `of_share`: by tile.
void Tile::count_hops(const StageRun& run, int operand, const std::vector<std::int64_t>& of_share,
                      ToolMachine::Piece piece) {
  if (!of_share.empty()) context_.tool->count_hops(run.number(), operand, piece.of(of_share[id_]));
}

}  // namespace tessera::hw
