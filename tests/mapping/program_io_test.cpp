#include "mapping/program_io.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "mapping/program.pb.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "tests/support/program_builder.h"
#include "tests/support/refusal.h"
#include "tests/support/scratch.h"

namespace tessera::mapping {

namespace {

std::string message_of(const std::string& bytes) {
  return test::refusal_of([&] { parse_program(bytes, "p.pb"); });
}

/// What loading says of the sample program after a change to it.
std::string after(const std::function<void(Program&)>& change) {
  Program program = test::three_stage_program();
  change(program);
  return message_of(to_program_bytes(program));
}

/// Same, after a change to the file's message, which can hold what the structs cannot.
std::string after_in_file(const std::function<void(program::Program&)>& change) {
  program::Program message;
  EXPECT_TRUE(message.ParseFromString(to_program_bytes(test::three_stage_program())));
  change(message);
  return message_of(to_binary(message));
}

}  // namespace

TEST(ProgramFile, RoundTripGivesTheSameBytes) {
  const std::string bytes = to_program_bytes(test::three_stage_program());
  EXPECT_EQ(to_program_bytes(parse_program(bytes, "p.pb")), bytes);
}

TEST(ProgramFile, EveryFieldSurvives) {
  Program program = test::three_stage_program();
  program.accelerator = "some machine";
  program.schedule = "by hand";
  program.network.batch = 7;
  auto& layer = program.network.layers[1];
  layer.activation = workloads::Function::kLrn;
  layer.passes = 3;
  layer.count_padding = true;
  layer.whole_ranks = {2, 4};
  layer.origin = "Conv node 5, opset 13";
  layer.inputs[0].dimensions[2].offset = -4;
  auto& stage = program.stages[1];
  stage.array.rows = {{2, 4}, {1, 3}};
  stage.array.columns = {{0, 5}};
  stage.array.lanes = {{3, 6}};
  stage.array.loops = {{1, 2}, {2, 9}};
  stage.sums_in_network = true;
  stage.fetches_last = true;
  stage.slots[3].turns = 8;
  stage.slots[3].round = 16;
  stage.slots[3].fill = 48;
  stage.array.store_depth[1] = 2;
  stage.array.double_buffered[2] = false;
  program.layouts[2].order = {3, 1, 0, 2};
  program.layouts[2].base_address = 1ull << 40;
  program.dram_channels = 6;
  program.layouts[2].stripe_bytes = 1024;
  program.layouts[2].first_channel = 5;
  program.layouts[2].channels = 2;
  program.layouts[2].hashed = true;
  program.layouts[1].copies = Copies::kInTurn;
  program.parts[0].region.dimensions[1] = {1, 1, 5};

  const Program read = parse_program(to_program_bytes(program), "p.pb");
  EXPECT_EQ(read.accelerator, "some machine");
  EXPECT_EQ(read.schedule, "by hand");
  EXPECT_EQ(read.tiles, 4);
  EXPECT_EQ(read.word_bytes, 2);
  EXPECT_EQ(read.network.batch, 7);
  EXPECT_EQ(read.network.name, "three");
  EXPECT_EQ(read.network.tensors[1].extents, (std::vector<std::int64_t>{4, 2, 3, 3}));
  const auto& read_layer = read.network.layers[1];
  EXPECT_EQ(read_layer.activation, workloads::Function::kLrn);
  EXPECT_EQ(read_layer.passes, 3);
  EXPECT_TRUE(read_layer.count_padding);
  EXPECT_EQ(read_layer.whole_ranks, (std::vector<workloads::RankId>{2, 4}));
  EXPECT_EQ(read_layer.origin, "Conv node 5, opset 13");
  EXPECT_EQ(read_layer.inputs[0].dimensions[2].offset, -4);
  EXPECT_EQ(read_layer.inputs[1].role, workloads::OperandRole::kWeight);
  EXPECT_TRUE(read_layer.ranks[read_layer.rank_index("C")].reduced);
  const auto& read_stage = read.stages[1];
  EXPECT_EQ(read_stage.array.rows, stage.array.rows);
  EXPECT_EQ(read_stage.array.columns, stage.array.columns);
  EXPECT_EQ(read_stage.array.lanes, stage.array.lanes);
  EXPECT_EQ(read_stage.array.loops, stage.array.loops);
  EXPECT_EQ(read_stage.array.store_depth[1], 2);
  EXPECT_FALSE(read_stage.array.double_buffered[2]);
  EXPECT_TRUE(read_stage.array.double_buffered[1]);
  EXPECT_EQ(read_stage.shares[3].ranks, stage.shares[3].ranks);
  EXPECT_EQ(read_stage.shares[3].sums_group, 7);
  EXPECT_EQ(read_stage.groups[6].members, (std::vector<TileId>{0, 1}));
  EXPECT_EQ(read_stage.slots[3].name, "S");
  EXPECT_EQ(read_stage.output_slot, 2);
  EXPECT_EQ(read_stage.sums_slot, 3);
  EXPECT_EQ(read_stage.partial_slot, 4);
  EXPECT_TRUE(read_stage.sums_in_network);
  EXPECT_TRUE(read_stage.fetches_last);
  EXPECT_EQ(read_stage.slots[3].turns, 8);
  EXPECT_EQ(read_stage.slots[3].round, 16);
  EXPECT_EQ(read_stage.slots[3].fill, 48);
  EXPECT_EQ(read.stages[0].partial_slot, -1);
  EXPECT_EQ(read_stage.slots[3].base_address, 704u);
  EXPECT_EQ(read_stage.codes[0].compute[2].body[2].body[0].instruction.op, Op::kAcquire);
  EXPECT_EQ(read.layouts[2].order, program.layouts[2].order);
  EXPECT_EQ(read.layouts[2].base_address, 1ull << 40);
  EXPECT_EQ(read.dram_channels, 6);
  EXPECT_EQ(read.layouts[2].stripe_bytes, 1024u);
  EXPECT_EQ(read.layouts[2].first_channel, 5);
  EXPECT_EQ(read.layouts[2].channels, 2);
  EXPECT_TRUE(read.layouts[2].hashed);
  EXPECT_EQ(read.layouts[1].copies, Copies::kInTurn);
  EXPECT_EQ(read.parts[0].region, program.parts[0].region);
  EXPECT_EQ(read.parts[3].home, Home::kTiles);
  EXPECT_EQ(read.parts[3].producer_stage, 0);
}

TEST(ProgramFile, IsWrittenAndReadByPath) {
  const auto path = scratch_path("program_io.pb");
  const Program program = test::three_stage_program();
  save_program(program, path.string());
  EXPECT_EQ(to_program_bytes(load_program(path.string())), to_program_bytes(program));
  std::filesystem::remove(path);
}

TEST(ProgramFile, EveryProperPrefixIsRefused) {
  const std::string bytes = to_program_bytes(test::three_stage_program());
  for (std::size_t length = 0; length < bytes.size(); ++length)
    ASSERT_THROW(parse_program(bytes.substr(0, length), "p.pb"), UserError) << length;
  EXPECT_EQ(message_of(bytes.substr(0, bytes.size() / 2)),
            detail::concatenate("p.pb: truncated program: the file ends after ", bytes.size() / 2,
                                " bytes"));
}

TEST(ProgramFile, OfAnotherKindIsRefused) {
  const std::string not_ours =
      "p.pb: not a program of tessera; allowed: a file that tessera compile wrote";
  EXPECT_EQ(message_of("root { sequence {} }\n"), not_ours);
  EXPECT_EQ(after_in_file([](auto& file) { file.set_kind("tessera trace"); }), not_ours);
}

TEST(ProgramFile, OfANewerVersionIsRefused) {
  EXPECT_EQ(
      after_in_file([](auto& file) { file.set_version(kProgramVersion + 1); }),
      "p.pb: program of version 4, written by a newer tessera; this one reads up to version 3");
  EXPECT_EQ(after_in_file([](auto& file) { file.set_version(kOldestProgramVersion - 1); }),
            "p.pb: program of version 1, written by an older tessera; compile it again");
}

TEST(ProgramFile, WithUnknownEnumeratorsIsRefused) {
  EXPECT_EQ(
      after_in_file([](auto& file) {
        file.mutable_network()->mutable_layer(0)->set_function(static_cast<program::Function>(99));
      }),
      "p.pb: not a usable program: function number 99 is unknown to this version");
  EXPECT_EQ(after_in_file([](auto& file) { file.mutable_stage(0)->mutable_code(0)->add_store(); }),
            "p.pb: not a usable program: a code node is neither loop nor instruction");
  EXPECT_NE(after_in_file([](auto& file) {
              file.mutable_stage(0)->mutable_array()->add_store_depth(1);
            }).find("store depths"),
            std::string::npos);
}

TEST(ProgramIds, OutOfRangeAreNamedWithTheirPlace) {
  EXPECT_EQ(after([](Program& p) { p.stages[1].layer = 3; }),
            "p.pb: stage second: layer is 3; allowed: 0 to 2");
  EXPECT_EQ(after([](Program& p) { p.stages[1].output_slot = 5; }),
            "p.pb: stage second: output slot is 5; allowed: 0 to 4");
  EXPECT_EQ(after([](Program& p) { p.stages[1].partial_slot = 5; }),
            "p.pb: stage second: partial slot is 5; allowed: -1 to 4");
  EXPECT_EQ(after([](Program& p) { p.stages[0].shares[2].code = -1; }),
            "p.pb: stage first: tile 2: code is -1; allowed: 0 to 0");
  EXPECT_EQ(after([](Program& p) { p.stages[0].shares[2].input_groups[1] = 8; }),
            "p.pb: stage first: tile 2: input group is 8; allowed: 0 to 7");
  EXPECT_EQ(after([](Program& p) { p.stages[1].shares[0].sums_group = 8; }),
            "p.pb: stage second: tile 0: sums group is 8; allowed: 0 to 7");
  EXPECT_EQ(after([](Program& p) { p.stages[0].codes[0].load[0].instruction.operand = 2; }),
            "p.pb: stage first: code 0: load queue: receive I0: operand is 2; allowed: 0 to 1");
  EXPECT_EQ(after([](Program& p) { p.stages[0].codes[0].load[0].instruction.slot = 3; }),
            "p.pb: stage first: code 0: load queue: receive slot 3: slot is 3; allowed: 0 to 2");
  EXPECT_EQ(after([](Program& p) { p.stages[0].codes[0].load[1].rank = 7; }),
            "p.pb: stage first: code 0: load queue: rank of a loop is 7; allowed: -1 to 6");
  EXPECT_EQ(after([](Program& p) { p.stages[0].groups[1].members[0] = 4; }),
            "p.pb: stage first: group 1: tile is 4; allowed: 0 to 3");
  EXPECT_EQ(after([](Program& p) { p.parts[2].tensor = 6; }),
            "p.pb: part 2: tensor is 6; allowed: 0 to 5");
  EXPECT_EQ(after([](Program& p) { p.parts[2].producer_stage = 3; }),
            "p.pb: part 2: producer stage is 3; allowed: -1 to 2");
  EXPECT_EQ(after([](Program& p) { p.network.layers[0].inputs[0].tensor = 9; }),
            "p.pb: layer convolution0: input 0: tensor is 9; allowed: 0 to 5");
  EXPECT_EQ(
      after([](Program& p) { p.network.layers[0].inputs[0].dimensions[2].terms[0].rank = 9; }),
      "p.pb: layer convolution0: input 0: dimension 2: rank is 9; allowed: 0 to 6");
  EXPECT_EQ(after([](Program& p) {
              p.stages[0].array.loops = {{7, 1}};
            }),
            "p.pb: stage first: array mapping: rank is 7; allowed: 0 to 6");
}

TEST(ProgramIds, SizesMustFit) {
  const auto refused = [](const std::function<void(Program&)>& change, const std::string& part) {
    const std::string message = after(change);
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  refused([](Program& p) { p.tiles = 0; }, "number of tiles is 0");
  refused([](Program& p) { p.tiles = 3; }, "tile is 3; allowed: 0 to 2");
  refused([](Program& p) { p.word_bytes = 0; }, "bytes of a word is 0");
  refused([](Program& p) { p.network.tensors[0].extents[1] = 0; }, "extent is 0");
  refused([](Program& p) { p.network.layers[0].ranks[0].extent = -1; }, "extent is -1");
  refused([](Program& p) { p.network.layers[0].passes = 0; }, "passes is 0");
  refused([](Program& p) { p.network.layers[0].output.dimensions.pop_back(); },
          "number of dimensions is 3");
  refused([](Program& p) { p.network.layers[0].inputs[0].dimensions[2].valid_end = 7; },
          "end of the valid indices is 7; allowed: 0 to 6");
  refused([](Program& p) { p.network.layers[0].inputs[0].dimensions[2].terms[0].coefficient = 0; },
          "coefficient is 0");
  refused([](Program& p) { p.parts[0].region.dimensions[2].step = 0; }, "step is 0");
  refused(
      [](Program& p) {
        p.parts[0].region.dimensions[2] = {1, 6, 1};
      },
      "last index is 6; allowed: 0 to 5");
  refused([](Program& p) { p.layouts.pop_back(); }, "number of layouts is 5");
  refused([](Program& p) { p.layouts[0].order = {0, 1, 1, 2}; }, "dimension 1 is ordered twice");
  refused([](Program& p) { p.layouts[0].block.pop_back(); }, "number of block extents is 3");
  refused([](Program& p) { p.layouts[0].block[0] = 0; }, "block extent is 0");
  refused([](Program& p) { p.layouts[0].stripe_bytes = 3; },
          "bytes of a stripe is 3; allowed: a multiple of 2");
  refused([](Program& p) { p.layouts[0].first_channel = 1; },
          "first channel is 1; allowed: 0 to 0");
  refused(
      [](Program& p) {
        p.dram_channels = 2;
        p.layouts[0].channels = 3;
      },
      "number of channels is 3; allowed: 0 to 2");
  refused(
      [](Program& p) {
        p.dram_channels = 3;
        p.layouts[0].hashed = true;
      },
      "stripes are hashed over 3 channels; allowed: a power of two");
  refused([](Program& p) { p.stages[0].slots[0].granules = 0; }, "slot I0: granules is 0");
  refused([](Program& p) { p.stages[0].slots[0].granule_bytes = 0; }, "granule bytes is 0");
  refused([](Program& p) { p.stages[0].slots[0].readers = 8; }, "readers is 8; allowed: 1 to 7");
  refused([](Program& p) { p.stages[0].codes[0].load[1].step = 0; }, "step of a loop is 0");
  refused([](Program& p) { p.stages[0].codes[0].load[1].count = -1; }, "count of a loop is -1");
  refused([](Program& p) { p.stages[0].codes[0].compute[0].instruction.amount = 0; },
          "acquire I0 0: amount is 0");
  refused([](Program& p) { p.stages[0].shares[1].tile = 0; }, "comes after tile 0");
  refused([](Program& p) { p.stages[0].shares[1].ranks.pop_back(); }, "number of ranks is 6");
  refused(
      [](Program& p) {
        p.stages[0].shares[1].ranks[3] = {3, 7};
      },
      "rank P: end is 7; allowed: 0 to 6");
  refused(
      [](Program& p) {
        p.stages[0].shares[1].ranks[3] = {3, 2};
      },
      "rank P: begin is 3; allowed: 0 to 2");
  refused([](Program& p) { p.stages[0].shares[1].input_groups.pop_back(); },
          "number of input groups is 1");
  refused([](Program& p) { p.stages[0].groups[0].members.clear(); }, "number of members is 0");
  refused([](Program& p) { p.stages[0].groups[0].members = {1, 1}; }, "tile 1 is a member twice");
  refused([](Program& p) { p.stages[0].array.rows = {{0, 0}}; }, "ways is 0");
  refused([](Program& p) { p.stages[0].array.loops = {{0, 0}}; }, "tile is 0");
  refused([](Program& p) { p.stages[0].array.store_depth[0] = 1; }, "store depth is 1");
}

TEST(ProgramIds, InstructionsStandInTheQueueThatExecutesThem) {
  EXPECT_EQ(after([](Program& p) { p.stages[0].codes[0].load.push_back(test::commit(2)); }),
            "p.pb: stage first: code 0: load queue: commit O: the load queue does not execute it");
  EXPECT_NE(after([](Program& p) {
              p.stages[0].codes[0].compute.push_back(test::store(2));
            }).find("the compute queue does not execute it"),
            std::string::npos);
  EXPECT_NE(after([](Program& p) {
              p.stages[0].codes[0].store.push_back(test::receive(0, 0));
            }).find("the store queue does not execute it"),
            std::string::npos);
}

TEST(ProgramIds, NestsDeeperThanAnyLayerNeedsAreRefused) {
  const std::string message = after([](Program& p) {
    CodeBlock block = {test::receive(0, 0)};
    for (int i = 0; i < 41; ++i) block = {test::repeat(1, block)};
    p.stages[0].codes[0].load = block;
  });
  EXPECT_NE(message.find("depth of the loop nest is 41; allowed: 0 to 40"), std::string::npos)
      << message;
}

}  // namespace tessera::mapping
