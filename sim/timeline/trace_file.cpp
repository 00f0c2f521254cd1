#include "sim/timeline/trace_file.h"

#include "sim/base/error.h"

namespace tessera::sim {

namespace pf = perfetto::proto;

namespace {

constexpr std::size_t kBufferBytes = 1 << 20;
constexpr std::uint32_t kNamesBegin = 1;
constexpr std::uint32_t kNamesUsed = 2;

}  // namespace

TraceFile::TraceFile(std::filesystem::path path)
    : path_(std::move(path)),
      partial_(path_.string() + ".partial"),
      out_(partial_, std::ios::binary | std::ios::trunc),
      packet_(trace_.add_packet()) {
  if (!out_) throw UserError(path_.string(), ": cannot be written");
}

TraceFile::~TraceFile() {
  if (!out_.is_open()) return;
  out_.close();
  std::error_code error;
  std::filesystem::remove(partial_, error);
}

Track TraceFile::add_process(int pid, const std::string& name) {
  pf::TrackDescriptor descriptor;
  descriptor.mutable_process()->set_pid(pid);
  descriptor.mutable_process()->set_process_name(name);
  descriptor.set_child_ordering(pf::TrackDescriptor::EXPLICIT);
  return add(descriptor);
}

Track TraceFile::add_track(Track process, const std::string& name, int rank) {
  pf::TrackDescriptor descriptor;
  descriptor.set_name(name);
  descriptor.set_parent_uuid(process);
  descriptor.set_sibling_order_rank(rank);
  return add(descriptor);
}

Track TraceFile::add_counter(Track process, const std::string& name, const std::string& unit,
                             int rank) {
  pf::TrackDescriptor descriptor;
  descriptor.set_name(name);
  descriptor.set_parent_uuid(process);
  descriptor.set_sibling_order_rank(rank);
  descriptor.mutable_counter()->set_unit_name(unit);
  return add(descriptor);
}

Track TraceFile::add(pf::TrackDescriptor& descriptor) {
  descriptor.set_uuid(++last_track_);
  packet_->Clear();
  *packet_->mutable_track_descriptor() = descriptor;
  write();
  return last_track_;
}

std::uint64_t TraceFile::intern(Names& names, std::string_view name,
                                google::protobuf::RepeatedPtrField<pf::InternedName>& added) {
  const auto known = names.find(name);
  if (known != names.end()) return known->second;
  const std::uint64_t iid = names.size() + 1;
  names.emplace(name, iid);
  auto& entry = *added.Add();
  entry.set_iid(iid);
  entry.set_name(std::string(name));
  return iid;
}

pf::TrackEvent& TraceFile::event(Track track, Cycle cycle, pf::TrackEvent::Type type) {
  packet_->Clear();
  packet_->set_timestamp(cycle);
  auto& event = *packet_->mutable_track_event();
  event.set_type(type);
  event.set_track_uuid(track);
  return event;
}

void TraceFile::begin(Track track, const Slice& slice) {
  auto& begin = event(track, slice.begin, pf::TrackEvent::SLICE_BEGIN);
  auto& names = *packet_->mutable_interned_data();
  packet_->set_sequence_flags(names_begun_ ? kNamesUsed : kNamesBegin | kNamesUsed);
  names_begun_ = true;
  begin.set_name_iid(intern(event_names_, slice.name, *names.mutable_event_names()));
  if (slice.category != nullptr)
    begin.add_category_iids(intern(categories_, slice.category, *names.mutable_event_categories()));
  if (slice.granule >= 0) {
    auto& annotation = *begin.add_debug_annotations();
    annotation.set_name_iid(
        intern(annotations_, "granule", *names.mutable_debug_annotation_names()));
    annotation.set_int_value(slice.granule);
  }
  for (const auto flow : slice.starts) begin.add_flow_ids(flow);
  for (const auto flow : slice.ends) begin.add_terminating_flow_ids(flow);
  if (names.ByteSizeLong() == 0) packet_->clear_interned_data();
  write();
}

void TraceFile::end(Track track, Cycle cycle) {
  event(track, cycle, pf::TrackEvent::SLICE_END);
  write();
}

void TraceFile::counter(Track track, Cycle cycle, std::int64_t value) {
  event(track, cycle, pf::TrackEvent::COUNTER).set_counter_value(value);
  write();
}

void TraceFile::write() {
  packet_->set_trusted_packet_sequence_id(1);
  const auto before = buffer_.size();
  trace_.AppendToString(&buffer_);
  bytes_ += buffer_.size() - before;
  if (buffer_.size() >= kBufferBytes) flush();
}

void TraceFile::flush() {
  out_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  buffer_.clear();
}

void TraceFile::commit() {
  flush();
  out_.close();
  std::error_code error;
  if (out_) std::filesystem::rename(partial_, path_, error);
  if (!out_ || error) {
    std::filesystem::remove(partial_, error);
    throw UserError(path_.string(), ": cannot be written");
  }
}

}  // namespace tessera::sim
