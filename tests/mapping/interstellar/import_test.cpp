#include "mapping/importers/interstellar/import.h"

#include <gtest/gtest.h>

#include "tests/mapping/interstellar/small_case.h"
#include "tests/support/refusal.h"

namespace tessera::mapping::interstellar {

namespace {

Schedule read(const std::string& mapping, int units = 2) {
  const auto network = read_layer(JsonValue::parse(test::kLayer, "layer.json"), "l");
  const auto architecture =
      read_architecture(JsonValue::parse(test::architecture(units, 1), "arch.json"));
  return read_mapping(JsonValue::parse(mapping, "map.json"), network.layers.front(), architecture);
}

template <typename Action>
std::string message_of(Action action) {
  return tessera::test::refusal_of(action);
}

TEST(Tree, HoldsLevelsFromDramToTheUnits) {
  EXPECT_EQ(to_text(read(test::kMapping)),
            "store dram: I0 (neighbour) O (neighbour) W (neighbour)\n"
            "  loop K tile 2\n"
            "    loop C tile 1\n"
            "      loop P tile 1\n"
            "        split K size 1 ways 2 over array_x\n"
            "          store registers: I0 O W\n"
            "            loop Q tile 1\n"
            "              layer l\n");
}

TEST(Tree, RepeatedBlockStandsOutsideItsNeighbours) {
  const auto text = to_text(read(R"({"levels": [
    {"temporal_inner_to_outer": [], "spatial": {"OC": 2, "OX": 2}, "spatial_axes": [["OC", "OX"]]},
    {"temporal_inner_to_outer": [["OY", 2], ["IC", 2], ["OC", 2]], "spatial": {}}]})",
                                 4));
  const auto far = text.find("split Q size 1 ways 2 over array_x");
  const auto near = text.find("split K size 1 ways 2 over array_x");
  ASSERT_NE(far, std::string::npos) << text;
  EXPECT_LT(far, near);
}

// K 4 by factors 3 (inside) and 2: six, so that the outer loop's second trip has one channel of
// three; by 1 and 6: two trips of padding.
TEST(Tree, KeepsRoundedFactors) {
  const std::string rest = R"(["OX", 2], ["OY", 2], ["IC", 2]], "spatial": {}}]})";
  const auto rounded = to_text(read(
      R"({"levels": [{"temporal_inner_to_outer": [["OC", 3]], "spatial": {}},
                     {"temporal_inner_to_outer": [["OC", 2], )" +
      rest));
  EXPECT_NE(rounded.find("loop K tile 3\n"), std::string::npos) << rounded;
  const auto padded = to_text(read(
      R"({"levels": [{"temporal_inner_to_outer": [["OC", 1]], "spatial": {}},
                     {"temporal_inner_to_outer": [["OC", 6], )" +
      rest));
  EXPECT_NE(padded.find("loop K tile 1 count 6\n"), std::string::npos) << padded;
}

TEST(Errors, NameFileLineAndField) {
  EXPECT_EQ(message_of([] { read("{\"levels\": [\n  {\"temporal\": []}, {}]}"); }),
            "map.json:2: levels[0]: no member 'temporal_inner_to_outer'; known: temporal");
  EXPECT_EQ(message_of([] { read("{\"levels\": [\n  {}, }"); }).substr(0, 12), "map.json:2: ");
  EXPECT_EQ(message_of([] { read("{\"levels\": []}"); }),
            "map.json:1: levels: an array of 0 where 2 are expected");
  EXPECT_EQ(message_of([] {
              read(R"({"levels": [{"temporal_inner_to_outer": [["OQ", 2]], "spatial": {}}, {}]})");
            }).substr(0, 74),
            "map.json:1: levels[0].temporal_inner_to_outer[0][0]: no loop 'OQ'; did you");
  EXPECT_EQ(message_of([] {
              read(R"({"levels": [{"temporal_inner_to_outer": [], "spatial": {}},
                {"temporal_inner_to_outer": [["OX", 2], ["IC", 2], ["OC", 4]], "spatial": {}}]})");
            }),
            "map.json:1: levels: factors of OY multiply to 1 and do not cover 2");
}

TEST(Errors, ArchitecturesNameTheirField) {
  const auto message = message_of([] {
    read_architecture(
        JsonValue::parse("{\"mem_levels\": 2, \"capacity\": [64, 1024],\n\"access_cost\": [1, "
                         "-100],\n\"precision\": 8,"
                         "\"parallel_count\": [1, 1], \"parallel_mode\": [0, 0]}",
                         "arch.json"));
  });
  EXPECT_EQ(message, "arch.json:2: access_cost[1]: -100 where a number >= 0 is expected");
}

}  // namespace

}  // namespace tessera::mapping::interstellar
