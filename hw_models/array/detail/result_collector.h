// The way out of the detailed array: results, output bus, line FIFO, buffer writes.
#pragma once

#include <map>
#include <optional>
#include <systemc>

#include "hw_models/array/array_plan.h"
#include "hw_models/array/array_work.h"
#include "hw_models/array/detail/loop_odometer.h"
#include "hw_models/array/detail/phases.h"
#include "hw_models/array/detail/token_queue.h"
#include "hw_models/array/detail/tokens.h"
#include "hw_models/buffer/buffer_arbiter.h"

namespace tessera::hw::detail {

/// Constants of the collector for one instruction.
struct CollectorSetup {
  std::int64_t reports = 1;  ///< tokens that make a tile complete
  Cycle latency = 0;         ///< adder tree and pipeline behind the last PE
  std::int64_t words = 0;    ///< per tile
  std::int64_t words_per_line = 1;
  std::int64_t lines = 0;
  std::int64_t bus_words = 1;
  std::int64_t fifo_tiles = 1;
  Cycle slot_spacing = 1;
};

/// Gathers the sums of a tile, carries them over the output bus and writes their lines as a burst
/// in the slots of the output stream.
class ResultCollector : public sc_core::sc_module {
 public:
  ResultCollector(const sc_core::sc_module_name& name, Phases& phases, BufferArbiter& arbiter);

  void configure(const ArrayWork& work, const CollectorSetup& setup);

  TokenQueue<SumToken> in_results;
  TokenQueue<FillToken>* out_drained[2] = {};    ///< a tile has left the bus; null: nobody listens
  TokenQueue<FillToken>* out_written = nullptr;  ///< a tile is in the buffer; null: nobody listens

  bool finished() const { return writing_->done(); }

 private:
  struct BusTile {
    Cycle start = 0;
    std::int64_t carried = 0;
  };

  void collect();
  void carry();
  void write();
  Cycle burst_lag() const;

  Phases& phases_;
  BufferArbiter& arbiter_;
  CollectorSetup setup_;
  Cycle lag_ = 0;
  std::map<std::int64_t, std::int64_t> reported_;
  TokenQueue<SumToken> complete_;          ///< behind adder tree and pipeline
  std::map<std::int64_t, BusTile> tiles_;  ///< on the bus or in the line FIFO
  std::int64_t drained_ = 0;
  std::int64_t written_ = 0;
  std::optional<FillSequence> writing_;
  std::int64_t writing_line_ = 0;
};

}  // namespace tessera::hw::detail
