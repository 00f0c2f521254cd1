// The schedule tree as MAESTRO sees it: per cluster level an ordered list of maps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mapping/schedule.h"
#include "workloads/layer.h"

namespace tessera::mapping::maestro {

/// A loop dimension of the model. Where a filter slides, it is the input's row or column, and the
/// output's follow from it.
struct ModelDimension {
  std::string name;  ///< the tool's: N G K C R S Y X, or M K N
  std::int64_t extent = 1;
  int window = -1;           ///< dimension of the filter that slides over this one
  std::int64_t stride = 1;   ///< of that filter
  std::int64_t outputs = 1;  ///< extent in the output; equal to `extent` where nothing slides
};

struct LayerModel {
  std::vector<ModelDimension> dimensions;
  std::vector<int> input, weight,
      output;                ///< dimensions that index each tensor; Y and X in `output` too
  std::vector<int> reduced;  ///< dimensions that index no output
  std::int64_t macs = 0;
};

/// UserError naming the layer when it is no convolution or matrix product of an input and a weight.
LayerModel layer_model(const workloads::Layer& layer);

struct Map {
  int dimension = 0;
  bool spatial = false;
  std::int64_t size = 1;
  std::int64_t offset = 1;
};

/// Maps over the same units; the units of the last level are PEs, of the others clusters.
struct ClusterLevel {
  std::int64_t units = 1;
  std::vector<Map> maps;  ///< outermost first
};

/// UserError naming the schedule and the node that the model does not know.
std::vector<ClusterLevel> cluster_levels(const Schedule& schedule, const workloads::Layer& layer);

}  // namespace tessera::mapping::maestro
