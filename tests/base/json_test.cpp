#include "sim/base/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "google/protobuf/descriptor.pb.h"
#include "tests/support/refusal.h"

namespace tessera {
namespace {

/// Any message with text, numbers, lists and messages in messages.
google::protobuf::FileDescriptorProto example() {
  google::protobuf::FileDescriptorProto file;
  google::protobuf::FileDescriptorProto::descriptor()->file()->CopyTo(&file);
  file.add_public_dependency(7);
  file.add_public_dependency(-3);
  file.set_package("quotes \" and < signs");
  return file;
}

TEST(CompactJson, SaysTheSameOnOneLine) {
  const auto text = to_compact_json(example());
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  EXPECT_EQ(nlohmann::json::parse(text), nlohmann::json::parse(to_json(example())));
}

TEST(CompactJson, OfAnEmptyMessage) {
  EXPECT_EQ(nlohmann::json::parse(to_compact_json(google::protobuf::FileDescriptorProto{})),
            nlohmann::json::parse(to_json(google::protobuf::FileDescriptorProto{})));
}

TEST(ParseJson, SaysInOneLineWhatIsWrong) {
  google::protobuf::FileDescriptorProto file;
  const auto text = test::refusal_of([&] { parse_json("{\n \"name\": 12", "a.json", file); });
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(text.find("a.json: "), 0u) << text;
}

}  // namespace
}  // namespace tessera
