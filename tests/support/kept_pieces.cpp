#include "tests/support/kept_pieces.h"

#include "mapping/lowering.h"
#include "mapping/tree_path.h"
#include "tests/support/plain_network.h"
#include "tests/support/stage_tree.h"

namespace tessera::test {

using mapping::Axis;
using mapping::Schedule;
using mapping::TreePath;
using workloads::Network;

Network pieces_of(int pieces, int images, int filters, int between) {
  PlainNetwork builder("pieces", images);
  for (int piece = 0; piece < pieces; ++piece) {
    builder.fully_connected(builder.input({images, 16}), filters);
    if (piece == 0 && between > 0) builder.fully_connected(builder.input({images, 16}), between);
  }
  auto network = builder.finish();
  for (auto& layer : network.layers)
    if (layer.ranks[1].extent == filters)
      layer.inputs[1].tensor = network.layers[0].inputs[1].tensor;
  for (auto& layer : network.layers)
    network.tensors[layer.output.tensor].kind = workloads::TensorKind::kOutput;
  return network;
}

mapping::Node piece_on(const workloads::Layer& layer, std::vector<int> tiles,
                       const std::string& kept_from, int shared_by) {
  TreePath path;
  const auto ways = static_cast<int>(tiles.size());
  path.place(std::move(tiles));
  if (ways > 1) path.split("N", ways, Axis::kTiles);
  path.store("dram", {{.tensor = "O"}});
  path.store("buffer", {{.tensor = "I0"},
                        {.tensor = "W", .shared_by = shared_by, .kept_from = kept_from},
                        {.tensor = "O"}});
  if (layer.ranks[1].extent > 1) path.loop("K", 1, shared_by > 1 ? "W" : "");
  path.store("registers", {{.tensor = "O", .double_buffered = true}}).loop("C1", 1);
  path.store("registers",
             {{.tensor = "I0", .double_buffered = true}, {.tensor = "W", .double_buffered = true}});
  return path.finish(layer.name);
}

Schedule sequence_of(std::vector<mapping::Node> layers) {
  Schedule schedule;
  schedule.name = schedule.origin = "kept";
  schedule.root.children = std::move(layers);
  return schedule;
}

Schedule kept_pieces(const Network& network, bool keep) {
  std::vector<mapping::Node> nodes;
  std::string last;
  for (const auto& layer : network.layers) {
    const bool piece = layer.inputs[1].tensor == network.layers[0].inputs[1].tensor;
    nodes.push_back(piece_on(layer, {0}, piece && keep ? last : ""));
    if (piece) last = layer.name;
  }
  return sequence_of(std::move(nodes));
}

mapping::Program kept_map(const hw::Accelerator& accelerator, int tiles) {
  PlainNetwork builder("map");
  const auto map = builder.fully_connected(builder.input({tiles, 4}), 4);
  builder.add(builder.fully_connected(map, 2), builder.fully_connected(map, 2));
  const auto network = builder.finish();
  std::vector<mapping::StagePlan> plans;
  for (int layer = 0; layer < 4; ++layer) plans.push_back(plain_plan(network, layer));
  for (int tile = 1; tile < tiles; ++tile) plans[0].tiles.push_back(tile);
  if (tiles > 1) plans[0].partition = {{network.layers[0].rank_index("N"), 0, tiles, Axis::kTiles}};
  plans[0].output_kept = plans[1].inputs[0].from_tiles = true;
  for (auto& plan : plans) choose_array(plan, network, accelerator);
  return mapping::lower(schedule_of(network, plans), network, accelerator);
}

}  // namespace tessera::test
