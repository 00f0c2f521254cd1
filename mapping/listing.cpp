#include "mapping/listing.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string_view>

#include "mapping/checker/region_set.h"
#include "mapping/checker/stage_view.h"
#include "mapping/code_cursor.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

namespace {

using checker::StageView;
using workloads::RankTile;
using workloads::Region;

constexpr SlotReader kReaders[] = {SlotReader::kCompute, SlotReader::kStore, SlotReader::kServer};

const char* reader_name(SlotReader reader) {
  switch (reader) {
    case SlotReader::kCompute:
      return "compute";
    case SlotReader::kStore:
      return "store";
    case SlotReader::kServer:
      return "other tiles";
  }
  return "";
}

/// Writes one stage of one tile.
class StageListing {
 public:
  StageListing(const StageView& view, const TileShare& share, std::ostream& out)
      : view_(view), share_(share), out_(out) {}

  void write() {
    out_ << "\nstage " << view_.index << " " << view_.stage.name << ": layer " << view_.layer.name
         << fusion_text() << "\n";
    write_share();
    for (const auto& slot : view_.stage.slots) write_slot(slot);
    for (std::size_t i = 0; i < view_.layer.inputs.size(); ++i) write_input(static_cast<int>(i));
    write_output();
    write_array();
    for (const Queue queue : kQueues) {
      out_ << "  " << name_of(queue) << " queue\n";
      write_block(block_of(view_.stage.codes[share_.code], queue), share_.ranks, 2);
    }
  }

 private:
  const std::string& rank_name(workloads::RankId rank) const {
    return view_.layer.ranks[rank].name;
  }
  const std::string& tensor_name(workloads::TensorId tensor) const {
    return view_.program.network.tensors[tensor].name;
  }

  void write_share() const {
    out_ << "  share";
    for (std::size_t r = 0; r < share_.ranks.size(); ++r)
      out_ << " " << rank_name(static_cast<int>(r)) << " [" << share_.ranks[r].begin << ","
           << share_.ranks[r].end << ")";
    out_ << ", code " << share_.code << "\n";
  }

  std::string fusion_text() const {
    if (view_.stage.fusion < 0) return view_.stage.fetches_last ? ", fetches last" : "";
    std::string text = detail::concatenate(", fusion ", view_.stage.fusion);
    if (view_.stage.recomputed > 0)
      text += detail::concatenate(", ", view_.stage.recomputed,
                                  " points computed again over all tiles");
    return text;
  }

  void write_slot(const Slot& slot) const {
    out_ << "  slot " << slot.name << ": " << slot.granules << " x " << slot.granule_bytes
         << " bytes at " << slot.base_address << ", read by ";
    const char* separator = "";
    for (const SlotReader reader : kReaders) {
      if ((slot.readers & checker::bit(reader)) == 0) continue;
      out_ << separator << reader_name(reader);
      separator = " and ";
    }
    if (slot.retains) {
      out_ << ", a window of";
      for (const auto extent : slot.extents) out_ << " " << extent;
    }
    write_keeping(slot);
    out_ << "\n";
  }

  void write_keeping(const Slot& slot) const {
    if (slot.continues >= 0)
      out_ << ", goes on with that of stage " << slot.continues << " "
           << view_.program.stages[slot.continues].name;
    if (slot.handed_on) out_ << ", stays for a later stage";
    if (slot.refetched && &slot == &view_.stage.slots[view_.stage.output_slot])
      out_ << ", read from DRAM: no room to keep it";
    else if (slot.refetched)
      out_ << ", fetched again: no room to keep it";
  }

  void write_members(const Group& group) const {
    out_ << "group of " << group.members.size() << ", root tile " << group.members.front();
  }

  void write_input(int input) const {
    const auto& operand = view_.layer.inputs[input];
    out_ << "  " << operand_name(view_.layer, input) << ": tensor " << tensor_name(operand.tensor)
         << " from ";
    write_sources(operand.tensor, region_of(operand, share_.ranks));
    out_ << ", ";
    write_members(view_.stage.groups[share_.input_groups[input]]);
    out_ << "\n";
  }

  void write_sources(workloads::TensorId tensor, const Region& region) const {
    const char* separator = "";
    for (const auto& part : view_.program.parts) {
      if (part.tensor != tensor || intersect(part.region, region).empty()) continue;
      out_ << separator << name_of(part.home_for(view_.index));
      if (part.producer_stage >= 0) out_ << " (stage " << part.producer_stage << ")";
      separator = " and ";
    }
  }

  void write_output() const {
    const Group& sums = view_.sums_of(share_);
    out_ << "  O: tensor " << tensor_name(view_.layer.output.tensor) << " ";
    if (!view_.owns(share_)) {
      out_ << "as partial sums to tile " << sums.members.front() << "\n";
      return;
    }
    const auto part = std::ranges::find(view_.program.parts, view_.index, &Part::producer_stage);
    const Home home = part == view_.program.parts.end() ? Home::kDram : part->home;
    const bool stays = home == Home::kTiles || home == Home::kWindow;
    out_ << (stays ? "stays in the " : "to ") << name_of(home);
    if (part != view_.program.parts.end() && part->kept_until >= 0)
      out_ << " and kept in the tiles until stage " << part->kept_until;
    if (sums.members.size() > 1) out_ << ", sums of " << sums.members.size() << " tiles";
    out_ << "\n";
  }

  void write_splits(const char* axis, const std::vector<SpatialSplit>& splits) const {
    if (splits.empty()) return;
    out_ << " " << axis;
    for (const auto& split : splits) out_ << " " << rank_name(split.rank) << " x " << split.ways;
    out_ << ";";
  }

  void write_array() const {
    if (view_.layer.kind != workloads::LayerKind::kMatrix) return;
    const ArrayMapping& array = view_.stage.array;
    out_ << "  array:";
    write_splits("rows", array.rows);
    write_splits("columns", array.columns);
    write_splits("lanes", array.lanes);
    out_ << " loops";
    if (array.loops.empty()) out_ << " none";
    for (const auto& loop : array.loops)
      out_ << " " << rank_name(loop.rank) << " tile " << loop.tile;
    out_ << "; registers inside loop I " << array.store_depth[0] << ", W " << array.store_depth[1]
         << ", O " << array.store_depth[2] << "\n";
  }

  void write_block(const CodeBlock& block, const RankTile& ranks, int depth) const {
    for (const auto& node : block) {
      out_ << std::string(static_cast<std::size_t>(2 * depth), ' ');
      if (node.is_loop)
        write_loop(node, ranks, depth);
      else
        write_instruction(node.instruction, ranks);
    }
  }

  void write_loop(const CodeNode& loop, RankTile ranks, int depth) const {
    if (loop.rank < 0) {
      out_ << "repeat " << loop.count << "\n";
    } else {
      out_ << "loop " << rank_name(loop.rank) << " step " << loop.step << " count " << loop.count;
      if (loop.first > 0) out_ << " first " << loop.first << " overlap " << loop.overlap;
      if (loop.rotates) out_ << " rotates, place " << share_.rotation.place;
      out_ << "\n";
      ranks[loop.rank] = trip_range(loop, ranks[loop.rank], origin(loop.rank),
                                    turned_trip(loop, share_.rotation, 0));
    }
    write_block(loop.body, ranks, depth + 1);
  }

  std::int64_t origin(workloads::RankId rank) const {
    return share_.origins.empty() ? share_.ranks[rank].begin : share_.origins[rank];
  }

  void write_instruction(const Instruction& instruction, const RankTile& ranks) const {
    out_ << to_text(instruction, view_.stage);
    switch (instruction.op) {
      case Op::kReceive: {
        const auto& operand = view_.layer.inputs[instruction.operand];
        out_ << " <- " << tensor_name(operand.tensor);
        write_region(region_of(operand, ranks));
        break;
      }
      case Op::kReceiveSums:
      case Op::kRestore:
      case Op::kReserve:
      case Op::kReopen:
      case Op::kStore:
      case Op::kSendSums:
        write_region(region_of(view_.layer.output, ranks));
        break;
      case Op::kArray:
        out_ << ": " << workloads::volume(ranks) << " MACs";
        break;
      case Op::kVector:
        out_ << ": " << workloads::volume(ranks) * view_.layer.passes << " operations";
        break;
      default:
        break;
    }
    out_ << "\n";
  }

  void write_region(const Region& region) const {
    out_ << " " << checker::to_text(region) << ", " << region.elements() * view_.program.word_bytes
         << " bytes";
  }

  const StageView& view_;
  const TileShare& share_;
  std::ostream& out_;
};

}  // namespace

std::string requested_listing(const Program& program, const std::string& request) {
  constexpr std::string_view kPrefix = "tile=";
  std::string text;
  std::size_t at = kPrefix.size();
  while (request.starts_with(kPrefix)) {
    TileId tile = 0;
    const char* end = request.data() + request.size();
    const auto [stop, error] = std::from_chars(request.data() + at, end, tile);
    if (error != std::errc() || (stop != end && *stop != ',')) break;
    text += (text.empty() ? "" : "\n") + listing(program, tile);
    if (stop == end) return text;
    at = static_cast<std::size_t>(stop - request.data()) + 1;
  }
  throw UserError("'", request, "' asks for no listing; allowed: tile=N or tile=N,N,...");
}

std::string listing(const Program& program, TileId tile) {
  if (tile < 0 || tile >= program.tiles)
    throw UserError("tile ", tile, ": no such tile; allowed: 0 to ", program.tiles - 1);
  std::ostringstream out;
  out << "tile " << tile << " of " << program.tiles << ", network " << program.network.name
      << ", compiled for " << program.accelerator << "\n";
  for (std::size_t s = 0; s < program.stages.size(); ++s) {
    const StageView view(program, static_cast<int>(s));
    if (const TileShare* share = view.find_share(tile)) StageListing(view, *share, out).write();
  }
  return out.str();
}

}  // namespace tessera::mapping
