#include "mapping/checker/stage_view.h"

#include <algorithm>

namespace tessera::mapping::checker {

namespace {

bool has_restore(const CodeBlock& block) {
  return std::ranges::any_of(block, [](const CodeNode& node) {
    return node.is_loop ? has_restore(node.body) : node.instruction.op == Op::kRestore;
  });
}

}  // namespace

bool StageView::restores() const {
  return std::ranges::any_of(stage.codes, [](const Code& code) { return has_restore(code.load); });
}

const TileShare* StageView::find_share(TileId tile) const {
  const auto found = std::ranges::lower_bound(stage.shares, tile, {}, &TileShare::tile);
  return found != stage.shares.end() && found->tile == tile ? &*found : nullptr;
}

TileId StageView::first_tile_of(int code) const {
  for (const auto& share : stage.shares)
    if (share.code == code) return share.tile;
  return -1;
}

}  // namespace tessera::mapping::checker
