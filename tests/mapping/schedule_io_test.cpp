#include "mapping/schedule_io.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "sim/base/error.h"
#include "tests/support/refusal.h"
#include "tests/support/scratch.h"

namespace tessera::mapping {

namespace {

std::string message_of(const std::string& text) {
  return test::refusal_of([&] { parse_schedule(text, "s.textproto"); });
}

std::string loop(const std::string& fields, const std::string& child = R"(layer { layer: "a" })") {
  return "root { loop { " + fields + " } child { " + child + " } }";
}

std::string split(const std::string& fields) {
  return "root { split { " + fields + R"( } child { layer { layer: "a" } } })";
}

std::string store(const std::string& fields) {
  return "root { store { " + fields + R"( } child { layer { layer: "a" } } })";
}

std::string place(const std::string& fields) {
  return "root { place { " + fields + R"( } child { layer { layer: "a" } } })";
}

// Every kind of node and every field away from its default.
constexpr char kEverything[] = R"(name: "all"
root {
  sequence {}
  child {
    loop { rank { layer: "a" rank: "N" } rank { layer: "b" rank: "P" of_tensor: "I0" } tile: 4 step: 3 rotates: "I0" count: 9 }
    child {
      pipeline {}
      child {
        place { tile: 5 tile: 2 organisation: STRIPED_1D depth: 4 index: 3 }
        child {
          split { rank { rank: "K" } size: 8 step: 9 ways: 2 axis: MESH_Y skewed: true joint: true }
          child {
            store {
              level: "buffer"
              tensor { tensor: "W" double_buffered: true reuse_not_exploited: true kept_from: "b" }
              tensor { tensor: "I0" shared_by: 4 distribution: NEIGHBOUR }
              tensor { tensor: "O" distribution: MULTICAST partial_sums: IN_NETWORK }
            }
            child {
              store { level: "tiles" tensor { tensor: "O" places: 3 } tensor { tensor: "I0" or_dram: true } }
              child { loop { rank { rank: "K" } tile: 2 gives_turn: true turns_later: 4 } child { layer { layer: "a" } } }
            }
          }
        }
      }
      child {
        place { organisation: CHECKERBOARD depth: 2 }
        child { split { rank { rank: "C" } ways: 3 axis: LANES } child { layer { layer: "b" } } }
      }
    }
  }
}
)";

}  // namespace

TEST(ScheduleText, EveryFieldReachesTheTree) {
  const Schedule schedule = parse_schedule(kEverything, "all.textproto");
  EXPECT_EQ(schedule.name, "all");
  EXPECT_EQ(schedule.origin, "all.textproto");
  EXPECT_EQ(to_text(schedule),
            "sequence\n"
            "  loop a.N+b.I0[P] tile 4 step 3 rotate I0 count 9\n"
            "    pipeline\n"
            "      place tiles 5,2 organisation striped_1d depth 4 index 3\n"
            "        split K size 8 step 9 ways 2 over mesh_y skewed joint\n"
            "          store buffer: W (double) (no reuse) (kept from b) I0 (shared by 4) "
            "(neighbour) O (multicast) (sums in network)\n"
            "            store tiles: O (ring of 3) I0 (or dram)\n"
            "              loop K tile 2 gives turn 4 later\n"
            "                layer a\n"
            "      place tiles all organisation checkerboard depth 2 index 0\n"
            "        split C ways 3 over lanes\n"
            "          layer b\n");
}

TEST(ScheduleText, RoundTripGivesTheSameTextAndTree) {
  const Schedule first = parse_schedule(kEverything, "all.textproto");
  const std::string text = to_schedule_text(first);
  const Schedule second = parse_schedule(text, "all.textproto");
  EXPECT_EQ(to_schedule_text(second), text);
  EXPECT_EQ(to_text(second), to_text(first));
}

TEST(ScheduleText, NamesOfAToolsHardwareSurvive) {
  const auto schedule = parse_schedule(
      R"(root {
           split { rank { rank: "K" } ways: 2 unit: "cluster" no_multicast: "W" no_multicast: "I0" no_neighbour: "O" }
           child { store { level: "buffer" memory: "L2" } child { layer { layer: "a" } } }
         })",
      "s.textproto");
  const auto again = parse_schedule(to_schedule_text(schedule), "s.textproto");
  EXPECT_EQ(again.root.split.unit, "cluster");
  EXPECT_EQ(again.root.split.no_multicast, (std::vector<std::string>{"W", "I0"}));
  EXPECT_EQ(again.root.split.no_neighbour, (std::vector<std::string>{"O"}));
  EXPECT_EQ(again.root.children[0].store.memory, "L2");
}

TEST(ScheduleText, EveryAxisKeepsItsName) {
  for (const std::string axis : {"TILES", "MESH_X", "MESH_Y", "ARRAY_X", "ARRAY_Y", "LANES"}) {
    const auto text = to_schedule_text(
        parse_schedule(split(R"(rank { rank: "K" } ways: 2 axis: )" + axis), "s.textproto"));
    // The first of an enumeration is the default and is not written.
    EXPECT_EQ(text.find("axis: " + axis) != std::string::npos, axis != "TILES") << text;
    const auto tree = to_text(parse_schedule(text, "s.textproto"));
    std::string lower;
    for (const char letter : axis) lower += static_cast<char>(std::tolower(letter));
    EXPECT_NE(tree.find("over " + lower), std::string::npos) << tree;
  }
}

TEST(ScheduleText, OmittedNumbersTakeTheirMeaning) {
  const auto schedule = parse_schedule(store(R"(level: "buffer" tensor { tensor: "W" })"), "s");
  EXPECT_EQ(schedule.root.store.tensors[0].shared_by, 1);
  EXPECT_TRUE(schedule.root.store.tensors[0].exploits_reuse);
  EXPECT_EQ(parse_schedule(place(""), "s").root.place.depth, 1);
}

TEST(ScheduleFile, WithoutNameIsNamedAfterTheFile) {
  const auto path = scratch_path("schedule_io.textproto");
  std::ofstream(path) << loop(R"(rank { rank: "K" } tile: 2)");
  EXPECT_EQ(load_schedule(path.string()).name, path.stem().string());
  std::filesystem::remove(path);
}

TEST(ScheduleFile, ThatIsMissingIsNamed) {
  EXPECT_THROW(load_schedule("/nowhere/s.textproto"), UserError);
}

TEST(ScheduleErrors, UnknownFieldsHaveLineAndColumn) {
  EXPECT_EQ(message_of("name: \"x\"\nroto { }").substr(0, 19), "s.textproto:2:6: Me");
}

TEST(ScheduleErrors, ANodeNeedsAKind) {
  EXPECT_EQ(message_of(R"(root { sequence {} child { } })"),
            "s.textproto: root.child[0]: node of no kind; allowed: sequence, pipeline, loop, "
            "split, store, "
            "place, layer");
  EXPECT_NE(message_of(R"(name: "empty")").find("root: node of no kind"), std::string::npos);
}

TEST(ScheduleErrors, ChildrenAreCounted) {
  EXPECT_EQ(message_of("root { pipeline {} }"),
            "s.textproto: root: pipeline: number of children is 0; allowed: 1 or more");
  EXPECT_EQ(
      message_of(
          R"(root { sequence {} child { layer { layer: "a" } child { layer { layer: "b" } } } })"),
      "s.textproto: root.child[0]: layer: number of children is 1; allowed: 0");
  EXPECT_EQ(
      message_of(
          R"(root { place {} child { layer { layer: "a" } } child { layer { layer: "b" } } })"),
      "s.textproto: root: place: number of children is 2; allowed: exactly 1");
  EXPECT_EQ(message_of(R"(root { loop { rank { rank: "K" } tile: 1 } })"),
            "s.textproto: root: loop: number of children is 0; allowed: exactly 1");
  EXPECT_NE(message_of("root { store { level: \"dram\" } }").find("exactly 1"), std::string::npos);
  EXPECT_NE(message_of("root { split { ways: 1 } }").find("exactly 1"), std::string::npos);
}

TEST(ScheduleErrors, LoopSizesArePositive) {
  EXPECT_EQ(message_of(loop(R"(rank { rank: "K" })")),
            "s.textproto: root: loop: tile is 0; allowed: 1 or more");
  EXPECT_NE(message_of(loop(R"(rank { rank: "K" } tile: -3)")).find("tile is -3"),
            std::string::npos);
  EXPECT_NE(message_of(loop(R"(rank { rank: "K" } tile: 1 step: -1)")).find("step is -1"),
            std::string::npos);
  EXPECT_EQ(message_of(loop(R"(rank { rank: "K" } tile: 1)")), "accepted");
}

TEST(ScheduleErrors, SplitSizesArePositive) {
  EXPECT_NE(message_of(split(R"(rank { rank: "K" })")).find("ways is 0"), std::string::npos);
  EXPECT_NE(message_of(split(R"(rank { rank: "K" } ways: 2 size: -1)")).find("size is -1"),
            std::string::npos);
  EXPECT_NE(message_of(split(R"(rank { rank: "K" } ways: 2 size: 2 step: -1)")).find("step is -1"),
            std::string::npos);
  EXPECT_NE(message_of(split(R"(rank { rank: "K" } ways: 2 step: 2)")).find("0 when size is 0"),
            std::string::npos);
  EXPECT_EQ(message_of(split(R"(rank { rank: "K" } ways: 2 size: 2 step: 1)")), "accepted");
}

TEST(ScheduleErrors, RanksNameALayerBelow) {
  EXPECT_NE(message_of(loop("tile: 1")).find("rank is missing"), std::string::npos);
  EXPECT_NE(message_of(loop("rank { } tile: 1")).find("rank has no name"), std::string::npos);
  EXPECT_NE(message_of(loop(R"(rank { layer: "c" rank: "K" } tile: 1)"))
                .find("rank c.K: no layer 'c' below"),
            std::string::npos);
  const std::string two =
      R"(sequence {} child { layer { layer: "a" } } child { layer { layer: "b" } })";
  EXPECT_EQ(message_of(loop(R"(rank { rank: "K" } tile: 1)", two)),
            "s.textproto: root: loop: rank K names no layer; below are a, b");
  EXPECT_EQ(message_of(loop(R"(rank { layer: "b" rank: "K" } tile: 1)", two)), "accepted");
  const std::string twice =
      R"(sequence {} child { layer { layer: "a" } } child { layer { layer: "a" } })";
  EXPECT_EQ(message_of(loop(R"(rank { rank: "K" } tile: 1)", twice)), "accepted");
}

TEST(ScheduleErrors, StoresNameALevelAndEachTensorOnce) {
  EXPECT_EQ(message_of(store(R"(level: "bufer")")),
            "s.textproto: root: store: no level 'bufer'; did you mean buffer?");
  EXPECT_NE(message_of(store(R"(level: "dram" tensor { })")).find("tensor has no name"),
            std::string::npos);
  EXPECT_NE(message_of(store(R"(level: "dram" tensor { tensor: "W" } tensor { tensor: "W" })"))
                .find("tensor W is named twice"),
            std::string::npos);
  EXPECT_NE(message_of(store(R"(level: "dram" tensor { tensor: "W" shared_by: -2 })"))
                .find("shared_by is -2"),
            std::string::npos);
}

TEST(ScheduleErrors, PlacesNameTilesOnceAndAnIndexWithinTheDepth) {
  EXPECT_NE(message_of(place("tile: -1")).find("tile is -1"), std::string::npos);
  EXPECT_NE(message_of(place("tile: 3 tile: 3")).find("tile 3 is named twice"), std::string::npos);
  EXPECT_NE(message_of(place("organisation: BLOCKED_1D depth: -1")).find("depth is -1"),
            std::string::npos);
  EXPECT_EQ(message_of(place("organisation: BLOCKED_1D depth: 2 index: 2")),
            "s.textproto: root: place: index is 2; allowed: 0 or more and less than depth");
  EXPECT_EQ(message_of(place("organisation: BLOCKED_1D depth: 2 index: 1")), "accepted");
}

TEST(ScheduleErrors, NumbersThatNameNothingInAnEnumerationAreRefused) {
  EXPECT_EQ(message_of(split(R"(rank { rank: "K" } ways: 2 axis: 6)")),
            "s.textproto: root: split: axis is 6; allowed: 0 to 5 or their names");
  EXPECT_NE(message_of(place("organisation: 9")).find("organisation is 9"), std::string::npos);
  EXPECT_NE(message_of(store(R"(level: "dram" tensor { tensor: "W" distribution: 3 })"))
                .find("distribution is 3"),
            std::string::npos);
}

}  // namespace tessera::mapping
