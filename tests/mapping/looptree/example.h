// Small LoopTree inputs written in place.
#pragma once

#include <string>

#include "mapping/cost/looptree/looptree_model.h"
#include "mapping/importers/looptree/mapping_file.h"
#include "mapping/importers/looptree/workload.h"

namespace tessera::mapping::looptree {

/// Levels 0 to 3 and compute units.
inline const char* const kFourStorages = R"(architecture:
  version: 0.4
  nodes:
  - !Component {name: DRAM, class: DRAM, attributes: {width: 64, datawidth: 8}}
  - !Component {name: GLB, class: SRAM, attributes: {width: 512, datawidth: 8}}
  - !Component {name: BUF, class: SRAM, attributes: {width: 64, datawidth: 8}}
  - !Component {name: REG, class: regfile, attributes: {width: 8, datawidth: 8}}
  - !Component {name: MAC, class: intmac, attributes: {width: 8, datawidth: 8}}
)";

/// Two matrix products, P rows, `c` to `m` to `n` columns.
inline std::string matrix_products(int p, int c, int m, int n) {
  const auto text = [](int number) { return std::to_string(number); };
  return R"(problem:
- shape:
    name: A
    dimensions: [P1, M1, C1]
    data_spaces:
    - {name: X, projection: '[ C1, P1 ]'}
    - {name: V, projection: '[ C1, M1 ]'}
    - {name: Y, projection: '[ M1, P1 ]', read_write: True}
  instance: 0 <= P1 < )" +
         text(p) + " and 0 <= M1 < " + text(m) + " and 0 <= C1 < " + text(c) + R"(
- shape:
    name: B
    dimensions: [P2, M2, C2]
    data_spaces:
    - {name: Y, projection: '[ C2, P2 ]'}
    - {name: W, projection: '[ C2, M2 ]'}
    - {name: Z, projection: '[ M2, P2 ]', read_write: True}
  instance: 0 <= P2 < )" +
         text(p) + " and 0 <= M2 < " + text(n) + " and 0 <= C2 < " + text(m) + "\n";
}

struct Example {
  importers::TimeloopArchitecture architecture;
  workloads::Network network;
  Schedule schedule;

  Example(const std::string& workload, const std::string& mapping,
          const std::string& hardware = kFourStorages)
      : architecture(importers::parse_timeloop_architecture(hardware, "arch.yaml")),
        network(importers::parse_looptree_workload(workload, "workload.yaml")),
        schedule(
            importers::parse_looptree_mapping(mapping, "mapping.yaml", architecture, network)) {}

  LoopTreePrediction predict(Faults faults = Faults::kAsShipped) const {
    return predict_looptree(schedule, network, architecture, faults);
  }

  /// The access of one tensor at one level by one layer.
  LevelAccess access(const LoopTreePrediction& prediction, int level, const std::string& tensor,
                     const std::string& layer) const {
    for (const auto& access : prediction.accesses)
      if (access.movement.level == level &&
          network.tensors[access.movement.tensor].name == tensor &&
          network.layers[access.movement.layer].name == layer)
        return access;
    return {};
  }
};

}  // namespace tessera::mapping::looptree
