#include "hw_models/buffer/buffer_arbiter.h"

#include "sim/base/error.h"

namespace tessera::hw {

namespace {
constexpr int kArrayPort = 0;
constexpr int kNetworkPort = 1;
}  // namespace

BufferArbiter::BufferArbiter(const BufferDescription& buffer, std::string module)
    : description_(buffer), module_(std::move(module)) {
  for (auto& port : used_) port.assign(buffer.banks, false);
  for (int stream = 0; stream < kBufferStreams; ++stream) pointer_[stream] = stream % buffer.banks;
}

void BufferArbiter::next_cycle() {
  for (auto& port : used_) port.assign(port.size(), false);
  if (!started_) {
    started_ = true;
    return;
  }
  if (array_has_turn())
    for (int& pointer : pointer_) pointer = (pointer + 1) % description_.banks;
  turn_ = (turn_ + 1) % (description_.ports == 2 ? 2 : 4);
  ++now_;
}

void BufferArbiter::idle_until(Cycle cycle) {
  // The deal of cycles and all pointers repeat after this many cycles.
  const Cycle repeat = 4 * static_cast<Cycle>(description_.banks);
  if (!started_) next_cycle();
  for (auto& port : used_) port.assign(port.size(), false);
  now_ += (cycle - now_) / repeat * repeat;
  while (now_ < cycle) next_cycle();
}

bool BufferArbiter::array_has_turn() const { return description_.ports == 2 || turn_ % 2 == 0; }

BufferArbiter::Turn BufferArbiter::network_turn() const {
  if (description_.ports == 2) return turn_ == 0 ? Turn::kIn : Turn::kOut;
  return turn_ == 1 ? Turn::kIn : turn_ == 3 ? Turn::kOut : Turn::kArray;
}

bool BufferArbiter::offers(BufferStream stream, std::int64_t line) const {
  return array_has_turn() && pointer_[stream] == bank_of(line);
}

bool BufferArbiter::offers(NetworkDirection direction) const {
  return network_turn() == (direction == NetworkDirection::kIn ? Turn::kIn : Turn::kOut);
}

void BufferArbiter::access(BufferStream stream, std::int64_t line) {
  if (!offers(stream, line))
    throw InvariantViolation(module_, now_, "stream ", static_cast<int>(stream), " takes line ",
                             line, " out of turn");
  use(kArrayPort, bank_of(line));
  ++stream_accesses_[stream];
}

void BufferArbiter::access(NetworkDirection direction, std::int64_t line) {
  if (!offers(direction))
    throw InvariantViolation(module_, now_, "the network takes line ", line, " out of turn");
  use(description_.ports == 2 ? kNetworkPort : kArrayPort, bank_of(line));
}

void BufferArbiter::use(int port, int bank) {
  if (used_[port][bank])
    throw InvariantViolation(module_, now_, "two accesses to bank ", bank, " through port ", port);
  used_[port][bank] = true;
}

}  // namespace tessera::hw
