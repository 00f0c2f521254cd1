#include "mapping/checker/fusion_check.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "mapping/checker/tile_run.h"

namespace tessera::mapping::checker {

namespace {

/// Equal for tiles that differ by a translation away from all padding: sizes, where loops begin,
/// and the ranges themselves where an operand is cut off at its tensor's ends.
std::vector<std::int64_t> class_of(const Program& program, int first, int last, TileId tile) {
  std::vector<std::int64_t> key;
  for (int s = first; s <= last; ++s) {
    const StageView view(program, s);
    const auto& share = *view.find_share(tile);
    key.push_back(share.code);
    std::vector<bool> cut(share.ranks.size(), false);
    for (const auto& input : view.layer.inputs)
      for (const auto& access : input.dimensions) {
        std::int64_t begin = access.offset;
        std::int64_t end = access.offset;
        for (const auto& term : access.terms) {
          begin += term.coefficient * share.ranks[term.rank].begin;
          end += term.coefficient * (share.ranks[term.rank].end - 1);
        }
        const bool inside = begin >= access.valid_begin && end < access.valid_end;
        for (const auto& term : access.terms) cut[term.rank] = cut[term.rank] || !inside;
      }
    for (std::size_t r = 0; r < share.ranks.size(); ++r) {
      key.push_back(share.ranks[r].size());
      key.push_back(share.origins.empty() ? 0 : share.origins[r] - share.ranks[r].begin);
      key.push_back(cut[r] ? share.ranks[r].begin : -1);
      key.push_back(share.ranks[r].end == view.layer.ranks[r].extent);
    }
  }
  return key;
}

bool same_tiles(const Stage& a, const Stage& b) {
  return std::ranges::equal(a.shares, b.shares, {}, &TileShare::tile, &TileShare::tile);
}

/// Every tile by itself; one stands for all of its class.
std::map<int, std::int64_t> run_in_turns(const Program& program, const ProgramIndex& index,
                                         int first, int last) {
  std::map<std::vector<std::int64_t>, std::map<int, std::int64_t>> known;
  std::map<int, std::int64_t> points;
  for (const auto& share : program.stages[last].shares) {
    auto [entry, added] = known.try_emplace(class_of(program, first, last, share.tile));
    if (added) {
      Exchanges exchanges{{program, index}, {}};
      TileRun run(program, first, last, share.tile, exchanges);
      run.advance();
      entry->second = run.finish();
    }
    for (const auto& [stage, computed] : entry->second) points[stage] += computed;
  }
  return points;
}

/// All tiles of all stages together.
std::map<int, std::int64_t> run_as_pipeline(const Program& program, const ProgramIndex& index,
                                            int first, int last) {
  Exchanges exchanges{{program, index}, {}};
  std::set<TileId> tiles;
  for (int s = first; s <= last; ++s)
    for (const auto& share : program.stages[s].shares)
      if (!tiles.insert(share.tile).second)
        StageView(program, s).refuse_tile(share.tile, "works for two stages of a pipeline");
  std::deque<TileRun> runs;
  for (const TileId tile : tiles) runs.emplace_back(program, first, last, tile, exchanges);
  for (bool progress = true; progress;) {
    progress = false;
    for (auto& run : runs) progress |= run.advance();
  }
  std::map<int, std::int64_t> points;
  for (auto& run : runs)
    for (const auto& [stage, computed] : run.finish()) points[stage] += computed;
  return points;
}

}  // namespace

void check_points(const Program& program, const std::map<int, std::int64_t>& points) {
  for (const auto& [stage, computed] : points) {
    const StageView view(program, stage);
    const std::int64_t whole = workloads::volume(view.layer.whole());
    if (computed != whole + view.stage.recomputed)
      view.refuse("computes ", computed, " points; the layer has ", whole, " and ",
                  view.stage.recomputed, " are declared to be computed again");
  }
}

void check_fusion(const Program& program, int first, int last) {
  const ProgramIndex index(program);
  bool turns = true;
  for (int s = first; s < last; ++s)
    turns = turns && same_tiles(program.stages[s], program.stages[last]);
  check_points(program, turns ? run_in_turns(program, index, first, last)
                              : run_as_pipeline(program, index, first, last));
}

}  // namespace tessera::mapping::checker
