// Small networks of fused layers, the trees that fuse them, and whether their values are right.
#pragma once

#include <gtest/gtest.h>

#include "mapping/lowering.h"
#include "sim/base/error.h"
#include "tests/support/fused_tree.h"
#include "tests/support/plain_network.h"
#include "tests/support/simulation.h"
#include "tests/support/small_machine.h"

namespace tessera::test {

using workloads::Network;

inline Network chain(int layers, const Window& last) {
  PlainNetwork network("chain");
  auto tensor = network.input({1, 2, 11, 13});
  for (int i = 1; i < layers; ++i)
    tensor = network.convolution(tensor, i + 2, {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}});
  network.convolution(tensor, 2, last);
  return network.finish();
}

/// x -> 3x3 -> 3x3, plus x through 1x1, added.
inline Network residual() {
  PlainNetwork network("residual");
  const Window padded{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
  const auto first = network.convolution(network.input({1, 2, 9, 9}), 3, {});
  const auto branch = network.convolution(network.convolution(first, 4, padded), 3, padded);
  network.add(first, branch);
  return network.finish();
}

/// On 4 x 4 PEs with 32 KiB a tile; values are compared with the reference executor.
inline void expect_exact(const Network& network, const FusedTree& tree, int rows = 1,
                         int columns = 1) {
  const auto machine = machine_of(
      detail::concatenate("rows: ", rows, " columns: ", columns,
                          " tile { array { rows: 4 columns: 4 } buffer { bytes: 32768 } }"));
  const auto program = mapping::lower(fused_schedule(network, tree), network, machine);
  expect_right_values(machine, program);
}

/// 13 queries against 11 keys of 6 features: scores, softmax over the keys, weighted values. No
/// operand is a weight.
inline Network attention() {
  PlainNetwork network("attention");
  const auto queries = network.input({1, 13, 6});
  const auto keys = network.input({1, 6, 11});
  const auto values = network.input({1, 11, 6});
  network.matrix_product(network.softmax(network.matrix_product(queries, keys)), values);
  return network.finish();
}

/// Keys and values, the inputs that no loop over queries moves, stay; scores come row by row.
inline FusedTree attention_tree(const Network& network) {
  FusedTree tree{{{"M", 2}}};
  for (const std::size_t layer : {0, 2})
    tree.held[network.tensors[network.layers[layer].inputs[1].tensor].name] = 0;
  return tree;
}

}  // namespace tessera::test
