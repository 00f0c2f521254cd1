// nn_dataflow's cost model, the tool behind TANGRAM: time, words, hops and energy of a schedule.
// Source: stanford-mast/nn_dataflow at 198a527; see README.md.
#pragma once

#include <cstdint>
#include <vector>

#include "mapping/cost/predictor.h"
#include "mapping/cost/tangram/traffic.h"

namespace tessera::mapping::tangram {

struct Energy {
  double mac = 0, dram = 0, gbuf = 0, itcn = 0, regf = 0, noc = 0, static_tiles = 0;
  double access() const { return dram + gbuf + itcn + regf; }
  double total() const { return mac + access() + noc + static_tiles; }
};

/// Times are cycles for the full batch.
struct LayerResult {
  std::int64_t time = 0, compute_time = 0, dram_time = 0;
  std::int64_t start = 0, done = 0;
  std::int64_t ofm_groups = 1;  ///< pieces in which the outputs are passed on
  std::int64_t operations = 0;
  FetchCounts fetches;
  Words words;
  PerDatum<std::int64_t> buffer{};  ///< words per tile
  PerDatum<std::int64_t> hops_once{}, memory_hops{};
  PerDatum<double> sharing_hops{};
  Energy energy;
  double noc_word_hops() const;
};

struct SegmentResult {
  std::int64_t critical_time = 0;  ///< longest stage, full batch
  std::int64_t node_time = 0;
  std::int64_t dram_time = 0;
  std::int64_t time = 0;
};

struct NetworkResult {
  std::int64_t time = 0;
  bool one_segment = false;  ///< time is the steady state's critical time alone
  Energy energy;
  std::int64_t operations = 0;
  std::int64_t dram_words = 0, gbuf_words = 0, itcn_words = 0, regf_words = 0;
  double noc_word_hops = 0;
  std::vector<LayerResult> layers;
  std::vector<SegmentResult> segments;
};

/// Mended, a network in one segment takes the segment's time: with filling and the sum of DRAM
/// times.
NetworkResult predict(const Document& document, Faults faults = Faults::kAsShipped);

}  // namespace tessera::mapping::tangram
