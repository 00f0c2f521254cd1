// Every refusal is one line that names the file, the field, the value and what is allowed.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "hw_models/description/convert.h"
#include "hw_models/description/load.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "tests/support/refusal.h"
#include "tests/support/scratch.h"

namespace tessera::hw {
namespace {

constexpr const char* kChannel = "dram { device: \"lpddr4_3200\" }\n";
constexpr const char* kCosts = "energy { source: \"test\" }\n";

Accelerator parse(const std::string& more) {
  proto::AcceleratorDescription text;
  const bool has_costs = more.find("energy {") != std::string::npos;
  parse_textproto(kChannel + std::string(has_costs ? "" : kCosts) + more, "machine.textproto",
                  text);
  return to_accelerator(text, "machine.textproto");
}

std::string refusal_of(const std::string& more) {
  return test::refusal_of([&] { parse(more); });
}

TEST(Accelerator, DefaultsAreThoseOfTheStruct) {
  const Accelerator machine = parse("");
  EXPECT_EQ(machine.rows, 1);
  EXPECT_EQ(machine.columns, 1);
  EXPECT_EQ(machine.word_bits, 16);
  EXPECT_DOUBLE_EQ(machine.clock_mhz, 500);
  EXPECT_EQ(machine.tile.array.rows, 8);
  EXPECT_EQ(machine.tile.array.register_bytes, 64u);
  EXPECT_EQ(machine.tile.array.delivery[kInputOperand], Delivery::kMulticast);
  EXPECT_EQ(machine.tile.array.reduction, SpatialReduction::kChain);
  EXPECT_EQ(machine.tile.array.bus_words_per_cycle[kOutputOperand], 8);
  EXPECT_EQ(machine.tile.buffer.bytes, 32768u);
  EXPECT_EQ(machine.tile.interface.staging_bytes, 512u);
  EXPECT_EQ(machine.dram.at(0).write_buffer_bytes, 8192u);
  EXPECT_EQ(machine.default_schedule, "layerwise");
}

TEST(Accelerator, EveryGivenFieldArrives) {
  const Accelerator machine = parse(R"(
    name: "m" summary: "s" clock_mhz: 700 word_bits: 8 rows: 3 columns: 5 dram_interleave_bytes: 512
    tile {
      array { rows: 4 columns: 6 macs_per_pe: 2 input_delivery: SYSTOLIC weight_delivery: MULTICAST
              reduction: TREE operand_registers { input: 1 weight: 2 output: 3 }
              bus_words_per_cycle { input: 4 weight: 5 output: 6 } pipeline_cycles: 3 }
      buffer { bytes: 4096 banks: 16 line_bytes: 64 ports: 1 }
      vector_unit { lanes: 3 pipeline_cycles: 7 special_function_cycles: 9 }
      interface { max_payload_bytes: 128 outstanding_receives: 2 staging_bytes: 1024 }
      issue_cycles: 0
    }
    dram { device: "d" data_rate_mt_s: 500 at { row: 2 column: 4 } write_buffer_bytes: 8
           link_width_bits: 64 link_clock_mhz: 60 ranks: 2 mapping: "C"
           controller { policy: "d" page: "closed" refresh: "per-bank" postponed_refreshes: 3
                        read_depth: 10 write_depth: 11 age_cap: 12 } }
    shared_buffers { name: "s0" at { row: 1 column: 2 } bytes: 100 bytes_per_cycle: 8 latency_cycles: 2 }
    energy { source: "test" mac: 1 register_access_word: 2 array_transfer_word: 3 buffer_access_word: 4
             shared_buffer_access_word: 5 vector_operation: 6 noc_hop_word: 7 dram_access_word: 8
             static_per_tile_cycle: 9 }
    default_schedule: "other")");
  EXPECT_EQ(machine.name, "m");
  EXPECT_EQ(machine.tiles(), 15);
  EXPECT_EQ(machine.word_bytes(), 1);
  EXPECT_EQ(machine.dram_interleave_bytes, 512u);
  const auto& array = machine.tile.array;
  EXPECT_EQ(array.rows, 4);
  EXPECT_EQ(array.columns, 6);
  EXPECT_EQ(array.macs_per_pe, 2);
  EXPECT_EQ(array.delivery[kInputOperand], Delivery::kSystolic);
  EXPECT_EQ(array.delivery[kWeightOperand], Delivery::kMulticast);
  EXPECT_EQ(array.reduction, SpatialReduction::kTree);
  EXPECT_EQ(array.register_bytes, 0u);
  EXPECT_EQ(array.operand_register_bytes[kInputOperand], 1u);
  EXPECT_EQ(array.operand_register_bytes[kWeightOperand], 2u);
  EXPECT_EQ(array.operand_register_bytes[kOutputOperand], 3u);
  EXPECT_EQ(array.bus_words_per_cycle[kInputOperand], 4);
  EXPECT_EQ(array.bus_words_per_cycle[kWeightOperand], 5);
  EXPECT_EQ(array.bus_words_per_cycle[kOutputOperand], 6);
  EXPECT_EQ(array.pipeline_cycles, 3);
  EXPECT_EQ(machine.tile.buffer.bytes, 4096u);
  EXPECT_EQ(machine.tile.buffer.banks, 16);
  EXPECT_EQ(machine.tile.buffer.line_bytes, 64u);
  EXPECT_EQ(machine.tile.buffer.ports, 1);
  EXPECT_EQ(machine.tile.vector_unit.lanes, 3);
  EXPECT_EQ(machine.tile.vector_unit.pipeline_cycles, 7);
  EXPECT_EQ(machine.tile.vector_unit.special_function_cycles, 9);
  EXPECT_EQ(machine.tile.interface.max_payload_bytes, 128u);
  EXPECT_EQ(machine.tile.interface.outstanding_receives, 2);
  EXPECT_EQ(machine.tile.interface.staging_bytes, 1024u);
  EXPECT_EQ(machine.tile.issue_cycles, 0);
  ASSERT_EQ(machine.dram.size(), 2u);
  const auto& dram = machine.dram[1];
  EXPECT_EQ(dram.device, "d");
  EXPECT_DOUBLE_EQ(dram.data_rate_mt_s, 500);
  EXPECT_EQ(dram.at, (Coordinate{2, 4}));
  EXPECT_EQ(dram.write_buffer_bytes, 8u);
  EXPECT_DOUBLE_EQ(dram.link_width_bits, 64);
  EXPECT_DOUBLE_EQ(dram.link_clock_mhz, 60);
  EXPECT_EQ(dram.ranks, 2);
  EXPECT_EQ(dram.mapping, "C");
  EXPECT_EQ(dram.controller.policy, "d");
  EXPECT_EQ(dram.controller.page, "closed");
  EXPECT_EQ(dram.controller.refresh, "per-bank");
  EXPECT_EQ(dram.controller.postponed_refreshes, 3);
  EXPECT_EQ(dram.controller.read_depth, 10);
  EXPECT_EQ(dram.controller.write_depth, 11);
  EXPECT_EQ(dram.controller.age_cap, 12);
  const auto& shared = machine.shared_buffers.at(0);
  EXPECT_EQ(shared.name, "s0");
  EXPECT_EQ(machine.tile_id(shared.at), 7);
  EXPECT_EQ(shared.bytes, 100u);
  EXPECT_EQ(shared.bytes_per_cycle, 8u);
  EXPECT_EQ(shared.latency_cycles, 2);
  const auto& energy = machine.energy;
  const double costs[] = {energy.mac,
                          energy.register_access_word,
                          energy.array_transfer_word,
                          energy.buffer_access_word,
                          energy.shared_buffer_access_word,
                          energy.vector_operation,
                          energy.noc_hop_word,
                          energy.dram_access_word,
                          energy.static_per_tile_cycle};
  for (int i = 0; i < 9; ++i) EXPECT_DOUBLE_EQ(costs[i], i + 1);
  EXPECT_EQ(machine.default_schedule, "other");
}

struct Refused {
  const char* text;
  const char* message;
};

class Refusal : public testing::TestWithParam<Refused> {};

TEST_P(Refusal, NamesFileFieldValueAndRange) {
  EXPECT_EQ(refusal_of(GetParam().text), std::string("machine.textproto") + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Accelerator, Refusal,
    testing::Values(
        Refused{"rows: 0", ": rows = 0: must be 1 to 256"},
        Refused{"columns: -4", ": columns = -4: must be 1 to 256"},
        Refused{"clock_mhz: 0", ": clock_mhz = 0: must be greater than 0 and at most 100000"},
        Refused{"clock_mhz: nan", ": clock_mhz = nan: must be greater than 0 and at most 100000"},
        Refused{"word_bits: 12", ": word_bits = 12: must be 8, 16 or 32"},
        Refused{"tile { array { rows: 0 } }", ": tile.array.rows = 0: must be 1 to 4096"},
        Refused{"tile { array { macs_per_pe: -1 } }",
                ": tile.array.macs_per_pe = -1: must be 1 to 4096"},
        Refused{"tile { array { reduction: 7 } }",
                ": tile.array.reduction = 7: must be NONE, CHAIN or TREE"},
        Refused{"tile { array { input_delivery: 9 } }",
                ": tile.array.input_delivery = 9: must be MULTICAST or SYSTOLIC"},
        Refused{"tile { array { bus_words_per_cycle { input: 1 weight: 1 } } }",
                ": tile.array.bus_words_per_cycle.output = 0: must be 1 to 65536"},
        Refused{"tile { array { register_bytes: 64 operand_registers { input: 2 } } }",
                ": tile.array.register_bytes = 64: leave it out when operand_registers is given"},
        Refused{"tile { array { operand_registers { input: 2 weight: 2 } } }",
                ": tile.array.operand_registers.output = 0: must be 1 to 1048576"},
        Refused{"tile { buffer { bytes: 1000 } }",
                ": tile.buffer.bytes = 1000: must be a multiple of banks x line_bytes = 256"},
        Refused{"tile { buffer { banks: 3 } }", ": tile.buffer.banks = 3: must be 4 to 64"},
        Refused{"tile { buffer { line_bytes: 24 } }",
                ": tile.buffer.line_bytes = 24: must be a power of two and hold a word of 2 bytes"},
        Refused{"word_bits: 32 tile { buffer { line_bytes: 2 } }",
                ": tile.buffer.line_bytes = 2: must be a power of two and hold a word of 4 bytes"},
        Refused{"tile { buffer { ports: 3 } }", ": tile.buffer.ports = 3: must be 1 to 2"},
        Refused{"tile { vector_unit { lanes: 0 } }",
                ": tile.vector_unit.lanes = 0: must be 1 to 65536"},
        Refused{"tile { interface { staging_bytes: 100 } }",
                ": tile.interface.staging_bytes = 100: must be 256 to 1073741824"},
        Refused{"dram { }",
                ": dram[1].device = \"\": must name a device table (tessera list devices)"},
        Refused{"dram { device: \"x\" at { row: 1 } }", ": dram[1].at.row = 1: must be 0 to 0"},
        Refused{"rows: 4 dram { device: \"x\" at { row: 3 column: 1 } }",
                ": dram[1].at.column = 1: must be 0 to 0"},
        Refused{
            "dram { device: \"x\" link_width_bits: 64 }",
            ": dram[1]: link_width_bits and link_clock_mhz belong together; give both or neither"},
        Refused{"dram { device: \"x\" data_rate_mt_s: -5 }",
                ": dram[1].data_rate_mt_s = -5: must be greater than 0 and at most 100000"},
        Refused{"dram { device: \"x\" ranks: 5 }", ": dram[1].ranks = 5: must be 1 to 4"},
        Refused{"dram { device: \"x\" controller { postponed_refreshes: 9 } }",
                ": dram[1].controller.postponed_refreshes = 9: must be 0 to 8"},
        Refused{"dram { device: \"x\" controller { read_depth: 0 } }",
                ": dram[1].controller.read_depth = 0: must be 1 to 1024"},
        Refused{"dram_channels: 65", ": dram_channels = 65: must be 1 to 64"},
        Refused{"dram_interleave_bytes: 100",
                ": dram_interleave_bytes = 100: must be a power of two"},
        Refused{"shared_buffers { name: \"a\" }",
                ": shared_buffers[0].bytes = 0: must be 1 to 1099511627776"},
        Refused{"shared_buffers { name: \"a\" bytes: 1 } shared_buffers { name: \"a\" bytes: 1 }",
                ": shared_buffers[1].name = a: another shared buffer has this name"},
        Refused{"energy { source: \"test\" mac: -1 }", ": energy.mac = -1: must be 0 to 1e+09"},
        Refused{"frobs: 3",
                ":3:6: Message type \"tessera.hw.proto.AcceleratorDescription\" has no field named "
                "\"frobs\". did you mean rows?"}));

TEST(Accelerator, ChannelsSpreadOverTheWestAndEastColumns) {
  const auto positions = [](int channels) {
    std::vector<std::pair<int, int>> found;
    const auto machine = parse("rows: 16 columns: 8 dram_channels: " + std::to_string(channels));
    for (const auto& dram : machine.dram) {
      EXPECT_EQ(dram.device, "lpddr4_3200");
      found.emplace_back(dram.at.row, dram.at.column);
    }
    return found;
  };
  using Positions = std::vector<std::pair<int, int>>;
  EXPECT_EQ(positions(1), (Positions{{0, 0}}));
  EXPECT_EQ(positions(2), (Positions{{0, 0}, {0, 7}}));
  EXPECT_EQ(positions(4), (Positions{{0, 0}, {0, 7}, {15, 0}, {15, 7}}));
  EXPECT_EQ(positions(5), (Positions{{0, 0}, {0, 7}, {7, 0}, {15, 7}, {15, 0}}));
  EXPECT_EQ(positions(8),
            (Positions{{0, 0}, {0, 7}, {5, 0}, {5, 7}, {10, 0}, {10, 7}, {15, 0}, {15, 7}}));
}

TEST(Accelerator, NeedsADramInterfaceAndAnEnergySource) {
  EXPECT_THROW(to_accelerator({}, "empty"), UserError);
  proto::AcceleratorDescription text;
  text.add_dram()->set_device("d");
  EXPECT_EQ(test::refusal_of([&] { to_accelerator(text, "f"); }),
            "f: energy.source = \"\": must say where the costs come from");
}

TEST(LoadAccelerator, SuggestsPresetsForAMistypedName) {
  const auto text = test::refusal_of([] { load_accelerator("tangram-16x61"); });
  EXPECT_NE(text.find("accelerator 'tangram-16x61': neither a file nor a preset"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("tangram-16x16"), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(LoadAccelerator, SetReachesNestedAndRepeatedFields) {
  const Accelerator machine =
      load_accelerator("tangram-4x4", {"tile.array.rows=16", "dram[2].write_buffer_bytes=4",
                                       "tile.buffer.banks=16", "tile.array.reduction=TREE"});
  EXPECT_EQ(machine.tile.array.rows, 16);
  EXPECT_EQ(machine.tile.buffer.banks, 16);
  EXPECT_EQ(machine.dram[2].write_buffer_bytes, 4u);
  EXPECT_EQ(machine.tile.array.reduction, SpatialReduction::kTree);
  EXPECT_THROW(load_accelerator("tangram-4x4", {"tile.array.rowz=16"}), UserError);
  EXPECT_THROW(load_accelerator("tangram-4x4", {"tile.buffer.banks=0"}), UserError);
}

TEST(LoadAccelerator, ReadsAFileAndNamesTheMachineAfterIt) {
  const auto path = scratch_path("description.textproto");
  std::ofstream(path) << kChannel << kCosts;
  EXPECT_EQ(load_accelerator(path.string()).name, path.stem().string());
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace tessera::hw
