#include "tests/support/program_builder.h"

#include <numeric>

#include "tests/support/plain_network.h"

namespace tessera::test {

using namespace mapping;
using workloads::RankTile;

namespace {

CodeNode instruction(Op op, SlotId slot, int operand = -1, int amount = 1) {
  CodeNode node;
  node.instruction = {op, slot, operand, amount};
  return node;
}

// Ranks of a convolution of PlainNetwork without groups, and of a pool.
enum ConvolutionRank { kN, kK, kC, kP, kQ, kR, kS };
enum PoolRank { kPoolN, kPoolC, kPoolP, kPoolQ, kPoolR, kPoolS };

// Two tiles a row: tile = 2 x row part + filter part.
Stage convolution_stage(const Program& program) {
  Stage stage;
  stage.name = "first";
  stage.layer = 0;
  const RankTile whole = program.network.layers[0].whole();
  // One filter of 2 channels x 3 x 3 words: 36 bytes, in lines 48. Rows: 3 of 6 with a halo row, 4
  // of 6 stored: 2 x 4 x 6 words = 96 bytes. Output of one filter: 3 x 6 words = 36 bytes, in
  // lines 48.
  stage.slots = {input_slot("I0", 0, 96, 1), input_slot("W", 96, 48, 2),
                 slot_for("O", 192, 48, 2, SlotReader::kServer)};
  stage.output_slot = 2;
  stage.codes = {
      {{receive(0, 0), loop(kK, 1, 2, {receive(1, 1)})},
       {acquire(0), loop(kK, 1, 2, {reserve(2), acquire(1), array(2), release(1), commit(2)}),
        release(0)},
       {}}};
  for (const std::vector<TileId>& members :
       std::vector<std::vector<TileId>>{{0, 1}, {2, 3}, {0, 2}, {1, 3}})
    add_group(stage, members);
  for (int tile = 0; tile < 4; ++tile) {
    RankTile share = whole;
    share[kP] = {3 * (tile / 2), 3 * (tile / 2) + 3};
    share[kK] = {2 * (tile % 2), 2 * (tile % 2) + 2};
    stage.shares.push_back({tile, 0, share, {tile / 2, 2 + tile % 2}, add_group(stage, {tile})});
  }
  return stage;
}

// tile = 2 x row part + channel part; the first of each pair owns the outputs.
Stage sums_stage(const Program& program) {
  Stage stage;
  stage.name = "second";
  stage.layer = 1;
  const RankTile whole = program.network.layers[1].whole();
  // 2 channels x 3 rows x 6 words = 72 bytes, in lines 80. Weights 3 x 2 words = 12 bytes. One
  // filter of the output: 3 x 6 words = 36 bytes.
  stage.slots = {input_slot("I0", 512, 80, 1), input_slot("W", 592, 16, 1),
                 slot_for("O", 608, 48, 2, SlotReader::kStore), input_slot("S", 704, 48, 1),
                 slot_for("P", 608, 48, 2, SlotReader::kStore)};
  stage.output_slot = 2;
  stage.sums_slot = 3;
  stage.partial_slot = 4;
  const CodeBlock inputs = {receive(1, 1), receive(0, 0)};
  Code owner{
      inputs,
      {acquire(0), acquire(1),
       loop(kK, 1, 3,
            {reserve(2), array(2), repeat(1, {acquire(3), add_sums(3), release(3)}), commit(2)}),
       release(0), release(1)},
      {loop(kK, 1, 3, {acquire(2), store(2), release(2)})}};
  owner.load.push_back(loop(kK, 1, 3, {repeat(1, {receive_sums(3)})}));
  const Code partner{inputs,
                     {acquire(0), acquire(1), loop(kK, 1, 3, {reserve(4), array(4), commit(4)}),
                      release(0), release(1)},
                     {loop(kK, 1, 3, {acquire(4), send_sums(4), release(4)})}};
  stage.codes = {owner, partner};
  for (int tile = 0; tile < 4; ++tile) add_group(stage, {tile});
  add_group(stage, {0, 2});
  add_group(stage, {1, 3});
  add_group(stage, {0, 1});
  add_group(stage, {2, 3});
  for (int tile = 0; tile < 4; ++tile) {
    RankTile share = whole;
    share[kP] = {3 * (tile / 2), 3 * (tile / 2) + 3};
    share[kC] = {2 * (tile % 2), 2 * (tile % 2) + 2};
    stage.shares.push_back({tile, tile % 2, share, {tile, 4 + tile % 2}, 6 + tile / 2});
  }
  return stage;
}

Stage pool_stage(const Program& program) {
  Stage stage;
  stage.name = "third";
  stage.layer = 2;
  const RankTile whole = program.network.layers[2].whole();
  // A row of 6 words is 12 bytes, a row of 3 outputs 6 bytes.
  stage.slots = {input_slot("I0", 0, 16, 3), slot_for("O", 48, 16, 1, SlotReader::kStore)};
  stage.output_slot = 1;
  stage.codes = {
      {{loop(kPoolP, 1, 3, {loop(kPoolR, 1, 2, {receive(0, 0)})})},
       {loop(kPoolP, 1, 3, {acquire(0, 2), reserve(1), vector(1), commit(1), release(0, 2)})},
       {loop(kPoolP, 1, 3, {acquire(1), store(1), release(1)})}}};
  for (int tile = 0; tile < 3; ++tile) {
    RankTile share = whole;
    share[kPoolC] = {tile, tile + 1};
    const GroupId alone = add_group(stage, {tile});
    stage.shares.push_back({tile, 0, share, {alone}, alone});
  }
  return stage;
}

workloads::Network three_layers() {
  PlainNetwork network("three");
  Window padded;
  for (int axis = 0; axis < 2; ++axis) {
    padded.kernel[axis] = 3;
    padded.pad_begin[axis] = padded.pad_end[axis] = 1;
  }
  Window halved;
  for (int axis = 0; axis < 2; ++axis) halved.kernel[axis] = halved.stride[axis] = 2;
  const auto first = network.convolution(network.input({1, 2, 6, 6}), 4, padded);
  const auto second = network.convolution(first, 3, {});
  network.pool(second, workloads::Function::kMaxPool, halved);
  return network.finish();
}

workloads::Region whole_of(const workloads::Tensor& tensor) {
  workloads::Region whole;
  for (const auto extent : tensor.extents) whole.dimensions.push_back({0, extent, 1});
  return whole;
}

void add_parts(Program& program) {
  const auto& tensors = program.network.tensors;
  for (std::size_t t = 0; t < tensors.size(); ++t)
    if (tensors[t].kind == workloads::TensorKind::kInput ||
        tensors[t].kind == workloads::TensorKind::kWeight)
      program.parts.push_back({static_cast<int>(t), -1, whole_of(tensors[t]), Home::kDram});
  for (std::size_t s = 0; s < program.stages.size(); ++s) {
    const auto& layer = program.network.layers[program.stages[s].layer];
    program.parts.push_back({layer.output.tensor, static_cast<int>(s),
                             region_of(layer.output, layer.whole()),
                             s == 0 ? Home::kTiles : Home::kDram});
  }
}

}  // namespace

CodeNode receive(SlotId slot, int operand) { return instruction(Op::kReceive, slot, operand); }
CodeNode receive_sums(SlotId slot) { return instruction(Op::kReceiveSums, slot); }
CodeNode acquire(SlotId slot, int granules) {
  return instruction(Op::kAcquire, slot, -1, granules);
}
CodeNode release(SlotId slot, int granules) {
  return instruction(Op::kRelease, slot, -1, granules);
}
CodeNode reserve(SlotId slot) { return instruction(Op::kReserve, slot); }
CodeNode commit(SlotId slot) { return instruction(Op::kCommit, slot); }
CodeNode array(SlotId slot) { return instruction(Op::kArray, slot); }
CodeNode vector(SlotId slot) { return instruction(Op::kVector, slot); }
CodeNode add_sums(SlotId slot) { return instruction(Op::kAddSums, slot); }
CodeNode store(SlotId slot) { return instruction(Op::kStore, slot); }
CodeNode send_sums(SlotId slot) { return instruction(Op::kSendSums, slot); }

CodeNode loop(workloads::RankId rank, std::int64_t step, std::int64_t count, CodeBlock body) {
  CodeNode node;
  node.is_loop = true;
  node.rank = rank;
  node.step = step;
  node.count = count;
  node.body = std::move(body);
  return node;
}

CodeNode repeat(std::int64_t count, CodeBlock body) { return loop(-1, 1, count, std::move(body)); }

Slot slot_for(const std::string& name, Bytes base, Bytes granule_bytes, int granules,
              SlotReader reader) {
  return {name, base, granule_bytes, granules, static_cast<unsigned>(reader)};
}

Slot input_slot(const std::string& name, Bytes base, Bytes granule_bytes, int granules) {
  return slot_for(name, base, granule_bytes, granules, SlotReader::kCompute);
}

GroupId add_group(Stage& stage, std::vector<TileId> members) {
  stage.groups.push_back({std::move(members)});
  return static_cast<GroupId>(stage.groups.size()) - 1;
}

void lay_out_tensors(Program& program) {
  std::uint64_t next = 0;
  for (const auto& tensor : program.network.tensors) {
    DramLayout layout;
    layout.base_address = next;
    layout.block = tensor.extents;
    layout.order.resize(tensor.extents.size());
    std::iota(layout.order.begin(), layout.order.end(), 0);
    layout.footprint_bytes = static_cast<Bytes>(whole_of(tensor).elements()) * program.word_bytes;
    next += layout.footprint_bytes;
    program.layouts.push_back(std::move(layout));
  }
}

Program three_stage_program() {
  Program program;
  program.accelerator = "2x2";
  program.tiles = 4;
  program.network = three_layers();
  program.stages = {convolution_stage(program), sums_stage(program), pool_stage(program)};
  add_parts(program);
  lay_out_tensors(program);
  return program;
}

}  // namespace tessera::test
