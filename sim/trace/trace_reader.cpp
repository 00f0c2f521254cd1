#include "sim/trace/trace_reader.h"

#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/error.h"
#include "sim/trace/event_columns.h"
#include "sim/trace/trace_part.h"

namespace tessera::sim {

namespace pb = google::protobuf;

TraceNames names_of(const proto::TracedRun& run) {
  return {run.tiles(), {run.stages().begin(), run.stages().end()}};
}

TraceReader::TraceReader(std::string path) : path_(std::move(path)) {
  file_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status = {};
  if (file_ < 0 || fstat(file_, &status) != 0 || S_ISDIR(status.st_mode)) {
    if (file_ >= 0) close(file_);
    throw UserError(path_, ": cannot be read");
  }
  in_ = std::make_unique<pb::io::FileInputStream>(file_);
  try {
    read_version();
    read_run();
  } catch (...) {
    close(file_);
    throw;
  }
}

TraceReader::~TraceReader() {
  in_.reset();
  close(file_);
}

void TraceReader::read_version() {
  constexpr std::size_t kMostDigits = 10;
  pb::io::CodedInputStream in(in_.get());
  std::string magic, digits;
  if (!in.ReadString(&magic, static_cast<int>(kTraceMagic.size())) || magic != kTraceMagic)
    throw UserError(path_, ": is no trace; tessera trace record writes traces");
  for (std::string next; in.ReadString(&next, 1) && next != "\n" && digits.size() < kMostDigits;)
    digits += next;
  const bool is_number =
      !digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number)
    throw UserError(path_, ": is damaged: it does not state the version of its format");
  const auto version = std::stoull(digits);
  if (version != kTraceVersion)
    throw UserError(path_, ": trace format ", version, " is ",
                    version > kTraceVersion ? "newer" : "older", " than format ", kTraceVersion,
                    ", which this program reads");
}

bool TraceReader::read_part(proto::TracePart& part) {
  bool at_end = false;
  if (pb::util::ParseDelimitedFromZeroCopyStream(&part, in_.get(), &at_end)) {
    ++parts_;
    return true;
  }
  if (at_end) return false;
  throw UserError(path_, ": is cut off or damaged in part ", parts_ + 1);
}

/// Calls `open` and says of a damage in which part it is.
template <typename Open>
auto TraceReader::opened(Open open) const {
  try {
    return open();
  } catch (const DamagedPart& damage) {
    throw UserError(path_, ": part ", parts_, " is damaged: ", damage.what());
  }
}

std::vector<TraceEvent> TraceReader::events_of(const proto::TracePart& part) const {
  return opened([&] {
    auto columns = unseal<proto::TraceEvents>(part);
    auto events = from_columns(columns);
    for (const auto& event : events)
      if (event.place >= run_.tiles() + run_.channels())
        throw DamagedPart("an event is at no place of the machine");
    return events;
  });
}

void TraceReader::read_run() {
  proto::TracePart part;
  if (!read_part(part) || part.kind() != proto::TracePart::RUN)
    throw UserError(path_, ": is damaged: it does not say which run it is of");
  run_ = opened([&] { return unseal<proto::TracedRun>(part); });
}

bool TraceReader::read_block() {
  if (ended_) return false;
  proto::TracePart part;
  if (!read_part(part)) throw UserError(path_, ": is cut off after ", events_, " events");
  if (part.kind() == proto::TracePart::END) {
    read_end(part);
    return false;
  }
  if (part.kind() != proto::TracePart::EVENTS)
    throw UserError(path_, ": part ", parts_, " is damaged: of no known kind");
  block_ = events_of(part);
  position_ = 0;
  events_ += block_.size();
  return !block_.empty() || read_block();
}

void TraceReader::read_end(const proto::TracePart& part) {
  end_ = opened([&] { return unseal<proto::TraceEnd>(part); });
  if (end_.events() != events_)
    throw UserError(path_, ": is damaged: holds ", events_, " events; its end says ",
                    end_.events());
  const void* data = nullptr;
  int size = 0;
  while (in_->Next(&data, &size))
    if (size > 0) throw UserError(path_, ": is damaged: bytes follow its end");
  ended_ = true;
  block_.clear();
  position_ = 0;
}

}  // namespace tessera::sim
