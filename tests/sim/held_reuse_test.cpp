// Operands that are held in the buffer although the schedule lets them bypass it.
#include "sim/result.pb.h"

#include <google/protobuf/util/json_util.h>

#include "mapping/schedule_io.h"
#include "tests/sim/tile_timing.h"
#include "tests/support/simulation.h"

namespace tessera::test {
namespace {

/// 16 channels to 32 filters over 8 x 8 pixels, channels outside: 2,048 sums, 4 KiB, are completed
/// over 16 trips.
const char* const kTree =
    "root { sequence { } child { place { tile: 0 } child { store { level: 'dram' tensor { tensor: "
    "'O' } } "
    "child { loop { rank { rank: 'C' } tile: 1 } "
    "child { store { level: 'registers' tensor { tensor: 'W' } } "
    "child { loop { rank { rank: 'P' } tile: 1 } child { loop { rank { rank: 'Q' } tile: 1 } "
    "child { store { level: 'registers' tensor { tensor: 'I0' } tensor { tensor: 'O' } } "
    "child { loop { rank { rank: 'K' } tile: 8 } "
    "child { split { rank { rank: 'K' } size: 1 ways: 8 axis: ARRAY_X } "
    "child { layer { layer: 'LAYER' } } } } } } } } } } } }";

Network pixels() {
  PlainNetwork builder("pixels");
  builder.convolution(builder.input({1, 16, 8, 8}), 32, {});
  return builder.finish();
}

/// The same on two tiles with four rows each, that pass the filters of one channel on to each
/// other.
const char* const kTurningTree =
    "root { sequence { } child { place { tile: 0 tile: 1 } child { split { rank { rank: 'P' } "
    "ways: "
    "2 } child { store { level: 'dram' tensor { tensor: 'O' } } child { store { level: 'buffer' "
    "tensor { tensor: 'W' shared_by: 2 distribution: MULTICAST } } "
    "child { loop { rank { rank: 'C' } tile: 1 rotates: 'W' } "
    "child { store { level: 'registers' tensor { tensor: 'W' } } "
    "child { loop { rank { rank: 'P' } tile: 1 } child { loop { rank { rank: 'Q' } tile: 1 } "
    "child { store { level: 'registers' tensor { tensor: 'I0' } tensor { tensor: 'O' } } "
    "child { loop { rank { rank: 'K' } tile: 8 } "
    "child { split { rank { rank: 'K' } size: 1 ways: 8 axis: ARRAY_X } "
    "child { layer { layer: 'LAYER' } } } } } } } } } } } } } }";

hw::Accelerator machine_of_bytes(int bytes, int tiles = 1) {
  return machine_with(1, tiles,
                      detail::concatenate("tile { array { rows: 1 columns: 8 } buffer { banks: 4 "
                                          "bytes: ",
                                          bytes, " } interface { staging_bytes: 1024 } }"));
}

mapping::Program lowered(const hw::Accelerator& machine, bool hold, std::string tree = kTree) {
  const auto network = pixels();
  tree.replace(tree.find("LAYER"), 5, network.layers[0].name);
  auto schedule = mapping::parse_schedule(tree, "tree");
  schedule.hold_reused = hold;
  return mapping::lower(schedule, network, machine);
}

sim::proto::Result result_of(const hw::Accelerator& machine, const mapping::Program& program) {
  sim::proto::Result result;
  const auto text = expect_right_values(machine, program);
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(text, &result).ok()) << text;
  return result;
}

// Streaming, 2,048 sums are written 16 times and come back 15 times; held, they leave once. Inputs
// (1,024 words) and filters (512) come once either way: with all of the map in the buffer no loop
// goes over them again.
TEST(HeldReuse, SumsLeaveOnceInsteadOfInEveryTrip) {
  const auto machine = machine_of_bytes(8192);
  const auto streaming = result_of(machine, lowered(machine, false)).layers(0);
  const auto held = result_of(machine, lowered(machine, true)).layers(0);
  EXPECT_EQ(streaming.words(2).dram_written(), 16 * 2048);
  EXPECT_EQ(streaming.words(2).dram_read(), 15 * 2048);
  EXPECT_EQ(held.words(2).dram_written(), 2048);
  EXPECT_EQ(held.words(2).dram_read(), 0);
  EXPECT_EQ(held.words(0).dram_read(), 1024);
  EXPECT_EQ(held.words(1).dram_read(), 512);
}

// 2 KiB hold four of the eight rows: filters come once for each half.
TEST(HeldReuse, BlocksFetchWhatStreamsPastThemAgain) {
  const auto machine = machine_of_bytes(2048);
  const auto held = result_of(machine, lowered(machine, true)).layers(0);
  EXPECT_EQ(held.words(2).dram_written(), 2048);
  EXPECT_EQ(held.words(2).dram_read(), 0);
  EXPECT_EQ(held.words(0).dram_read(), 1024);
  EXPECT_EQ(held.words(1).dram_read(), 2 * 512);
}

// Filters are fetched once, half by each tile. Beside its part and a place for what is on its way,
// 9 pieces of 64 bytes, a buffer of 4 KiB holds the 1,024 sums of a tile whole, one of 2 KiB those
// of two rows of four; then the filters go round twice.
TEST(HeldReuse, SumsStayWhileFiltersGoRound) {
  const auto rounds = [](const mapping::Program& program) {
    const auto& code = program.stages[0].codes[0].compute;
    return code.front().is_loop && code.front().step == 2 ? 2 : 1;
  };
  for (const auto& [bytes, expected] : {std::pair{4096, 1}, std::pair{2048, 2}}) {
    const auto machine = machine_of_bytes(bytes, 2);
    const auto streaming = result_of(machine, lowered(machine, false, kTurningTree)).layers(0);
    const auto program = lowered(machine, true, kTurningTree);
    const auto held = result_of(machine, program).layers(0);
    EXPECT_EQ(streaming.words(2).dram_written(), 16 * 2048);
    EXPECT_EQ(held.words(2).dram_written(), 2048);
    EXPECT_EQ(held.words(2).dram_read(), 0);
    EXPECT_EQ(held.words(0).dram_read(), 1024);
    EXPECT_EQ(held.words(1).dram_read(), 512);
    EXPECT_EQ(rounds(program), expected);
  }
}

}  // namespace
}  // namespace tessera::test
