#include "mapping/cost/timeloop/fanout_sharing.h"

#include <algorithm>
#include <cstdlib>

namespace tessera::mapping::timeloop {

namespace {

/// Appends, for every child so far and every iteration, the key moved on.
std::vector<std::int64_t> spread(const std::vector<std::int64_t>& keys, std::int64_t end,
                                 std::int64_t step) {
  std::vector<std::int64_t> spread;
  spread.reserve(keys.size() * static_cast<std::size_t>(end));
  for (const std::int64_t key : keys)
    for (std::int64_t i = 0; i < end; ++i) spread.push_back(key + i * step);
  return spread;
}

}  // namespace

FanoutSharing::FanoutSharing(const NestLevel& level, std::vector<std::int64_t> ends,
                             const Projection& projection, bool multicast)
    : ends_(std::move(ends)), dimensions_(projection.dimensions()), multicast_(multicast) {
  std::int64_t loops_x = 1;
  std::int64_t loops_y = 1;
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    const NestLoop& loop = level.spatial[i];
    (loop.on_x ? loops_x : loops_y) *= loop.end;
    moves_.push_back(projection.move(loop.rank, loop.stride));
    for (std::size_t d = 0; d < dimensions_; ++d) reach_[d] += (ends_[i] - 1) * moves_[i][d];
  }
  mesh_x_ = std::max(level.mesh_x, loops_x);
  mesh_y_ = std::max(level.mesh_y, loops_y);
  std::int64_t copies = 1;
  auto keys = keys_of_relevant(copies);
  all_ = group(std::move(keys), copies);
}

/// Mixed-radix number of a move; unique while no dimension moves further than the reach.
std::optional<std::int64_t> FanoutSharing::key_of(const Vector& move) const {
  std::int64_t key = 0;
  std::int64_t weight = 1;
  for (std::size_t d = 0; d < dimensions_; ++d) {
    if (std::abs(move[d]) > reach_[d]) return std::nullopt;
    key += move[d] * weight;
    weight *= 2 * reach_[d] + 1;
  }
  return key;
}

/// Loops that do not move the tensor only multiply the copies.
std::vector<std::int64_t> FanoutSharing::keys_of_relevant(std::int64_t& copies) const {
  std::vector<std::int64_t> keys{0};
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    const std::int64_t step = ends_[i] > 1 ? *key_of(moves_[i]) : 0;
    if (step == 0)
      copies *= ends_[i];
    else
      keys = spread(keys, ends_[i], step);
  }
  return keys;
}

std::vector<std::int64_t> FanoutSharing::keys_of_all() const {
  std::vector<std::int64_t> keys{0};
  for (std::size_t i = 0; i < ends_.size(); ++i)
    keys = spread(keys, ends_[i], ends_[i] > 1 ? *key_of(moves_[i]) : 0);
  return keys;
}

Deliveries FanoutSharing::group(std::vector<std::int64_t> keys, std::int64_t copies) const {
  Deliveries deliveries;
  const auto add = [&](std::int64_t multicast, std::int64_t count) {
    deliveries.pieces += count;
    const auto place =
        std::ranges::lower_bound(deliveries.groups, multicast, {}, &SharingGroup::multicast);
    if (place != deliveries.groups.end() && place->multicast == multicast)
      place->count += count;
    else
      deliveries.groups.insert(place, {multicast, count});
  };
  if (!multicast_) {
    if (!keys.empty()) add(1, static_cast<std::int64_t>(keys.size()) * copies);
    return deliveries;
  }
  std::ranges::sort(keys);
  for (std::size_t begin = 0, end = 0; begin < keys.size(); begin = end) {
    while (end < keys.size() && keys[end] == keys[begin]) ++end;
    add(static_cast<std::int64_t>(end - begin) * copies, 1);
  }
  return deliveries;
}

bool FanoutSharing::passed_on(std::int64_t child, std::int64_t difference) const {
  const auto serves = [&](std::int64_t neighbour) {
    return neighbour < static_cast<std::int64_t>(keys_.size()) &&
           keys_[neighbour] - keys_[child] == difference;
  };
  const std::int64_t x = child % mesh_x_;
  const std::int64_t y = child / mesh_x_;
  return (x > 0 && serves(child - 1)) || (x + 1 < mesh_x_ && serves(child + 1)) ||
         (y > 0 && serves(child - mesh_x_)) || (y + 1 < mesh_y_ && serves(child + mesh_x_));
}

const Deliveries& FanoutSharing::with_neighbours(const Vector& offset) {
  const auto difference = key_of(offset);
  if (!difference) return all_;
  for (const auto& known : known_)
    if (known.offset == offset) return known.deliveries;
  if (keys_.empty()) keys_ = keys_of_all();
  std::vector<std::int64_t> rest;
  for (std::size_t child = 0; child < keys_.size(); ++child)
    if (!passed_on(static_cast<std::int64_t>(child), *difference)) rest.push_back(keys_[child]);
  const auto passed = static_cast<std::int64_t>(keys_.size() - rest.size());
  Known known{offset, passed == 0 ? all_ : group(std::move(rest), 1)};
  known.deliveries.passed_on = passed;
  known_.push_back(std::move(known));
  return known_.back().deliveries;
}

}  // namespace tessera::mapping::timeloop
