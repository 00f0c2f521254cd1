// Schedules in Halide's words give the trees of Interstellar's JSON.
#include "mapping/importers/interstellar/halide_text.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "mapping/importers/interstellar/import.h"
#include "sim/base/csv.h"
#include "sim/base/types.h"
#include "tests/mapping/interstellar/small_case.h"
#include "tests/support/reference_archive.h"
#include "tests/support/refusal.h"

namespace tessera::mapping::interstellar {
namespace {

struct Design {
  workloads::Network network;
  Architecture architecture;

  const workloads::Layer& layer() const { return network.layers.front(); }
  std::string tree(const std::string& halide) const {
    return to_text(read_halide(halide, "s.halide", layer(), architecture));
  }
};

Design small_design(int units = 2, int mode = 1) {
  return {read_layer(JsonValue::parse(test::kLayer, "layer.json"), "l"),
          read_architecture(JsonValue::parse(test::architecture(units, mode), "arch.json"))};
}

/// The same as test::kMapping: two units split K; Q inside, then P, C, K.
const char kHalide[] = R"(
// two units of registers under DRAM
output.split(k, ko, ki, 2)
      .reorder(x, ki, y, c, ko)
      .unroll(ki).systolic()
      .accelerate({input, weight}, x, ko);
input.in().compute_at(output, ki);
weight.in().compute_at(output, ki); /* filled anew
                                       by every unit */
output.in().compute_at(output, ki);
)";

TEST(Halide, GivesTheTreeOfTheJson) {
  const Design design = small_design();
  const auto json = read_mapping(JsonValue::parse(test::kMapping, "map.json"), design.layer(),
                                 design.architecture);
  EXPECT_EQ(design.tree(kHalide), to_text(json));
}

// K 4 in two neighbours and two blocks of them: JSON axis ["OC", "OX"] is neighbours OC, block OX.
TEST(Halide, SecondUnrolledLoopRepeatsTheBlock) {
  const auto text = small_design(4).tree(
      "output.split(k, ko, ki, 2).reorder(ki, x, y, c, ko).unroll(ki, x).systolic()"
      ".accelerate({weight, input}, ki, ko);");
  const auto far = text.find("split Q size 1 ways 2 over array_x");
  const auto near = text.find("split K size 1 ways 2 over array_x");
  ASSERT_NE(far, std::string::npos) << text;
  EXPECT_LT(far, near);
}

TEST(Halide, TwoAxesAreRowsAndColumns) {
  const auto text = small_design(4, 2).tree(
      "output.split(k, ko, ki, 2).reorder(ki, x, y, c, ko).unroll(ki).unroll(x)"
      ".accelerate({input, weight}, ki, ko);");
  EXPECT_NE(text.find("split K size 1 ways 2 over array_y"), std::string::npos) << text;
  EXPECT_NE(text.find("split Q size 1 ways 2 over array_x"), std::string::npos) << text;
}

// K 4 in pieces of 3: the outer loop's second iteration has one channel.
TEST(Halide, OuterLoopOfASplitRoundsUp) {
  const auto text = small_design(1, 0).tree(
      "output.split(k, ko, ki, 3).reorder(ki, x, y, c, ko).accelerate({input, weight}, ki, ko);");
  EXPECT_NE(text.find("loop K tile 3\n"), std::string::npos) << text;
}

std::string message_of(const std::string& halide, int units = 2, int mode = 1) {
  return tessera::test::refusal_of([&] { small_design(units, mode).tree(halide); });
}

TEST(HalideErrors, NameFileLineAndToken) {
  EXPECT_EQ(message_of("output.split(k, ko, ki, 2)\n  .reorder(x, kx)"),
            "s.halide:2: end of file: ';' is expected");
  EXPECT_EQ(message_of("output.split(k, ko, ki, 2)\n  .reorder(x, kx);").substr(0, 40),
            "s.halide:2: 'kx': no loop of that name; ");
  EXPECT_EQ(message_of("output.split(k, ko, ki, two);"),
            "s.halide:1: 'two': a number of 1 to 10^9 is expected");
  EXPECT_EQ(message_of("output.split(k, ko, ki);"),
            "s.halide:1: 'split': 3 arguments; 4 are expected");
  EXPECT_EQ(message_of("output.split(k, ko, c, 2);"), "s.halide:1: 'c': the name is taken");
  EXPECT_EQ(message_of("\n\noutput.fuse(x, y, xy);").substr(0, 43),
            "s.halide:3: 'fuse': no call of a schedule; ");
  EXPECT_EQ(message_of("output.reorder(x, y = 2);"), "s.halide:1: '=': no part of a schedule");
  EXPECT_EQ(message_of("output.reorder(x, y, c);"),
            "s.halide:1: 'reorder': loop k of 4 iterations is not listed");
  EXPECT_EQ(message_of("output.reorder(x, y, c, k, x);"), "s.halide:1: 'x': listed twice");
  EXPECT_EQ(message_of("/* open"), "s.halide:1: '/*': the comment does not end");
  EXPECT_EQ(message_of("input.reorder(x);"),
            "s.halide:1: 'reorder': only the output's loops are scheduled; use in()");
  EXPECT_EQ(message_of("bias.in().compute_root();").substr(0, 28), "s.halide:1: 'bias': no tenso");
}

const std::string kStart = "output.reorder(x, y, c, k)";

TEST(HalideErrors, NameWhatDoesNotFitTheArchitecture) {
  EXPECT_EQ(message_of(kStart + ".unroll(k).systolic().accelerate({input, weight}, x, k);"),
            "s.halide:1: 'k': unrolled over 4 units of 2");
  EXPECT_EQ(
      message_of(kStart + ".unroll(c).accelerate({input, weight}, x, k);"),
      "s.halide:1: 'c': the architecture's units pass words on to neighbours; say systolic()");
  EXPECT_EQ(message_of(kStart + ".unroll(c).systolic().accelerate({input, weight}, x, k);", 2, 2),
            "s.halide:1: 'systolic': the architecture's units do not pass words on to neighbours");
  EXPECT_EQ(message_of(kStart + ".accelerate({input, weight}, x, k);\n"
                                "input.in().in().compute_at(output, c);"),
            "s.halide:2: 'compute_at': 2 memories below DRAM; the architecture has 1");
  EXPECT_EQ(
      message_of(kStart + ".accelerate({input, weight}, x, c);\n"
                          "input.in().compute_at(output, k);"),
      "s.halide:2: 'k': a memory outside the accelerator, whose outermost loop runs inside c");
  EXPECT_EQ(message_of(kStart + ".accelerate({input, weight}, c, k);"),
            "s.halide:1: 'c': the innermost loop, x, is expected");
  EXPECT_EQ(message_of(kStart + ".unroll(c, x).systolic().accelerate({input, weight}, x, k);", 4),
            "s.halide:1: 'x': a repeated block stands directly around the loop of its neighbours");
  EXPECT_EQ(message_of(kStart + ";"), "s.halide: no call of accelerate");
}

/// Writes a tree in Halide's words; "" when the tree pads a loop, which a split cannot say.
class HalideWriter {
 public:
  HalideWriter(const Schedule& schedule, const Design& design) : design_(design) {
    for (const auto& rank : design.layer().ranks) {
      left_[rank.name] = rank.extent;
      name_[rank.name] = variable_of(rank.name);
    }
    for (const Node* node = &schedule.root; node->kind != NodeKind::kLayer;
         node = &node->children.front())
      take(*node);
  }

  std::string text() {
    if (padded_) return "";
    std::string order;
    for (auto loop = loops_.rbegin(); loop != loops_.rend(); ++loop)
      order += (order.empty() ? "" : ", ") + *loop;
    const bool neighbours = stores_.find("neighbour") != std::string::npos;
    return "output" + splits_ + ".reorder(" + order + ")" + unrolls() +
           (neighbours && !axes_.empty() ? ".systolic()" : "") + ".accelerate({input, weight}, " +
           loops_.back() + ", outermost);\n" + places_;
  }

 private:
  static std::string variable_of(const std::string& rank) {
    const std::map<std::string, std::string> names = {
        {"Q", "x"}, {"P", "y"}, {"K", "k"}, {"C", "c"}, {"N", "n"}, {"S", "fx"}, {"R", "fy"}};
    return names.at(rank);
  }

  void take(const Node& node) {
    if (node.kind == NodeKind::kStore) return take_store(node.store);
    const bool split = node.kind == NodeKind::kSplit;
    const auto& rank = (split ? node.split.ranks : node.loop.ranks).front().rank;
    const auto tile = split ? node.split.size : node.loop.tile;
    padded_ |= split ? node.split.ways != ceil_div(left_[rank], tile) : node.loop.count != 0;
    const std::string whole = name_[rank], outer = whole + "o", inner = whole + "i";
    // The last loop over a rank is what is left of it, unless another follows that has one trip.
    splits_ +=
        "\n  .split(" + whole + ", " + outer + ", " + inner + ", " + std::to_string(tile) + ")";
    name_[rank] = inner;
    left_[rank] = std::min(left_[rank], tile);
    loops_.push_back(outer);
    if (split) axes_.emplace_back(node.split.axis, outer);
  }

  void take_store(const StoreNode& store) {
    for (const auto& tensor : store.tensors)
      if (tensor.distribution == Distribution::kNeighbour) stores_ += "neighbour";
    const std::size_t depth = depth_++;
    if (depth == 0) return;
    std::string call;
    for (std::size_t i = 0; i < depth; ++i) call += ".in()";
    for (const auto& tensor : store.tensors) {
      const std::string name = tensor.tensor == "I0"  ? "input"
                               : tensor.tensor == "W" ? "weight"
                                                      : "output";
      places_ +=
          name + call +
          (loops_.empty() ? ".compute_root()" : ".compute_at(output, " + loops_.back() + ")") +
          ";\n";
    }
  }

  /// Axes of the JSON come innermost first; of two loops on one axis the inner one are neighbours.
  std::string unrolls() const {
    std::string text;
    for (std::size_t i = axes_.size(); i-- > 0;) {
      const bool repeated = i > 0 && axes_[i - 1].first == axes_[i].first;
      text += ".unroll(" + axes_[i].second + (repeated ? ", " + axes_[i - 1].second : "") + ")";
      if (repeated) --i;
    }
    return text;
  }

  const Design& design_;
  std::map<std::string, std::int64_t> left_;
  std::map<std::string, std::string> name_;
  std::vector<std::string> loops_;  ///< outermost first
  std::vector<std::pair<Axis, std::string>> axes_;
  std::string splits_, places_, stores_;
  std::size_t depth_ = 0;
  bool padded_ = false;
};

Design design_of(const std::map<std::string, std::string>& files, const CsvTable& cases,
                 std::size_t row) {
  const auto& layer = cases.at(row, "layer");
  const auto& arch = cases.at(row, "arch");
  return {read_layer(JsonValue::parse(files.at("layer/" + layer + ".json"), layer), layer),
          read_architecture(JsonValue::parse(files.at("arch/" + arch + ".json"), arch))};
}

// All mappings of the reference data but those that pad a loop beyond its extent.
TEST(HalideReference, SameTreesAsTheJson) {
  const auto files = tessera::test::load_reference("interstellar");
  const auto cases = CsvTable::parse(files.at("cases.csv"), "cases.csv");
  std::istringstream in(files.at("schedules.jsonl"));
  int equal = 0, padded = 0;
  std::string line;
  for (std::size_t row = 0; std::getline(in, line); ++row) {
    const Design design = design_of(files, cases, row);
    const auto json = JsonValue::parse(line, "schedules.jsonl");
    ASSERT_EQ(json.at("case").text(), cases.at(row, "case"));
    const auto schedule = read_mapping(json, design.layer(), design.architecture);
    const auto halide = HalideWriter(schedule, design).text();
    if (halide.empty()) {
      ++padded;
      continue;
    }
    ASSERT_EQ(design.tree(halide), to_text(schedule)) << cases.at(row, "case") << "\n" << halide;
    ++equal;
  }
  EXPECT_EQ(equal + padded, 342);
  EXPECT_GT(equal, 200);
}

}  // namespace
}  // namespace tessera::mapping::interstellar
