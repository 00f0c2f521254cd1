// What a MAESTRO mapping file (.m) says, before it means anything.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tessera::mapping::maestro {

enum class DirectiveKind { kTemporalMap, kSpatialMap, kCluster };

/// One line of a Dataflow block. Sizes are resolved: Sz(D) and constants have become numbers.
struct Directive {
  DirectiveKind kind = DirectiveKind::kTemporalMap;
  std::int64_t size = 0;  ///< of a map or a cluster
  std::int64_t offset = 0;
  std::string dimension;  ///< N G K C R S Y X Y' X', or M K N
  int line = 0;
};

struct LayerText {
  std::string name;
  std::string type;                                ///< CONV, DSCONV, NGCONV, TRCONV or GEMM
  std::map<std::string, std::int64_t> strides;     ///< only X and Y matter
  std::map<std::string, std::int64_t> dimensions;  ///< as written, Y' and X' kept
  std::vector<Directive> directives;
  bool has_dataflow = false;
  int line = 0;
};

struct MappingText {
  std::string network;
  std::vector<LayerText> layers;
};

/// Whole grammar: Constant, Network, Accelerator (skipped, as the tool does). UserError with
/// `origin`, line and token for anything else.
MappingText parse_mapping(const std::string& text, const std::string& origin);

/// Hardware file, `key: integer` lines.
struct HardwareText {
  std::int64_t num_pes = 1;
  std::int64_t l1_bytes = 2147483647;
  std::int64_t l2_bytes = 2147483647;
  std::int64_t noc_bandwidth = 2147483647;      ///< elements per cycle
  std::int64_t noc_hops = 1;                    ///< cycles of latency of a transfer
  std::int64_t offchip_bandwidth = 2147483647;  ///< elements per cycle
};

HardwareText parse_hardware(const std::string& text, const std::string& origin);

}  // namespace tessera::mapping::maestro
