// Waiting requests, sorted by bank and age, with the few facts per bank that scheduling asks for.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "hw_models/dram/command.h"

namespace tessera::dram {

/// A request between acceptance and its column command.
struct PendingRequest {
  std::uint64_t id = 0;
  /// Order of acceptance in the channel; smaller is older.
  std::uint64_t age = 0;
  Location at;
  bool is_write = false;
  DramCycle accepted = 0;
  /// First row command sent for this request, kNever before.
  DramCycle first_command = kNever;
  /// Cycles of refresh the channel had seen at acceptance; for splitting latency.
  DramCycle refresh_before = 0;
};

/// A buffer of requests with a list per bank, oldest first. For every bank it knows the oldest
/// request that hits the open row, read and write apart, and the oldest that misses it, so that a
/// controller decides by looking at banks, not at requests.
class PendingQueue {
 public:
  using Slot = std::uint16_t;
  static constexpr Slot kNone = 0xffff;

  /// What waits in one bank, relative to the row open there.
  struct BankSummary {
    std::array<Slot, 2> hit{kNone, kNone};  ///< oldest hit: [0] read, [1] write
    Slot miss = kNone;                      ///< oldest request of another row
  };

  /// `capacity` below 65535.
  PendingQueue(std::uint32_t capacity, std::uint32_t banks);

  std::uint32_t size() const { return size_; }
  std::uint32_t capacity() const { return static_cast<std::uint32_t>(entries_.size()); }
  bool full() const { return size_ == capacity(); }
  bool empty() const { return size_ == 0; }

  /// One bit per bank that has requests.
  std::uint64_t occupied_banks() const { return occupied_; }
  /// Banks with requests, reads or writes, that hit the open row; banks with requests that miss it.
  std::uint64_t hit_banks(bool is_write) const { return hit_banks_[is_write]; }
  std::uint64_t miss_banks() const { return miss_banks_; }
  std::uint32_t size_of(std::uint32_t bank) const { return lists_[bank].size; }
  Slot front(std::uint32_t bank) const { return lists_[bank].head; }
  Slot next(Slot slot) const { return links_[slot].next; }
  const PendingRequest& operator[](Slot slot) const { return entries_[slot]; }
  PendingRequest& operator[](Slot slot) { return entries_[slot]; }
  const BankSummary& summary(std::uint32_t bank) const { return lists_[bank].summary; }

  /// Precondition: not full. `open_row` is the row open in the request's bank or -1.
  Slot push(const PendingRequest& request, std::int64_t open_row);
  PendingRequest take(Slot slot, std::int64_t open_row);
  /// The bank's open row changed; -1 for none.
  void row_changed(std::uint32_t bank, std::int64_t open_row);

 private:
  struct Link {
    Slot previous = kNone, next = kNone;
  };
  struct List {
    Slot head = kNone, tail = kNone;
    std::uint32_t size = 0;
    BankSummary summary;
  };

  static bool is_hit(const PendingRequest& request, std::int64_t open_row) {
    return open_row == static_cast<std::int64_t>(request.at.row);
  }
  void note(BankSummary& summary, Slot slot, std::int64_t open_row) const;
  void update_masks(std::uint32_t bank);
  void unlink(List& list, Slot slot);
  /// The oldest request from `slot` on with the same relation to the open row as `like`.
  Slot next_alike(Slot slot, const PendingRequest& like, std::int64_t open_row) const;

  std::vector<PendingRequest> entries_;
  std::vector<Link> links_;
  std::vector<List> lists_;
  std::vector<Slot> free_;
  std::uint32_t size_ = 0;
  std::uint64_t occupied_ = 0;
  std::array<std::uint64_t, 2> hit_banks_{};
  std::uint64_t miss_banks_ = 0;
};

}  // namespace tessera::dram
