// Verdicts kept in a file answer for simulations, and only for those they were made with.
#include "mapping/refine/known_verdicts.h"

#include <gtest/gtest.h>

#include <fstream>

#include "mapping/layerwise.h"
#include "mapping/lowering.h"
#include "sim/base/error.h"
#include "sim/base/scratch_folder.h"
#include "tests/support/plain_network.h"
#include "tests/support/refusal.h"
#include "tests/support/small_machine.h"

namespace tessera::mapping {
namespace {

class Known : public testing::Test {
 protected:
  static Program program_of(std::int64_t filters) {
    const auto network = test::padded_convolution({1, 4, 8, 8}, filters);
    const auto machine = test::grid_machine(2, 2);
    return lower(schedule_layerwise(network, machine, {}), network, machine);
  }

  /// Every program takes 100 cycles. A new object each time: only the file remembers.
  std::optional<Cycle> ask(const Program& program, Cycle limit,
                           const std::string& identity = "machine") {
    KnownVerdicts known(path_, identity, [&](const Program&, Cycle up_to) {
      ++simulated_;
      return up_to == 0 || up_to >= 100 ? std::optional<Cycle>(100) : std::nullopt;
    });
    return known(program, limit);
  }

  const ScratchFolder folder_;
  const std::filesystem::path path_ = folder_ / "known.textproto";
  int simulated_ = 0;
};

TEST_F(Known, AnswersFromTheFile) {
  EXPECT_EQ(ask(program_of(4), 0), 100u);
  EXPECT_EQ(ask(program_of(4), 0), 100u);
  EXPECT_EQ(ask(program_of(4), 150), 100u);
  EXPECT_FALSE(ask(program_of(4), 99));
  EXPECT_EQ(simulated_, 1);
}

TEST_F(Known, RunsThatWereEndedAnswerUpToTheirLimit) {
  EXPECT_FALSE(ask(program_of(4), 50));
  EXPECT_FALSE(ask(program_of(4), 40));
  EXPECT_EQ(simulated_, 1);
  EXPECT_EQ(ask(program_of(4), 200), 100u);
  EXPECT_EQ(simulated_, 2);
}

TEST_F(Known, OtherProgramsAndOtherMachinesAreSimulated) {
  ask(program_of(4), 0);
  ask(program_of(8), 0);
  ask(program_of(4), 0, "another machine");
  EXPECT_EQ(simulated_, 3);
  ask(program_of(8), 0);  // what the other machine added has not displaced it
  EXPECT_EQ(simulated_, 3);
}

TEST_F(Known, SearchesThatShareAFileUseWhatOthersAdd) {
  const auto simulate = [&](const Program&, Cycle) {
    ++simulated_;
    return std::optional<Cycle>(100);
  };
  KnownVerdicts one(path_, "machine", simulate), other(path_, "machine", simulate);
  one(program_of(4), 0);
  other(program_of(8), 0);
  EXPECT_EQ(simulated_, 2);
  other(program_of(4), 0);
  one(program_of(8), 0);
  ask(program_of(4), 0);
  ask(program_of(8), 0);
  EXPECT_EQ(simulated_, 2);
}

TEST_F(Known, NamesDoNotMatter) {
  Program program = program_of(4);
  ask(program, 0);
  program.stages.front().name = "another name";
  program.network.layers.front().name = "another name";
  ask(program, 0);
  EXPECT_EQ(simulated_, 1);
}

TEST_F(Known, RefusesWhatIsNoFileOfVerdicts) {
  std::ofstream(path_) << "verdict { program: \"x\" hits: 3 }";
  const auto text = test::refusal_of([&] { ask(program_of(4), 0); });
  EXPECT_NE(text.find("known.textproto:1:"), std::string::npos) << text;
  EXPECT_NE(text.find("hits"), std::string::npos) << text;
}

}  // namespace
}  // namespace tessera::mapping
