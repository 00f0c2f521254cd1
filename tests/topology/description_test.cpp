#include <gtest/gtest.h>

#include "noc/topology/description.h"
#include "sim/base/message_io.h"
#include "tests/support/refusal.h"

namespace tessera::noc {
namespace {

proto::NetworkDescription described(const std::string& text) {
  proto::NetworkDescription description;
  parse_textproto(text, "test", description);
  return description;
}

TEST(Description, DefaultsFollowTheFamily) {
  const auto first_latency = [](const std::string& family) {
    return build_topology(described("columns: 8 rows: 8 topology: " + family))
        .links()[0]
        .latency_cycles;
  };
  EXPECT_EQ(first_latency("MESH"), 1u);
  EXPECT_EQ(first_latency("TORUS"), 2u);
  EXPECT_EQ(first_latency("CMESH"), 2u);
  EXPECT_EQ(first_latency("FLATFLY"), 2u);
}

TEST(Description, SpanDefaultsToTheRootOfHalfTheRows) {
  EXPECT_EQ(long_link_span(described("rows: 32")), 4u);  // sqrt(16)
  EXPECT_EQ(long_link_span(described("rows: 16")), 3u);  // sqrt(8) = 2.83
  EXPECT_EQ(long_link_span(described("rows: 8")), 2u);
  EXPECT_EQ(long_link_span(described("rows: 4")), 2u);  // sqrt(2) = 1.4, at least 2
  EXPECT_EQ(long_link_span(described("rows: 8 span: 5")), 5u);
}

TEST(Description, ExtraNodesFollowTheRegularOnes) {
  const Topology topology =
      build_topology(described("columns: 4 rows: 4 extra_nodes { router: 3 ejection_latency: 7 }"));
  ASSERT_EQ(topology.nodes().size(), 17u);
  EXPECT_EQ(topology.nodes()[16].router, 3u);
  EXPECT_EQ(topology.nodes()[16].ejection_latency_cycles, 7u);
}

TEST(Description, EveryFamilyTakesItsRouting) {
  for (const char* family : {"MESH", "TORUS", "CMESH", "FLATFLY", "EXPRESS", "AMP"}) {
    const auto description = described(std::string("columns: 8 rows: 4 topology: ") + family);
    const Topology topology = build_topology(description);
    EXPECT_EQ(build_routing(description, topology)->name(), "XY") << family;
  }
}

TEST(Description, ErrorsNameTheField) {
  const auto message = [](const std::string& text) {
    return test::refusal_of([&] {
      const auto description = described(text);
      const Topology topology = build_topology(description);
      build_routing(description, topology);
    });
  };
  EXPECT_NE(message("columns: 0 rows: 4").find("mesh of 0x4"), std::string::npos);
  EXPECT_NE(message("columns: 4 rows: 4 link_latency: 0").find("link_latency 0"),
            std::string::npos);
  EXPECT_NE(message("columns: 4 rows: 4 routing: TABLE").find("routing_table_file"),
            std::string::npos);
  EXPECT_NE(message("columns: 4 rows: 4 topology: TORUS routing: ODD_EVEN").find("torus"),
            std::string::npos);
  EXPECT_NE(message("topology: LINKS links { routers: 2 }").find("is no grid"), std::string::npos);
}

}  // namespace
}  // namespace tessera::noc
