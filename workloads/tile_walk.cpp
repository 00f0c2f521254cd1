#include "workloads/tile_walk.h"

#include <algorithm>

namespace tessera::workloads {

TileWalk::TileWalk(const RankTile& tile, std::vector<RankId> order)
    : tile_(tile), order_(std::move(order)), movements_(tile.size()) {
  for (const auto& range : tile_) position_.push_back(range.begin);
}

std::size_t TileWalk::follow(const Operand& operand, std::vector<std::int64_t> strides) {
  Cursor cursor;
  cursor.strides = std::move(strides);
  cursor.strides.resize(operand.dimensions.size(), 0);
  for (std::size_t i = 0; i < operand.dimensions.size(); ++i) {
    const auto& access = operand.dimensions[i];
    std::int64_t index = access.offset, last = access.offset;
    for (const auto& term : access.terms) {
      index += term.coefficient * tile_[term.rank].begin;
      last += term.coefficient * (tile_[term.rank].end - 1);
      movements_[term.rank].push_back({cursors_.size(), i, term.coefficient});
    }
    cursor.index.push_back(index);
    cursor.valid.push_back({access.valid_begin, access.valid_end});
    cursor.offset += index * cursor.strides[i];
    if (index < access.valid_begin || last >= access.valid_end) cursor.padded.push_back(i);
  }
  cursors_.push_back(std::move(cursor));
  return cursors_.size() - 1;
}

void TileWalk::move(RankId rank, std::int64_t steps) {
  for (const auto& movement : movements_[rank]) {
    Cursor& cursor = cursors_[movement.cursor];
    const std::int64_t distance = steps * movement.coefficient;
    cursor.index[movement.dimension] += distance;
    cursor.offset += distance * cursor.strides[movement.dimension];
  }
}

bool TileWalk::advance() {
  for (std::size_t i = order_.size(); i-- > 0;) {
    const RankId rank = order_[i];
    if (++position_[rank] < tile_[rank].end) {
      move(rank, 1);
      return true;
    }
    position_[rank] = tile_[rank].begin;
    move(rank, -(tile_[rank].size() - 1));
  }
  return false;
}

bool TileWalk::is_inside(std::size_t operand) const {
  const Cursor& cursor = cursors_[operand];
  for (const std::size_t i : cursor.padded)
    if (cursor.index[i] < cursor.valid[i].begin || cursor.index[i] >= cursor.valid[i].end)
      return false;
  return true;
}

}  // namespace tessera::workloads
