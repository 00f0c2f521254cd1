#include "hw_models/tile/tool_machine.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tessera::hw {

namespace {

bool share_tiles(const mapping::Stage& a, const mapping::Stage& b) {
  return std::ranges::any_of(a.shares, [&](const auto& share) {
    return std::ranges::binary_search(b.shares, share.tile, {}, &mapping::TileShare::tile);
  });
}

}  // namespace

ToolMachine::ToolMachine(const mapping::Program& program, std::vector<mapping::ToolLayer> layers,
                         double ps_per_byte, std::uint64_t period_ps)
    : program_(program),
      layers_(std::move(layers)),
      registers_(static_cast<std::size_t>(program.tiles)),
      ps_per_byte_(ps_per_byte),
      period_ps_(period_ps),
      word_bytes_(program.word_bytes),
      stages_(program.stages.size()) {
  for (int s = 0; s < static_cast<int>(stages_.size()); ++s) {
    const auto segment = static_cast<std::size_t>(layers_[index(s)].segment);
    segments_.resize(std::max(segments_.size(), segment + 1));
    auto& stage = stages_[index(s)];
    for (const int earlier : segments_[segment])
      if (share_tiles(program.stages[index(earlier)], program.stages[index(s)]))
        stage.before.push_back(earlier);
    segments_[segment].push_back(s);
    stage.shares = program.stages[index(s)].shares.size();
    for (const auto& share : program.stages[index(s)].shares)
      stage.points += workloads::volume(share.ranks);
    stage.words.resize(layers_[index(s)].inputs.size() + 1);
    stage.word_hops.resize(stage.words.size());
    stage.buffer_words.resize(stage.words.size());
    for (const auto& feed : layers_[index(s)].feeds)
      stages_[index(feed.producer)].first_pieces[feed.pieces] = kNever;
  }
  for (int s = 0; s < static_cast<int>(stages_.size()); ++s) try_to_open(s);
}

void ToolMachine::count(int stage, int operand, std::int64_t words) {
  stages_[index(stage)].words[index(operand)] += words;
}

std::int64_t ToolMachine::words(int stage, int operand) const {
  return stages_[index(stage)].words[index(operand)];
}

void ToolMachine::count_hops(int stage, int operand, std::int64_t word_hops) {
  stages_[index(stage)].word_hops[index(operand)] += word_hops;
}

std::int64_t ToolMachine::word_hops(int stage, int operand) const {
  return stages_[index(stage)].word_hops[index(operand)];
}

std::vector<bool> ToolMachine::ranks_of(const workloads::Layer& layer,
                                        const workloads::Operand& operand) {
  std::vector<bool> marked;
  for (int rank = 0; rank < static_cast<int>(layer.ranks.size()); ++rank)
    marked.push_back(workloads::Layer::indexes(operand, rank));
  return marked;
}

void ToolMachine::count_blocks(int tile, int stage, const mapping::CodeCursor& cursor) {
  auto& held = registers_[index(tile)];
  const std::size_t operands = layers_[index(stage)].inputs.size() + 1;
  if (held.stage != stage) change_stage(tile, stage, operands);
  for (std::size_t operand = 0; operand < operands; ++operand)
    enter_blocks(stage, operand, held, cursor);
}

/// The tool's layers know nothing of those that have their turn between two pieces: what stays for
/// the next piece is still there. Input i is in slot i.
void ToolMachine::change_stage(int tile, int stage, std::size_t operands) {
  auto& held = registers_[index(tile)];
  for (std::size_t i = 0; i + 1 < held.blocks.size(); ++i)
    if (program_.stages[index(held.stage)].slots[i].handed_on)
      kept_[{tile, held.stage, static_cast<int>(i)}] = {held.blocks[i], held.visits[i]};
  held = {stage, {}, {}};
  held.blocks.resize(operands);
  held.visits.resize(operands);
  for (std::size_t i = 0; i + 1 < operands; ++i) {
    const int before = program_.stages[index(stage)].slots[i].continues;
    const auto kept = kept_.find({tile, before, static_cast<int>(i)});
    if (kept == kept_.end()) continue;
    held.blocks[i] = std::move(kept->second.block);
    held.visits[i] = kept->second.visits;
    kept_.erase(kept);
  }
}

/// The array's loops around what the registers hold are the tool's loops between buffer and array.
ToolMachine::Walk ToolMachine::walk(int stage, const std::vector<bool>& moves,
                                    workloads::RankTile ranks) const {
  const auto& array = program_.stages[index(stage)].array;
  Walk all, up_to_innermost;
  const auto depth = static_cast<std::size_t>(std::ranges::min(array.store_depth));
  for (std::size_t i = 0; i < std::min(depth, array.loops.size()); ++i) {
    auto& range = ranks[index(array.loops[i].rank)];
    const auto trips = ceil_div<std::int64_t>(std::max<std::int64_t>(range.size(), 1),
                                              std::max<std::int64_t>(array.loops[i].tile, 1));
    range.end = range.begin + std::min(range.size(), array.loops[i].tile);
    const bool block = moves[index(array.loops[i].rank)];
    (block ? all.blocks : all.times) *= trips;
    if (block && trips > 1) up_to_innermost = all;
  }
  return up_to_innermost;
}

void ToolMachine::enter_blocks(int stage, std::size_t operand, Registers& held,
                               const mapping::CodeCursor& cursor) {
  const auto& counted = layers_[index(stage)];
  const auto& layer = program_.network.layers[index(program_.stages[index(stage)].layer)];
  const bool output = operand == counted.inputs.size();
  auto moves = ranks_of(layer, output ? layer.output : layer.inputs[operand]);
  for (const char* inside : {"R", "S", "Q"})
    if (const int rank = layer.rank_index(inside); rank >= 0) moves[index(rank)] = false;
  const Walk walked = walk(stage, moves, cursor.ranks());
  std::vector<workloads::RankRange> at;
  for (std::size_t rank = 0; rank < moves.size(); ++rank)
    if (moves[rank]) at.push_back(cursor.ranks()[rank]);
  if (held.visits[operand] > 0 && walked.blocks == 1 && at == held.blocks[operand]) return;
  held.blocks[operand] = std::move(at);
  const std::int64_t pieces = cursor.trips(moves);
  const std::int64_t visit = held.visits[operand]++;
  const auto words =
      Piece{visit, pieces}.of((output ? counted.output : counted.inputs[operand]).buffer_words);
  const std::int64_t read_back = output ? walked.times - (visit < pieces ? 1 : 0) : 0;
  stages_[index(stage)].buffer_words[operand] += words * (walked.times + read_back);
}

std::int64_t ToolMachine::buffer_words(int stage, int operand) const {
  return stages_[index(stage)].buffer_words[index(operand)];
}

std::int64_t ToolMachine::words_of(const Progress& stage) const {
  return std::accumulate(stage.words.begin(), stage.words.end(), std::int64_t{0});
}

Cycle ToolMachine::time_of(std::int64_t words) const {
  const double ps = static_cast<double>(words * word_bytes_) * ps_per_byte_;
  return static_cast<Cycle>(std::ceil(ps / static_cast<double>(period_ps_)));
}

Cycle ToolMachine::over(int number) const {
  const auto& stage = stages_[index(number)];
  if (stage.shares > 0 || stage.opened == kNever) return kNever;
  return std::max(stage.through, stage.opened + time_of(words_of(stage)));
}

Cycle ToolMachine::segment_over(std::size_t segment) const {
  Cycle begin = kNever;
  Cycle end = 0;
  std::int64_t words = 0;
  for (const int s : segments_[segment]) {
    begin = std::min(begin, stages_[index(s)].opened);
    const Cycle stage_over = over(s);
    if (stage_over == kNever) return kNever;
    end = std::max(end, stage_over);
    words += words_of(stages_[index(s)]);
  }
  return segments_[segment].empty() ? 0 : std::max(end, begin + time_of(words));
}

void ToolMachine::try_to_open(int number) {
  auto& stage = stages_[index(number)];
  if (stage.opened != kNever) return;
  Cycle opened = 0;
  const auto after = [&](Cycle cycle) { opened = std::max(opened, cycle); };
  for (int segment = 0; segment < layers_[index(number)].segment; ++segment)
    after(segment_over(static_cast<std::size_t>(segment)));
  for (const int earlier : stage.before) after(over(earlier));
  for (const auto& feed : layers_[index(number)].feeds)
    after(stages_[index(feed.producer)].first_pieces.at(feed.pieces));
  if (opened == kNever) return;
  stage.opened = opened;
  for (const int tile : stage.waiting) wake_(tile, opened);
  stage.waiting.clear();
}

Cycle ToolMachine::opens(int number, int tile) {
  auto& stage = stages_[index(number)];
  if (stage.opened == kNever && std::ranges::count(stage.waiting, tile) == 0)
    stage.waiting.push_back(tile);
  return stage.opened;
}

void ToolMachine::stepped(int number, std::int64_t points, Cycle end) {
  auto& stage = stages_[index(number)];
  stage.computed += points;
  stage.computed_until = std::max(stage.computed_until, end);
  bool done = false;
  for (auto& [pieces, cycle] : stage.first_pieces) {
    if (cycle != kNever || stage.computed * pieces < stage.points) continue;
    cycle = stage.computed_until;
    done = true;
  }
  for (int s = number + 1; done && s < static_cast<int>(stages_.size()); ++s) try_to_open(s);
}

void ToolMachine::left(int number, Cycle now) {
  auto& stage = stages_[index(number)];
  stage.through = std::max(stage.through, now);
  if (--stage.shares > 0) return;
  for (int s = number + 1; s < static_cast<int>(stages_.size()); ++s) try_to_open(s);
}

Cycle ToolMachine::end() const {
  Cycle end = 0;
  for (std::size_t segment = 0; segment < segments_.size(); ++segment)
    end = std::max(end, segment_over(segment));
  return end;
}

std::uint64_t ToolMachine::transfer(std::uint64_t now_ps, Bytes bytes) {
  pool_free_ps_ = std::max(pool_free_ps_, static_cast<double>(now_ps)) +
                  static_cast<double>(bytes) * ps_per_byte_;
  return static_cast<std::uint64_t>(std::ceil(pool_free_ps_));
}

}  // namespace tessera::hw
