// The PE array with a SystemC module per PE: `--detail pe`.
#pragma once

#include <memory>
#include <systemc>
#include <vector>

#include "hw_models/array/array_plan.h"
#include "hw_models/array/array_work.h"
#include "hw_models/array/detail/operand_feeder.h"
#include "hw_models/array/detail/phases.h"
#include "hw_models/array/detail/processing_element.h"
#include "hw_models/array/detail/result_collector.h"
#include "hw_models/array/detail/step_sequencer.h"
#include "hw_models/buffer/buffer_arbiter.h"
#include "hw_models/description/accelerator.h"

namespace tessera::hw {

/// Same hardware as PeArray, stepped every cycle: PEs, delivery of inputs, weights and partial
/// sums, sequencer, collector and the banks of the buffer are modules that see only the tokens that
/// reach them. Slow; used to check the closed form. Idle between instructions.
class PeArrayDetail : public sc_core::sc_module {
 public:
  /// `cycle` is the period of the chip clock; buffer slots are counted from time 0.
  PeArrayDetail(const sc_core::sc_module_name& name, const PeArrayDescription& array,
                const BufferDescription& buffer, int word_bytes, const sc_core::sc_time& cycle);

  /// Starts an instruction in the current cycle, which must be a whole one; not while another one
  /// runs.
  void start(const ArrayWork& work);

  /// Fires in the cycle after the last buffer write.
  const sc_core::sc_event& ev_done() const { return ev_done_; }
  bool busy() const { return busy_; }
  /// Timing of the last instruction; its counts are those of the modules, as far as they count
  /// them: MACs, lines and fills follow from tokens, words and hops from the plan.
  const ArrayTiming& timing() const { return timing_; }

 private:
  using ProcessingElements = std::vector<detail::ProcessingElement*>;

  void drive();
  void build();
  void configure_pes();
  void configure_feeders();
  void configure_sequencer();
  void configure_collector();
  ProcessingElements active() const;
  ProcessingElements edge(int operand) const;
  detail::ProcessingElement* at(int row, int column) const;
  void finish();

  PeArrayDescription array_;
  BufferDescription buffer_;
  int word_bytes_;
  sc_core::sc_time cycle_;
  sc_core::sc_event ev_drive_;
  sc_core::sc_event ev_done_;
  detail::Phases phases_;
  int phase_ = 0;
  BufferArbiter arbiter_;
  std::vector<std::unique_ptr<detail::ProcessingElement>> pes_;
  std::unique_ptr<detail::OperandFeeder> feeder_[kOperands];
  std::unique_ptr<detail::StepSequencer> sequencer_;
  std::unique_ptr<detail::ResultCollector> collector_;

  bool busy_ = false;
  Cycle start_ = 0;
  ArrayWork work_;
  std::unique_ptr<ArrayPlan> plan_;
  std::int64_t lines_before_[kBufferStreams] = {};
  ArrayTiming timing_;
};

}  // namespace tessera::hw
