#include "mapping/pe_sharing.h"

#include <algorithm>
#include <set>

namespace tessera::mapping {

namespace {

using Extents = std::vector<std::int64_t>;

/// Indices of one rank side by side: one place of the array takes `lanes` of them at a time.
struct Dealt {
  std::int64_t places = 1, lanes = 1;
};

Dealt dealt(const ArrayMapping& mapping, int rank, const Extents& extents) {
  Dealt result;
  for (const auto* axis : {&mapping.rows, &mapping.columns})
    for (const auto& split : *axis)
      if (split.rank == rank) result.places *= split.ways;
  for (const auto& split : mapping.lanes)
    if (split.rank == rank) result.lanes *= split.ways;
  result.places = std::min(result.places, extents[static_cast<std::size_t>(rank)]);
  return result;
}

std::vector<std::int64_t> indices_at(std::int64_t place, const Dealt& dealt, std::int64_t extent) {
  std::vector<std::int64_t> indices;
  for (std::int64_t begin = place * dealt.lanes; begin < extent;
       begin += dealt.places * dealt.lanes)
    for (std::int64_t i = begin; i < std::min(begin + dealt.lanes, extent); ++i)
      indices.push_back(i);
  return indices;
}

/// Words along one dimension, added up over the places of its ranks, and how many are distinct.
struct DimensionWords {
  std::int64_t of_places = 0;
  std::int64_t distinct = 0;
};

DimensionWords words_of(const workloads::DimensionAccess& access, const ArrayMapping& mapping,
                        const Extents& extents) {
  DimensionWords words;
  std::set<std::int64_t> all;
  std::vector<std::set<std::int64_t>> places = {{0}};
  for (const auto& term : access.terms) {
    const auto rank = static_cast<std::size_t>(term.rank);
    const Dealt ways = dealt(mapping, term.rank, extents);
    std::vector<std::set<std::int64_t>> next;
    for (const auto& so_far : places)
      for (std::int64_t place = 0; place < ways.places; ++place) {
        std::set<std::int64_t> sums;
        for (const auto index : indices_at(place, ways, extents[rank]))
          for (const auto base : so_far) sums.insert(base + index * term.coefficient);
        next.push_back(std::move(sums));
      }
    places = std::move(next);
  }
  for (const auto& place : places) {
    words.of_places += static_cast<std::int64_t>(place.size());
    all.insert(place.begin(), place.end());
  }
  words.distinct = static_cast<std::int64_t>(all.size());
  return words;
}

}  // namespace

double pe_sharing(const workloads::Layer& layer, const workloads::Operand& operand,
                  const ArrayMapping& mapping, const Extents& extents) {
  double sharing = 1;
  for (std::size_t rank = 0; rank < layer.ranks.size(); ++rank)
    if (!workloads::Layer::indexes(operand, static_cast<int>(rank)))
      sharing *= static_cast<double>(dealt(mapping, static_cast<int>(rank), extents).places);
  for (const auto& access : operand.dimensions) {
    const auto words = words_of(access, mapping, extents);
    sharing *= static_cast<double>(words.of_places) / static_cast<double>(words.distinct);
  }
  return sharing;
}

}  // namespace tessera::mapping
