// Reading files: large payloads are dropped, damaged files are refused.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "onnx_graph.h"
#include "sim/base/error.h"
#include "tests/support/refusal.h"
#include "workloads/network.h"
#include "workloads/onnx/model_reader.h"

namespace tessera::workloads {

namespace {

class OnnxFile : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::path(testing::TempDir()) /
            (std::string("tessera_") +
             testing::UnitTest::GetInstance()->current_test_info()->name() + ".onnx");
  }
  void TearDown() override { std::filesystem::remove(path_); }

  void write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }
  std::string path() const { return path_.string(); }

  std::filesystem::path path_;
};

OnnxGraph product(std::int64_t columns) {
  return OnnxGraph()
      .input("x", {1, 100})
      .weight("w", {100, columns})
      .integers("s", {1, -1})
      .node("MatMul", {"x", "w"}, {"m"})
      .node("Reshape", {"m", "s"}, {"r"})
      .node("Relu", {"r"}, {"y"})
      .output("y");
}

}  // namespace

TEST_F(OnnxFile, LargePayloadsAreDroppedSmallOnesKept) {
  write(product(1000).model().SerializeAsString());
  EXPECT_GT(std::filesystem::file_size(path()), 400000u);
  const auto model = read_onnx_model(path());
  EXPECT_LT(model.ByteSizeLong(), 1000u);
  ASSERT_EQ(model.graph().initializer_size(), 2);
  EXPECT_EQ(model.graph().initializer(0).dims(1), 1000);
  EXPECT_TRUE(model.graph().initializer(0).raw_data().empty());
  EXPECT_EQ(model.graph().initializer(1).int64_data_size(), 2);
  EXPECT_EQ(load_network(path(), 0).weights(), 100000);
}

TEST_F(OnnxFile, PayloadsInsideConstantNodesAreDropped) {
  OnnxGraph graph = OnnxGraph()
                        .input("x", {1, 100})
                        .node("Constant", {}, {"w"})
                        .node("MatMul", {"x", "w"}, {"y"})
                        .output("y");
  auto* attribute = graph.mutable_model().mutable_graph()->mutable_node(0)->add_attribute();
  attribute->set_name("value");
  attribute->set_type(onnx::AttributeProto::TENSOR);
  attribute->mutable_t()->set_data_type(onnx::TensorProto::FLOAT);
  attribute->mutable_t()->add_dims(100);
  attribute->mutable_t()->add_dims(50);
  for (int i = 0; i < 5000; ++i) attribute->mutable_t()->add_float_data(1.0F);
  write(graph.model().SerializeAsString());
  EXPECT_LT(read_onnx_model(path()).ByteSizeLong(), 1000u);
  EXPECT_EQ(load_network(path(), 0).weights(), 5000);
}

TEST_F(OnnxFile, EverythingElseIsCopiedExactly) {
  // Nothing in this model is large: the copy equals the original.
  const OnnxGraph graph = OnnxGraph()
                              .input("x", {1, 4})
                              .reals("f", {1.5F, 2.5F})
                              .weight("w", {4, 4})
                              .node("Clip", {"x"}, {"y"})
                              .set("min", 0.5F)
                              .set("note", "text")
                              .set("many", {1, 2, 3})
                              .output("y");
  write(graph.model().SerializeAsString());
  EXPECT_EQ(read_onnx_model(path()).SerializeAsString(), graph.model().SerializeAsString());
}

TEST_F(OnnxFile, TruncatedAtAnyByteIsRefused) {
  const std::string whole = product(4).model().SerializeAsString();
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    write(whole.substr(0, size));
    // A cut between two top-level fields leaves a sound message, but never the network.
    EXPECT_THROW(load_network(path(), 0), UserError) << size;
  }
}

TEST_F(OnnxFile, OtherFilesAreRefused) {
  write("name: \"not onnx\"\n");
  EXPECT_EQ(test::refusal_of([&] { load_network(path(), 0); }),
            path() + ": not a complete ONNX model (truncated or of another kind)");
  EXPECT_THROW(load_network("missing.onnx", 0), UserError);
}

}  // namespace tessera::workloads
