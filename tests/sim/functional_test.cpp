// The small CNN (residual sum, concatenation, depthwise and grouped convolution, pooling, fully
// connected) under forced partitions: what the machine leaves in DRAM equals the plain reference
// executor, bit by bit.
#include <gtest/gtest.h>

#include <algorithm>

#include "mapping/lowering.h"
#include "sim/base/error.h"
#include "tests/support/simulation.h"
#include "tests/support/small_machine.h"
#include "tests/support/stage_tree.h"

namespace tessera::test {
namespace {

using mapping::Axis;
using mapping::Home;
using mapping::StagePlan;
using workloads::Layer;
using workloads::Network;

/// "K" over all tiles in order; "K/C": filters over the rows of tiles, channels over its columns;
/// "KP/CQ": two ranks along each axis.
struct Partition {
  std::string name;
  std::string tiles, rows, columns;
};

struct Case {
  int rows, columns;
  Partition partition;
  Home home;
  bool blocked;
  const char* reduction = "NONE";
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.rows << "x" << c.columns << " " << c.partition.name;
}

/// Deals one layer as its partition says, as far as its ranks allow.
class Dealer {
 public:
  Dealer(const Network& network, workloads::LayerId id, const Case& given)
      : layer_(network.layers[id]), plan_(plain_plan(network, id)) {
    plan_.tiles.clear();
    for (int tile = 0; tile < given.rows * given.columns; ++tile) plan_.tiles.push_back(tile);
    extents_ = layer_.extents();
    split(given.partition.tiles, Axis::kTiles, given.rows * given.columns);
    split(given.partition.rows, Axis::kMeshY, given.rows);
    split(given.partition.columns, Axis::kMeshX, given.columns);
    if (given.blocked) block();
    const bool read = !network.consumers(layer_.output.tensor).empty();
    plan_.output_home = read ? given.home : Home::kDram;
  }

  StagePlan plan() const { return plan_; }

 private:
  /// Groups and filters index one dimension of the output: filters can be cut only where a tile has
  /// one group.
  bool divisible(int rank) const {
    if (extents_[rank] < 2) return false;
    if (layer_.ranks[rank].reduced && layer_.kind != workloads::LayerKind::kMatrix) return false;
    const int group = layer_.rank_index("G");
    return layer_.ranks[rank].name != "K" || group < 0 || extents_[group] == 1;
  }

  /// In a depthwise layer the groups are the channels: they are dealt where others deal their
  /// filters.
  int find(char name) const {
    if (name == 'K' && layer_.rank_index("K") < 0) name = 'C';
    const int rank = layer_.rank_index(std::string(1, name));
    const int group = layer_.rank_index("G");
    if (name == 'K' && group >= 0 && extents_[group] > 1) return group;
    return rank;
  }

  void split(const std::string& ranks, Axis axis, int tiles) {
    for (std::size_t i = 0; i < ranks.size() && tiles > 1; ++i) {
      const int rank = find(ranks[i]);
      const int ways = i + 1 < ranks.size() ? 2 : tiles;
      tiles /= ways;
      if (rank < 0 || !divisible(rank)) continue;
      plan_.partition.push_back({rank, 0, ways, axis});
      extents_[rank] = ceil_div<std::int64_t>(extents_[rank], ways);
    }
  }

  /// Rows in halves, then filters in pieces of three, and channels in pieces of two inside those.
  void block() {
    for (const auto& [name, tile] :
         {std::pair{"P", (extent("P") + 1) / 2}, {"K", std::int64_t{3}}, {"C", std::int64_t{2}}}) {
      const int rank = layer_.rank_index(name);
      if (rank < 0 || !divisible(rank) || extents_[rank] <= tile) continue;
      plan_.loops.push_back({rank, tile});
    }
    const int depth = static_cast<int>(plan_.loops.size());
    for (auto& input : plan_.inputs) input = {depth, true};
    const bool sums = depth > 0 && layer_.ranks[plan_.loops.back().rank].reduced;
    plan_.output = {sums ? depth - 1 : depth, true};
  }

  std::int64_t extent(const std::string& name) const {
    const int rank = layer_.rank_index(name);
    return rank < 0 ? 0 : extents_[rank];
  }

  const Layer& layer_;
  StagePlan plan_;
  std::vector<std::int64_t> extents_;  ///< of a share
};

mapping::Program lowered(const Case& given, const Network& network,
                         const hw::Accelerator& machine) {
  std::vector<StagePlan> plans;
  for (std::size_t id = 0; id < network.layers.size(); ++id) {
    plans.push_back(Dealer(network, static_cast<int>(id), given).plan());
    choose_array(plans.back(), network, machine);
  }
  return mapping::lower(schedule_of(network, plans), network, machine);
}

/// 64 KiB hold every tensor of the network beside every other; the shared buffers hold those that
/// live at the same time, so that addresses are written again.
hw::Accelerator roomy_grid(int rows, int columns, const char* reduction) {
  return machine_of(detail::concatenate(
      "name: 'grid' rows: ", rows, " columns: ", columns,
      " tile { array { rows: 4 columns: 4 } buffer { bytes: 65536 banks: 4 } }"
      " dram { device: 'lpddr4_3200' } dram { device: 'lpddr4_3200' at { row: ",
      rows - 1, " column: ", columns - 1, " } } noc { reduction: ", reduction,
      " } shared_interleave_bytes: 32 shared_buffers { name: 'a' bytes: 24576 bytes_per_cycle: 8 "
      "}"
      " shared_buffers { name: 'b' bytes: 24576 write_buffer_bytes: 64 at { row: ",
      rows - 1, " } }"));
}

/// The partition must be one: most layers run on several tiles, and reduced ranks make partners.
void expect_dealt(const Case& given, const mapping::Program& program) {
  int dealt = 0, sums = 0, added = 0;
  for (const auto& stage : program.stages) {
    dealt += stage.shares.size() > 1;
    sums += stage.sums_slot >= 0;
    added += stage.sums_in_network;
  }
  if (given.rows > 1) {
    EXPECT_GE(dealt, given.partition.name == "R" ? 4 : 7);
  }
  if (given.partition.name.find_first_of("CR") != std::string::npos) {
    EXPECT_GE(sums, 4);
  }
  if (given.reduction == std::string("NONE"))
    EXPECT_EQ(added, 0);
  else
    EXPECT_GE(added, 4);
}

class SmallCnn : public testing::TestWithParam<Case> {};

TEST_P(SmallCnn, EqualsReferenceBitByBit) {
  const Case& given = GetParam();
  const std::int64_t batch = given.partition.name.find('N') != std::string::npos ? 4 : 1;
  const Network network = workloads::load_network("small_cnn", batch);
  const auto machine = roomy_grid(given.rows, given.columns, given.reduction);
  const auto program = lowered(given, network, machine);
  mapping::check(program, limits_of(machine));
  expect_dealt(given, program);
  const auto run = simulate(machine, program);
  EXPECT_TRUE(run.ok()) << run.text;
}

std::vector<Case> cases() {
  const std::vector<Partition> partitions = {
      {"N", "N", "", ""},         {"K", "K", "", ""},     {"C", "C", "", ""},
      {"P", "P", "", ""},         {"Q", "Q", "", ""},     {"R", "R", "", ""},
      {"KbyC", "", "K", "C"},     {"CbyP", "", "C", "P"}, {"PbyQ", "", "P", "Q"},
      {"NbyK", "", "N", "K"},     {"QbyC", "", "Q", "C"}, {"KPbyCQ", "", "KP", "CQ"},
      {"CKbyNP", "", "CK", "NP"}, {"KCP", "KCP", "", ""}};
  std::vector<Case> cases;
  for (const auto home : {Home::kDram, Home::kTiles, Home::kShared}) {
    cases.push_back({1, 1, {"alone", "", "", ""}, home, false});
    cases.push_back({1, 1, {"alone", "", "", ""}, home, true});
    for (const int side : {2, 4})
      for (const auto& partition : partitions)
        for (const bool blocked : {false, true})
          cases.push_back({side, side, partition, home, blocked});
  }
  for (const char* reduction : {"INTERFACES", "ROUTERS"})
    for (const auto& partition : {Partition{"C", "C", "", ""}, {"QbyC", "", "Q", "C"}})
      for (const bool blocked : {false, true})
        cases.push_back({4, 4, partition, Home::kTiles, blocked, reduction});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Partitions, SmallCnn, testing::ValuesIn(cases()), [](const auto& info) {
  const Case& c = info.param;
  return detail::concatenate(c.partition.name, "_", c.rows, "x", c.columns,
                             c.home == Home::kDram    ? "_dram"
                             : c.home == Home::kTiles ? "_tiles"
                                                      : "_shared",
                             c.blocked ? "_blocked" : "",
                             c.reduction == std::string("NONE") ? "" : c.reduction);
});

}  // namespace
}  // namespace tessera::test
