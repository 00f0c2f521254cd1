// When a component's step is called. The clock's period is 1000 ps.
#include "sim/machine/clocked_module.h"

#include <gtest/gtest.h>

#include <vector>

#include "sim/base/error.h"

namespace tessera::sim {
namespace {

constexpr std::uint64_t kPeriodPs = 1000;

using Cycles = std::vector<std::uint64_t>;

/// A component that notes when it is called, and somebody who speaks to it once in cycle 5 so many
/// delta cycles into it.
class Called {
 public:
  Called(int after_deltas, int speaker_deltas, const std::function<void(ClockedModule&)>& speak)
      : module_(
            "listener", kPeriodPs,
            [this](std::uint64_t cycle) {
              cycles_.push_back(cycle);
              return kNever;
            },
            after_deltas),
        speaker_(
            "speaker", kPeriodPs,
            [this, speak](std::uint64_t) {
              speak(module_);
              return kNever;
            },
            speaker_deltas) {
    speaker_.wake(5);
  }
  Cycles run() {
    sc_core::sc_start();
    return cycles_;
  }
  ClockedModule& module() { return module_; }
  std::string failure() const {
    try {
      if (module_.failure() != nullptr) std::rethrow_exception(module_.failure());
    } catch (const InvariantViolation& violation) {
      return violation.what();
    }
    return "";
  }

 private:
  Cycles cycles_;
  ClockedModule module_, speaker_;
};

TEST(Wake, CallsOnceInTheEarliestCycleAskedFor) {
  Called called(0, 0, [](ClockedModule& module) {
    module.wake(9);
    module.wake(7);
    module.wake(8);
  });
  EXPECT_EQ(called.run(), (Cycles{7}));
}

TEST(Wake, MeansTheNextCycleWhereThisOneIsOver) {
  // The step of cycle 5 comes first, before the speaker two delta cycles into it.
  Called called(0, 2, [](ClockedModule& module) { module.wake(3); });
  called.module().wake(5);
  EXPECT_EQ(called.run(), (Cycles{5, 6}));
}

TEST(WakeNow, CallsASleeperInThisCycle) {
  Called called(4, 2, [](ClockedModule& module) { module.wake_now(); });
  EXPECT_EQ(called.run(), (Cycles{5}));
}

TEST(WakeNow, LeavesACallThatIsStillToComeInThisCycle) {
  Called called(4, 2, [](ClockedModule& module) { module.wake_now(); });
  called.module().wake(5);
  EXPECT_EQ(called.run(), (Cycles{5}));
  EXPECT_EQ(called.failure(), "");
}

TEST(WakeNow, StopsTheRunAfterTheStepOfThisCycle) {
  // A delta cycle earlier it is seen, see above; here the step has been called.
  Called called(1, 2, [](ClockedModule& module) { module.wake_now(); });
  called.module().wake(5);
  EXPECT_EQ(called.run(), (Cycles{5}));
  EXPECT_EQ(called.failure(),
            "listener at cycle 5: something is reported after the step of this cycle, which has "
            "not seen it");
}

TEST(Step, LeavesItsExceptionForTheRunLoop) {
  ClockedModule module("failing", kPeriodPs, [](std::uint64_t cycle) -> std::uint64_t {
    throw InvariantViolation("part", cycle, "broken");
  });
  module.wake(3);
  sc_core::sc_start();
  ASSERT_NE(module.failure(), nullptr);
  EXPECT_THROW(std::rethrow_exception(module.failure()), InvariantViolation);
}

}  // namespace
}  // namespace tessera::sim
