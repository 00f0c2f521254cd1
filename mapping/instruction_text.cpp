#include "mapping/instruction_text.h"

#include "sim/base/error.h"

namespace tessera::mapping {

const char* name_of(Queue queue) {
  switch (queue) {
    case Queue::kLoad:
      return "load";
    case Queue::kCompute:
      return "compute";
    case Queue::kStore:
      return "store";
  }
  return "";
}

const char* name_of(Home home) {
  switch (home) {
    case Home::kDram:
      return "DRAM";
    case Home::kTiles:
      return "tiles";
    case Home::kShared:
      return "shared buffers";
    case Home::kWindow:
      return "window";
  }
  return "";
}

const char* name_of(Op op) {
  switch (op) {
    case Op::kReceive:
      return "receive";
    case Op::kReceiveSums:
      return "receive_sums";
    case Op::kRestore:
      return "restore";
    case Op::kReopen:
      return "reopen";
    case Op::kAcquire:
      return "acquire";
    case Op::kRelease:
      return "release";
    case Op::kReserve:
      return "reserve";
    case Op::kCommit:
      return "commit";
    case Op::kArray:
      return "array";
    case Op::kVector:
      return "vector";
    case Op::kAddSums:
      return "add_sums";
    case Op::kStore:
      return "store";
    case Op::kSendSums:
      return "send_sums";
    case Op::kYield:
      return "yield";
  }
  return "";
}

const CodeBlock& block_of(const Code& code, Queue queue) {
  switch (queue) {
    case Queue::kLoad:
      return code.load;
    case Queue::kCompute:
      return code.compute;
    case Queue::kStore:
      break;
  }
  return code.store;
}

bool belongs_to(Op op, Queue queue) {
  switch (op) {
    case Op::kReceive:
    case Op::kReceiveSums:
    case Op::kRestore:
      return queue == Queue::kLoad;
    case Op::kAcquire:
    case Op::kRelease:
      return queue != Queue::kLoad;
    case Op::kStore:
    case Op::kSendSums:
      return queue == Queue::kStore;
    case Op::kYield:
      return true;
    default:
      return queue == Queue::kCompute;
  }
}

std::string to_text(const Instruction& instruction, const Stage& stage) {
  std::string text = name_of(instruction.op);
  const auto slots = static_cast<SlotId>(stage.slots.size());
  if (instruction.slot >= 0 && instruction.slot < slots)
    text += " " + stage.slots[instruction.slot].name;
  else if (instruction.slot != -1)
    text += detail::concatenate(" slot ", instruction.slot);
  const bool counted = instruction.op == Op::kAcquire || instruction.op == Op::kRelease;
  if (counted && instruction.amount != 1) text += detail::concatenate(" ", instruction.amount);
  return text;
}

}  // namespace tessera::mapping
