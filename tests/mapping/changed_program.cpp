#include "tests/mapping/changed_program.h"

#include <gtest/gtest.h>

#include "tests/support/plain_network.h"
#include "tests/support/refusal.h"

namespace tessera::test {

using namespace mapping;

std::string verdict(const Program& program, ProgramLimits limits) {
  return refusal_of([&] { check(program, limits); }, "sound");
}

std::string after(const Change& change) {
  Program program = three_stage_program();
  change(program);
  return verdict(program);
}

void expect_fault(const Change& change, const std::string& part) {
  const std::string found = after(change);
  EXPECT_NE(found.find(part), std::string::npos) << found;
}

CodeBlock& load(Program& program, int stage, int code) {
  return program.stages[stage].codes[code].load;
}

CodeBlock& compute(Program& program, int stage, int code) {
  return program.stages[stage].codes[code].compute;
}

CodeBlock& store(Program& program, int stage, int code) {
  return program.stages[stage].codes[code].store;
}

Program grouped_program(int tiles) {
  constexpr int kK = 2;  // ranks are N, G, K, C, P, Q, R, S
  PlainNetwork network("grouped");
  network.convolution(network.input({1, 2, 2, 2}), 8, {}, 2);
  Program program;
  program.tiles = tiles;
  program.network = network.finish();
  Stage stage;
  stage.name = "only";
  stage.slots = {input_slot("I0", 0, 16, 1), input_slot("W", 16, 16, 1),
                 slot_for("O", 32, 64, 1, SlotReader::kStore)};
  stage.output_slot = 2;
  const std::int64_t trips = 2 / tiles;
  stage.codes = {{{receive(0, 0), receive(1, 1)},
                  {acquire(0), acquire(1), loop(kK, 2, trips, {reserve(2), array(2), commit(2)}),
                   release(0), release(1)},
                  {loop(kK, 2, trips, {acquire(2), store(2), release(2)})}}};
  for (int tile = 0; tile < tiles; ++tile) {
    workloads::RankTile share = program.network.layers[0].whole();
    if (tiles == 2) share[kK] = {2 * tile, 2 * tile + 2};
    const GroupId alone = add_group(stage, {tile});
    stage.shares.push_back({tile, 0, share, {alone, alone}, alone});
  }
  program.stages = {stage};
  program.parts = {{0, -1, {{{0, 1, 1}, {0, 2, 1}, {0, 2, 1}, {0, 2, 1}}}, Home::kDram},
                   {1, -1, {{{0, 8, 1}, {0, 1, 1}, {0, 1, 1}, {0, 1, 1}}}, Home::kDram},
                   {2, 0, {{{0, 1, 1}, {0, 8, 1}, {0, 2, 1}, {0, 2, 1}}}, Home::kDram}};
  lay_out_tensors(program);
  return program;
}

void loop_over_groups(Program& program) {
  constexpr int kG = 1;
  auto& code = program.stages[0].codes[0];
  code.compute[2] = loop(kG, 1, 2, {code.compute[2]});
  if (!code.store.empty()) code.store[0] = loop(kG, 1, 2, {code.store[0]});
}

}  // namespace tessera::test
