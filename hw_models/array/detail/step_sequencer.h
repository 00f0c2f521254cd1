// Issue of steps in the detailed array.
#pragma once

#include <optional>
#include <systemc>
#include <vector>

#include "hw_models/array/array_plan.h"
#include "hw_models/array/array_work.h"
#include "hw_models/array/detail/loop_odometer.h"
#include "hw_models/array/detail/phases.h"
#include "hw_models/array/detail/processing_element.h"
#include "hw_models/array/detail/token_queue.h"
#include "hw_models/array/detail/tokens.h"

namespace tessera::hw::detail {

/// Goes through the temporal loops and issues a step per cycle once the fills it uses are there and
/// its output tile has a place: broadcasts the control word and lets the streaming words at the
/// edge into the array.
class StepSequencer : public sc_core::sc_module {
 public:
  StepSequencer(const sc_core::sc_module_name& name, Phases& phases);

  /// `pes` are the active PEs, `edge[x]` those that take operand x from the edge.
  void configure(const ArrayWork& work, const ArrayPlan& plan, std::vector<ProcessingElement*> pes,
                 const std::vector<ProcessingElement*> (&edge)[2]);

  TokenQueue<FillToken> in_ready[kOperands];  ///< outputs: a tile's sums have been read back
  TokenQueue<FillToken> in_drained;           ///< a tile has left the array
  TokenQueue<FillToken>* out_taken[kOperands] =
      {};  ///< streaming words have left the edge; null: nobody listens
  TokenQueue<FillToken>* out_started = nullptr;  ///< first step of a tile

  Cycle first_issue() const { return first_issue_; }
  Cycle last_issue() const { return last_issue_; }

 private:
  void issue();
  bool may_issue();
  bool has_fill(int operand);
  void broadcast();
  void advance();

  Phases& phases_;
  const ArrayWork* work_ = nullptr;
  std::vector<ProcessingElement*> pes_;
  std::vector<ProcessingElement*> edge_[2];
  std::optional<LoopOdometer> odometer_;
  std::optional<FillSequence> tile_;
  bool used_[kOperands] = {};
  bool streams_[kOperands] = {};
  bool releases_at_issue_ = false;  ///< read-back sums have no place of their own after that
  int depth_[kOperands] = {};
  std::int64_t places_ = 1;
  std::int64_t drained_ = 0;
  std::int64_t fills_there_[kOperands] = {};
  std::int64_t sums_read_ = -1;  ///< newest tile whose sums are back
  StepToken step_;
  bool tile_begins_ = true;
  bool any_issued_ = false;
  Cycle first_issue_ = 0;
  Cycle last_issue_ = 0;
};

}  // namespace tessera::hw::detail
