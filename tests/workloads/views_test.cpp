// Rearrangements through views and moves against plain array copies: random chains of operators are
// built into a network, executed, and compared element by element.
#include <gtest/gtest.h>

#include <numeric>

#include "array_oracle.h"
#include "sim/base/error.h"
#include "sim/base/random.h"
#include "tests/support/refusal.h"
#include "workloads/graph_builder.h"
#include "workloads/reference_executor.h"

namespace tessera::workloads {

namespace {

using oracle::Array;
using oracle::Shape;

/// A value in the network and the array it must equal.
struct Pair {
  Value value;
  Array array;
};

class Chain {
 public:
  explicit Chain(std::uint64_t seed) : random_(seed), builder_("chain", 1) {}

  void run() {
    add_input();
    add_input();
    for (int i = 0; i < 8; ++i) step();
    const Value result = builder_.map("result", Function::kNone, {pairs_.back().value});
    const Shape shape = pairs_.back().array.shape;
    const Network network = builder_.finish({result}, GraphBuilder::Unread::kDrop);
    TensorValues values = seeded_values(network, kSeed);
    execute(network, values);
    EXPECT_EQ(values[network.layers.back().output.tensor], pairs_.back().array.data);
  }

 private:
  static constexpr std::uint64_t kSeed = 5;

  void add_input() {
    const std::string name = detail::concatenate("in", pairs_.size());
    const Shape shape{1, 2 * random_.between(1, 3), 2 * random_.between(1, 3), 4};
    Array array{shape, {}};
    for (std::int64_t i = 0; i < oracle::size_of(shape); ++i)
      array.data.push_back(seeded_element(kSeed, name, i));
    pairs_.push_back({builder_.input(name, shape), array});
  }

  Pair& any() { return pairs_[random_.below(pairs_.size())]; }
  std::string next_name() { return detail::concatenate("op", pairs_.size()); }

  void step() {
    const Pair source = any();
    switch (random_.below(7)) {
      case 0:
        return transpose(source);
      case 1:
        return reshape(source);
      case 2:
        return slice(source);
      case 3:
        return concat(source);
      case 4:
        return repeat(source);
      case 5:
        return copy(source);
      default:
        return broadcast(source);
    }
  }

  void transpose(const Pair& source) {
    std::vector<int> order(source.array.shape.size());
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_.below(i)]);
    pairs_.push_back(
        {builder_.transpose(source.value, order), oracle::transpose(source.array, order)});
  }

  /// Moves a factor from one dimension to another or splits one in two.
  void reshape(const Pair& source) {
    Shape shape = source.array.shape;
    const auto from = random_.below(shape.size());
    const std::int64_t factor = shape[from] % 3 == 0 ? 3 : shape[from] % 2 == 0 ? 2 : 1;
    shape[from] /= factor;
    if (random_.below(2) == 0 && shape.size() < 6)
      shape.insert(shape.begin() + static_cast<long>(random_.below(shape.size() + 1)), factor);
    else
      shape[random_.below(shape.size())] *= factor;
    pairs_.push_back(
        {builder_.reshape(next_name(), source.value, shape), Array{shape, source.array.data}});
  }

  void slice(const Pair& source) {
    const int axis = static_cast<int>(random_.below(source.array.shape.size()));
    const std::int64_t extent = source.array.shape[axis];
    const std::int64_t begin = random_.between(0, extent - 1);
    const std::int64_t step = random_.between(1, 2);
    const std::int64_t count = random_.between(1, (extent - 1 - begin) / step + 1);
    pairs_.push_back({builder_.slice(next_name(), source.value, axis, begin, count, step),
                      oracle::slice(source.array, axis, begin, count, step)});
  }

  void concat(const Pair& source) {
    const int axis = static_cast<int>(random_.below(source.array.shape.size()));
    Pair other = any();
    Shape wanted = source.array.shape, given = other.array.shape;
    if (given.size() == wanted.size()) wanted[axis] = given[axis];
    if (given != wanted) other = source;
    pairs_.push_back({builder_.concat(next_name(), {source.value, other.value}, axis),
                      oracle::concat({source.array, other.array}, axis)});
  }

  void repeat(const Pair& source) {
    if (oracle::size_of(source.array.shape) > 4000) return copy(source);
    const int axis = static_cast<int>(random_.below(source.array.shape.size()));
    pairs_.push_back(
        {builder_.repeat(source.value, axis, 2), oracle::repeat(source.array, axis, 2)});
  }

  void broadcast(const Pair& source) {
    if (oracle::size_of(source.array.shape) > 4000) return copy(source);
    Shape shape = source.array.shape;
    for (auto& extent : shape)
      if (extent == 1) extent = random_.between(1, 3);
    pairs_.push_back({builder_.broadcast(next_name(), source.value, shape),
                      oracle::broadcast(source.array, shape)});
  }

  void copy(const Pair& source) {
    pairs_.push_back({builder_.map(next_name(), Function::kNone, {source.value}), source.array});
  }

  Random random_;
  GraphBuilder builder_;
  std::vector<Pair> pairs_;
};

std::vector<LayerKind> kinds(const Network& network) {
  std::vector<LayerKind> list;
  for (const auto& layer : network.layers) list.push_back(layer.kind);
  return list;
}

}  // namespace

TEST(Views, RandomChainsEqualArrayCopies) {
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE(seed);
    Chain(seed).run();
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Reshape, SplitsAndMergesDigits) {
  const View flat = *reshape(identity_view(0, {2, 3, 4}), {2, 12});
  EXPECT_EQ(flat.dimensions[1], (Digits{{3, 1, 1}, {4, 2, 1}}));
  const View split = *reshape(identity_view(0, {2, 12}), {2, 3, 4});
  EXPECT_EQ(split.dimensions[1], (Digits{{3, 1, 4}}));
  EXPECT_EQ(split.dimensions[2], (Digits{{4, 1, 1}}));
}

TEST(Reshape, BackAndForthIsTheIdentity) {
  const View view = *reshape(*reshape(identity_view(0, {2, 12}), {2, 3, 4}), {2, 12});
  EXPECT_TRUE(is_identity(view, {2, 12}));
}

TEST(Reshape, CutThroughATransposedDigitIsRefused) {
  // 3x4 transposed is 4x3: an inner extent of 4 would cut the digit of 3.
  const View turned = transpose(identity_view(0, {3, 4}), {1, 0});
  EXPECT_FALSE(reshape(turned, {3, 4}).has_value());
  EXPECT_TRUE(reshape(turned, {2, 2, 3}).has_value());
}

TEST(Concat, ProducersWriteIntoOneTensor) {
  GraphBuilder builder("net", 1);
  const Value in = builder.input("in", {1, 4, 2, 2});
  const Value a = builder.map("a", Function::kRelu, {in});
  const Value b = builder.map("b", Function::kTanh, {in});
  const Value both = builder.concat("both", {a, b}, 1);
  const Network network = builder.finish({builder.map("c", Function::kRelu, {both})});
  EXPECT_EQ(kinds(network), (std::vector<LayerKind>(3, LayerKind::kMap)));
  EXPECT_EQ(network.layers[0].output.tensor, network.layers[1].output.tensor);
  EXPECT_EQ(network.layers[0].output.dimensions[1].offset, 0);
  EXPECT_EQ(network.layers[1].output.dimensions[1].offset, 4);
  EXPECT_EQ(network.tensors[network.layers[0].output.tensor].extents, (Shape{1, 8, 2, 2}));
}

TEST(Concat, ReaderOfOnePartSeesItsRangeAsBorder) {
  // A 3x3 convolution with padding over part b of a concatenation along the height must treat part
  // a as outside: valid rows are 2..3 of the stored 4, and row -1 of b is stored row 1, which is
  // padding.
  GraphBuilder builder("net", 1);
  const Value in = builder.input("in", {1, 1, 2, 2});
  const Value a = builder.map("a", Function::kRelu, {in});
  const Value b = builder.map("b", Function::kTanh, {in});
  builder.map("reader", Function::kRelu, {builder.concat("both", {a, b}, 2)});
  const Value w = builder.weight("w", {1, 1, 3, 3});
  builder.convolution("conv", b, w, {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, false}, 1);
  const Network network = builder.finish({});
  const auto& rows = network.layers.back().inputs[0].dimensions[2];
  EXPECT_EQ(rows.offset, 1);
  EXPECT_EQ(rows.valid_begin, 2);
  EXPECT_EQ(rows.valid_end, 4);
}

TEST(Concat, SecondUseAndNetworkInputAreMoved) {
  GraphBuilder builder("net", 1);
  const Value in = builder.input("in", {1, 4});
  const Value a = builder.map("a", Function::kRelu, {in});
  const Value first = builder.concat("first", {a, in}, 1);  // moves the input
  // a lies in `first` already, so both of its places here are copies.
  const Value second = builder.concat("second", {a, a}, 1);
  const Network network = builder.finish({builder.map("x", Function::kAdd, {first, second})});
  EXPECT_EQ(kinds(network),
            (std::vector<LayerKind>{LayerKind::kMap, LayerKind::kMove, LayerKind::kMove,
                                    LayerKind::kMove, LayerKind::kMap}));
}

TEST(Concat, RepeatedConcatenationIsTheSameTensor) {
  GraphBuilder builder("net", 1);
  const Value in = builder.input("in", {1, 4});
  const Value a = builder.map("a", Function::kRelu, {in});
  const Value b = builder.map("b", Function::kTanh, {in});
  const Value first = builder.concat("first", {a, b}, 1);
  const Value second = builder.concat("second", {a, b}, 1);
  EXPECT_EQ(first.view, second.view);
  // In another order it is another tensor: both parts are copied.
  const Value third = builder.concat("third", {b, a}, 1);
  const Network network = builder.finish({builder.map("x", Function::kAdd, {first, third})});
  EXPECT_EQ(network.layers.size(), 5u);
}

TEST(Concat, NestedConcatenationNeedsNoMove) {
  GraphBuilder builder("net", 1);
  const Value in = builder.input("in", {1, 4});
  const Value a = builder.map("a", Function::kRelu, {in});
  const Value b = builder.map("b", Function::kTanh, {in});
  const Value c = builder.map("c", Function::kExp, {in});
  const Value inner = builder.concat("inner", {a, b}, 1);
  const Value outer = builder.concat("outer", {c, inner}, 1);
  const Network network = builder.finish({builder.map("d", Function::kRelu, {outer})});
  ASSERT_EQ(network.layers.size(), 4u);
  EXPECT_EQ(network.layers[1].output.dimensions[1].offset, 8);  // after c (4) and a (4)
}

TEST(Slice, BeyondTheEndNamesTheLayer) {
  GraphBuilder builder("net", 1);
  const Value in = builder.input("in", {1, 4});
  EXPECT_EQ(test::refusal_of([&] { builder.slice("cut", in, 1, 2, 3, 1); }),
            "cut: slice of 3 elements from 2 with step 1 does not fit into the 4 elements of "
            "dimension 1");
}

}  // namespace tessera::workloads
