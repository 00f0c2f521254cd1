#include "mapping/checker/code_check.h"

#include <optional>

namespace tessera::mapping::checker {

namespace {

// More instructions than a queue could issue in the longest run that anyone waits for.
constexpr std::int64_t kMostInstructions = 1'000'000'000;

/// Walks the code of one tile once, loop bodies included.
class CodeCheck {
 public:
  CodeCheck(const StageView& view, int code)
      : view_(view),
        code_(view.stage.codes[code]),
        tile_(view.first_tile_of(code)),
        restores_(view.restores()) {
    appended_.assign(view.stage.slots.size(), false);
    writers_.resize(view.stage.slots.size());
  }

  AppendedSlots check() {
    for (const Queue queue : kQueues) {
      queue_ = queue;
      executed_ = 0;
      visit(block_of(code_, queue), 1);
    }
    require_once(computing_, "no instruction computes");
    require_once(reserving_, "no granule is reserved for the output");
    require_once(committing_, "no granule is committed");
    if (restoring_.has_value() != (reserving_ == Op::kReopen))
      view_.refuse_tile(tile_, "outputs are ",
                        restoring_ ? "restored but not reopened" : "reopened but not restored");
    return std::move(appended_);
  }

 private:
  /// `trips` of all loops around the block together.
  void visit(const CodeBlock& block, std::int64_t trips) {
    for (const auto& node : block) {
      if (!node.is_loop) {
        count(trips);
        visit(node.instruction);
      } else if (node.count > 0) {
        around_.push_back(&node);
        visit(node.body,
              trips > kMostInstructions / node.count ? kMostInstructions : trips * node.count);
        around_.pop_back();
      }
    }
  }

  void count(std::int64_t trips) {
    executed_ += trips;
    if (executed_ >= kMostInstructions)
      view_.refuse_tile(tile_, name_of(queue_), " queue: executes ", kMostInstructions,
                        " instructions or more; loop counts are out of bounds");
  }

  void visit(const Instruction& instruction) {
    switch (instruction.op) {
      case Op::kReceiveSums:
        if (instruction.slot != view_.stage.sums_slot)
          refuse(instruction, "partners send to the stage's sums slot, which is ",
                 sums_slot_name());
        [[fallthrough]];
      case Op::kReceive:
        return note_writer(instruction);
      case Op::kRestore:
        if (instruction.slot != view_.stage.output_slot)
          refuse(instruction, "only outputs are restored, in the stage's output slot");
        once_per_visit(instruction, restoring_);
        return note_writer(instruction);
      case Op::kReopen:
        return once_per_output(instruction, reserving_);
      case Op::kReserve:
        note_writer(instruction);
        return once_per_output(instruction, reserving_);
      case Op::kCommit:
        return once_per_output(instruction, committing_);
      case Op::kArray:
      case Op::kVector:
        return check_compute(instruction);
      case Op::kAcquire:
      case Op::kRelease:
        return check_reader(instruction);
      default:
        return;
    }
  }

  template <typename... Parts>
  [[noreturn]] void refuse(const Instruction& instruction, const Parts&... parts) const {
    view_.refuse_tile(tile_, name_of(queue_), " queue: ", to_text(instruction, view_.stage), ": ",
                      parts...);
  }

  std::string sums_slot_name() const {
    const SlotId slot = view_.stage.sums_slot;
    return slot < 0 ? "missing" : view_.stage.slots[slot].name;
  }

  void note_writer(const Instruction& instruction) {
    auto& writer = writers_[instruction.slot];
    if (writer && *writer != instruction.op)
      refuse(instruction, "the slot is also appended by ", name_of(*writer));
    writer = instruction.op;
    appended_[instruction.slot] = true;
  }

  void check_reader(const Instruction& instruction) const {
    const Slot& slot = view_.stage.slots[instruction.slot];
    if ((slot.readers & bit(reader_of(queue_))) == 0)
      refuse(instruction, "the ", name_of(queue_), " queue is not among the slot's readers");
    if (instruction.amount > slot.granules)
      refuse(instruction, "amount is ", instruction.amount, "; the ring has ", slot.granules,
             " granules");
  }

  void check_compute(const Instruction& instruction) {
    const bool matrix = view_.layer.kind == workloads::LayerKind::kMatrix;
    if ((instruction.op == Op::kArray) != matrix)
      refuse(instruction, "layer ", view_.layer.name, " runs on the ",
             matrix ? "PE array" : "vector unit");
    for (const CodeNode* loop : around_)
      if (loop->rank < 0 && loop->count > 1 && view_.stage.recomputed == 0)
        refuse(instruction, "is repeated ", loop->count, " times on the same rank tile");
    if (computing_) refuse(instruction, "a second instruction computes the same outputs");
    computing_ = instruction.op;
  }

  /// Outputs that are restored may be produced in several visits: a partner sends its sums in each.
  void once_per_output(const Instruction& instruction, std::optional<Op>& seen) {
    for (const CodeNode* loop : around_) {
      const bool declared = loop->rank < 0 && view_.stage.recomputed > 0;
      const bool again = loop->rank < 0 || (view_.layer.ranks[loop->rank].reduced && !restores_);
      if (!declared && loop->count > 1 && again)
        refuse(instruction, "stands in a ",
               loop->rank < 0 ? "repetition"
                              : "loop over reduced rank " + view_.layer.ranks[loop->rank].name,
               " of ", loop->count, " trips, so the same outputs are produced more than once");
    }
    if (seen) refuse(instruction, "the same outputs are produced a second time");
    seen = instruction.op;
  }

  /// Shared outputs are visited as often as they come round.
  void once_per_visit(const Instruction& instruction, std::optional<Op>& seen) {
    for (const CodeNode* loop : around_)
      if (loop->count > 1 && loop->rank < 0 && !view_.shares_sums())
        refuse(instruction, "stands in a repetition of ", loop->count, " trips");
    if (seen) refuse(instruction, "the same outputs are restored a second time");
    seen = instruction.op;
  }

  void require_once(const std::optional<Op>& seen, const char* fault) const {
    if (!seen) view_.refuse_tile(tile_, "compute queue: ", fault);
  }

  const StageView& view_;
  const Code& code_;
  TileId tile_;
  AppendedSlots appended_;
  std::vector<std::optional<Op>> writers_;
  std::optional<Op> computing_, reserving_, committing_, restoring_;
  bool restores_;
  std::vector<const CodeNode*> around_;
  Queue queue_ = Queue::kLoad;
  std::int64_t executed_ = 0;
};

}  // namespace

AppendedSlots check_code(const StageView& view, int code) { return CodeCheck(view, code).check(); }

}  // namespace tessera::mapping::checker
