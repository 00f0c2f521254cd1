// Energy of networks over sizes of registers and buffer, loop blocking looked for anew at every
// size: the resource studies of the Interstellar paper.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mapping/cost/interstellar/blocking_search.h"
#include "mapping/importers/interstellar/import.h"
#include "workloads/network.h"

namespace tessera::mapping::interstellar {

/// A machine of the study: side x side units with registers, a shared buffer, DRAM; words of 16
/// bits.
struct Resources {
  std::int64_t side = 16;
  std::int64_t inner_register_bytes = 0;  ///< a second, smaller file in every unit; 0: none
  std::int64_t register_bytes = 512;
  std::int64_t buffer_bytes = 128 * 1024;
  auto operator<=>(const Resources&) const = default;
};

/// Costs of a 16-bit access in the paper's 28 nm table (arXiv 1809.04070): registers 0.03 pJ at 16
/// bytes and as their size, SRAM 6 pJ at 32 KiB and 1.5 times for every doubling (sizes in between
/// by the same power), DRAM 200 pJ, 0.035 pJ for a hop between units.
Architecture architecture_of(const Resources& resources);
inline constexpr double kMacPicojoules = 0.075;

/// Picojoules by part.
struct StudyEnergy {
  double mac = 0, registers = 0, array = 0, buffer = 0, dram = 0;
  double total() const { return mac + registers + array + buffer + dram; }
  void add(const StudyEnergy& other, double times);
};

struct LayerResult {
  Blocking blocking;
  StudyEnergy energy;
  double utilisation = 0;
};

struct NetworkResult {
  StudyEnergy energy;
  double macs = 0;
  double ideal_cycles = 0;  ///< with the units that the dataflow keeps busy
};

/// A shape and how often it is there.
using ShapeCount = std::pair<LayerShape, std::int64_t>;

/// Shapes of a network's layers with weights, in order of first appearance; with `convolutions`
/// only those that are no fully connected layer.
std::vector<ShapeCount> shapes_of(const workloads::Network& network, bool convolutions);

/// Layers of a shape are looked for once.
class ResourceStudy {
 public:
  const LayerResult& layer(const LayerShape& shape, const Dataflow& dataflow,
                           const Resources& resources);
  /// Every layer under the dataflow of least energy among those given.
  NetworkResult network(const std::vector<ShapeCount>& shapes,
                        const std::vector<Dataflow>& dataflows, const Resources& resources);

 private:
  struct Key {
    LayerShape shape;
    std::string dataflow;
    Resources resources;
    auto operator<=>(const Key&) const = default;
  };
  std::map<Key, LayerResult> known_;
};

}  // namespace tessera::mapping::interstellar
