#include "mapping/input_source.h"

namespace tessera::mapping {

using workloads::Operand;

DealSignature signature_of(const std::vector<PartitionSplit>& partition, const Operand& operand) {
  DealSignature signature;
  for (const auto& split : partition) {
    if (split.ways == 1) continue;
    for (std::size_t d = 0; d < operand.dimensions.size(); ++d)
      for (const auto& term : operand.dimensions[d].terms)
        if (term.rank == split.rank)
          signature.push_back({static_cast<int>(d), split.ways, split.axis});
  }
  return signature;
}

namespace {

/// How far from a tile.
int distance(Home home) { return home == Home::kDram ? 2 : home == Home::kShared ? 1 : 0; }

}  // namespace

InputSource source_of(const workloads::Network& network, workloads::TensorId tensor,
                      const std::vector<OutputPlace>& places) {
  const auto producers = network.producers(tensor);
  if (producers.empty()) return {};
  InputSource source{Home::kTiles, places[static_cast<std::size_t>(producers.back())].signature};
  double all = 0, there = 0;
  for (const auto producer : producers) {
    const auto home = places[static_cast<std::size_t>(producer)].home;
    const auto& layer = network.layers[producer];
    const auto words = static_cast<double>(nominal_elements(layer.output, layer.extents()));
    if (distance(home) > distance(source.home)) {
      source = {home, {}};
      there = 0;
    }
    if (home == source.home) there += words;
    all += words;
  }
  source.share = there / all;
  return source;
}

std::vector<InputSource> sources_of(const workloads::Network& network, workloads::LayerId layer,
                                    const std::vector<OutputPlace>& places) {
  std::vector<InputSource> sources;
  for (const auto& input : network.layers[layer].inputs)
    sources.push_back(source_of(network, input.tensor, places));
  return sources;
}

}  // namespace tessera::mapping
