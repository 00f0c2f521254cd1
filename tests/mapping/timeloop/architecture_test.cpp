#include "mapping/importers/timeloop/architecture.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/refusal.h"

namespace tessera::mapping::importers {
namespace {

constexpr const char* kHead = "architecture:\n  version: 0.4\n  nodes:\n";
constexpr const char* kDram = "  - !Component {name: DRAM, class: DRAM}\n";
constexpr const char* kMac = "  - !Component {name: MAC, class: intmac}\n";

TimeloopArchitecture parse(const std::string& nodes) {
  return parse_timeloop_architecture(kHead + nodes, "arch.yaml");
}

std::string error_of(const std::string& text) {
  return test::refusal_of([&] { parse_timeloop_architecture(text, "arch.yaml"); });
}

TEST(TimeloopArchitecture, MeshesMultiplyWhatIsBelow) {
  const auto architecture =
      parse(std::string(kDram) +
            "  - !Container {name: TILE, spatial: {meshX: 4, meshY: 2}}\n"
            "  - !Component {name: BUF, class: SRAM, attributes: {depth: 8}}\n"
            "  - !Component {name: REG, class: regfile, spatial: {meshX: 3}}\n" +
            kMac);
  ASSERT_EQ(architecture.units.size(), 6u);
  EXPECT_EQ(architecture.units[1].kind, TimeloopUnitKind::kFanout);
  EXPECT_EQ(architecture.units[2].instances, 8);
  EXPECT_EQ(architecture.units[3].name, "REG");
  EXPECT_EQ(architecture.units[3].kind, TimeloopUnitKind::kFanout);
  EXPECT_EQ(architecture.units[4].instances, 24);
  EXPECT_EQ(architecture.units[5].instances, 24);
}

TEST(TimeloopArchitecture, ContainersHandAttributesDown) {
  const auto architecture = parse(
      std::string("  - !Container {name: top, attributes: {datawidth: 8, width: 32}}\n") + kDram +
      "  - !Component {name: B, class: SRAM, attributes: {width: 16, depth: 5}}\n" + kMac);
  EXPECT_EQ(architecture.units[0].word_bits, 8);
  EXPECT_EQ(architecture.units[0].block_words, 4);
  EXPECT_FALSE(architecture.units[0].capacity_words);
  EXPECT_EQ(architecture.units[1].block_words, 2);
  EXPECT_EQ(architecture.units[1].capacity_words, 10);
}

// 5 rows of 2 words in 3 copies: floor(10 / 3) = 3. Half of 6 words a cycle each way.
TEST(TimeloopArchitecture, CapacityAndBandwidthOfOneCopy) {
  const auto architecture = parse(
      std::string(kDram) +
      "  - !Component {name: B, class: smartbuffer_SRAM, attributes: {datawidth: 8, width: 16, "
      "depth: 5, multiple_buffering: 3, bandwidth: 6}}\n"
      "  - !Component {name: K, class: storage, attributes: {datawidth: 8, sizeKB: 2}}\n" +
      kMac);
  EXPECT_EQ(architecture.units[1].capacity_words, 3);
  EXPECT_EQ(architecture.units[1].read_bandwidth, 3);
  EXPECT_EQ(architecture.units[1].write_bandwidth, 3);
  EXPECT_TRUE(std::isinf(architecture.units[0].read_bandwidth));
  EXPECT_EQ(architecture.units[2].capacity_words, 2048);
}

TEST(TimeloopArchitecture, NestedListsAreFlattenedAndDisabledNodesLeftOut) {
  const auto architecture = parse(std::string(kDram) +
                                  "  - !Hierarchical\n    nodes:\n"
                                  "    - !Nothing {}\n"
                                  "    - !Component {name: OFF, class: SRAM, enabled: False}\n"
                                  "    - !Component {name: B, class: SRAM}\n" +
                                  kMac);
  EXPECT_EQ(architecture.units.size(), 3u);
  EXPECT_EQ(architecture.component_index("B"), 1);
  EXPECT_EQ(architecture.component_index("OFF"), -1);
}

TEST(TimeloopArchitecture, ErrorsNamePlaceAndToken) {
  const std::string head = kHead;
  EXPECT_EQ(error_of(head + "  - !Component {name: DRAM, class: DRAM, attributes: {width: 2*8}}\n"),
            "arch.yaml:4:62: '2*8' is not a whole number (expressions are not evaluated)");
  EXPECT_EQ(error_of(head + kDram + "  - !Parallel {nodes: []}\n" + kMac),
            "arch.yaml:5:5: !Parallel nodes are not modelled; list the components one inside the "
            "other");
  EXPECT_EQ(error_of(head + "  - !Box {name: DRAM}\n"),
            "arch.yaml:4:5: '!Box' is no node type; allowed are !Component, !Container, "
            "!Hierarchical, !Nothing");
  EXPECT_EQ(error_of(head + kDram), "arch.yaml:2:3: the last node has to be a compute component");
  EXPECT_EQ(error_of(head + "  - !Component {name: X, class: flux}\n").substr(0, 50),
            "arch.yaml:4:33: class 'flux' is unknown; storage c");
  EXPECT_EQ(error_of(head + kDram + kDram + kMac), "arch.yaml:5:23: 'DRAM' names two components");
  EXPECT_EQ(error_of("architecture: {version: 0.3, nodes: []}\n"),
            "arch.yaml:1:25: version 0.3 is not read, only 0.4");
  EXPECT_EQ(error_of(head + "  - !Component {name: D, class: DRAM, attributes: {read_bw: 3}}\n"),
            "arch.yaml:4:61: attribute 'read_bw' is not known");
  EXPECT_EQ(error_of(head + "  - !Component {name: D, class: DRAM, name: E}\n"),
            "arch.yaml:4:39: 'name' is given twice");
}

}  // namespace
}  // namespace tessera::mapping::importers
