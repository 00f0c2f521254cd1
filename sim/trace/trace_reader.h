// Reads a trace file block by block.
#pragma once

#include <google/protobuf/io/zero_copy_stream_impl.h>

#include <memory>
#include <string>
#include <vector>

#include "sim/trace.pb.h"
#include "sim/trace/event.h"

namespace tessera::sim {

/// Keeps one block in memory. Everything that is wrong with a file is a UserError naming it:
/// missing, of another kind, of another version, damaged (with the block), cut off.
class TraceReader final : public EventSource {
 public:
  explicit TraceReader(std::string path);
  ~TraceReader() override;

  const std::string& path() const { return path_; }
  const proto::TracedRun& run() const { return run_; }
  bool next(TraceEvent& event) override {
    if (position_ == block_.size() && !read_block()) return false;
    event = block_[position_++];
    return true;
  }
  /// Known once `next` has returned false.
  const proto::TraceEnd& end() const { return end_; }

 private:
  void read_version();
  void read_run();
  bool read_block();
  void read_end(const proto::TracePart& part);
  bool read_part(proto::TracePart& part);
  std::vector<TraceEvent> events_of(const proto::TracePart& part) const;
  template <typename Open>
  auto opened(Open open) const;

  std::string path_;
  int file_ = -1;
  std::unique_ptr<google::protobuf::io::FileInputStream> in_;
  proto::TracedRun run_;
  proto::TraceEnd end_;
  std::vector<TraceEvent> block_;
  std::size_t position_ = 0;
  std::uint64_t parts_ = 0, events_ = 0;
  bool ended_ = false;
};

TraceNames names_of(const proto::TracedRun& run);

}  // namespace tessera::sim
