#include "mapping/checker/part_check.h"

#include <algorithm>

#include "mapping/checker/region_set.h"
#include "mapping/checker/stage_view.h"

namespace tessera::mapping::checker {

namespace {

using workloads::RankTile;
using workloads::Region;

class PartCheck {
 public:
  explicit PartCheck(const Program& program)
      : program_(program), use_{std::vector<int>(program.stages.size(), -1), {}} {}

  PartUse check() {
    for (std::size_t p = 0; p < program_.parts.size(); ++p) note_writer(static_cast<int>(p));
    for (std::size_t s = 0; s < program_.stages.size(); ++s) check_written(static_cast<int>(s));
    check_disjoint();
    for (std::size_t s = 0; s < program_.stages.size(); ++s)
      check_read(StageView(program_, static_cast<int>(s)));
    check_dram();
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
    if (!covered(program_.parts[p].region, pieces)) refuse(p, "stage ", view.stage.name, " does not write all of it");
  }

  /// Number of outputs of an owner. In DRAM each granule finds its own place; in the tiles an owner
  /// answers for the box around its share, which must then hold nothing else.
  std::int64_t check_owner(const StageView& view, const TileShare& share, int p) const {
    const Part& part = program_.parts[p];
    const Region outputs = region_of(view.layer.output, share.ranks);
    if (!contains(part.region, outputs))
      view.refuse_tile(share.tile, "its outputs ", to_text(outputs), " leave part ", p,
                       ", which is ", to_text(part.region));
    std::int64_t points = 1;
    for (std::size_t r = 0; r < share.ranks.size(); ++r)
      if (!view.layer.ranks[r].reduced) points *= share.ranks[r].size();
    if (part.home == Home::kTiles && points != outputs.elements())
      view.refuse_tile(share.tile, "serves the box ", to_text(outputs), " of ", outputs.elements(),
                       " elements, of which it produces ", points);
    return points;
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
           (view.stage.fusion >= 0 && program_.stages[part.producer_stage].fusion == view.stage.fusion);
  }

  void note_readers(const StageView& view, workloads::TensorId tensor, const Region& read) {
    for (std::size_t p = 0; p < program_.parts.size(); ++p) {
      const Part& part = program_.parts[p];
      if (part.tensor == tensor && part.producer_stage < view.index &&
          !intersect(part.region, read).empty())
        use_.last_reader[p] = std::max(use_.last_reader[p], view.index);
    }
  }

  void check_dram() const {
    struct Place {
      std::uint64_t begin, end;
      int part;
    };
    std::vector<Place> places;
    std::vector<bool> seen(program_.network.tensors.size(), false);
    for (std::size_t p = 0; p < program_.parts.size(); ++p) {
      const Part& part = program_.parts[p];
      if (part.home != Home::kDram || seen[part.tensor]) continue;
      seen[part.tensor] = true;
      const DramLayout& layout = program_.layouts[part.tensor];
      check_footprint(static_cast<int>(p), layout);
      places.push_back(
          {layout.base_address, layout.base_address + layout.footprint_bytes, static_cast<int>(p)});
    }
    std::ranges::sort(places, {}, &Place::begin);
    for (std::size_t i = 1; i < places.size(); ++i)
      if (places[i].begin < places[i - 1].end)
        refuse(places[i].part, "begins in DRAM at ", places[i].begin, ", inside tensor ",
               tensor_name(program_.parts[places[i - 1].part]), ", which ends at ",
               places[i - 1].end);
  }

  void check_footprint(int part, const DramLayout& layout) const {
    Bytes bytes = static_cast<Bytes>(program_.word_bytes);
    for (const auto extent : program_.network.tensors[program_.parts[part].tensor].extents)
      bytes *= static_cast<Bytes>(extent);
    if (layout.footprint_bytes < bytes)
      refuse(part, "has ", layout.footprint_bytes, " bytes of DRAM; allowed: ", bytes, " or more");
  }

  const Program& program_;
  PartUse use_;
};

}  // namespace

PartUse check_parts(const Program& program) { return PartCheck(program).check(); }

}  // namespace tessera::mapping::checker
