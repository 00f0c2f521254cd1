// Maps that stay in the tiles where there is room and leave for DRAM where there is none.
#include <algorithm>

#include "mapping/listing.h"
#include "mapping/schedule_io.h"
#include "mapping/tree_path.h"
#include "tests/sim/tile_timing.h"
#include "tests/support/kept_pieces.h"
#include "tests/support/simulation.h"

namespace tessera::test {
namespace {

using mapping::StoredTensor;

hw::Accelerator machine_of_bytes(int bytes) {
  return machine_with(1, 1, detail::concatenate("tile { buffer { banks: 8 bytes: ", bytes, " } }"));
}

/// Map of 32 bytes, a layer of its own that takes its filters and 64 bytes, and the map's reader on
/// one tile.
Network map_and_reader(int map_filters, int filters_between) {
  PlainNetwork builder("leaving");
  const auto map = builder.fully_connected(builder.input({1, 16}), map_filters);
  builder.fully_connected(builder.input({1, 16}), filters_between);
  builder.fully_connected(map, 1);
  auto network = builder.finish();
  network.tensors[network.layers[1].output.tensor].kind = workloads::TensorKind::kOutput;
  return network;
}

Program lowered(const Network& network, const hw::Accelerator& machine, Home home, bool may_leave) {
  StagePlan producer = dense_plan(network, 0, {0});
  producer.output_home = home;
  producer.output_may_leave = may_leave;
  return lower_plans(network, machine,
                     {producer, dense_plan(network, 1, {0}), dense_plan(network, 2, {0})});
}

const mapping::Part& map_of(const Program& program) {
  return *std::ranges::find(program.parts, 0, &mapping::Part::producer_stage);
}

TEST(MapThatMayLeave, StaysWhereItFitsToTheLastLine) {
  // The map takes 32 of 512 bytes while the layer between has 13 x 32 of filters and 64.
  const auto machine = machine_of_bytes(512);
  const auto network = map_and_reader(14, 13);
  const auto program = lowered(network, machine, Home::kTiles, true);
  EXPECT_EQ(map_of(program).home, Home::kTiles);
  EXPECT_EQ(observe(machine, program),
            observe(machine, lowered(network, machine, Home::kTiles, false)));
  EXPECT_EQ(mapping::listing(program, 0).find("no room"), std::string::npos);
  expect_right_values(machine, program);
}

TEST(MapThatMayLeave, GoesThroughDramWhereALineIsMissing) {
  // A filter more. Everything happens in the cycles in which it happens when the schedule says
  // DRAM, whose cycles OneTile.LoadComputeStore and its neighbours derive.
  const auto machine = machine_of_bytes(512);
  const auto network = map_and_reader(14, 14);
  const auto program = lowered(network, machine, Home::kTiles, true);
  EXPECT_EQ(map_of(program).home, Home::kDram);
  const auto lines = observe(machine, program);
  EXPECT_EQ(lines, observe(machine, lowered(network, machine, Home::kDram, false)));
  // One burst is written and read once more than with a map that stays: that of tensor 2.
  const auto roomy = machine_of_bytes(1024);
  const auto stays = observe(roomy, lowered(network, roomy, Home::kTiles, true));
  EXPECT_EQ(about(lines, "WR").size(), about(stays, "WR").size() + 1);
  EXPECT_EQ(about(lines, "RD").size(), about(stays, "RD").size() + 1);
  EXPECT_NE(mapping::listing(program, 0).find("read from DRAM: no room to keep it"),
            std::string::npos);
  expect_right_values(machine, program);
}

TEST(MapThatMayLeave, IsRefusedWithoutRoomWhenItMayNot) {
  const auto network = map_and_reader(14, 14);
  EXPECT_THROW(lowered(network, machine_of_bytes(512), Home::kTiles, false), UserError);
}

TEST(MapThatMayLeave, DoesNotHelpALayerThatIsTooLargeByItself) {
  // 15 x 32 of filters and 64 bytes of 512.
  const auto network = map_and_reader(14, 15);
  EXPECT_THROW(lowered(network, machine_of_bytes(512), Home::kTiles, true), UserError);
}

/// Maps of 40 and 17 values, 96 and 64 bytes, a layer between that takes its filters of 32 bytes
/// and 64, and a reader of each map.
Program two_maps(int filters_between, const hw::Accelerator& machine) {
  PlainNetwork builder("two");
  const auto large = builder.fully_connected(builder.input({1, 2}), 40);
  const auto small = builder.fully_connected(builder.input({1, 2}), 17);
  builder.fully_connected(builder.input({1, 16}), filters_between);
  builder.fully_connected(large, 1);
  builder.fully_connected(small, 1);
  auto network = builder.finish();
  for (const int unread : {2, 3})
    network.tensors[network.layers[static_cast<std::size_t>(unread)].output.tensor].kind =
        workloads::TensorKind::kOutput;
  std::vector<StagePlan> plans;
  for (int layer = 0; layer < 5; ++layer) plans.push_back(dense_plan(network, layer, {0}));
  for (const std::size_t map : {0, 1}) {
    plans[map].output_home = Home::kTiles;
    plans[map].output_may_leave = true;
  }
  return lower_plans(network, machine, plans);
}

std::vector<Home> homes_of_maps(const Program& program) {
  std::vector<Home> homes;
  for (const int stage : {0, 1})
    homes.push_back(std::ranges::find(program.parts, stage, &mapping::Part::producer_stage)->home);
  return homes;
}

TEST(MapsThatMayLeave, TheLargestOfThoseInTheWayLeavesFirst) {
  // 512 bytes: 9 filters, 9 x 32 + 64 + 96 + 64, leave room for both; 10 need what the larger one
  // takes; 14, 14 x 32 + 64, leave room for none.
  const auto machine = machine_of_bytes(512);
  const std::vector<std::pair<int, std::vector<Home>>> cases = {{9, {Home::kTiles, Home::kTiles}},
                                                                {10, {Home::kDram, Home::kTiles}},
                                                                {12, {Home::kDram, Home::kTiles}},
                                                                {13, {Home::kDram, Home::kDram}},
                                                                {14, {Home::kDram, Home::kDram}}};
  for (const auto& [filters, homes] : cases) {
    const auto program = two_maps(filters, machine);
    EXPECT_EQ(homes_of_maps(program), homes) << filters;
    expect_right_values(machine, program);
  }
}

mapping::Node on_tile(const workloads::Layer& layer, const std::string& level,
                      const StoredTensor& output) {
  mapping::TreePath path;
  path.place({0});
  path.store(level, {output});
  path.store("buffer", {{.tensor = "I0"}, {.tensor = "W"}, {.tensor = "O"}});
  return path.finish(layer.name);
}

std::string refusal(const std::string& level, const StoredTensor& output) {
  const auto network = map_and_reader(14, 13);
  std::vector<mapping::Node> nodes;
  for (const auto& layer : network.layers)
    nodes.push_back(on_tile(layer, nodes.empty() ? level : "dram",
                            nodes.empty() ? output : StoredTensor{.tensor = "O"}));
  try {
    auto schedule = sequence_of(std::move(nodes));
    mapping::check_structure(schedule);
    mapping::lower(schedule, network, machine_of_bytes(512));
  } catch (const UserError& error) {
    return error.what();
  }
  return "lowered";
}

TEST(MapThatMayLeave, IsAWholeMapOfTheTiles) {
  EXPECT_EQ(refusal("tiles", {.tensor = "O", .or_dram = true}), "lowered");
  EXPECT_NE(refusal("dram", {.tensor = "O", .or_dram = true}).find("has or_dram; allowed"),
            std::string::npos);
  EXPECT_NE(refusal("tiles", {.tensor = "O", .places = 1, .or_dram = true})
                .find("has or_dram; allowed: for whole maps at level tiles"),
            std::string::npos);
  EXPECT_NE(refusal("tiles", {.tensor = "I0", .or_dram = true}).find("is an input"),
            std::string::npos);
}

}  // namespace
}  // namespace tessera::test
