// Timeloop v0.4 architecture files: a flat list of components, outermost first, the last a compute
// unit.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace tessera::mapping::importers {

enum class TimeloopUnitKind {
  kStorage,
  kFanout,  ///< a container or component that exists several times: a mesh below one parent
  kCompute,
};

/// One place of the hierarchy. A container has no storage; what is below it exists mesh_x times
/// mesh_y as often. Bandwidths are words per cycle of one instance, energies picojoules per access
/// of a whole vector (`block_words` words), as in Timeloop's energy reference table.
struct TimeloopUnit {
  std::string name;
  TimeloopUnitKind kind = TimeloopUnitKind::kStorage;
  std::string device_class;  ///< as in the file: DRAM, SRAM, regfile, intmac, ...
  std::int64_t mesh_x = 1;   ///< of a fan-out
  std::int64_t mesh_y = 1;
  std::int64_t instances = 1;                  ///< in the whole machine
  std::optional<std::int64_t> capacity_words;  ///< usable by one copy; none: unbounded
  std::int64_t word_bits = 16;
  std::int64_t block_words = 1;
  double read_bandwidth = std::numeric_limits<double>::infinity();
  double write_bandwidth = std::numeric_limits<double>::infinity();
  double shared_bandwidth = std::numeric_limits<double>::infinity();
  std::int64_t read_ports = 0;  ///< LoopTree: of one vector per cycle each
  std::int64_t write_ports = 0;
  std::int64_t shared_ports = 0;    ///< for reads or writes; 1 when no port is given
  std::int64_t fill_latency = 0;    ///< cycles added once
  std::int64_t drain_latency = 0;   ///< cycles added once
  double min_utilization = 0;       ///< share of the capacity a mapping has to fill
  bool multiple_buffering = false;  ///< more than one copy is reserved
  double read_energy_pj = 0;
  double write_energy_pj = 0;
  double update_energy_pj = 0;
  double compute_energy_pj = 0;
};

struct TimeloopArchitecture {
  std::string name;
  std::vector<TimeloopUnit> units;  ///< outermost first

  /// Places in `units`, -1 when there is none. A component with a mesh of its own is both.
  int component_index(const std::string& component) const;
  int fanout_index(const std::string& unit) const;
};

/// Reads the architecture, then energy reference tables, from the files: one of them must hold
/// `architecture:`, any may hold `ERT:`. UserError with file, line and column for malformed files
/// and for features that the performance model does not know, which are named.
TimeloopArchitecture load_timeloop_architecture(const std::vector<std::string>& paths);

/// Same from text, for tests and tools; `origin` names it in messages.
TimeloopArchitecture parse_timeloop_architecture(const std::string& text,
                                                 const std::string& origin);

}  // namespace tessera::mapping::importers
