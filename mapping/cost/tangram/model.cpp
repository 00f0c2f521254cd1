#include "mapping/cost/tangram/model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "mapping/cost/tangram/hops.h"

namespace tessera::mapping::tangram {

namespace {

template <typename T>
T sum(const PerDatum<T>& data) {
  return std::accumulate(data.begin(), data.end(), T{});
}

Energy energy_of(const LayerResult& layer, const Costs& costs) {
  const auto cost = [](double unit, std::int64_t count) {
    return unit * static_cast<double>(count);
  };
  Energy energy;
  energy.mac = cost(costs.mac, layer.operations);
  energy.dram = cost(costs.dram_word, sum(layer.words.dram));
  energy.gbuf = cost(costs.gbuf_word, sum(layer.words.gbuf) + sum(layer.words.remote_gbuf));
  energy.itcn = cost(costs.itcn_word, sum(layer.words.itcn));
  energy.regf = cost(costs.regf_word, sum(layer.words.regf));
  energy.noc = costs.noc_word_hop * layer.noc_word_hops();
  energy.static_tiles = cost(costs.static_cycle, layer.time);
  return energy;
}

LayerResult predict_layer(const LayerDecisions& layer, const Document& document) {
  LayerResult result;
  result.fetches = fetch_counts(layer);
  result.words = words_of(layer, result.fetches, document.hardware);
  result.operations = operations_of(layer);
  result.buffer = buffer_words(layer);
  result.compute_time = layer.pass.cycles * passes_of(layer);
  result.dram_time = static_cast<std::int64_t>(std::ceil(
      static_cast<double>(sum(result.words.dram)) / document.hardware.dram_words_per_cycle));
  result.time = std::max(result.compute_time, result.dram_time);
  result.ofm_groups = top_factor(layer, kOfmLoop);
  result.hops_once = hops_once(layer, document.hardware);
  for (int d = 0; d < kData; ++d)
    result.memory_hops[d] = result.hops_once[d] * result.fetches.gbuf[d];
  result.sharing_hops = rotation_hops(layer);
  result.energy = energy_of(result, document.costs);
  return result;
}

/// Start and end of every layer of a segment: a layer whose groups match its producer's starts when
/// the first group is there, others wait for all of it.
class SegmentTiming {
 public:
  SegmentTiming(const Document& document, std::vector<LayerResult>& layers)
      : document_(document), layers_(layers) {}

  SegmentResult time(const SegmentDecisions& segment) {
    SegmentResult result;
    for (const auto& stage : segment.stages) {
      for (const int layer : stage) place(layer);
      result.critical_time =
          std::max(result.critical_time, layers_[stage.back()].done - layers_[stage.front()].start);
    }
    const auto groups = segment.batch_groups;
    for (const auto& stage : segment.stages) {
      const auto filled = layers_[stage.back()].done + result.critical_time * (groups - 1);
      result.node_time = std::max(result.node_time, filled / groups);
      for (const int layer : stage) result.dram_time += layers_[layer].dram_time;
    }
    result.time = std::max(result.node_time, result.dram_time);
    return result;
  }

 private:
  void place(int index) {
    const LayerDecisions& layer = document_.layers[index];
    LayerResult& result = layers_[index];
    for (const int producer : producers_in_segment(layer))
      result.start = std::max(result.start, ready(layer, producer));
    result.done = result.start + result.time;
    for (const int producer : producers_in_segment(layer))
      if (same_stage(layer, document_.layers[producer]))
        result.done = std::max(result.done, layers_[producer].done + result.time);
  }

  std::vector<int> producers_in_segment(const LayerDecisions& layer) const {
    std::vector<int> producers;
    for (const auto& name : layer.producers) {
      const int producer = document_.layer_index(name);
      if (producer >= 0 && document_.layers[producer].segment == layer.segment)
        producers.push_back(producer);
    }
    return producers;
  }

  static bool same_stage(const LayerDecisions& a, const LayerDecisions& b) {
    return a.segment == b.segment && a.stage == b.stage;
  }

  /// When the first piece of the producer's outputs is there.
  std::int64_t ready(const LayerDecisions& layer, int producer) const {
    const LayerResult& from = layers_[producer];
    const bool piecewise = hands_over_pieces(document_.layers[producer], layer);
    return piecewise ? from.start + from.time / from.ofm_groups : from.done;
  }

  const Document& document_;
  std::vector<LayerResult>& layers_;
};

void add(const LayerResult& layer, NetworkResult& network) {
  network.operations += layer.operations;
  network.dram_words += sum(layer.words.dram);
  network.gbuf_words += sum(layer.words.gbuf) + sum(layer.words.remote_gbuf);
  network.itcn_words += sum(layer.words.itcn);
  network.regf_words += sum(layer.words.regf);
  network.noc_word_hops += layer.noc_word_hops();
  network.energy.mac += layer.energy.mac;
  network.energy.dram += layer.energy.dram;
  network.energy.gbuf += layer.energy.gbuf;
  network.energy.itcn += layer.energy.itcn;
  network.energy.regf += layer.energy.regf;
  network.energy.noc += layer.energy.noc;
}

}  // namespace

double LayerResult::noc_word_hops() const {
  return static_cast<double>(sum(memory_hops)) + sum(sharing_hops);
}

NetworkResult predict(const Document& document, Faults faults) {
  NetworkResult network;
  for (const auto& layer : document.layers) {
    network.layers.push_back(predict_layer(layer, document));
    add(network.layers.back(), network);
  }
  SegmentTiming timing(document, network.layers);
  for (const auto& segment : document.segments) {
    network.segments.push_back(timing.time(segment));
    network.time += network.segments.back().time;
  }
  network.one_segment = network.segments.size() == 1;
  if (network.one_segment && faults == Faults::kAsShipped)
    network.time = network.segments.front().critical_time;
  network.energy.static_tiles = document.costs.static_cycle * static_cast<double>(network.time);
  return network;
}

}  // namespace tessera::mapping::tangram
