// A slot at run time: a ring of granules between one writer and its readers.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <vector>

#include "hw_models/tile/message.h"
#include "hw_models/tile/region_values.h"
#include "mapping/program.h"
#include "sim/base/types.h"
#include "workloads/reference_executor.h"

namespace tessera::hw {

/// When the stages of a granule's arrival happened; waiting time is attributed by these.
struct ArrivalTimes {
  Cycle allocated = 0;       ///< its place was appended
  Cycle requested = kNever;  ///< the group was complete and the root asked
  Cycle handed_over = 0;     ///< the last packet so far was handed to the network by its source
  Source last_from = Source::kTile;  ///< what handed it over
};

/// One entry of a slot, from the reservation of its place until its last reader lets it go.
struct Granule {
  std::int64_t sequence = 0;
  workloads::Region region;
  bool free = false;  ///< ideal: its way costs no time
  Bytes expected_bytes = 0;
  Bytes received_bytes = 0;
  Cycle complete_at = kNever;                  ///< readable from this cycle on
  std::vector<workloads::Region> wanted = {};  ///< boxes of the region that have to be fetched
  Cycle restored_at = kNever;  ///< restored outputs: from this cycle on they can be added to
  bool holds_sums = false;     ///< of an earlier visit
  bool passed = false;         ///< shared: the tile that takes it over has been sent it
  bool gone = false;           ///< its place has been given free
  workloads::RankTile opened;  ///< outputs: ranks when it became the granule in work
  ArrivalTimes times;
  std::unique_ptr<RegionValues> values;  ///< functional mode
  std::unique_ptr<workloads::Accumulators>
      accumulators;  ///< functional mode, outputs before they are finished
};

/// Places are bookkeeping: a granule's bytes lie at its slot's address plus its position, and time
/// at the buffer's ports is charged by who reads or writes. `readers` is a set of
/// mapping::SlotReader.
class SlotRing {
 public:
  SlotRing(Bytes granule_bytes, int granules, unsigned readers);

  bool has_room() const { return occupied() < capacity_; }
  /// Precondition: has_room.
  Granule& append(workloads::Region region);
  /// A granule that is still held.
  Granule& granule(std::int64_t sequence);
  /// The output granule in work: the newest reserved, or the restored one that was reopened last.
  Granule& open() { return granule(open_); }
  void open_newest() { open_ = appended_ - 1; }
  /// Oldest restored granule that was not reopened yet; nullptr when none was appended.
  Granule* next_to_reopen() { return open_ + 1 < appended_ ? &granule(open_ + 1) : nullptr; }
  void reopen() { ++open_; }
  std::int64_t appended() const { return appended_; }
  /// Granules that the reader has released so far: the sequence number of its oldest.
  std::int64_t released(mapping::SlotReader reader) const { return released_[position(reader)]; }
  bool empty() const { return ring_.empty(); }
  /// Granules from the oldest that is held to the newest; those that have left ahead of older ones
  /// are `gone`.
  const std::deque<Granule>& held() const { return ring_; }
  /// Places that granules take.
  int occupied() const { return static_cast<int>(ring_.size()) - gone_; }
  Bytes granule_bytes() const { return granule_bytes_; }

  /// Oldest granule that the reader has not released, or the one so many after it; nullptr when it
  /// was not appended yet.
  Granule* front(mapping::SlotReader reader, int after = 0);
  /// Lets the reader's oldest granules go; each leaves the ring when all readers have.
  void release(mapping::SlotReader reader, int granules = 1);
  /// Gives the place of one granule free, whoever else stays.
  void leave(std::int64_t sequence);

 private:
  static int position(mapping::SlotReader reader);
  void drop_released();

  Bytes granule_bytes_;
  int capacity_;
  unsigned readers_;
  std::deque<Granule> ring_;
  std::int64_t appended_ = 0;
  std::int64_t open_ = -1;
  int gone_ = 0;
  std::array<std::int64_t, 3> released_{};
};

}  // namespace tessera::hw
