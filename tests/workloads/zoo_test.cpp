// Totals of the zoo against tables of the same networks that were counted independently of this
// code (sums of K C/g P Q R S over convolutions and of products over matrix layers, biases not
// included), which in turn agree with the published sizes: ResNet-50 4.09 G / 25.5 M, VGG16 15.47 G
// / 138.3 M, AlexNet 724 M / 61.0 M.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <ostream>

#include "workloads/network.h"

namespace tessera::workloads {

namespace {

struct Totals {
  const char* name;
  std::int64_t macs;
  std::int64_t weights;
};

void PrintTo(const Totals& totals, std::ostream* out) { *out << totals.name; }

class Zoo : public testing::TestWithParam<Totals> {};

}  // namespace

TEST_P(Zoo, TotalsEqualTheTable) {
  const Network network = load_network(GetParam().name, 0);
  EXPECT_EQ(network.name, GetParam().name);
  EXPECT_EQ(network.batch, 1);
  EXPECT_EQ(network.macs(), GetParam().macs);
  EXPECT_EQ(network.weights(), GetParam().weights);
}

TEST_P(Zoo, BatchFourHasFourTimesTheWorkAndTheSameWeights) {
  const Network network = load_network(GetParam().name, 4);
  EXPECT_EQ(network.batch, 4);
  EXPECT_EQ(network.macs(), 4 * GetParam().macs);
  EXPECT_EQ(network.weights(), GetParam().weights);
  for (const auto& layer : network.layers) {
    EXPECT_EQ(layer.ranks[0].name, "N") << layer.name;
    EXPECT_EQ(layer.ranks[0].extent, 4) << layer.name;
  }
}

// RITNet keeps its dense blocks in shared storage: only the network's input, which is part of a
// concatenation, and the four upsampled maps are copied.
TEST(ZooRitnet, CopiesOnlyItsInputAndTheUpsampledMaps) {
  const Network network = load_network("xr_ritnet_640x400", 0);
  const auto moves = std::ranges::count(network.layers, LayerKind::kMove, &Layer::kind);
  EXPECT_EQ(moves, 5);
}

int chains_of(const std::string& name) {
  const Network network = load_network(name, 0);
  return static_cast<int>(std::ranges::count(network.tensors, TensorKind::kInput, &Tensor::kind));
}

// Rows that do not take what the row before gives begin anew: counted in the tables (13, 46, 34 and
// 15 such rows). FBNet-C alone is one chain.
TEST(ZooXr, ChainsEndWhereShapesDoNotMeet) {
  EXPECT_EQ(chains_of("xr_ge_fbnet_c"), 1);
  EXPECT_EQ(chains_of("xr_de_midas_chains"), 14);
  EXPECT_EQ(chains_of("xr_od_d2go_chains"), 47);
  EXPECT_EQ(chains_of("xr_ht_hand_graph_chains"), 35);
  EXPECT_EQ(chains_of("xr_dr_rgbd_chains"), 16);
  EXPECT_EQ(chains_of("xrbench_hrvit_b1_dense_layers"), 423);
}

TEST(ZooXr, SummariesNameTheTargets) {
  std::map<std::string, std::string> summaries;
  for (const auto& entry : list_zoo()) summaries[entry.name] = entry.summary;
  EXPECT_TRUE(summaries["xr_ge_fbnet_c"].ends_with("; target 60 frames/s"));
  EXPECT_EQ(summaries["resnet50"].find("frames/s"), std::string::npos);
}

// small_cnn by hand: conv1 16*3*9*256 = 110592; res_a 16*16*9*64 = 147456; res_b half of that
// 73728; left 24*16*64 = 24576; right_dw 16*9*64 = 9216; right 40*16*64 = 40960; down 32*64*9*16 =
// 294912; fc1 64*32*2*2 = 8192; fc2 640. Weights: 432 + 2304 + 1152 + 384 + 144 + 640 + 18432 +
// 8192 + 640. tiny_mlp: 32*48 + 48*24 + 24*8 = 2880.
INSTANTIATE_TEST_SUITE_P(
    All, Zoo,
    testing::Values(
        Totals{"alexnet", 724406816, 60954656}, Totals{"vgg16", 15470264320, 138344128},
        Totals{"vgg19", 19632062464, 143652544}, Totals{"googlenet", 1582671872, 6990272},
        Totals{"resnet18", 1814073344, 11678912}, Totals{"resnet50", 4089184256, 25502912},
        Totals{"resnet152", 11513626624, 60040384}, Totals{"mobilenetv2", 300774272, 3469760},
        Totals{"bert_base_block", 2944401408, 7077888},
        Totals{"bert_large_block", 6979321856, 12582912},
        Totals{"gpt2_small_block_prefill", 8858370048, 7077888},
        Totals{"gpt2_xl_block_prefill", 34812723200, 30720000},
        Totals{"gpt2_xl_block_decode", 33996800, 30720000},
        Totals{"vit_b16_block", 1453954560, 7077888},
        Totals{"transformer_base_encoder", 1879048192, 3145728},
        Totals{"lstm_cell_1024", 8388608, 8388608}, Totals{"gnmt_step", 180355072, 180355072},
        Totals{"mlp_s", 234752, 234752}, Totals{"mlp_m", 1411500, 1411500},
        Totals{"mlp_l", 3181000, 3181000}, Totals{"gemm512", 134217728, 262144},
        Totals{"xr_ritnet_640x400", 16420864000, 247264},
        Totals{"xr_kd_res8_narrow", 6752676, 19893}, Totals{"xr_tc_resnet8", 1522560, 64512},
        // Of the inferred tables, and of three tables as published.
        Totals{"xr_ge_fbnet_c", 158553760, 5537520},
        Totals{"xr_de_midas_chains", 3536322048, 16502400},
        Totals{"xr_od_d2go_chains", 537604272, 5275152},
        Totals{"xr_ht_hand_graph_chains", 4051489344, 19299072},
        Totals{"xr_pd_planercnn_chains", 8542759936, 59538608},
        Totals{"xr_dr_rgbd_chains", 16906616832, 13673104},
        Totals{"xrbench_hrvit_b1_dense_layers", 27022928896, 111571136},
        Totals{"xrbench_emformer_dense_layers", 9663676416, 75497472},
        Totals{"xrbench_ed_tcn_dense_layers", 372275200, 742400},
        Totals{"small_cnn", 710272, 32320}, Totals{"tiny_mlp", 2880, 2880}),
    [](const testing::TestParamInfo<Totals>& info) { return info.param.name; });

}  // namespace tessera::workloads
