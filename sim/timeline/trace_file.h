// A Perfetto trace as it is written: tracks, slices, counters.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "sim/base/types.h"
#include "sim/timeline/perfetto.pb.h"

namespace tessera::sim {

using Track = std::uint64_t;
using FlowId = std::uint64_t;

/// A stretch of time on a track. Slices of one track must nest; of slices that begin together the
/// outer is written first, and one that begins where another ends is written after it.
struct Slice {
  std::string name;
  const char* category = nullptr;  ///< nullptr: none
  Cycle begin = 0;
  Cycle end = 0;
  std::int64_t granule = -1;         ///< written as an annotation unless negative
  std::vector<FlowId> starts, ends;  ///< arrows from and to this slice
};

/// Appends packets under a temporary name; `commit` gives the file its own. Without it nothing is
/// left.
class TraceFile {
 public:
  /// UserError when the file cannot be written.
  explicit TraceFile(std::filesystem::path path);
  ~TraceFile();
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;

  /// Track descriptors; a process shows its tracks by ascending rank. `pid` from 1.
  Track add_process(int pid, const std::string& name);
  Track add_track(Track process, const std::string& name, int rank);
  Track add_counter(Track process, const std::string& name, const std::string& unit, int rank);

  void begin(Track track, const Slice& slice);
  void end(Track track, Cycle cycle);
  void slice(Track track, const Slice& slice) {
    begin(track, slice);
    end(track, slice.end);
  }
  void counter(Track track, Cycle cycle, std::int64_t value);

  /// UserError when something could not be written.
  void commit();
  std::uint64_t bytes() const { return bytes_; }

 private:
  using Names = std::map<std::string, std::uint64_t, std::less<>>;

  Track add(perfetto::proto::TrackDescriptor& descriptor);
  std::uint64_t intern(Names& names, std::string_view name,
                       google::protobuf::RepeatedPtrField<perfetto::proto::InternedName>& added);
  perfetto::proto::TrackEvent& event(Track track, Cycle cycle,
                                     perfetto::proto::TrackEvent::Type type);
  void write();
  void flush();

  std::filesystem::path path_;
  std::filesystem::path partial_;
  std::ofstream out_;
  std::string buffer_;
  perfetto::proto::Trace trace_;  ///< one packet, used again and again
  perfetto::proto::TracePacket* packet_;
  Names event_names_, categories_, annotations_;
  Track last_track_ = 0;
  std::uint64_t bytes_ = 0;
  bool names_begun_ = false;
};

}  // namespace tessera::sim
