// The reference executor: every operator on cases small enough to do by hand, convolution against a
// direct seven-loop form with indexing of its own, and split reductions against whole ones.
#include "workloads/reference_executor.h"

#include <gtest/gtest.h>

#include "sim/base/error.h"
#include "sim/base/random.h"
#include "workloads/graph_builder.h"

namespace tessera::workloads {

namespace {

using Values = std::vector<Element>;
using Shape = std::vector<std::int64_t>;

/// Tensor of that name in the network.
TensorId find(const Network& network, const std::string& name) {
  for (std::size_t i = 0; i < network.tensors.size(); ++i)
    if (network.tensors[i].name == name) return static_cast<TensorId>(i);
  ADD_FAILURE() << "no tensor " << name;
  return 0;
}

/// Runs with the given inputs and weights; returns what the last layer wrote.
Values run(const Network& network, const std::vector<std::pair<std::string, Values>>& given) {
  TensorValues values(network.tensors.size());
  for (const auto& [name, elements] : given) values[find(network, name)] = elements;
  execute(network, values);
  return values[network.layers.back().output.tensor];
}

WindowSpec window(std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
  return {{kernel, kernel}, {stride, stride}, {1, 1}, {pad, pad}, {pad, pad}, false};
}

}  // namespace

TEST(IntegerFunctions, RoundingIsHalfUp) {
  EXPECT_EQ(shift_rounded(5, 1), 3);    // 2.5
  EXPECT_EQ(shift_rounded(-5, 1), -2);  // -2.5
  EXPECT_EQ(divide_rounded(7, 2), 4);   // 3.5
  EXPECT_EQ(divide_rounded(-7, 2), -3);
  EXPECT_EQ(divide_rounded(-8, 3), -3);  // -2.67
}

TEST(IntegerFunctions, RequantiseShiftFollowsTheReduction) {
  EXPECT_EQ(requantise_shift(1), 6);
  EXPECT_EQ(requantise_shift(3), 6);      // bit width 2: (2 - 1) / 2 = 0
  EXPECT_EQ(requantise_shift(4), 7);      // bit width 3
  EXPECT_EQ(requantise_shift(1024), 11);  // bit width 11: 5
  EXPECT_EQ(requantise(1000, 7), 8);      // 7.8
  EXPECT_EQ(requantise(-100000, 7), -128);
}

TEST(IntegerFunctions, ActivationsAtKnownPoints) {
  EXPECT_EQ(apply_function(Function::kRelu, -5), 0);
  EXPECT_EQ(apply_function(Function::kRelu6, 100), 96);  // 6 x 16
  EXPECT_EQ(apply_function(Function::kClip, -100), -64);
  EXPECT_EQ(apply_function(Function::kLeakyRelu, -80), -10);
  EXPECT_EQ(apply_function(Function::kSigmoid, 0), 64);    // half of 128
  EXPECT_EQ(apply_function(Function::kSigmoid, 16), 94);   // 128 x 0.7311 = 93.6
  EXPECT_EQ(apply_function(Function::kSigmoid, -16), 34);  // 128 - 94
  EXPECT_EQ(apply_function(Function::kTanh, 16), 98);      // 128 x 0.7616 = 97.5: 2 x 113 - 128
  EXPECT_EQ(apply_function(Function::kTanh, 0), 0);
  EXPECT_EQ(apply_function(Function::kGelu, 32), 31);       // 2 sigmoid(3.404) = 1.936: 31.0
  EXPECT_EQ(apply_function(Function::kSwish, 16), 12);      // 0.7311 x 16 = 11.7
  EXPECT_EQ(apply_function(Function::kHardSwish, 16), 11);  // 16 x 4/6 = 10.7
  EXPECT_EQ(apply_function(Function::kExp, 0), 16);
  EXPECT_EQ(apply_function(Function::kExp, 16), 43);   // 16 e = 43.5; e from the table, 43.49
  EXPECT_EQ(apply_function(Function::kExp, -16), 6);   // 16 / e = 5.9
  EXPECT_EQ(apply_function(Function::kSqrt, 64), 32);  // sqrt(4) = 2
  EXPECT_EQ(apply_function(Function::kErf, 0), 0);
  EXPECT_EQ(apply_function(Function::kPow, 32), 64);        // 2 squared
  EXPECT_EQ(apply_function(Function::kBatchNorm, 40), 32);  // 30 + 2
}

TEST(IntegerFunctions, ArithmeticSaturates) {
  EXPECT_EQ(combine(Function::kAdd, 100, 100), 127);
  EXPECT_EQ(combine(Function::kSubtract, -100, 100), -128);
  EXPECT_EQ(combine(Function::kMultiply, 64, 64), 64);  // 4096 / 64
  EXPECT_EQ(combine(Function::kDivide, 10, 4), 40);     // 2.5
  EXPECT_EQ(combine(Function::kDivide, 10, -4), -40);
  EXPECT_EQ(combine(Function::kDivide, -1, 0), -128);
}

TEST(IntegerFunctions, SoftmaxRowAddsUpToAbout127) {
  const Values row{0, 0, 0, 0};
  Values result(4);
  softmax_row(row, result);
  EXPECT_EQ(result, (Values{32, 32, 32, 32}));  // 127 / 4 = 31.75
  softmax_row(Values{16, 0, -128, -128}, result);
  // exp(0) = 65536, exp(-1) = 24109 +- rounding, exp(-9) = 8: 127 x 0.731 = 92.8, 127 x 0.2689
  // = 34.2
  EXPECT_EQ(result, (Values{93, 34, 0, 0}));
}

TEST(IntegerFunctions, LayerNormRow) {
  // mean 4, squares 16 + 0 + 0 + 16 = 32, variance 8, deviation floor(sqrt(8)) = 2: 32 x -4 / 2 =
  // -64.
  const Values row{0, 4, 4, 8};
  Values result(4);
  layer_norm_row(row, result);
  EXPECT_EQ(result, (Values{-64, 0, 0, 64}));
}

TEST(Executor, ConvolutionByHand) {
  // 1x1x2x3 input, 3x3 kernel with padding 1: out[0][0] sums taps (1,1) (1,2) (2,1) (2,2).
  GraphBuilder builder("net", 1);
  const Value in = builder.input("in", {1, 1, 2, 3});
  const Value w = builder.weight("w", {1, 1, 3, 3});
  const Network network = builder.finish({builder.convolution("conv", in, w, window(3, 1, 1), 1)});
  const Values result =
      run(network, {{"in", {10, 20, 30, 40, 50, 60}}, {"w", {1, 2, 3, 4, 5, 6, 7, 8, 9}}});
  // 9 terms: shift 6 + (4 - 1) / 2 = 7.
  // out00 = 10*5 + 20*6 + 40*8 + 50*9 = 940: 7.34 -> 7
  // out11 = 10*1 + 20*2 + 30*3 + 40*4 + 50*5 + 60*6 = 910: 7.11 -> 7
  // out12 = 20*1 + 30*2 + 50*4 + 60*5 = 580: 4.53 -> 5
  EXPECT_EQ(result[0], 7);
  EXPECT_EQ(result[4], 7);
  EXPECT_EQ(result[5], 5);
}

TEST(Executor, FullyConnectedByHand) {
  GraphBuilder builder("net", 2);
  const Value in = builder.input("in", {2, 2});
  const Value out = builder.fully_connected("fc", in, 2);
  EXPECT_TRUE(builder.fuse(out, Function::kRelu));
  const Network network = builder.finish({out});
  // Two terms: shift 6. Row 0: (50, 25) . (100, 100) = 7500: 117.2; . (-128, 0) = -6400 -> -100 ->
  // ReLU 0. Row 1: (-10, 127) . (100, 100) = 11700: 182.8 -> 127; . (-128, 0) = 1280: 20.
  EXPECT_EQ(run(network, {{"in", {50, 25, -10, 127}}, {"fc.weights", {100, 100, -128, 0}}}),
            (Values{117, 0, 127, 20}));
}

TEST(Executor, MatrixProductOfTwoActivationsWithTransposedOperand) {
  GraphBuilder builder("net", 1);
  const Value a = builder.input("a", {1, 2, 2});
  const Value b = builder.input("b", {1, 2, 2});
  const Value out = builder.matrix_product("ab", a, builder.transpose(b, {0, 2, 1}));
  const Network network = builder.finish({out});
  // a = [64 0; 32 64], b = [64 64; 0 64], a b^T = [64*64, 0; 32*64+64*64, 64*64] = [4096, 0; 6144,
  // 4096] shifted by 7: 32, 0, 48, 32.
  EXPECT_EQ(run(network, {{"a", {64, 0, 32, 64}}, {"b", {64, 64, 0, 64}}}),
            (Values{64, 0, 96, 64}));
}

TEST(Executor, MaxPoolIgnoresPadding) {
  GraphBuilder builder("net", 1);
  const Value in = builder.input("in", {1, 1, 2, 2});
  const Network network =
      builder.finish({builder.pool("pool", Function::kMaxPool, in, window(3, 2, 1), false)});
  // One output: floor((2 + 2 - 3) / 2) + 1 = 1; all elements negative, so a padding of 0 would
  // show.
  EXPECT_EQ(run(network, {{"in", {-5, -6, -7, -8}}}), (Values{-5}));
}

TEST(Executor, AveragePoolDividesByValidOrFullWindow) {
  for (const bool full : {false, true}) {
    GraphBuilder builder("net", 1);
    const Value in = builder.input("in", {1, 1, 2, 2});
    const Network network =
        builder.finish({builder.pool("pool", Function::kAveragePool, in, window(3, 2, 1), full)});
    // Sum 90: over the 4 taps inside 22.5 -> 23, over the window of 9 10.
    EXPECT_EQ(run(network, {{"in", {10, 20, 30, 30}}}), (Values{full ? 10 : 23}));
  }
}

TEST(Executor, CeilModeWindowReachesOverTheEdge) {
  GraphBuilder builder("net", 1);
  const Value in = builder.input("in", {1, 1, 3, 3});
  WindowSpec spec = window(2, 2, 0);
  spec.ceil_mode = true;
  const Network network =
      builder.finish({builder.pool("pool", Function::kAveragePool, in, spec, false)});
  // Windows of 4, 2, 2 and 1 elements: (1+2+4+5)/4 = 3, (3+6)/2 = 4.5 -> 5, (7+8)/2 = 7.5 -> 8, 9.
  EXPECT_EQ(run(network, {{"in", {1, 2, 3, 4, 5, 6, 7, 8, 9}}}), (Values{3, 5, 8, 9}));
}

TEST(Executor, ReductionOverTheLastDimension) {
  GraphBuilder builder("net", 1);
  const Value in = builder.input("in", {1, 2, 3});
  const Network network = builder.finish({builder.reduce("mean", Function::kAveragePool, in, {2})});
  EXPECT_EQ(run(network, {{"in", {1, 2, 3, 10, 20, 33}}}), (Values{2, 21}));
}

TEST(Executor, AddWithBroadcast) {
  GraphBuilder builder("net", 1);
  const Value a = builder.input("a", {1, 2, 3});
  const Value b = builder.input("b", {3});
  const Network network = builder.finish({builder.map("sum", Function::kAdd, {a, b})});
  EXPECT_EQ(run(network, {{"a", {1, 2, 3, 4, 5, 6}}, {"b", {10, 20, 30}}}),
            (Values{11, 22, 33, 14, 25, 36}));
}

TEST(Executor, SoftmaxOverAnInnerDimension) {
  GraphBuilder builder("net", 1);
  const Value in = builder.input("in", {1, 2, 2});
  const Network network = builder.finish({builder.softmax("softmax", in, {1})});
  // Columns (0, 0) and (16, 0): halves of 127 -> 64; 127 x 0.731 = 92.8 and 34.2.
  EXPECT_EQ(run(network, {{"in", {0, 16, 0, 0}}}), (Values{64, 93, 64, 34}));
  ASSERT_EQ(network.layers[0].whole_ranks, (std::vector<RankId>{1}));
}

TEST(Executor, LocalResponseNormalisationOverChannels) {
  GraphBuilder builder("net", 1);
  const Value in = builder.input("in", {1, 3, 1, 1});
  const Network network = builder.finish({builder.local_response_norm("lrn", in, 3)});
  // 64 x / floor(sqrt(4096 + sum)): sums 64^2 + 0 = 4096, 4096 + 100^2 = 14096, 10000.
  // sqrt(8192) = 90, sqrt(18192) = 134, sqrt(14096) = 118: 4096/90 = 45.5 -> 46, 0, 6400/118
  // = 54.2.
  EXPECT_EQ(run(network, {{"in", {64, 0, 100}}}), (Values{46, 0, 54}));
}

TEST(Executor, LayerNormOverTheLastDimension) {
  GraphBuilder builder("net", 1);
  const Value in = builder.input("in", {1, 2, 4});
  const Network network =
      builder.finish({builder.normalise("norm", Function::kLayerNorm, in, {2})});
  EXPECT_EQ(run(network, {{"in", {0, 4, 4, 8, 7, 7, 7, 7}}}), (Values{-64, 0, 0, 64, 0, 0, 0, 0}));
}

TEST(Executor, UpsampleRepeatsElements) {
  GraphBuilder builder("net", 1);
  const Value in = builder.input("in", {1, 1, 1, 2});
  const Value big = builder.repeat(builder.repeat(in, 2, 2), 3, 2);
  const Network network = builder.finish({builder.map("copy", Function::kNone, {big})});
  EXPECT_EQ(run(network, {{"in", {3, 4}}}), (Values{3, 3, 4, 4, 3, 3, 4, 4}));
}

namespace {

struct ConvolutionCase {
  std::int64_t n, groups, k, c, h, w, r, s, stride_h, stride_w, dilation_h, dilation_w;
  std::int64_t top, left, bottom, right;
};

ConvolutionCase random_case(Random& random) {
  ConvolutionCase x{};
  x.n = random.between(1, 2);
  x.groups = random.between(1, 3);
  x.k = random.between(1, 3);
  x.c = random.between(1, 3);
  x.r = random.between(1, 3);
  x.s = random.between(1, 4);
  x.stride_h = random.between(1, 3);
  x.stride_w = random.between(1, 2);
  x.dilation_h = random.between(1, 2);
  x.dilation_w = random.between(1, 3);
  x.top = random.between(0, x.dilation_h * (x.r - 1));
  x.left = random.between(0, x.dilation_w * (x.s - 1));
  x.bottom = random.between(0, x.dilation_h * (x.r - 1));
  x.right = random.between(0, x.dilation_w * (x.s - 1));
  x.h = x.dilation_h * (x.r - 1) + 1 + random.between(0, 6);
  x.w = x.dilation_w * (x.s - 1) + 1 + random.between(0, 6);
  return x;
}

/// Direct form over N, G, K, P, Q with the taps inside; input N, G*C, H, W; weight G*K, C, R, S.
Values direct_convolution(const ConvolutionCase& x, const Values& in, const Values& w) {
  const std::int64_t p_count =
      (x.h + x.top + x.bottom - x.dilation_h * (x.r - 1) - 1) / x.stride_h + 1;
  const std::int64_t q_count =
      (x.w + x.left + x.right - x.dilation_w * (x.s - 1) - 1) / x.stride_w + 1;
  const int shift = requantise_shift(x.c * x.r * x.s);
  Values out;
  for (std::int64_t n = 0; n < x.n; ++n)
    for (std::int64_t k = 0; k < x.groups * x.k; ++k)
      for (std::int64_t p = 0; p < p_count; ++p)
        for (std::int64_t q = 0; q < q_count; ++q) {
          std::int64_t sum = 0;
          for (std::int64_t c = 0; c < x.c; ++c)
            for (std::int64_t r = 0; r < x.r; ++r)
              for (std::int64_t s = 0; s < x.s; ++s) {
                const std::int64_t row = p * x.stride_h - x.top + r * x.dilation_h;
                const std::int64_t column = q * x.stride_w - x.left + s * x.dilation_w;
                if (row < 0 || row >= x.h || column < 0 || column >= x.w) continue;
                const std::int64_t channel = (k / x.k) * x.c + c;
                sum += in[((n * x.groups * x.c + channel) * x.h + row) * x.w + column] *
                       w[((k * x.c + c) * x.r + r) * x.s + s];
              }
          out.push_back(requantise(static_cast<Element>(sum), shift));
        }
  return out;
}

Values random_values(Random& random, std::int64_t count) {
  Values values;
  for (std::int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<Element>(random.between(-128, 127)));
  return values;
}

Network convolution_network(const ConvolutionCase& x) {
  GraphBuilder builder("net", x.n);
  const Value in = builder.input("in", {x.n, x.groups * x.c, x.h, x.w});
  const Value w = builder.weight("w", {x.groups * x.k, x.c, x.r, x.s});
  const WindowSpec spec{{x.r, x.s},      {x.stride_h, x.stride_w}, {x.dilation_h, x.dilation_w},
                        {x.top, x.left}, {x.bottom, x.right},      false};
  return builder.finish({builder.convolution("conv", in, w, spec, x.groups)});
}

}  // namespace

TEST(Executor, RandomConvolutionsEqualTheDirectForm) {
  Random random(11);
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(i);
    const ConvolutionCase x = random_case(random);
    const Values in = random_values(random, x.n * x.groups * x.c * x.h * x.w);
    const Values w = random_values(random, x.groups * x.k * x.c * x.r * x.s);
    ASSERT_EQ(run(convolution_network(x), {{"in", in}, {"w", w}}), direct_convolution(x, in, w));
  }
}

namespace {

/// Cuts every rank in two at a random place and calls `use` for each combination, last first.
void for_each_part(const Layer& layer, Random& random,
                   const std::function<void(const RankTile&)>& use) {
  std::vector<std::int64_t> cuts;
  for (const auto& rank : layer.ranks) cuts.push_back(random.between(0, rank.extent));
  for (int part = (1 << layer.ranks.size()) - 1; part >= 0; --part) {
    RankTile tile;
    for (std::size_t i = 0; i < layer.ranks.size(); ++i)
      tile.push_back((part >> i) % 2 != 0 ? RankRange{cuts[i], layer.ranks[i].extent}
                                          : RankRange{0, cuts[i]});
    use(tile);
  }
}

std::size_t position(std::span<const std::int64_t> index, const Shape& extents) {
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < index.size(); ++i) offset = offset * extents[i] + index[i];
  return static_cast<std::size_t>(offset);
}

}  // namespace

TEST(Accumulate, SplitReductionsEqualTheWhole) {
  Random random(3);
  for (const Function function : {Function::kNone, Function::kMaxPool, Function::kAveragePool}) {
    for (int i = 0; i < 20; ++i) {
      ConvolutionCase x = random_case(random);
      GraphBuilder builder("net", x.n);
      const Value in = builder.input("in", {x.n, 2 * x.c, x.h, x.w});
      const WindowSpec spec{{x.r, x.s},      {x.stride_h, x.stride_w}, {x.dilation_h, x.dilation_w},
                            {x.top, x.left}, {x.bottom, x.right},      false};
      const Value out =
          function == Function::kNone
              ? builder.convolution("conv", in, builder.weight("w", {2 * x.k, x.c, x.r, x.s}), spec,
                                    2)
              : builder.pool("pool", function, in, spec, false);
      const Network network = builder.finish({out});
      TensorValues values = seeded_values(network, 1);
      execute(network, values);

      const Layer& layer = network.layers[0];
      const ReadElement read = [&](std::size_t operand, std::span<const std::int64_t> index) {
        const TensorId id = layer.inputs[operand].tensor;
        return values[id][position(index, network.tensors[id].extents)];
      };
      // Half of the parts go straight into the accumulators, the others through partial results.
      Accumulators sums = start_accumulators(layer, layer.whole());
      bool direct = false;
      for_each_part(layer, random, [&](const RankTile& tile) {
        direct = !direct;
        if (direct) return accumulate_tile(layer, tile, read, sums);
        Accumulators partial = start_accumulators(layer, layer.whole());
        accumulate_tile(layer, tile, read, partial);
        merge_accumulators(layer, partial, sums);
      });
      const auto& extents = network.tensors[layer.output.tensor].extents;
      Values result(values[layer.output.tensor].size());
      finish_output(layer, sums, [&](std::span<const std::int64_t> index, Element value) {
        result[position(index, extents)] = value;
      });
      ASSERT_EQ(result, values[layer.output.tensor]);
    }
  }
}

TEST(Accumulate, TileOutsideTheAccumulatorsIsRefused) {
  const Network network = convolution_network({1, 1, 2, 1, 4, 4, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0});
  const Layer& layer = network.layers[0];
  RankTile half = layer.whole();
  half[static_cast<std::size_t>(layer.rank_index("K"))] = {0, 1};
  Accumulators sums = start_accumulators(layer, half);
  const ReadElement read = [](std::size_t, std::span<const std::int64_t>) { return 1; };
  EXPECT_NO_THROW(accumulate_tile(layer, half, read, sums));
  EXPECT_THROW(accumulate_tile(layer, layer.whole(), read, sums), InvariantViolation);
}

TEST(VectorTile, SplitOfAWholeRankIsRefused) {
  GraphBuilder builder("net", 1);
  const Network network = builder.finish({builder.softmax("s", builder.input("in", {2, 4}), {1})});
  const ReadElement read = [](std::size_t, std::span<const std::int64_t>) { return 0; };
  int written = 0;
  const WriteElement write = [&](std::span<const std::int64_t>, Element) { ++written; };
  compute_vector_tile(network.layers[0], {{1, 2}, {0, 4}}, read, write);
  EXPECT_EQ(written, 4);
  EXPECT_THROW(compute_vector_tile(network.layers[0], {{0, 2}, {0, 2}}, read, write),
               InvariantViolation);
}

TEST(SeededValues, DependOnNameIndexAndSeedOnly) {
  const Network network = load_network("tiny_mlp", 0);
  const TensorValues values = seeded_values(network, 7);
  const TensorId input = find(network, "input");
  for (std::int64_t i = 0; i < 32; ++i) {
    EXPECT_EQ(values[input][static_cast<std::size_t>(i)], seeded_element(7, "input", i));
    EXPECT_GE(values[input][static_cast<std::size_t>(i)], -128);
    EXPECT_LE(values[input][static_cast<std::size_t>(i)], 127);
  }
  EXPECT_NE(values[input], seeded_values(network, 8)[input]);
}

TEST(Executor, SmallNetworksRunAndTheirResultsVary) {
  for (const char* name : {"small_cnn", "tiny_mlp"}) {
    const Network network = load_network(name, 2);
    TensorValues values = seeded_values(network, 1);
    execute(network, values);
    for (const auto& layer : network.layers) {
      const auto& result = values[layer.output.tensor];
      const auto [low, high] = std::ranges::minmax(result);
      EXPECT_LT(low + 20, high) << name << " " << layer.name;
    }
  }
}

}  // namespace tessera::workloads
