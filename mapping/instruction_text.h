// Names of instructions and queues, as listings and messages print them.
#pragma once

#include <string>

#include "mapping/program.h"

namespace tessera::mapping {

/// The three instruction queues of a tile.
enum class Queue { kLoad = 0, kCompute = 1, kStore = 2 };
inline constexpr Queue kQueues[] = {Queue::kLoad, Queue::kCompute, Queue::kStore};

const char* name_of(Queue queue);
const char* name_of(Op op);
const char* name_of(Home home);
const CodeBlock& block_of(const Code& code, Queue queue);

/// Whether a queue executes this instruction.
bool belongs_to(Op op, Queue queue);

/// Mnemonic and operands, for example "receive W", "acquire I0 3", "array O", "add_sums S".
/// Ids that point nowhere are printed as numbers, so that it can describe a faulty program.
std::string to_text(const Instruction& instruction, const Stage& stage);

}  // namespace tessera::mapping
