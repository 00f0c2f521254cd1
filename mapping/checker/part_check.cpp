#include "mapping/checker/part_check.h"

#include <algorithm>
#include <map>

#include "mapping/checker/region_set.h"
#include "mapping/checker/stage_view.h"
#include "mapping/dram_channels.h"
#include "mapping/rotation.h"

namespace tessera::mapping::checker {

namespace {

using workloads::RankTile;
using workloads::Region;

class PartCheck {
 public:
  PartCheck(const Program& program, const ProgramLimits& limits)
      : program_(program), limits_(limits), use_{std::vector<int>(program.stages.size(), -1), {}} {}

  PartUse check() {
    for (std::size_t p = 0; p < program_.parts.size(); ++p) note_writer(static_cast<int>(p));
    for (std::size_t s = 0; s < program_.stages.size(); ++s) check_written(static_cast<int>(s));
    check_outputs();
    check_disjoint();
    for (std::size_t s = 0; s < program_.stages.size(); ++s)
      check_read(StageView(program_, static_cast<int>(s)));
    check_dram();
    check_shared();
    return std::move(use_);
  }

 private:
  const std::string& tensor_name(const Part& part) const {
    return program_.network.tensors[part.tensor].name;
  }

  template <typename... Parts>
  [[noreturn]] void refuse(int part, const Parts&... parts) const {
    throw UserError("program: part ", part, " of tensor ", tensor_name(program_.parts[part]), ": ",
                    parts...);
  }

  void note_writer(int p) {
    const Part& part = program_.parts[p];
    use_.last_reader.push_back(part.producer_stage);
    check_copy(p);
    if (part.producer_stage < 0) {
      if (part.home != Home::kDram) refuse(p, "has no producer and must be in DRAM");
      return;
    }
    const StageView view(program_, part.producer_stage);
    if (view.layer.output.tensor != part.tensor)
      refuse(p, "is not what stage ", view.stage.name, " produces");
    int& known = use_.part_of_stage[part.producer_stage];
    if (known >= 0) refuse(p, "stage ", view.stage.name, " already produces part ", known);
    known = p;
  }

  void check_copy(int p) const {
    const Part& part = program_.parts[p];
    if (part.kept_until < 0) return;
    if (part.home != Home::kDram || part.producer_stage < 0)
      refuse(p, "is kept in the tiles beside ", name_of(part.home),
             "; what a stage writes to DRAM can be");
    if (part.kept_until <= part.producer_stage)
      refuse(p, "is kept until stage ", part.kept_until, "; allowed: after the stage ",
             part.producer_stage, " that produces it");
    if (program_.stages[part.producer_stage].fusion >= 0)
      refuse(p, "is kept beside DRAM by a fused stage");
  }

  /// Owners' shares are disjoint (checked per layer), so counting outputs is enough.
  void check_written(int stage) const {
    const StageView view(program_, stage);
    const int p = use_.part_of_stage[stage];
    if (p < 0)
      view.refuse("no part of tensor ", program_.network.tensors[view.layer.output.tensor].name,
                  " is its output");
    if (program_.parts[p].home == Home::kWindow) return check_window(view, p);
    std::int64_t written = 0;
    for (const auto& share : view.stage.shares)
      if (view.owns(share)) written += check_owner(view, share, p);
    const std::int64_t elements = program_.parts[p].region.elements();
    if (written != elements)
      refuse(p, "stage ", view.stage.name, " writes ", written, " of its ", elements, " elements");
  }

  /// Shares of neighbouring tiles may have a halo in common.
  void check_window(const StageView& view, int p) const {
    std::vector<Region> outputs;
    for (const auto& share : view.stage.shares) {
      outputs.push_back(region_of(view.layer.output, share.ranks));
      if (!contains(program_.parts[p].region, outputs.back()))
        view.refuse_tile(share.tile, "its outputs ", to_text(outputs.back()), " leave part ", p);
    }
    std::vector<const Region*> pieces;
    for (const auto& region : outputs) pieces.push_back(&region);
    if (!covered(program_.parts[p].region, pieces))
      refuse(p, "stage ", view.stage.name, " does not write all of it");
  }

  /// Number of outputs of an owner: of its share, or of the pieces of shared outputs that it
  /// completes.
  std::int64_t check_owner(const StageView& view, const TileShare& share, int p) const {
    std::int64_t points = 0;
    for (const auto& ranks : completed(view.stage, view.layer, share))
      points += check_box(view, share, ranks, p);
    return points;
  }

  /// In DRAM each granule finds its own place; in the tiles an owner answers for the box around its
  /// outputs, which must then hold nothing else.
  std::int64_t check_box(const StageView& view, const TileShare& share, const RankTile& ranks,
                         int p) const {
    const Part& part = program_.parts[p];
    const Region outputs = region_of(view.layer.output, ranks);
    if (!contains(part.region, outputs))
      view.refuse_tile(share.tile, "its outputs ", to_text(outputs), " leave part ", p,
                       ", which is ", to_text(part.region));
    std::int64_t points = 1;
    for (std::size_t r = 0; r < ranks.size(); ++r)
      if (!view.layer.ranks[r].reduced) points *= ranks[r].size();
    if (part.in_tiles() && points != outputs.elements())
      view.refuse_tile(share.tile, "serves the box ", to_text(outputs), " of ", outputs.elements(),
                       " elements, of which it produces ", points);
    return points;
  }

  /// What the network is run for has to be where it can be read afterwards.
  void check_outputs() const {
    for (std::size_t p = 0; p < program_.parts.size(); ++p) {
      const Part& part = program_.parts[p];
      if (part.home != Home::kDram &&
          program_.network.tensors[part.tensor].kind == workloads::TensorKind::kOutput)
        refuse(static_cast<int>(p), "is an output of the network and must be in DRAM");
    }
  }

  void check_disjoint() const {
    const auto& parts = program_.parts;
    for (std::size_t a = 0; a < parts.size(); ++a)
      for (std::size_t b = a + 1; b < parts.size(); ++b)
        if (parts[a].tensor == parts[b].tensor &&
            !intersect(parts[a].region, parts[b].region).empty())
          refuse(static_cast<int>(b), "overlaps part ", a);
  }

  void check_read(const StageView& view) {
    for (std::size_t i = 0; i < view.layer.inputs.size(); ++i) {
      const auto& operand = view.layer.inputs[i];
      const Region all = region_of(operand, hull(view));
      if (!available(view, operand.tensor, all))
        for (const auto& share : view.stage.shares) {
          const Region needed = region_of(operand, share.ranks);
          if (!available(view, operand.tensor, needed))
            view.refuse_tile(share.tile, "receives ", to_text(needed), " of tensor ",
                             program_.network.tensors[operand.tensor].name,
                             ", which the parts of earlier stages do not cover");
        }
      note_readers(view, operand.tensor, all);
    }
  }

  /// Smallest rank tile around all shares of a stage.
  static RankTile hull(const StageView& view) {
    RankTile around;
    for (const auto& share : view.stage.shares) {
      if (workloads::volume(share.ranks) == 0) continue;
      if (around.empty()) around = share.ranks;
      for (std::size_t r = 0; r < around.size(); ++r)
        around[r] = {std::min(around[r].begin, share.ranks[r].begin),
                     std::max(around[r].end, share.ranks[r].end)};
    }
    return around.empty() ? RankTile(view.layer.ranks.size()) : around;
  }

  bool available(const StageView& view, workloads::TensorId tensor, const Region& needed) const {
    std::vector<const Region*> regions;
    for (const auto& part : program_.parts)
      if (part.tensor == tensor && part.producer_stage < view.index && readable(view, part))
        regions.push_back(&part.region);
    return covered(needed, regions);
  }

  /// Windows are read by stages of the same fusion only.
  bool readable(const StageView& view, const Part& part) const {
    return part.home != Home::kWindow ||
           (view.stage.fusion >= 0 &&
            program_.stages[part.producer_stage].fusion == view.stage.fusion);
  }

  void note_readers(const StageView& view, workloads::TensorId tensor, const Region& read) {
    for (std::size_t p = 0; p < program_.parts.size(); ++p) {
      const Part& part = program_.parts[p];
      if (part.tensor == tensor && part.producer_stage < view.index &&
          !intersect(part.region, read).empty())
        use_.last_reader[p] = std::max(use_.last_reader[p], view.index);
    }
  }

  /// Where tensors begin and end in one channel.
  struct Place {
    std::uint64_t begin, end;
    int part;
  };

  void check_dram() const {
    std::vector<int> first_parts;
    std::vector<bool> seen(program_.network.tensors.size(), false);
    for (std::size_t p = 0; p < program_.parts.size(); ++p) {
      const Part& part = program_.parts[p];
      if (part.home != Home::kDram) continue;
      const DramLayout& layout = program_.layouts[part.tensor];
      if (layout.copies != Copies::kOne && part.producer_stage >= 0)
        refuse(static_cast<int>(p), "is written and cannot have a copy in every channel");
      if (seen[part.tensor]) continue;
      seen[part.tensor] = true;
      check_footprint(static_cast<int>(p), layout);
      first_parts.push_back(static_cast<int>(p));
    }
    const int channels = std::max(program_.dram_channels, 1);
    for (int channel = 0; channel < channels; ++channel)
      check_channel(first_parts, channel, channels);
  }

  void check_channel(const std::vector<int>& parts, int channel, int channels) const {
    std::vector<Place> places;
    for (const int p : parts) {
      const DramLayout& layout = program_.layouts[program_.parts[p].tensor];
      if (!holds_part(layout, channel, channels)) continue;
      places.push_back(
          {layout.base_address, layout.base_address + bytes_per_channel(layout, channels), p});
    }
    std::ranges::sort(places, {}, &Place::begin);
    for (std::size_t i = 1; i < places.size(); ++i)
      if (places[i].begin < places[i - 1].end)
        refuse(places[i].part, "begins in DRAM at ", places[i].begin, ", inside tensor ",
               tensor_name(program_.parts[places[i - 1].part]), ", which ends at ",
               places[i - 1].end);
  }

  /// A tensor's addresses are taken from the first stage that writes it to the last that reads it.
  void check_shared() const {
    struct Stay {
      std::uint64_t begin, end;
      int first_stage, last_stage, part;
    };
    std::map<workloads::TensorId, Stay> places;
    for (std::size_t p = 0; p < program_.parts.size(); ++p) {
      const Part& part = program_.parts[p];
      if (part.home != Home::kShared) continue;
      const DramLayout& layout = program_.layout_of(part);
      check_footprint(static_cast<int>(p), layout);
      const auto buffers = static_cast<std::size_t>(limits_.shared_buffers);
      if (buffers == 0)
        refuse(static_cast<int>(p), "lives in shared buffers; the machine has none");
      const std::uint64_t end = layout.base_address + bytes_per_channel(layout, buffers);
      if (end > limits_.shared_bytes)
        refuse(static_cast<int>(p), "ends at ", end, " of each shared buffer; the smallest holds ",
               limits_.shared_bytes, " bytes");
      const int first = part.producer_stage, last = use_.last_reader[p];
      const auto [entry, added] = places.try_emplace(
          part.tensor, Stay{layout.base_address, end, first, last, static_cast<int>(p)});
      if (added) continue;
      entry->second.first_stage = std::min(entry->second.first_stage, first);
      entry->second.last_stage = std::max(entry->second.last_stage, last);
    }
    for (const auto& [tensor, place] : places)
      for (const auto& [other_tensor, other] : places) {
        const bool apart = place.end <= other.begin || other.end <= place.begin ||
                           place.last_stage < other.first_stage ||
                           other.last_stage < place.first_stage;
        if (tensor < other_tensor && !apart)
          refuse(other.part, "shares addresses of the shared buffers with tensor ",
                 tensor_name(program_.parts[place.part]), " while both are alive");
      }
  }

  void check_footprint(int part, const DramLayout& layout) const {
    Bytes bytes = static_cast<Bytes>(program_.word_bytes);
    for (const auto extent : program_.network.tensors[program_.parts[part].tensor].extents)
      bytes *= static_cast<Bytes>(extent);
    if (layout.footprint_bytes < bytes)
      refuse(part, "has ", layout.footprint_bytes, " bytes of memory; allowed: ", bytes,
             " or more");
  }

  const Program& program_;
  const ProgramLimits& limits_;
  PartUse use_;
};

}  // namespace

PartUse check_parts(const Program& program, const ProgramLimits& limits) {
  return PartCheck(program, limits).check();
}

}  // namespace tessera::mapping::checker
