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

  ClockedModule(const sc_core::sc_module_name& name, std::uint64_t period_ps, Step step);

  /// Makes sure that the step is called in this cycle or earlier. Cycles in the past mean the next
  /// one.
  void wake(std::uint64_t cycle);
  /// Calls the step in the present cycle, again if it has been called already.
  void wake_now();
  std::exception_ptr failure() const { return failure_; }

 private:
  void run();

  std::uint64_t period_ps_;
  Step step_;
  std::uint64_t scheduled_ = kNever;
  std::uint64_t done_ = kNever;  ///< last cycle whose step has been called
  std::exception_ptr failure_;
  sc_core::sc_event ev_step_;
};

}  // namespace tessera::sim
