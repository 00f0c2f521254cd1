// Small Timeloop inputs written in place.
#pragma once

#include <string>

#include "mapping/cost/timeloop/timeloop_model.h"
#include "mapping/importers/timeloop/mapping_file.h"
#include "mapping/importers/timeloop/problem.h"

namespace tessera::mapping::timeloop {

inline const char* const kTwoLevels = R"(architecture:
  version: 0.4
  nodes:
  - !Component {name: DRAM, class: DRAM, attributes: {width: 8, datawidth: 8}}
  - !Component {name: GLB, class: SRAM, attributes: {depth: 4096, width: 8, datawidth: 8}}
  - !Component {name: MAC, class: intmac, attributes: {datawidth: 8, width: 8}}
)";

inline const char* const kArray = R"(architecture:
  version: 0.4
  nodes:
  - !Component {name: DRAM, class: DRAM, attributes: {width: 8, datawidth: 8}}
  - !Component {name: GLB, class: SRAM, attributes: {depth: 4096, width: 8, datawidth: 8}}
  - !Container {name: PE, spatial: {meshX: 4, meshY: 4}}
  - !Component {name: REG, class: regfile, attributes: {depth: 256, width: 8, datawidth: 8}}
  - !Component {name: MAC, class: intmac, attributes: {datawidth: 8, width: 8}}
)";

/// Two-dimensional convolution with one channel.
inline std::string convolution(int p, int q, int r, int s, int stride = 1) {
  const auto text = [](int number) { return std::to_string(number); };
  return R"(problem:
  version: 0.4
  shape:
    name: conv
    dimensions: [P, Q, R, S]
    coefficients: [{name: stride, default: 1}]
    data_spaces:
    - {name: Weights, projection: [[[R]], [[S]]]}
    - {name: Inputs, projection: [[[P, stride], [R]], [[Q, stride], [S]]]}
    - {name: Outputs, projection: [[[P]], [[Q]]], read_write: True}
  instance: {P: )" +
         text(p) + ", Q: " + text(q) + ", R: " + text(r) + ", S: " + text(s) +
         ", stride: " + text(stride) + "}\n";
}

/// The three inputs, parsed; the network must stay where the prediction can see it.
struct Example {
  importers::TimeloopArchitecture architecture;
  workloads::Network network;
  Schedule schedule;

  Example(const std::string& architecture_text, const std::string& problem_text,
          const std::string& mapping_text)
      : architecture(importers::parse_timeloop_architecture(architecture_text, "arch.yaml")),
        network(importers::parse_timeloop_problem(problem_text, "problem.yaml")),
        schedule(importers::parse_timeloop_mapping(mapping_text, "mapping.yaml", architecture,
                                                   network)) {}

  TimeloopPrediction predict(Faults faults = Faults::kAsShipped) const {
    return predict_timeloop(schedule, network, architecture, faults);
  }
};

}  // namespace tessera::mapping::timeloop
