#include <algorithm>
#include <optional>

#include "mapping/code_cursor.h"
#include "mapping/fusion/fusion_plan.h"

namespace tessera::mapping {

using workloads::DimensionAccess;
using workloads::Network;
using workloads::RankRange;

namespace {

/// Indices of one dimension of a tensor in the trips of one loop.
class DimensionTrips {
 public:
  DimensionTrips(const FusionMember& member, const DimensionAccess& access, const FusionLoop& loop)
      : share_(member.shares.front()), access_(access), rank_(loop.rank) {
    node_.step = loop.step;
    node_.count = loop.count;
    node_.first = loop.first;
    node_.overlap = loop.overlap;
  }

  RankRange in_trip(std::int64_t trip) const {
    std::int64_t begin = access_.offset;
    std::int64_t last = access_.offset;
    for (const auto& term : access_.terms) {
      RankRange range = share_.ranks[term.rank];
      if (term.rank == rank_) range = trip_range(node_, range, share_.origins[rank_], trip);
      if (range.size() == 0) return {0, 0};
      begin += term.coefficient * range.begin;
      last += term.coefficient * (range.end - 1);
    }
    return {std::max(begin, access_.valid_begin), std::min(last + 1, access_.valid_end)};
  }

 private:
  const TileShare& share_;
  const DimensionAccess& access_;
  workloads::RankId rank_;
  CodeNode node_;
};

const DimensionAccess* moved_by(const workloads::Operand& operand, workloads::RankId rank) {
  const auto found = std::ranges::find_if(operand.dimensions, [&](const auto& access) {
    return std::ranges::any_of(access.terms, [&](const auto& term) { return term.rank == rank; });
  });
  return found == operand.dimensions.end() ? nullptr : &*found;
}

/// Trips of a loop between writing an index and its first use, at most.
std::int64_t most_trips(const DimensionTrips& written, const DimensionTrips& read,
                        std::int64_t count) {
  std::int64_t most = 0;
  std::int64_t writer = 0;
  std::optional<std::int64_t> seen_to;
  for (std::int64_t trip = 0; trip < count; ++trip) {
    const auto range = read.in_trip(trip);
    const std::int64_t fresh = std::max(range.begin, seen_to.value_or(range.begin));
    if (fresh >= range.end) continue;
    while (writer < trip && written.in_trip(writer).end <= fresh) ++writer;
    most = std::max(most, trip - writer);
    seen_to = range.end;
  }
  return most;
}

}  // namespace

std::int64_t reader_lag(const Fusion& fusion, const FusionMember& producer, int output_depth,
                        const Network& network) {
  const auto& output = network.layers[producer.layer].output;
  std::int64_t most = 0;
  for (const auto& reader : fusion.members)
    for (const auto& input : network.layers[reader.layer].inputs) {
      if (input.tensor != output.tensor) continue;
      std::int64_t lag = 0;
      std::int64_t granules = 1;  // of the producer in one trip of the loop
      for (int l = output_depth; l-- > 0; granules *= producer.loops[l].count) {
        if (l >= fusion.depth()) continue;
        const auto& writes = producer.loops[l];
        const auto& reads = reader.loops[l];
        if (writes.rank < 0 || reads.rank < 0) continue;
        const auto* written = moved_by(output, writes.rank);
        const auto* read = moved_by(input, reads.rank);
        if (written == nullptr || read == nullptr ||
            written - output.dimensions.data() != read - input.dimensions.data())
          continue;
        lag += granules * most_trips({producer, *written, writes}, {reader, *read, reads},
                                     std::min(writes.count, reads.count));
      }
      most = std::max(most, lag);
    }
  return most;
}

}  // namespace tessera::mapping
