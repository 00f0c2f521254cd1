#include "mapping/readings.h"

#include <algorithm>

#include "mapping/code_cursor.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::DimensionAccess;
using workloads::IndexRange;
using workloads::Layer;
using workloads::Operand;
using workloads::Region;

namespace {

bool moves(const CodeNode& loop, const DimensionAccess& access) {
  return std::ranges::any_of(access.terms,
                             [&](const auto& term) { return term.rank == loop.rank; });
}

std::int64_t common(const IndexRange& a, const IndexRange& b) {
  return intersect(Region{{a}}, Region{{b}}).elements();
}

/// Of one dimension: its range in every trip of the loops that move it.
template <typename Visit>
void for_each_range(const Operand& operand, std::size_t dimension, const TileShare& share,
                    const std::vector<const CodeNode*>& around, Visit visit) {
  CodeBlock block(1);
  for (std::size_t l = around.size(); l-- > 0;) {
    if (!moves(*around[l], operand.dimensions[dimension])) continue;
    CodeNode loop = *around[l];
    loop.body = std::move(block);
    block = {std::move(loop)};
  }
  for (CodeCursor at(block, share); !at.done(); at.next())
    visit(region_of(operand, at.ranks()).dimensions[dimension]);
}

}  // namespace

Readings::Readings(const Region& region) {
  Receive whole;
  for (const auto& range : region.dimensions) whole.dimensions.push_back({{range, 1}});
  receives_.push_back(std::move(whole));
}

Readings::Readings(const Layer& layer, int operand, const CodeBlock& load, const TileShare& share) {
  std::vector<const CodeNode*> around;
  visit(layer, operand, load, share, around);
}

void Readings::visit(const Layer& layer, int operand, const CodeBlock& block,
                     const TileShare& share, std::vector<const CodeNode*>& around) {
  for (const auto& node : block) {
    if (node.is_loop) {
      around.push_back(&node);
      visit(layer, operand, node.body, share, around);
      around.pop_back();
    } else if (node.instruction.op == Op::kReceive && node.instruction.operand == operand) {
      const auto& input = layer.inputs[static_cast<std::size_t>(operand)];
      for (const auto* loop : around)
        if (std::ranges::count_if(input.dimensions,
                                  [&](const auto& access) { return moves(*loop, access); }) > 1)
          throw UserError("layer ", layer.name, ": a loop over ", layer.ranks[loop->rank].name,
                          " moves two dimensions of a feature map that comes through a ring");
      add(input, share, around);
    }
  }
}

void Readings::add(const Operand& operand, const TileShare& share,
                   const std::vector<const CodeNode*>& around) {
  Receive receive;
  for (const auto* loop : around)
    if (std::ranges::none_of(operand.dimensions,
                             [&](const auto& access) { return moves(*loop, access); }))
      receive.repetitions *= loop->count;
  for (std::size_t d = 0; d < operand.dimensions.size(); ++d) {
    Ranges& ranges = receive.dimensions.emplace_back();
    for_each_range(operand, d, share, around, [&](const IndexRange& range) {
      const auto known = std::ranges::find(ranges, range, &Ranges::value_type::first);
      if (known == ranges.end())
        ranges.emplace_back(range, 1);
      else
        ++known->second;
    });
  }
  receives_.push_back(std::move(receive));
}

std::int64_t Readings::of(const Region& piece) const {
  std::int64_t elements = 0;
  for (const auto& receive : receives_) {
    std::int64_t product = receive.repetitions;
    for (std::size_t d = 0; d < receive.dimensions.size() && product > 0; ++d) {
      std::int64_t indices = 0;
      for (const auto& [range, times] : receive.dimensions[d])
        indices += times * common(range, piece.dimensions[d]);
      product *= indices;
    }
    elements += product;
  }
  return elements;
}

}  // namespace tessera::mapping
