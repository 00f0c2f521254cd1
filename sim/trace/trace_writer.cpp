#include "sim/trace/trace_writer.h"

#include <fcntl.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <unistd.h>

#include "sim/base/error.h"
#include "sim/trace/event_columns.h"
#include "sim/trace/trace_part.h"

namespace tessera::sim {

namespace fs = std::filesystem;

namespace {

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

/// Gives a nameless file a name.
bool link_file(int file, const fs::path& path) {
  const auto itself = "/proc/self/fd/" + std::to_string(file);
  return linkat(AT_FDCWD, itself.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

}  // namespace

TraceWriter::TraceWriter(fs::path path, const proto::TracedRun& run) : path_(std::move(path)) {
  std::error_code error;
  if (fs::is_directory(path_, error))
    throw UserError(path_.string(), ": is a folder; a file is needed");
  constexpr int kMode = 0644;
  // A file without a name goes when the program ends in whatever way; not all file systems have
  // them.
  file_ = open(folder_of(path_).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, kMode);
  if (file_ < 0) {
    temporary_ = path_.string() + ".partial";
    file_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode);
  }
  if (file_ < 0) throw UserError(path_.string(), ": cannot be written");
  out_ = std::make_unique<google::protobuf::io::FileOutputStream>(file_);
  block_.reserve(kPartEvents);
  google::protobuf::io::CodedOutputStream(out_.get())
      .WriteString(std::string(kTraceMagic) + std::to_string(kTraceVersion) + "\n");
  write(proto::TracePart::RUN, run);
}

TraceWriter::~TraceWriter() {
  out_.reset();
  close(file_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void TraceWriter::fail() const { throw UserError(path_.string(), ": cannot be written"); }

void TraceWriter::write(proto::TracePart::Kind kind, const google::protobuf::Message& message) {
  if (!google::protobuf::util::SerializeDelimitedToZeroCopyStream(seal(kind, message), out_.get()))
    fail();
}

void TraceWriter::flush() {
  if (block_.empty()) return;
  write(proto::TracePart::EVENTS, to_columns(block_));
  events_ += block_.size();
  block_.clear();
}

void TraceWriter::finish(Cycle cycles) {
  flush();
  proto::TraceEnd end;
  end.set_events(events_);
  end.set_cycles(cycles);
  write(proto::TracePart::END, end);
  if (!out_->Flush()) fail();
  if (temporary_.empty()) {
    // linkat does not replace, rename does.
    temporary_ = path_.string() + ".partial";
    unlink(temporary_.c_str());
    if (!link_file(file_, temporary_)) {
      temporary_.clear();
      fail();
    }
  }
  std::error_code error;
  fs::rename(temporary_, path_, error);
  if (error) fail();
  temporary_.clear();
}

}  // namespace tessera::sim
