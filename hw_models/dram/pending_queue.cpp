#include "hw_models/dram/pending_queue.h"

#include "hw_models/dram/bits.h"

namespace tessera::dram {

PendingQueue::PendingQueue(std::uint32_t capacity, std::uint32_t banks)
    : entries_(capacity), links_(capacity), lists_(banks) {
  for (std::uint32_t slot = capacity; slot > 0; --slot)
    free_.push_back(static_cast<Slot>(slot - 1));
}

PendingQueue::Slot PendingQueue::push(const PendingRequest& request, std::int64_t open_row) {
  const Slot slot = free_.back();
  free_.pop_back();
  entries_[slot] = request;
  List& list = lists_[request.at.bank_index];
  links_[slot] = {list.tail, kNone};
  (list.tail == kNone ? list.head : links_[list.tail].next) = slot;
  list.tail = slot;
  ++list.size;
  ++size_;
  occupied_ |= std::uint64_t{1} << request.at.bank_index;
  note(list.summary, slot, open_row);
  update_masks(request.at.bank_index);
  return slot;
}

PendingRequest PendingQueue::take(Slot slot, std::int64_t open_row) {
  const PendingRequest request = entries_[slot];
  List& list = lists_[request.at.bank_index];
  const Slot successor = links_[slot].next;
  unlink(list, slot);
  Slot& noted = is_hit(request, open_row) ? list.summary.hit[request.is_write] : list.summary.miss;
  if (noted == slot) noted = next_alike(successor, request, open_row);
  update_masks(request.at.bank_index);
  free_.push_back(slot);
  --size_;
  if (list.size == 0) occupied_ &= ~(std::uint64_t{1} << request.at.bank_index);
  return request;
}

void PendingQueue::row_changed(std::uint32_t bank, std::int64_t open_row) {
  List& list = lists_[bank];
  list.summary = {};
  for (Slot slot = list.head; slot != kNone; slot = links_[slot].next)
    note(list.summary, slot, open_row);
  update_masks(bank);
}

void PendingQueue::update_masks(std::uint32_t bank) {
  const BankSummary& summary = lists_[bank].summary;
  const auto set = [&](std::uint64_t& mask, bool value) {
    mask = (mask & ~bit(bank)) | (std::uint64_t{value} << bank);
  };
  set(hit_banks_[0], summary.hit[0] != kNone);
  set(hit_banks_[1], summary.hit[1] != kNone);
  set(miss_banks_, summary.miss != kNone);
}

void PendingQueue::note(BankSummary& summary, Slot slot, std::int64_t open_row) const {
  const PendingRequest& request = entries_[slot];
  Slot& noted = is_hit(request, open_row) ? summary.hit[request.is_write] : summary.miss;
  if (noted == kNone) noted = slot;
}

void PendingQueue::unlink(List& list, Slot slot) {
  const Link link = links_[slot];
  (link.previous == kNone ? list.head : links_[link.previous].next) = link.next;
  (link.next == kNone ? list.tail : links_[link.next].previous) = link.previous;
  --list.size;
}

PendingQueue::Slot PendingQueue::next_alike(Slot slot, const PendingRequest& like,
                                            std::int64_t open_row) const {
  const bool hit = is_hit(like, open_row);
  for (; slot != kNone; slot = links_[slot].next) {
    const PendingRequest& other = entries_[slot];
    if (is_hit(other, open_row) != hit) continue;
    if (!hit || other.is_write == like.is_write) return slot;
  }
  return kNone;
}

}  // namespace tessera::dram
