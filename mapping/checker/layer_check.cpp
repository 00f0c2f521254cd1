#include "mapping/checker/layer_check.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::mapping::checker {

namespace {

using workloads::Layer;
using workloads::RankTile;

struct Piece {
  const Stage* stage;
  const TileShare* share;
};

bool overlap(const RankTile& a, const RankTile& b) {
  for (std::size_t r = 0; r < a.size(); ++r)
    if (std::max(a[r].begin, b[r].begin) >= std::min(a[r].end, b[r].end)) return false;
  return true;
}

void check_disjoint(const Layer& layer, std::vector<Piece>& pieces) {
  std::erase_if(pieces,
                [](const Piece& piece) { return workloads::volume(piece.share->ranks) == 0; });
  for (std::size_t a = 0; a < pieces.size(); ++a)
    for (std::size_t b = a + 1; b < pieces.size(); ++b)
      if (overlap(pieces[a].share->ranks, pieces[b].share->ranks))
        throw UserError("program: layer ", layer.name, ": tile ", pieces[a].share->tile,
                        " in stage ", pieces[a].stage->name, " and tile ", pieces[b].share->tile,
                        " in stage ", pieces[b].stage->name, " compute the same points");
}

void check_layer(const Layer& layer, std::vector<Piece> pieces) {
  if (pieces.empty()) throw UserError("program: layer ", layer.name, ": no stage executes it");
  // Tiles of a fused layer may compute the same halo; how many points are computed is counted with
  // the fusion.
  if (pieces.front().stage->recomputed > 0) return;
  check_disjoint(layer, pieces);
  std::int64_t points = 0;
  for (const auto& piece : pieces) points += workloads::volume(piece.share->ranks);
  const std::int64_t whole = workloads::volume(layer.whole());
  if (points != whole)
    throw UserError("program: layer ", layer.name, ": its shares have ", points, " of its ", whole,
                    " points");
}

}  // namespace

void check_layers(const Program& program) {
  std::vector<std::vector<Piece>> pieces(program.network.layers.size());
  for (const auto& stage : program.stages)
    for (const auto& share : stage.shares) pieces[stage.layer].push_back({&stage, &share});
  for (std::size_t i = 0; i < pieces.size(); ++i)
    check_layer(program.network.layers[i], std::move(pieces[i]));
}

}  // namespace tessera::mapping::checker
