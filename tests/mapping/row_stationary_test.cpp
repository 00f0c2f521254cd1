// The row-stationary mapper: the parameters that Eyeriss was configured with, traffic by hand,
// machines that lack what the dataflow needs.
#include "mapping/row_stationary.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "hw_models/description/load.h"
#include "mapping/row_stationary_search.h"
#include "mapping/stage_plan.h"
#include "mapping/stage_reader.h"
#include "tests/support/refusal.h"
#include "workloads/text_network.h"

namespace tessera::mapping {
namespace {

using workloads::Layer;
using workloads::Network;

/// Columns of a reference table by layer; the tables quote nothing.
std::map<std::string, std::map<std::string, std::string>> read_table(const std::string& file) {
  std::ifstream in(std::string(TESSERA_REFERENCE) + "/eyeriss/" + file);
  std::map<std::string, std::map<std::string, std::string>> table;
  std::vector<std::string> header;
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> cells;
    std::istringstream cut(line);
    for (std::string cell; std::getline(cut, cell, ',');) cells.push_back(cell);
    if (header.empty())
      header = cells;
    else
      for (std::size_t i = 1; i < cells.size(); ++i) table[cells[0]][header[i]] = cells[i];
  }
  return table;
}

const Layer& layer_of(const Network& network, std::string name) {
  for (char& letter : name) letter = static_cast<char>(std::tolower(letter));
  for (const auto& layer : network.layers)
    if (layer.name == name) return layer;
  throw std::runtime_error("no layer " + name);
}

RowStationaryMapping mapping_of(const Layer& layer, const hw::Accelerator& machine) {
  const auto extents = layer.extents();
  const auto found = search_row_stationary(layer, extents, machine);
  EXPECT_TRUE(found.has_value()) << layer.name;
  return found.value_or(RowStationaryMapping{});
}

TEST(RowStationaryMapper, FindsTheParametersOfTheChip) {
  const auto machine = hw::load_accelerator("eyeriss");
  const auto network = workloads::load_network("alexnet", 4);
  const auto published = read_table("mapping.csv");
  ASSERT_EQ(published.size(), 5u);
  for (const auto& [name, parameters] : published) {
    const auto found = mapping_of(layer_of(network, name), machine);
    const std::map<std::string, std::int64_t> values = {
        {"m", found.m}, {"n", found.n}, {"e", found.e}, {"p", found.p},
        {"q", found.q}, {"r", found.r}, {"t", found.t}};
    for (const auto& [parameter, value] : values)
      EXPECT_EQ(value, std::stoll(parameters.at(parameter))) << name << " " << parameter;
  }
}

TEST(RowStationaryMapper, CountsTheTrafficOfConv4) {
  // One group: 192 channels and filters, 13 x 13 outputs, padded maps of 15 x 15, 4 images at once.
  // Inputs come from DRAM for every 64 of 192 filters: 3 x 4 x 192 x 225 = 518,400; weights once:
  // 192 x 192 x 9 = 331,776. The array takes inputs for every 32 filters: 6 x 172,800 = 1,036,800,
  // and sums there and back for every 6 of 192 channels: 32 x 2 x 4 x 192 x 169 = 8,306,688.
  const auto machine = hw::load_accelerator("eyeriss");
  const auto network = workloads::load_network("alexnet", 4);
  const auto found = mapping_of(layer_of(network, "conv4"), machine);
  EXPECT_EQ(found.dram_words, 518'400 + 331'776);
  EXPECT_EQ(found.buffer_words, 1'036'800 + 8'306'688);
  // 6 x 32 passes of 4 images x 16 filters x 3 channels x 3 taps x 13 columns.
  EXPECT_EQ(found.steps, 6 * 32 * 4 * 16 * 3 * 3 * 13);
}

TEST(RowStationaryMapper, MovesAsManyBytesAsTheChipExceptInConv3) {
  const auto machine = hw::load_accelerator("eyeriss");
  const auto network = workloads::load_network("alexnet", 4);
  const auto chip = read_table("chip.csv");
  const auto megabytes = [&](const std::string& name) {
    const Layer& layer = layer_of(network, name);
    const int group = layer.rank_index("G");
    const std::int64_t groups = group < 0 ? 1 : layer.ranks[group].extent;
    return static_cast<double>(groups * mapping_of(layer, machine).buffer_words * 2) / 1e6;
  };
  for (const std::string name : {"CONV1", "CONV2", "CONV4", "CONV5"})
    EXPECT_NEAR(megabytes(name), std::stod(chip.at(name).at("glb_accesses_mb")), 0.05) << name;
  // With the published parameters 64 passes over 256 channels; the published 50.2 MB are 43 passes
  // of 6 channels, and inputs for every 32 filters.
  EXPECT_NEAR(megabytes("CONV3"), (64 * 2 * 259'584 + 6 * 230'400) * 2 / 1e6, 0.05);
  EXPECT_NEAR((43 * 2 * 259'584 + 12 * 230'400) * 2 / 1e6,
              std::stod(chip.at("CONV3").at("glb_accesses_mb")), 0.05);
}

TEST(RowStationaryMapper, FindsAMappingForEveryConvolutionOfOtherNetworks) {
  const auto machine = hw::load_accelerator("eyeriss");
  for (const std::string name : {"vgg16", "resnet18", "mobilenetv2", "googlenet"}) {
    const auto network = workloads::load_network(name, 0);
    for (const auto& layer : network.layers)
      if (convolution_ranks(layer)) mapping_of(layer, machine);
  }
}

TEST(RowStationarySchedule, IsReadBackAsItWasPlanned) {
  const auto machine = hw::load_accelerator("eyeriss");
  const auto network = workloads::load_network("alexnet", 4);
  const auto schedule = schedule_row_stationary(network, machine, {});
  const auto plans = read_stages(schedule, network, {1, 1});
  ASSERT_EQ(plans.size(), network.layers.size());
  const auto& conv4 = plans[static_cast<std::size_t>(network.layers.size() > 5 ? 5 : 0)];
  ASSERT_EQ(network.layers[conv4.layer].name, "conv4");
  // Loops G, K 64, C 6, K 32; all four images and all rows are in one tile.
  EXPECT_EQ(conv4.loops.size(), 4u);
  EXPECT_EQ(conv4.output.depth, 2);
  EXPECT_EQ(conv4.inputs[0].depth, 3);
  EXPECT_EQ(conv4.inputs[1].depth, 4);
  // Rows: 2 sets of filters x 2 of channels x 3 filter rows; columns: 13 output rows.
  std::int64_t rows = 1;
  for (const auto& split : conv4.array.rows) rows *= split.ways;
  EXPECT_EQ(rows, 12);
  ASSERT_EQ(conv4.array.columns.size(), 1u);
  EXPECT_EQ(conv4.array.columns[0].ways, 13);
}

void expect_refused(const std::string& machine, const std::string& field) {
  const auto network = workloads::load_network("small_cnn", 0);
  const auto text = test::refusal_of(
      [&] { schedule_row_stationary(network, hw::load_accelerator(machine), {}); });
  EXPECT_NE(text.find(machine), std::string::npos) << text;
  EXPECT_NE(text.find(field), std::string::npos) << text;
}

TEST(RowStationarySchedule, RefusesArraysThatLackWhatItNeeds) {
  expect_refused("pes-32x32", "tile.array.reduction is NONE");
  expect_refused("simba-4x4", "tile.array.reduction is TREE");
}

}  // namespace
}  // namespace tessera::mapping
