// What a tile tells its observer.
#include <algorithm>

#include "hw_models/tile/tile.h"

namespace tessera::hw {

using mapping::Op;
using mapping::SlotReader;

namespace {

/// The granule that an instruction which was just carried out is about.
std::int64_t granule_of(const SlotRing& ring, const mapping::Instruction& instruction,
                        QueueKind queue) {
  const auto reader = queue == QueueKind::kStore ? SlotReader::kStore : SlotReader::kCompute;
  switch (instruction.op) {
    case Op::kAcquire:
    case Op::kAddSums:
    case Op::kStore:
    case Op::kSendSums:
      return ring.released(reader);
    case Op::kRelease:
      return ring.released(reader) - instruction.amount;
    default:
      return ring.appended() - 1;
  }
}

}  // namespace

InstructionEvent Tile::event_of(QueueKind queue, StageRun& run,
                                const mapping::Instruction& instruction, Cycle begin, Cycle end) {
  return {id_,
          queue,
          run.number(),
          instruction.op,
          instruction.slot,
          instruction.operand,
          granule_of(run.ring(instruction.slot), instruction, queue),
          begin,
          end};
}

void Tile::tell_moment(QueueKind queue, StageRun& run, const mapping::Instruction& instruction,
                       Cycle now) {
  observer_->instruction_ended(event_of(queue, run, instruction, now, now));
}

void Tile::tell_receive_began(Cycle now, StageRun& run, const mapping::Instruction& instruction) {
  auto event = event_of(QueueKind::kLoad, run, instruction, now, kNever);
  observer_->instruction_began(event);
  auto& ring = run.ring(instruction.slot);
  const Granule& granule = ring.granule(ring.appended() - 1);
  event.end = instruction.op == Op::kRestore ? granule.restored_at : granule.complete_at;
  if (event.end != kNever) observer_->instruction_ended(event);
}

void Tile::tell_receive_ended(const Message& message, const Granule& granule, Cycle end) {
  const Op op = message.operand == kPartnerSums    ? Op::kReceiveSums
                : message.operand == kRestoredSums ? Op::kRestore
                                                   : Op::kReceive;
  observer_->instruction_ended({id_, QueueKind::kLoad, message.granule.stage, op,
                                message.granule.slot, std::max(message.operand, -1),
                                granule.sequence, granule.times.allocated, end});
}

void Tile::tell_compute_began(Cycle now) {
  computing_ = event_of(QueueKind::kCompute, stage_run(compute_.turn),
                        compute_.cursor.instruction(), now, kNever);
  observer_->instruction_began(computing_);
}

void Tile::tell_compute_ended(Cycle end) {
  computing_.end = end;
  observer_->instruction_ended(computing_);
}

void Tile::tell_store(Cycle now, StageRun& run, const mapping::Instruction& instruction,
                      bool ended) {
  const auto event =
      event_of(QueueKind::kStore, run, instruction, store_work_.began, ended ? now : kNever);
  if (ended)
    observer_->instruction_ended(event);
  else
    observer_->instruction_began(event);
}

void Tile::tell_occupancy(Cycle now) {
  occupancy_changed_ = false;
  const Bytes bytes = held_bytes();
  if (bytes == told_bytes_) return;
  told_bytes_ = bytes;
  observer_->occupancy(id_, now, bytes);
}

}  // namespace tessera::hw
