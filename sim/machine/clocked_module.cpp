#include "sim/machine/clocked_module.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::sim {

namespace {

/// The kernel's time resolution is one picosecond.
std::uint64_t now_ps() { return sc_core::sc_time_stamp().value(); }

}  // namespace

ClockedModule::ClockedModule(const sc_core::sc_module_name& name, std::uint64_t period_ps,
                             Step step, int after_deltas)
    : sc_module(name), period_ps_(period_ps), step_(std::move(step)), after_deltas_(after_deltas) {
  SC_HAS_PROCESS(ClockedModule);
  SC_METHOD(run);
  sensitive << ev_step_;
  dont_initialize();
}

void ClockedModule::wake(std::uint64_t cycle) {
  const std::uint64_t earliest = ceil_div(now_ps(), period_ps_);
  cycle = std::max(cycle, done_ == earliest ? earliest + 1 : earliest);
  if (cycle >= scheduled_) return;
  scheduled_ = cycle;
  deltas_left_ = after_deltas_;
  ev_step_.notify(sc_core::sc_time::from_value(cycle * period_ps_ - now_ps()));
}

void ClockedModule::wake_now() {
  const std::uint64_t now = now_ps() / period_ps_;
  if (done_ == now)
    return fail(std::make_exception_ptr(InvariantViolation(
        name(), now, "something is reported after the step of this cycle, which has not seen it")));
  if (scheduled_ == now) return;
  scheduled_ = now;
  deltas_left_ = 0;
  ev_step_.notify(sc_core::SC_ZERO_TIME);
}

void ClockedModule::run() {
  if (deltas_left_ > 0) {
    --deltas_left_;
    return ev_step_.notify(sc_core::SC_ZERO_TIME);
  }
  scheduled_ = kNever;
  done_ = now_ps() / period_ps_;
  try {
    const std::uint64_t next = step_(done_);
    if (next != kNever) wake(next);
  } catch (...) {
    fail(std::current_exception());
  }
}

/// The first failure is the one to tell of.
void ClockedModule::fail(std::exception_ptr failure) {
  if (failure_ == nullptr) failure_ = std::move(failure);
  sc_core::sc_stop();
}

}  // namespace tessera::sim
