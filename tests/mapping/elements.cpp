#include "tests/mapping/elements.h"

namespace tessera::test {

using workloads::Layer;
using workloads::Operand;
using workloads::RankTile;
using workloads::TensorId;

std::set<std::int64_t> keys(const Contents& contents) {
  std::set<std::int64_t> result;
  for (const auto& entry : contents) result.insert(entry.first);
  return result;
}

void for_each_point(const RankTile& tile, const std::function<void(const Point&)>& visit) {
  if (workloads::volume(tile) == 0) return;
  Point point;
  for (const auto& range : tile) point.push_back(range.begin);
  for (;;) {
    visit(point);
    std::size_t r = point.size();
    while (r > 0 && ++point[r - 1] == tile[r - 1].end) {
      point[r - 1] = tile[r - 1].begin;
      --r;
    }
    if (r == 0) return;
  }
}

std::uint64_t number_of(const Layer& layer, const Point& point) {
  std::int64_t number = 0;
  for (std::size_t r = 0; r < point.size(); ++r) number = number * layer.ranks[r].extent + point[r];
  auto mixed = static_cast<std::uint64_t>(number) + 0x9e3779b97f4a7c15u;
  mixed = (mixed ^ (mixed >> 31)) * 0xbf58476d1ce4e5b9u;
  return mixed ^ (mixed >> 29);
}

std::vector<std::int64_t> Elements::of(TensorId tensor, const workloads::Region& region) const {
  std::vector<std::int64_t> elements = {0};
  const auto& extents = network_.tensors[tensor].extents;
  for (std::size_t d = 0; d < extents.size(); ++d) {
    std::vector<std::int64_t> longer;
    for (const auto element : elements)
      for (std::int64_t i = 0; i < region.dimensions[d].count; ++i)
        longer.push_back(element * extents[d] + region.dimensions[d].begin +
                         i * region.dimensions[d].step);
    elements = std::move(longer);
  }
  return elements;
}

Contents Elements::empty(const Operand& operand, const RankTile& ranks) const {
  Contents contents;
  for (const auto element : of(operand.tensor, region_of(operand, ranks))) contents[element] = 0;
  return contents;
}

std::int64_t Elements::at(const Operand& operand, const Point& point) const {
  std::int64_t element = 0;
  const auto& extents = network_.tensors[operand.tensor].extents;
  for (std::size_t d = 0; d < extents.size(); ++d) {
    const auto& access = operand.dimensions[d];
    std::int64_t index = access.offset;
    for (const auto& term : access.terms) index += term.coefficient * point[term.rank];
    if (index < access.valid_begin || index >= access.valid_end) return -1;
    element = element * extents[d] + index;
  }
  return element;
}

Produced::Produced(const mapping::Program& program)
    : network_(program.network),
      elements_(program.network),
      written_(program.network.tensors.size()) {
  for (const auto& part : program.parts)
    if (part.producer_stage < 0)
      for (const auto element : elements_.of(part.tensor, part.region))
        written_[part.tensor][element] = 0;
}

void Produced::publish(TensorId tensor, const Contents& contents) {
  for (const auto& [element, sum] : contents)
    if (!written_[tensor].try_emplace(element, sum).second) throw Fault{"element produced twice"};
}

void Produced::keep(TensorId tensor, std::int64_t element, int until) {
  kept_[{tensor, element}] = until;
}

bool Produced::readable(TensorId tensor, std::int64_t element, int stage) const {
  const auto kept = kept_.find({tensor, element});
  if (kept != kept_.end() && stage <= kept->second) return true;
  return written_[tensor].contains(element);
}

void Produced::check() const {
  for (const auto& layer : network_.layers) {
    Contents expected;
    for_each_point(layer.whole(), [&](const Point& point) {
      expected[elements_.at(layer.output, point)] += number_of(layer, point);
    });
    for (const auto& [element, sum] : expected) {
      const auto found = written_[layer.output.tensor].find(element);
      if (found == written_[layer.output.tensor].end()) throw Fault{"output missing"};
      if (found->second != sum) throw Fault{"output with other terms than its own"};
    }
  }
}

}  // namespace tessera::test
