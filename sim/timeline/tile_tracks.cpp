#include "sim/timeline/tile_tracks.h"

#include <algorithm>

namespace tessera::sim {

using mapping::Op;

namespace {

/// Order of the tracks below a tile.
enum Rank { kBufferRank = 1, kLoadRank, kComputeRank, kVectorRank, kStoreRank, kSendRank };

bool on_vector_unit(Op op) { return op == Op::kVector || op == Op::kAddSums; }

}  // namespace

bool cut(const Window& window, Slice& slice) {
  if (!window.overlaps(slice.begin, slice.end)) return false;
  slice.begin = std::max(slice.begin, window.from);
  slice.end = std::min(slice.end, window.to);
  return true;
}

TileTracks::TileTracks(TraceFile& file, const Window& window, const mapping::Program& program,
                       int pid, const std::string& name)
    : file_(file),
      window_(window),
      program_(program),
      process_(file.add_process(pid, name)),
      loads_(file, process_, "load", kLoadRank),
      compute_(file.add_track(process_, "compute", kComputeRank)),
      vector_(file.add_track(process_, "vector", kVectorRank)),
      store_(file.add_track(process_, "store", kStoreRank)),
      sends_(file, process_, "send", kSendRank),
      buffer_(file.add_counter(process_, "buffer", "bytes", kBufferRank)) {}

std::string TileTracks::name_of(const hw::InstructionEvent& event) const {
  const auto& stage = program_.stages[static_cast<std::size_t>(event.stage)];
  switch (event.op) {
    case Op::kReceive:
    case Op::kReceiveSums:
      return stage.name + " " + stage.slots[static_cast<std::size_t>(event.slot)].name;
    case Op::kAddSums:
    case Op::kSendSums:
      return stage.name + " sums";
    default:
      return stage.name;
  }
}

void TileTracks::began(const hw::InstructionEvent& event) {
  if (event.queue == hw::QueueKind::kLoad) {
    receives_[{event.stage, event.slot, event.granule}].lane = loads_.open(event.begin);
  } else if (event.queue == hw::QueueKind::kCompute) {
    write_wait();
    computing_ = true;
    causes_.clear();
  }
}

void TileTracks::ended(const hw::InstructionEvent& event) {
  if (event.queue == hw::QueueKind::kLoad) {
    end_receive(event);
  } else if (event.queue == hw::QueueKind::kCompute) {
    if (computing_) end_compute(event);
  } else if (event.op == Op::kStore || event.op == Op::kSendSums) {
    Slice slice{
        name_of(event), kInstructionCategory, event.begin, event.end, event.granule, {}, {}};
    if (event.end > event.begin && cut(window_, slice)) file_.slice(store_, slice);
  }
}

void TileTracks::end_receive(const hw::InstructionEvent& event) {
  const auto found = receives_.find({event.stage, event.slot, event.granule});
  if (found == receives_.end()) return;
  const Receive receive = std::move(found->second);
  receives_.erase(found);
  loads_.close(receive.lane, event.end);
  Slice slice{name_of(event), kInstructionCategory, event.begin, event.end, event.granule, {}, {}};
  if (event.end == event.begin || !cut(window_, slice)) return;
  const Track track = loads_.track(receive.lane);
  file_.begin(track, slice);
  for (Slice arrival : receive.arrivals)
    if (cut(window_, arrival)) file_.slice(track, arrival);
  file_.end(track, slice.end);
}

void TileTracks::end_compute(const hw::InstructionEvent& event) {
  computing_ = false;
  const Track track = on_vector_unit(event.op) ? vector_ : compute_;
  Slice slice{name_of(event), kInstructionCategory, event.begin, event.end, event.granule, {}, {}};
  if (!cut(window_, slice)) return;
  file_.begin(track, slice);
  for (const Slice& cause : causes_) write_cause(track, cause);
  file_.end(track, slice.end);
}

void TileTracks::write_cause(Track track, const Slice& cause) {
  Slice slice = cause;
  if (cut(window_, slice)) file_.slice(track, slice);
}

void TileTracks::spent(hw::Cause cause, Cycle begin, Cycle end) {
  const std::string name(hw::kCauseNames[static_cast<std::size_t>(cause)]);
  if (computing_) {
    causes_.push_back({name, kCauseCategory, begin, end, -1, {}, {}});
  } else if (wait_.end == begin && wait_.name == name) {
    wait_.end = end;
  } else {
    write_wait();
    wait_ = {name, kCauseCategory, begin, end, -1, {}, {}};
  }
}

void TileTracks::write_wait() {
  if (wait_.end > wait_.begin) write_cause(compute_, wait_);
  wait_ = {};
}

void TileTracks::occupancy(Cycle now, Bytes bytes) {
  if (now >= window_.to) return;
  if (now >= window_.from) {
    if (!bytes_told_ && now > window_.from)
      file_.counter(buffer_, window_.from, static_cast<std::int64_t>(bytes_));
    bytes_told_ = true;
    file_.counter(buffer_, now, static_cast<std::int64_t>(bytes));
  }
  bytes_ = bytes;
}

void TileTracks::arrived(int stage, mapping::SlotId slot, std::int64_t granule, Slice arrival) {
  const auto found = receives_.find({stage, slot, granule});
  if (found != receives_.end()) found->second.arrivals.push_back(std::move(arrival));
}

void TileTracks::finish() { write_wait(); }

}  // namespace tessera::sim
