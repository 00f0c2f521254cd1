// A trace as a viewer sees it, and what must hold of every timeline.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/base/types.h"
#include "sim/timeline/perfetto.pb.h"

namespace tessera::test {

using Cycles = std::map<std::string, Cycle>;

struct Seen {
  std::string name, category;
  std::uint64_t track;
  Cycle begin, end;
};

/// Reads packets in order of time, equal times in order of the file. `faults` tells of packets that
/// do not decode completely, tracks that are used before they are described, names before they are
/// known, slices that do not nest or are empty, and arrows without exactly one begin and one end or
/// that lead back in time.
class TimelineViewer {
 public:
  /// The trace must outlive the viewer.
  explicit TimelineViewer(const perfetto::proto::Trace& trace);

  const std::string& faults() const { return faults_; }
  const std::vector<Seen>& slices() const { return slices_; }
  std::size_t arrows() const { return flows_.size(); }
  /// Values by name of the track, each with the cycle from which it holds.
  const std::map<std::string, std::vector<std::pair<Cycle, std::int64_t>>>& counters() const {
    return counters_;
  }
  /// Cycles by cause of every tile that is shown, tile by pid.
  std::map<int, Cycles> stacks() const;

 private:
  struct Flow {
    int starts = 0, ends = 0;
    Cycle start = 0, end = 0;
  };

  void require(bool holds, const char* fault);
  void take(const perfetto::proto::TracePacket& packet);
  void play(const perfetto::proto::TracePacket& packet);
  void begin(const perfetto::proto::TrackEvent& event, Cycle at);
  void end(const perfetto::proto::TrackEvent& event, Cycle at);
  int pid_of(std::uint64_t track) const;

  std::string faults_;
  std::vector<const perfetto::proto::TracePacket*> events_;
  std::map<std::uint64_t, perfetto::proto::TrackDescriptor> tracks_;
  std::map<std::uint64_t, std::string> names_, categories_;
  std::map<std::uint64_t, std::vector<Seen>> open_;
  std::vector<Seen> slices_;
  std::map<std::uint64_t, Flow> flows_;
  std::map<std::string, std::vector<std::pair<Cycle, std::int64_t>>> counters_;
};

}  // namespace tessera::test
