#include "mapping/stage_code.h"

#include <algorithm>
#include <iterator>

namespace tessera::mapping {

using workloads::OperandRole;

namespace {

CodeNode instruction(Op op, SlotId slot, int operand = -1) {
  CodeNode node;
  node.instruction = {op, slot, operand, 1};
  return node;
}

void append(CodeBlock& block, CodeBlock more) {
  std::ranges::move(more, std::back_inserter(block));
}

CodeNode repetition(std::int64_t count, CodeBlock body) {
  CodeNode node;
  node.is_loop = true;
  node.count = count;
  node.body = std::move(body);
  return node;
}

class Generator {
 public:
  Generator(const CodeFrame& frame, std::size_t partners, bool owner)
      : frame_(frame), partners_(partners), owner_(owner) {}

  Code code() const {
    Code code;
    code.load = nest(0, [&](int depth, bool before) { return load_at(depth, before); });
    code.compute =
        later(nest(0, [&](int depth, bool before) { return compute_at(depth, before); }));
    code.store = later(nest(0, [&](int depth, bool before) { return store_at(depth, before); }));
    return code;
  }

 private:
  /// An earlier stage left its one granule; what rotates goes on turning.
  bool has_all(std::size_t input) const {
    return frame_.plan.inputs[input].kept_from >= 0 && frame_.plan.inputs[input].shared_by == 1;
  }

  /// The granule stays for a later stage.
  bool leaves_all(std::size_t input) const {
    return frame_.plan.inputs[input].handed_on && frame_.plan.inputs[input].shared_by == 1;
  }

  /// The block once for every piece of the sums.
  CodeBlock for_each_piece(CodeBlock block) const {
    for (std::size_t i = frame_.pieces.size(); i-- > 0;) {
      CodeNode node = repetition(frame_.pieces[i].count, std::move(block));
      node.rank = frame_.pieces[i].rank;
      node.step = frame_.pieces[i].tile;
      block = {std::move(node)};
    }
    return block;
  }

  CodeNode loop(int index, CodeBlock body) const {
    CodeNode node = repetition(frame_.counts[index], std::move(body));
    node.rank = frame_.plan.loops[index].rank;
    node.step = frame_.plan.loops[index].tile;
    node.rotates = frame_.plan.loops[index].rotates;
    return node;
  }

  /// `at(depth, before)` gives the instructions of a queue that stand at a loop depth, before or
  /// after the loops further in; loops around nothing are left out.
  template <typename At>
  CodeBlock nest(int depth, const At& at) const {
    CodeBlock block = at(depth, true);
    if (depth < static_cast<int>(frame_.plan.loops.size())) {
      CodeBlock inner = nest(depth + 1, at);
      if (!inner.empty()) block.push_back(loop(depth, std::move(inner)));
    }
    append(block, at(depth, false));
    if (depth > 0 && depth == frame_.plan.turn_depth) block.push_back(instruction(Op::kYield, -1));
    return block;
  }

  /// Turns given away before the first instruction.
  CodeBlock later(CodeBlock block) const {
    block.insert(block.begin(), static_cast<std::size_t>(frame_.plan.turns_later),
                 instruction(Op::kYield, -1));
    return block;
  }

  CodeBlock load_at(int depth, bool before) const {
    CodeBlock block;
    if (before && owner_ && frame_.restores && depth == frame_.output_depth)
      block.push_back(instruction(Op::kRestore, frame_.output_slot));
    // Weights first: they do not wait for the layer before, so they can be on their way early.
    for (const bool weights : {true, false})
      for (std::size_t i = 0; before && i < frame_.layer.inputs.size(); ++i)
        if ((frame_.layer.inputs[i].role == OperandRole::kWeight) == weights &&
            frame_.input_depth[i] == depth && !has_all(i))
          block.push_back(instruction(Op::kReceive, static_cast<SlotId>(i), static_cast<int>(i)));
    if (before && depth == frame_.plan.turn_depth - 1)
      append(block, CodeBlock(static_cast<std::size_t>(frame_.plan.turns_later),
                              instruction(Op::kYield, -1)));
    if (!before && partners_ > 0 && depth == frame_.output_depth)
      append(block,
             for_each_piece({repetition(static_cast<std::int64_t>(partners_),
                                        {instruction(Op::kReceiveSums, frame_.sums_slot)})}));
    return block;
  }

  CodeBlock compute_at(int depth, bool before) const {
    const SlotId output = owner_ ? frame_.output_slot : frame_.partial_slot;
    CodeBlock block;
    const bool innermost = depth == static_cast<int>(frame_.plan.loops.size());
    if (before && depth == frame_.output_depth)
      block.push_back(instruction(owner_ && frame_.restores ? Op::kReopen : Op::kReserve, output));
    for (std::size_t i = 0; before && i < frame_.layer.inputs.size(); ++i)
      if (frame_.input_depth[i] == depth)
        block.push_back(instruction(Op::kAcquire, static_cast<SlotId>(i)));
    if (before && innermost)
      block.push_back(instruction(
          frame_.layer.kind == workloads::LayerKind::kMatrix ? Op::kArray : Op::kVector, output));
    for (std::size_t i = 0; !before && i < frame_.layer.inputs.size(); ++i)
      if (frame_.input_depth[i] == depth && !leaves_all(i))
        block.push_back(instruction(Op::kRelease, static_cast<SlotId>(i)));
    if (!before && depth == frame_.output_depth) {
      if (partners_ > 0)
        append(block, for_each_piece({repetition(static_cast<std::int64_t>(partners_),
                                                 {instruction(Op::kAcquire, frame_.sums_slot),
                                                  instruction(Op::kAddSums, frame_.sums_slot),
                                                  instruction(Op::kRelease, frame_.sums_slot)})}));
      block.push_back(instruction(Op::kCommit, output));
    }
    return block;
  }

  CodeBlock store_at(int depth, bool before) const {
    const bool stays = owner_ && frame_.plan.output_home == Home::kTiles;
    if (before || depth != frame_.output_depth || stays) return {};
    const SlotId slot = owner_ ? frame_.output_slot : frame_.partial_slot;
    CodeBlock block = {instruction(Op::kAcquire, slot)};
    append(block, owner_ ? CodeBlock{instruction(Op::kStore, slot)}
                         : for_each_piece({instruction(Op::kSendSums, slot)}));
    block.push_back(instruction(Op::kRelease, slot));
    return block;
  }

  const CodeFrame& frame_;
  const std::size_t partners_;
  const bool owner_;
};

}  // namespace

Code owner_code(const CodeFrame& frame, std::size_t partners) {
  return Generator(frame, partners, /*owner=*/true).code();
}

Code partner_code(const CodeFrame& frame) { return Generator(frame, 0, /*owner=*/false).code(); }

}  // namespace tessera::mapping
