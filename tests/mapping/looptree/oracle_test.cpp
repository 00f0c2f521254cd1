// The fast analysis against the slow one on random chains of layers and random fused mappings.
#include <gtest/gtest.h>

#include "example.h"
#include "fused_oracle.h"
#include "mapping/cost/looptree/data_movement.h"
#include "sim/base/random.h"

namespace tessera::mapping::looptree {
namespace {

std::string number(std::int64_t value) { return std::to_string(value); }

std::string name(const char* letter, const std::string& number) {
  std::string name = letter;
  name += number;
  return name;
}

/// Two or three one-dimensional convolutions with channels, strides of one or two.
struct RandomChain {
  int layers;
  std::vector<std::int64_t> rows, taps, strides, channels;

  explicit RandomChain(Random& random) : layers(static_cast<int>(random.between(2, 3))) {
    rows.resize(layers);
    for (int i = 0; i < layers; ++i) {
      taps.push_back(random.between(1, 3));
      strides.push_back(random.between(1, 2));
    }
    for (int i = 0; i <= layers; ++i) channels.push_back(random.between(1, 3));
    rows[layers - 1] = random.between(2, 5);
    for (int i = layers - 1; i > 0; --i) rows[i - 1] = strides[i] * (rows[i] - 1) + taps[i];
  }

  std::string workload() const {
    std::string text = "problem:\n";
    for (int i = 0; i < layers; ++i) {
      const std::string n = number(i + 1);
      text += "- shape:\n    name: L" + n + "\n    dimensions: [P" + n + ", M" + n + ", C" + n +
              ", R" + n + "]\n    data_spaces:\n    - {name: T" + number(i) + ", projection: '[ C" +
              n + ", " + number(strides[i]) + "*P" + n + " + R" + n + " ]'}\n    - {name: W" + n +
              ", projection: '[ C" + n + ", M" + n + ", R" + n + " ]'}\n    - {name: T" + n +
              ", projection: '[ M" + n + ", P" + n + " ]', read_write: True}\n  instance: 0 <= P" +
              n + " < " + number(rows[i]) + " and 0 <= M" + n + " < " + number(channels[i + 1]) +
              " and 0 <= C" + n + " < " + number(channels[i]) + " and 0 <= R" + n + " < " +
              number(taps[i]) + "\n";
    }
    return text;
  }
};

class RandomMapping {
 public:
  RandomMapping(const RandomChain& chain, Random& random) : chain_(chain), random_(random) {}

  std::string text() {
    text_ = "mapping:\n  type: fused\n  nodes:\n";
    std::string outside = "T0";
    for (int i = 1; i <= chain_.layers; ++i) outside += ", W" + number(i);
    store("  ", 0, outside + ", T" + number(chain_.layers), true);
    for (int i = 0; i <= chain_.layers; ++i) pending_.push_back(name("T", number(i)));
    for (int i = 1; i <= chain_.layers; ++i) pending_.push_back(name("W", number(i)));
    const std::int64_t loops = random_.between(0, 2);
    for (std::int64_t i = 0; i < loops; ++i) {
      stores("  ", 0.4);
      const bool rows = random_.bernoulli(0.7);
      loop("  ", "temporal", name(rows ? "P" : "M", number(chain_.layers)), random_.between(1, 3));
    }
    stores("  ", 1.0);
    text_ += std::string("  - type: ") + (random_.bernoulli(0.5) ? "sequential" : "pipeline") +
             "\n    branches:\n";
    for (int i = 1; i <= chain_.layers; ++i) branch(number(i));
    return text_;
  }

 private:
  void store(const std::string& indent, int level, const std::string& tensors, bool reuse) {
    text_ += indent + "- {type: storage, target: " + number(level) + ", dspace: [" + tensors + "]" +
             (reuse ? "" : ", exploits_reuse: False") + "}\n";
  }

  void stores(const std::string& indent, double probability) {
    std::vector<std::string> left;
    for (const auto& tensor : pending_) {
      if (random_.bernoulli(probability))
        store(indent, 1, tensor, random_.bernoulli(0.8));
      else
        left.push_back(tensor);
    }
    pending_ = left;
  }

  void loop(const std::string& indent, const std::string& kind, const std::string& rank,
            std::int64_t tile) {
    text_ +=
        indent + "- {type: " + kind + ", rank: " + rank + ", tile_shape: " + number(tile) + "}\n";
  }

  void branch(const std::string& n) {
    text_ += "    -\n";
    std::vector<std::string> ranks{name("P", n), name("M", n), name("C", n), name("R", n)};
    for (std::size_t i = ranks.size(); i > 1; --i) std::swap(ranks[i - 1], ranks[random_.below(i)]);
    const bool registers = random_.bernoulli(0.5);
    bool timed = false;
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      const bool spatial = timed && random_.bernoulli(0.4);
      timed = timed || !spatial;
      loop("      ", spatial ? "spatial" : "temporal", ranks[i], random_.between(1, 2));
      if (registers && i == 1) store("      ", 2, name("W", n), true);
    }
    text_ += "      - {type: compute, einsum: L" + n + ", target: 4}\n";
  }

  const RandomChain& chain_;
  Random& random_;
  std::string text_;
  std::vector<std::string> pending_;
};

struct Seen {
  bool recomputes = false;
  bool passes_on = false;
};

Seen expect_equal(std::uint64_t seed) {
  Random random(seed);
  const RandomChain chain(random);
  const std::string mapping = RandomMapping(chain, random).text();
  const Example example(chain.workload(), mapping);
  const FusedTree tree = fused_tree_of(example.schedule, example.network, example.architecture);
  const SlowResult slow = analyse_every_point(tree);
  Seen seen;
  std::size_t movements = 0;
  for (const auto& leaf : infer_tiles(tree)) {
    const LeafMovement fast = movement_of(tree, leaf);
    std::int64_t steps = 0;
    for (const std::int64_t count : fast.steps) steps += count;
    EXPECT_EQ(fast.operations, slow.operations.at(leaf.layer)) << seed << "\n" << mapping;
    EXPECT_EQ(steps, slow.steps.at(leaf.layer)) << seed << "\n" << mapping;
    seen.recomputes |= fast.operations > example.network.layers[leaf.layer].macs();
    movements += fast.movements.size();
    for (const auto& moved : fast.movements) {
      const auto& expected = slow.movements.at({moved.level, moved.tensor, moved.layer});
      const std::string where = "seed " + number(static_cast<std::int64_t>(seed)) + " level " +
                                number(moved.level) + " " +
                                example.network.tensors[moved.tensor].name + " of L" +
                                number(moved.layer + 1) + "\n" + chain.workload() + mapping;
      EXPECT_EQ(moved.tags, expected.tags) << where;
      EXPECT_EQ(moved.tile_words_max, expected.tile_words_max) << where;
      EXPECT_EQ(moved.fills, expected.fills) << where;
      EXPECT_EQ(moved.from_parent, expected.from_parent) << where;
      EXPECT_EQ(moved.from_peers, expected.from_peers) << where;
      seen.passes_on |= moved.from_peers > 0;
    }
  }
  EXPECT_EQ(movements, slow.movements.size()) << seed;
  return seen;
}

/// The comparison says something only when there was something to recompute and to pass on.
TEST(FusedAnalysis, EqualsTheSlowOne) {
  int recomputing = 0;
  int passing_on = 0;
  for (std::uint64_t seed = 1; seed <= 600 && !testing::Test::HasFailure(); ++seed) {
    const Seen seen = expect_equal(seed);
    recomputing += seen.recomputes;
    passing_on += seen.passes_on;
  }
  EXPECT_GT(recomputing, 50);
  EXPECT_GT(passing_on, 50);
}

}  // namespace
}  // namespace tessera::mapping::looptree
