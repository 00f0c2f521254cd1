// Whole published models: the ONNX project's light test models, found through TESSERA_ONNX_MODELS
// (environment or CMake variable). Work is compared with counts made from the files' shapes
// independently of this code.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <ostream>

#include "onnx_import.h"
#include "workloads/network.h"
#include "workloads/onnx/importer.h"
#include "workloads/onnx/model_reader.h"

namespace tessera::workloads {

namespace {

struct Model {
  const char* name;
  std::int64_t macs;
};

void PrintTo(const Model& model, std::ostream* out) { *out << model.name; }

class OnnxModel : public testing::TestWithParam<Model> {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("TESSERA_ONNX_MODELS");
    const std::string chosen = folder != nullptr ? folder : TESSERA_ONNX_MODELS;
    if (chosen.empty())
      GTEST_SKIP() << "set TESSERA_ONNX_MODELS to a folder with the ONNX project's light models";
    path_ = std::filesystem::path(chosen) / (std::string("light_") + GetParam().name + ".onnx");
    if (!std::filesystem::exists(path_)) GTEST_SKIP() << path_ << " is not there";
  }
  std::filesystem::path path_;
};

}  // namespace

TEST_P(OnnxModel, WorkEqualsTheCountFromItsShapes) {
  const Network network = load_network(path_.string(), 0);
  EXPECT_EQ(network.macs(), GetParam().macs);
  EXPECT_EQ(network.batch, 1);
}

TEST_P(OnnxModel, BatchOverridesTheOneBuiltIntoTheFile) {
  const Network network = load_network(path_.string(), 4);
  EXPECT_EQ(network.macs(), 4 * GetParam().macs);
  EXPECT_EQ(network.weights(), load_network(path_.string(), 0).weights());
}

TEST_P(OnnxModel, ShapesEqualOnnxInference) {
  const auto model = read_onnx_model(path_.string());
  OnnxImporter importer(model, "model", 0);
  importer.import();
  EXPECT_GT(shapes_as_inferred(importer, model), 20u);
}

TEST_P(OnnxModel, NothingIsMovedForItsOwnSake) {
  for (const auto& layer : load_network(path_.string(), 0).layers)
    EXPECT_NE(layer.kind, LayerKind::kMove) << layer.name;
}

INSTANTIATE_TEST_SUITE_P(Light, OnnxModel,
                         testing::Values(Model{"bvlc_alexnet", 654560384},
                                         Model{"inception_v1", 1431556352},
                                         Model{"resnet50", 4089184256},
                                         Model{"squeezenet", 349151936},
                                         Model{"vgg19", 19632062464}),
                         [](const testing::TestParamInfo<Model>& info) { return info.param.name; });

}  // namespace tessera::workloads
