#include "hw_models/tile/compute_model.h"

#include <algorithm>
#include <optional>

#include "hw_models/tile/tool_words.h"
#include "mapping/array_registers.h"
#include "mapping/stage_plan.h"

namespace tessera::hw {

using mapping::ArrayMapping;
using workloads::Layer;
using workloads::LayerKind;

namespace {

using Extents = std::vector<std::int64_t>;

/// Functions that need more than an add or a compare per element.
FunctionClass function_class(const Layer& layer) {
  using workloads::Function;
  if (layer.kind == LayerKind::kSoftmax) return FunctionClass::kSpecial;
  switch (layer.function) {
    case Function::kSigmoid:
    case Function::kTanh:
    case Function::kGelu:
    case Function::kSwish:
    case Function::kDivide:
    case Function::kExp:
    case Function::kSqrt:
    case Function::kErf:
    case Function::kPow:
    case Function::kLstmCell:
    case Function::kLstmHidden:
    case Function::kLrn:
      return FunctionClass::kSpecial;
    default:
      return FunctionClass::kSimple;
  }
}

const workloads::Operand& operand_of(const Layer& layer, int kind) {
  return kind == kOutputOperand ? layer.output : layer.inputs[static_cast<std::size_t>(kind)];
}

std::int64_t used(const std::vector<mapping::SpatialSplit>& axis, const Extents& extents) {
  std::int64_t product = 1;
  for (const auto& split : axis) product *= std::min(split.ways, extents[split.rank]);
  return product;
}

/// PEs of an axis that take the same word: those along ranks that do not index the operand.
std::int64_t sharing(const std::vector<mapping::SpatialSplit>& axis, const Extents& extents,
                     const workloads::Operand& operand) {
  std::int64_t product = 1;
  for (const auto& split : axis)
    if (!Layer::indexes(operand, split.rank)) product *= std::min(split.ways, extents[split.rank]);
  return product;
}

std::int64_t points(const Extents& extents) {
  std::int64_t product = 1;
  for (const auto extent : extents) product *= extent;
  return product;
}

/// Positions of a window that are new when `rank` moves on by one, of all that the window touches
/// in this dimension; nothing when neighbouring windows have none in common, or when another output
/// rank makes the window wider.
std::optional<std::int64_t> fresh_positions(const workloads::DimensionAccess& access, int rank,
                                            const Extents& inside) {
  const workloads::AffineTerm *mover = nullptr, *taps = nullptr;
  for (const auto& term : access.terms) {
    if (term.rank == rank)
      mover = &term;
    else if (inside[term.rank] > 1 && taps != nullptr)
      return std::nullopt;
    else if (inside[term.rank] > 1)
      taps = &term;
  }
  if (mover == nullptr || taps == nullptr || inside[rank] != 1) return std::nullopt;
  if (mover->coefficient % taps->coefficient != 0) return std::nullopt;
  const std::int64_t fresh = mover->coefficient / taps->coefficient;
  return fresh < inside[taps->rank] ? std::optional(fresh) : std::nullopt;
}

/// Kept inputs whose innermost loop moves a window: later windows of a row bring only what is new.
/// Padding is delivered like other words.
void slide_window(const Layer& layer, const ArrayMapping& mapping, const Extents& inside,
                  ArrayWork& work) {
  const auto& operand = layer.inputs.front();
  ArrayOperand& moved = work.operand[kInputOperand];
  int change = moved.store_depth - 1;
  while (change >= 0 && !work.loops[change].indexes[kInputOperand]) --change;
  if (change < 0 || is_streaming(work, kInputOperand)) return;
  const auto rank = mapping.loops[change].rank;
  for (const auto& access : operand.dimensions) {
    const auto fresh = fresh_positions(access, rank, inside);
    if (!fresh) continue;
    moved.words_per_fill = mapping::padded_elements(operand, inside);
    const std::int64_t window = mapping::touched(access, inside);
    moved.slide_words = moved.words_per_fill / window * *fresh;
  }
}

}  // namespace

ArrayWork array_work(const Layer& layer, const ArrayMapping& mapping, const Extents& extents,
                     const PeArrayDescription& array, bool accumulate_in_buffer) {
  ArrayWork work;
  work.rows_used = static_cast<int>(used(mapping.rows, extents));
  work.columns_used = static_cast<int>(used(mapping.columns, extents));
  work.accumulate_in_buffer = accumulate_in_buffer;
  work.macs = points(extents);
  const bool sums_over_rows = std::ranges::any_of(
      mapping.rows, [&](const auto& split) { return layer.ranks[split.rank].reduced; });
  work.reduction = sums_over_rows ? array.reduction : SpatialReduction::kNone;

  Extents inside = extents;
  std::vector<Extents> inside_of = {inside};
  for (const auto& loop : mapping.loops) {
    ArrayLoop nest;
    nest.count = ceil_div(inside[loop.rank], loop.tile);
    for (int kind = 0; kind < kOperands; ++kind)
      if (kind == kOutputOperand || static_cast<std::size_t>(kind) < layer.inputs.size())
        nest.indexes[kind] =
            mapping.streamed[kind] || Layer::indexes(operand_of(layer, kind), loop.rank);
    inside[loop.rank] = std::min(inside[loop.rank], loop.tile);
    inside_of.push_back(inside);
    work.loops.push_back(nest);
  }
  for (int kind = 0; kind < kOperands; ++kind) {
    if (kind != kOutputOperand && static_cast<std::size_t>(kind) >= layer.inputs.size()) continue;
    const auto& operand = operand_of(layer, kind);
    auto& moved = work.operand[kind];
    moved.store_depth = mapping.store_depth[kind];
    moved.double_buffered = mapping.double_buffered[kind];
    moved.words_per_fill =
        mapping::nominal_elements(operand, inside_of[static_cast<std::size_t>(moved.store_depth)]);
    moved.register_words = mapping::register_words(layer, mapping, kind, extents, array.reduction);
    moved.multicast =
        sharing(mapping.rows, extents, operand) * sharing(mapping.columns, extents, operand);
  }
  if (array.register_rings && array.delivery[kInputOperand] == Delivery::kMulticast)
    slide_window(layer, mapping, inside_of[static_cast<std::size_t>(mapping.store_depth[0])], work);
  return work;
}

namespace {

/// The instructions of a block on the largest rank tile that the loops around them leave.
void visit_block(const mapping::CodeBlock& block, const Extents& extents,
                 const std::function<void(const Extents&)>& visit) {
  for (const auto& node : block) {
    if (node.is_loop) {
      Extents inside = extents;
      if (node.rank >= 0) inside[node.rank] = std::min(inside[node.rank], node.step);
      visit_block(node.body, inside, visit);
    } else if (node.instruction.op == mapping::Op::kArray) {
      visit(extents);
    }
  }
}

}  // namespace

void for_each_array_work(const Accelerator& accelerator, const mapping::Program& program,
                         const VisitArrayWork& visit) {
  for (const auto& stage : program.stages) {
    const Layer& layer = program.network.layers[stage.layer];
    std::vector<Extents> largest(stage.codes.size(), Extents(layer.ranks.size(), 0));
    for (const auto& share : stage.shares)
      for (std::size_t r = 0; r < share.ranks.size(); ++r)
        largest[share.code][r] = std::max(largest[share.code][r], share.ranks[r].size());
    for (std::size_t code = 0; code < stage.codes.size(); ++code) {
      if (points(largest[code]) == 0) continue;
      visit_block(stage.codes[code].compute, largest[code], [&](const Extents& extents) {
        visit(stage, extents,
              array_work(layer, stage.array, extents, accelerator.tile.array, false));
      });
    }
  }
}

void check_array_instructions(const Accelerator& accelerator, const mapping::Program& program) {
  const PeArray model(accelerator.tile.array, accelerator.tile.buffer, accelerator.word_bytes());
  for_each_array_work(accelerator, program,
                      [&](const mapping::Stage& stage, const Extents&, const ArrayWork& work) {
                        model.check(work, "layer " + program.network.layers[stage.layer].name);
                      });
}

ComputeModel::ComputeModel(const Accelerator& accelerator, const mapping::Program& program)
    : accelerator_(accelerator),
      program_(program),
      array_(accelerator.tile.array, accelerator.tile.buffer, accelerator.word_bytes()),
      timings_(array_, accelerator.tile.buffer.banks),
      vector_unit_(accelerator.tile.vector_unit, accelerator.tile.buffer,
                   accelerator.word_bytes()) {}

const ArrayWork& ComputeModel::work_of(int stage, const workloads::RankTile& tile,
                                       bool accumulate_in_buffer) {
  std::vector<std::int64_t> key = {stage, accumulate_in_buffer};
  Extents extents;
  for (const auto& range : tile) extents.push_back(range.size());
  key.insert(key.end(), extents.begin(), extents.end());
  const auto [entry, added] = works_.try_emplace(std::move(key));
  if (added) {
    const auto& lowered = program_.stages[stage];
    const Layer& layer = program_.network.layers[lowered.layer];
    entry->second =
        array_work(layer, lowered.array, extents, accelerator_.tile.array, accumulate_in_buffer);
    array_.check(entry->second, "layer " + layer.name);
  }
  return entry->second;
}

const std::array<std::int64_t, 2>& ComputeModel::tool_words(int stage,
                                                            const workloads::RankTile& tile) {
  std::vector<std::int64_t> key = {stage};
  Extents extents;
  for (const auto& range : tile) extents.push_back(range.size());
  key.insert(key.end(), extents.begin(), extents.end());
  const auto [entry, added] = tool_words_.try_emplace(std::move(key));
  if (added) {
    const auto& lowered = program_.stages[stage];
    entry->second = hw::tool_words(program_.network.layers[lowered.layer], lowered.array, extents);
  }
  return entry->second;
}

const ArrayTiming& ComputeModel::array(int stage, const workloads::RankTile& tile,
                                       bool accumulate_in_buffer, Cycle start) {
  return timings_.time(work_of(stage, tile, accumulate_in_buffer), start);
}

VectorTiming ComputeModel::vector(int stage, const workloads::RankTile& tile, Cycle start) {
  const Layer& layer = program_.network.layers[program_.stages[stage].layer];
  VectorWork work;
  for (std::size_t r = 0; r < tile.size(); ++r)
    (Layer::indexes(layer.output, static_cast<int>(r)) ? work.elements : work.window) *=
        tile[r].size();
  work.inputs = std::min(static_cast<int>(layer.inputs.size()), kMostVectorInputs);
  work.passes = layer.passes;
  work.function = function_class(layer);
  work.reduction = !layer.whole_ranks.empty();
  return vector_unit_.time(work, start);
}

VectorTiming ComputeModel::add_sums(std::int64_t elements, Cycle start) {
  VectorWork work;
  work.elements = elements;
  work.inputs = 2;
  return vector_unit_.time(work, start);
}

}  // namespace tessera::hw
