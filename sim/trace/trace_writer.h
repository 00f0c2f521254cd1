// Writes a trace file block by block.
#pragma once

#include <google/protobuf/io/zero_copy_stream_impl.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "sim/trace.pb.h"
#include "sim/trace/event.h"

namespace tessera::sim {

/// Keeps one block in memory. The file appears under its name when it is finished; a run that fails
/// or is interrupted leaves nothing, and leaves an older file of that name as it was.
class TraceWriter final : public EventSink {
 public:
  /// UserError when the place cannot be written.
  TraceWriter(std::filesystem::path path, const proto::TracedRun& run);
  ~TraceWriter() override;

  void add(const TraceEvent& event) override {
    block_.push_back(event);
    if (block_.size() == block_.capacity()) flush();
  }
  /// Writes the end and gives the file its name. `cycles` is the length of the run.
  void finish(Cycle cycles);

  std::uint64_t events() const { return events_ + block_.size(); }

 private:
  void flush();
  void write(proto::TracePart::Kind kind, const google::protobuf::Message& message);
  [[noreturn]] void fail() const;

  std::filesystem::path path_;
  int file_ = -1;
  std::filesystem::path temporary_;  ///< empty: the file has no name yet
  std::unique_ptr<google::protobuf::io::FileOutputStream> out_;
  std::vector<TraceEvent> block_;
  std::uint64_t events_ = 0;
};

}  // namespace tessera::sim
