// Pipelines of fused layers by their loops, each layer on tiles of its own.
#pragma once

#include "tests/sim/fused_layers.h"

namespace tessera::test {

struct PipelineKind {
  std::string name;
  std::vector<FusedTree::Loop> loops;
  int held;
  std::vector<FusedTree::Loop> own_loops = {};
  bool twice = false;
};

inline void PrintTo(const PipelineKind& kind, std::ostream* out) { *out << kind.name; }

inline const PipelineKind kPipelines[] = {
    {"tiles_of_rows", {{"P", 2}}, 1},
    {"double_buffered", {{"P", 2}}, 1, {}, true},
    {"rows", {{"P", 1}}, 1},
    {"rows_inside_tiles", {{"P", 4}}, -1, {{"P", 1}}},
    {"columns", {{"Q", 3}}, 1},
    {"fmap", {}, 0},
    {"two_dimensional", {{"P", 2}, {"Q", 3}}, 2},
    {"two_dimensional_twice", {{"P", 2}, {"Q", 3}}, 2, {}, true},
    {"rows_of_a_whole_map", {}, -1, {{"P", 1}}},
};

inline FusedTree pipeline_of(const Network& network, const PipelineKind& kind) {
  FusedTree tree{kind.loops};
  tree.pipelined = true;
  tree.own_loops = kind.own_loops;
  for (const auto& tensor : network.tensors) {
    if (tensor.kind == workloads::TensorKind::kWeight) tree.held[tensor.name] = 0;
    if (tensor.kind != workloads::TensorKind::kIntermediate) continue;
    if (kind.held >= 0) tree.held[tensor.name] = kind.held;
    if (kind.twice) tree.double_buffered.push_back(tensor.name);
  }
  return tree;
}

}  // namespace tessera::test
