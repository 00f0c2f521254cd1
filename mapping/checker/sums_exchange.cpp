#include "mapping/checker/sums_exchange.h"

#include <algorithm>

namespace tessera::mapping::checker {

SumsExchange::Group& SumsExchange::group(const StageView& view, const TileShare& share) {
  Group& group = groups_[{view.index, share.sums_group}];
  const auto partners = view.sums_of(share).members.size() - 1;
  for (auto* counts : {&group.offered, &group.sent, &group.received}) counts->resize(partners, 0);
  return group;
}

bool SumsExchange::take(const StageView& view, const TileShare& owner) {
  Group& of = group(view, owner);
  const auto partners = static_cast<std::int64_t>(of.offered.size());
  if (partners == 0) view.refuse_tile(owner.tile, "takes partial sums, but has no partners");
  if (view.stage.sums_in_network) {
    if (std::ranges::any_of(of.offered, [&](auto offered) { return offered <= of.taken; }))
      return false;
    ++of.taken;
    std::ranges::fill(of.received, of.taken);
    return true;
  }
  const auto place = static_cast<std::size_t>(of.taken % partners);
  if (of.offered[place] <= of.taken / partners) return false;
  of.received[place] = of.taken / partners + 1;
  ++of.taken;
  return true;
}

bool SumsExchange::send(const StageView& view, const TileShare& partner) {
  if (view.owns(partner))
    view.refuse_tile(partner.tile, "owns its outputs and has nobody to send sums to");
  Group& of = group(view, partner);
  const auto& members = view.sums_of(partner).members;
  const auto place =
      static_cast<std::size_t>(std::ranges::find(members, partner.tile) - members.begin()) - 1;
  of.offered[place] = of.sent[place] + 1;
  if (of.received[place] <= of.sent[place]) return false;
  ++of.sent[place];
  return true;
}

}  // namespace tessera::mapping::checker
