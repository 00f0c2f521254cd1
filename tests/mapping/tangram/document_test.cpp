#include "mapping/importers/tangram/document.h"

#include <gtest/gtest.h>

#include "tests/support/reference_archive.h"
#include "tests/support/refusal.h"

namespace tessera::mapping::tangram {

namespace {

std::string small_schedule() {
  static const auto files = test::load_reference("tangram");
  return files.at("schedules/chain4_4x4_8k_b1_baseline.json");
}

/// Message after replacing the first `from` by `to`.
std::string message_of(const std::string& from, const std::string& to) {
  std::string text = small_schedule();
  const auto at = text.find(from);
  if (at == std::string::npos) return "'" + from + "' is not in the file";
  text.replace(at, from.size(), to);
  return test::refusal_of([&] { parse_document(text, "s.json"); });
}

TEST(Document, ReadsHardwareAndLayers) {
  const auto document = parse_document(small_schedule(), "s.json");
  EXPECT_EQ(document.hardware.rows, 4);
  EXPECT_EQ(document.hardware.gbuf_words, 4096);
  EXPECT_EQ(document.hardware.dram_nodes.size(), 4u);
  EXPECT_EQ(document.layers.size(), 5u);
  EXPECT_EQ(document.segments.size(), 5u);
  EXPECT_FALSE(document.hardware.forwards);
}

TEST(Errors, NameFileLineAndField) {
  EXPECT_EQ(message_of("\"gbuf_words\":4096", "\"gbuf_words\":\"4k\""),
            "s.json:1: hardware.gbuf_words: \"4k\" where a whole number >= 1 is expected");
  EXPECT_EQ(message_of("\"kind\":\"conv\"", "\"kind\":\"dwconv\""),
            "s.json:3: layers[0].kind: no kind of layer 'dwconv'; did you mean conv?");
  EXPECT_EQ(message_of("\"wfil\":", "\"filter\":").substr(0, 44),
            "s.json:3: layers[0].shape: no member 'wfil';");
  EXPECT_EQ(message_of("\"array_bus_words_per_cycle\":null", "\"array_bus_words_per_cycle\":8"),
            "s.json:1: hardware.array_bus_words_per_cycle: a limited array bus is not known; "
            "allowed: null");
  EXPECT_EQ(message_of("\"stages\":[[\"", "\"stages\":[[\"no").substr(0, 37),
            "s.json:2: segments[0].stages[0][0]: n");
  EXPECT_EQ(message_of("\"layers\":[", "\"layers\":[,").substr(0, 9), "s.json:2:");
}

}  // namespace

}  // namespace tessera::mapping::tangram
