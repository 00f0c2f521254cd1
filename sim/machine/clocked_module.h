// The one SystemC shell that gives plain components their time.
#pragma once

#include <exception>
#include <functional>
#include <systemc>

#include "sim/base/types.h"

namespace tessera::sim {

/// Calls a component's step in chosen cycles of a clock and sleeps in between. The step returns the
/// next cycle in which it wants to be called; kNever sleeps until somebody wakes it. An exception
/// from the step stops the simulation and is kept for the run loop: the kernel must not see it.
class ClockedModule final : public sc_core::sc_module {
 public:
  using Step = std::function<std::uint64_t(std::uint64_t cycle)>;

  /// `after_deltas`: the step comes so many delta cycles into its cycle, after what others report
  /// in that cycle.
  ClockedModule(const sc_core::sc_module_name& name, std::uint64_t period_ps, Step step,
                int after_deltas = 0);

  /// Makes sure that the step is called in this cycle or earlier. Cycles in the past mean the next
  /// one.
  void wake(std::uint64_t cycle);
  /// Makes sure that the step is called in the present cycle. Where it has been called already, the
  /// caller came too late to be seen in this cycle: the simulation stops with an
  /// InvariantViolation as its failure.
  void wake_now();
  /// What stopped the simulation here; nullptr when nothing did.
  std::exception_ptr failure() const { return failure_; }

 private:
  void run();
  void fail(std::exception_ptr failure);

  std::uint64_t period_ps_;
  Step step_;
  const int after_deltas_;
  int deltas_left_ = 0;
  std::uint64_t scheduled_ = kNever;
  std::uint64_t done_ = kNever;  ///< last cycle whose step has been called
  std::exception_ptr failure_;
  sc_core::sc_event ev_step_;
};

}  // namespace tessera::sim
