// Requests waiting in order of arrival, of which the first whose bank is free leaves.
#pragma once

#include <cstdint>
#include <vector>

#include "hw_models/dram/bits.h"
#include "hw_models/dram/pending_queue.h"

namespace tessera::dram {

/// A transaction queue in front of per-bank queues. Knows which banks anything waits for, so that
/// the question whether something can leave costs one mask; requests stay where they are and only
/// their order is moved.
class TransactionList {
 public:
  TransactionList(std::uint32_t capacity, std::uint32_t banks)
      : entries_(capacity), of_bank_(banks, 0) {
    for (std::uint32_t slot = 0; slot < capacity; ++slot)
      free_.push_back(static_cast<std::uint8_t>(slot));
    order_.reserve(capacity);
  }

  std::size_t size() const { return order_.size(); }
  bool empty() const { return order_.empty(); }
  bool any_outside(std::uint64_t full_banks) const { return (waiting_ & ~full_banks) != 0; }

  /// Precondition: fewer than capacity, which is at most 256.
  void push(const PendingRequest& request) {
    const std::uint8_t slot = free_.back();
    free_.pop_back();
    entries_[slot] = request;
    order_.push_back({slot, static_cast<std::uint8_t>(request.at.bank_index)});
    ++of_bank_[request.at.bank_index];
    waiting_ |= bit(request.at.bank_index);
  }

  /// Removes the oldest request of a bank outside the mask. Precondition: any_outside. What it
  /// returns stays valid until the next push.
  PendingRequest& take_first_outside(std::uint64_t full_banks) {
    auto found = order_.begin();
    while ((full_banks & bit(found->bank)) != 0) ++found;
    const Waiting taken = *found;
    order_.erase(found);
    free_.push_back(taken.slot);
    if (--of_bank_[taken.bank] == 0) waiting_ &= ~bit(taken.bank);
    return entries_[taken.slot];
  }

 private:
  struct Waiting {
    std::uint8_t slot, bank;
  };

  std::vector<PendingRequest> entries_;
  std::vector<Waiting> order_;  ///< oldest first
  std::vector<std::uint8_t> free_;
  std::vector<std::uint16_t> of_bank_;
  std::uint64_t waiting_ = 0;
};

}  // namespace tessera::dram
