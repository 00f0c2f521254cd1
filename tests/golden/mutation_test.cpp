// The golden set notices any timing parameter that changes by the least there is, and the report
// names the place and the cycle where the change first shows.
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "hw_models/dram/command.h"
#include "hw_models/dram/dram.pb.h"
#include "mapping/program.h"
#include "mapping/program.pb.h"
#include "sim/base/data_files.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/base/output_directory.h"
#include "sim/trace/trace_reader.h"
#include "tests/golden/golden_cases.h"
#include "tests/sim/program_run.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;
namespace pb = google::protobuf;
using sim::EventKind;
using sim::TraceEvent;
using Assignments = std::vector<std::string>;

constexpr int kDifference = 4;

fs::path golden(const std::string& name) {
  const auto cases = golden_cases();
  const auto found = std::ranges::find(cases, name, &GoldenCase::name);
  if (found == cases.end()) throw std::logic_error("no golden case " + name);
  return found->path();
}

class GoldenMutation : public testing::Test {
 protected:
  void SetUp() override { folder_ = empty_test_folder(); }
  void TearDown() override { fs::remove_all(folder_); }

  ProgramEnd check(const fs::path& trace, const Assignments& changes) const {
    std::vector<std::string> arguments = {"trace", "check", trace.string()};
    for (const auto& change : changes) arguments.insert(arguments.end(), {"--set", change});
    return run_tessera(folder_, arguments);
  }

  /// The device's table with this field of its timing or bus terms one higher. What must not be
  /// smaller than the field goes up with it.
  std::string changed_device(const std::string& device, const std::string& part,
                             const std::string& field) const {
    dram::proto::Device table;
    load_textproto(data_file("devices", device).string(), table);
    auto& message = part == "timing" ? static_cast<pb::Message&>(*table.mutable_timing())
                                     : *table.mutable_bus_terms();
    const std::uint32_t value = raise(message, field);
    auto& timing = *table.mutable_timing();
    if (field == "rrd_s") timing.set_rrd_l(std::max(timing.rrd_l(), value));
    if (field == "ccd_s") timing.set_ccd_l(std::max(timing.ccd_l(), value));
    if (field == "wtr_s") timing.set_wtr_l(std::max(timing.wtr_l(), value));
    const auto path = folder_ / (device + "." + field + ".textproto");
    write_file_atomically(path, to_textproto(table));
    return path.string();
  }

  fs::path folder_;

 private:
  static std::uint32_t raise(pb::Message& message, const std::string& name) {
    const auto* field = message.GetDescriptor()->FindFieldByName(name);
    const auto* reflection = message.GetReflection();
    if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_INT32) {
      reflection->SetInt32(&message, field, reflection->GetInt32(message, field) + 1);
      return 0;
    }
    // A command of no stated length takes one cycle.
    const bool length = name.ends_with("_length");
    const auto value = std::max(reflection->GetUInt32(message, field), length ? 1u : 0u) + 1;
    reflection->SetUInt32(&message, field, value);
    return value;
  }
};

// Fields of accelerators that count cycles, or words, lanes and places per cycle.
struct Change {
  const char* field;
  const char* value;  ///< the least change of what tangram-4x4 or five_memories has
};
constexpr Change kChanges[] = {
    {"tile.issue_cycles", "2"},
    {"tile.array.pipeline_cycles", "2"},
    {"tile.array.bus_words_per_cycle.input", "7"},
    {"tile.array.bus_words_per_cycle.weight", "7"},
    {"tile.array.bus_words_per_cycle.output", "7"},
    {"tile.array.reduction", "TREE"},
    {"tile.array.input_delivery", "SYSTOLIC"},
    {"tile.array.weight_delivery", "SYSTOLIC"},
    {"tile.array.register_rings", "true"},
    {"tile.array.weights_first", "true"},
    {"tile.vector_unit.lanes", "9"},
    {"tile.vector_unit.pipeline_cycles", "5"},
    {"tile.vector_unit.special_function_cycles", "5"},
    {"tile.buffer.banks", "16"},
    {"tile.buffer.line_bytes", "64"},
    {"tile.interface.max_payload_bytes", "240"},
    {"tile.interface.outstanding_receives", "7"},
    {"noc.routing_delay", "0"},
    {"noc.credit_delay", "2"},
    {"noc.link_latency", "2"},
    {"noc.injection_latency", "2"},
    {"noc.ejection_latency", "2"},
    {"noc.vc_buffer", "18"},
    {"noc.speculative", "true"},
    {"noc.wait_for_tail_credit", "true"},
    {"noc.allocator", "WAVEFRONT"},
    {"noc.multicast", "false"},
    {"noc.routing", "YX"},
    {"dram_interleave_bytes", "512"},
    {"dram[4].write_buffer_bytes", "511"},
    {"clock_mhz", "501"},
};

class GoldenMutationOfAccelerator : public GoldenMutation,
                                    public testing::WithParamInterface<Change> {};

std::string name_of(const testing::TestParamInfo<Change>& info) {
  std::string name = info.param.field;
  std::ranges::replace_if(
      name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

/// Timings of DRAM devices: every field of the schema, so that a new one has to be noticed as well.
struct DeviceField {
  std::string part, name;
};

void PrintTo(const DeviceField& field, std::ostream* out) { *out << field.name; }

// Burst length is geometry. Per-bank refresh and on-die error correction belong to options and
// devices that machines do not have. Nothing else is issued while a rank refreshes, however long
// the command; and a refresh follows on a precharge, at least ras + rp after the last activation,
// which is rc.
const std::vector<std::string> kNotInMachines = {
    "burst", "rfc_pb", "pb_to_pb", "pb_to_act", "ccd_l_wr", "refresh_length", "act_to_refresh"};

std::vector<DeviceField> device_fields() {
  std::vector<DeviceField> fields;
  const auto add = [&](const std::string& part, const pb::Descriptor& type) {
    for (int i = 0; i < type.field_count(); ++i)
      if (std::ranges::find(kNotInMachines, type.field(i)->name()) == kNotInMachines.end())
        fields.push_back({part, type.field(i)->name()});
  };
  add("timing", *dram::proto::Timing::descriptor());
  add("bus_terms", *dram::proto::BusTerms::descriptor());
  return fields;
}

class GoldenMutationOfDevice : public GoldenMutation,
                               public testing::WithParamInterface<DeviceField> {};

/// First recorded event of this nature.
TraceEvent first_event(const fs::path& trace,
                       const std::function<bool(const TraceEvent&)>& wanted) {
  sim::TraceReader reader(trace.string());
  for (TraceEvent event; reader.next(event);)
    if (wanted(event)) return event;
  throw std::logic_error("no such event in " + trace.string());
}

std::string where(const TraceEvent& event, const fs::path& trace) {
  const auto names = sim::names_of(sim::TraceReader(trace.string()).run());
  return detail::concatenate("first difference at cycle ", event.cycle, ", ",
                             names.place(event.place), ", ");
}

}  // namespace

TEST_P(GoldenMutationOfAccelerator, IsNoticed) {
  const auto change = std::string(GetParam().field) + "=" + GetParam().value;
  std::string said;
  for (const auto& golden : golden_cases()) {
    const auto end = check(golden.path(), {change});
    // A case whose machine does not allow the value says nothing about it.
    ASSERT_TRUE(end.exit_code == 0 || end.exit_code == 2 || end.exit_code == kDifference)
        << end.errors;
    if (end.exit_code != kDifference) {
      said += end.errors;
      continue;
    }
    EXPECT_NE(end.errors.find("inputs differ: accelerator"), std::string::npos) << end.errors;
    return;
  }
  FAIL() << change << " changes no golden trace\n" << said;
}

INSTANTIATE_TEST_SUITE_P(All, GoldenMutationOfAccelerator, testing::ValuesIn(kChanges), name_of);

TEST_P(GoldenMutationOfDevice, IsNoticed) {
  const auto& field = GetParam();
  const std::vector<std::string> devices = {"lpddr4_3200", "ddr4_2400", "hbm2_pc", "lpddr5_6400",
                                            "gddr6"};
  std::string said;
  for (const std::string name : {"traffic", "simba-4x4.layerwise"})
    for (std::size_t channel = 0; channel < (name == "traffic" ? devices.size() : 1); ++channel) {
      const auto device = changed_device(devices[channel], field.part, field.name);
      Assignments changes = {detail::concatenate("dram[", channel, "].device=", device)};
      if (name != "traffic")
        for (int other = 1; other < 4; ++other)
          changes.push_back(detail::concatenate("dram[", other, "].device=", device));
      const auto end = check(golden(name), changes);
      if (end.exit_code == kDifference) return;
      said += end.errors;
    }
  FAIL() << field.part << "." << field.name << " changes no golden trace\n" << said;
}

INSTANTIATE_TEST_SUITE_P(All, GoldenMutationOfDevice, testing::ValuesIn(device_fields()),
                         [](const auto& info) { return info.param.name; });

// Where a change shows first, derived from the recording: nothing earlier can depend on it.

TEST_F(GoldenMutation, LongerIssueShowsAtTheFirstInstructionThatWaitsForAnother) {
  const auto mixed = golden("mixed");
  // Load queues issue their first instruction in cycle 0 and their second one when that has been
  // issued.
  const auto second = first_event(mixed, [](const TraceEvent& event) {
    return event.kind == EventKind::kBegin && event.cycle > 0;
  });
  ASSERT_EQ(second.cycle, 1u);
  const auto end = check(mixed, {"tile.issue_cycles=2"});
  EXPECT_NE(end.errors.find(where(second, mixed)), std::string::npos) << end.errors;
}

TEST_F(GoldenMutation, DeeperVectorPipelineShowsAtTheFirstSoftmax) {
  // A softmax folds the lanes twice before it can go on, each time a pipeline's depth per level of
  // the tree: no instruction hides that. Nothing else runs on the vector units.
  const auto network = folder_ / "softmax.textproto";
  write_file_atomically(network, R"(name: "softmax" input { name: "x" shape: [8, 64] }
                                    layer { name: "softmax" input: "x" softmax { axis: -1 } })");
  const auto trace = folder_ / "softmax.trace";
  ASSERT_EQ(run_tessera(folder_, {"trace", "record", "--accelerator", "tangram-4x4", "--network",
                                  network.string(), "--out", trace.string()})
                .exit_code,
            0);
  fs::remove(network);  // the trace has its own
  const auto first = first_event(trace, [](const TraceEvent& event) {
    return event.kind == EventKind::kEnd &&
           event.code == static_cast<std::uint8_t>(mapping::program::VECTOR);
  });
  const auto end = check(trace, {"tile.vector_unit.pipeline_cycles=5"});
  EXPECT_EQ(end.exit_code, kDifference);
  EXPECT_NE(end.errors.find(where(first, trace)), std::string::npos) << end.errors;
  EXPECT_NE(end.errors.find("only the recording has:\n"), std::string::npos) << end.errors;
  EXPECT_NE(end.errors.find("end      vector, layer softmax"), std::string::npos) << end.errors;
  EXPECT_NE(end.errors.find("tile.vector_unit.pipeline_cycles: 4 -> 5"), std::string::npos)
      << end.errors;
}

TEST_F(GoldenMutation, SlowerInjectionShowsAtTheFirstDelivery) {
  const auto mixed = golden("mixed");
  const auto first =
      first_event(mixed, [](const TraceEvent& event) { return event.kind == EventKind::kDeliver; });
  const auto end = check(mixed, {"noc.injection_latency=2"});
  EXPECT_NE(end.errors.find(where(first, mixed)), std::string::npos) << end.errors;
}

TEST_F(GoldenMutation, SlowerRowShowsAtTheFirstReadOfItsChannel) {
  const auto traffic = golden("traffic");
  const std::vector<std::string> devices = {"lpddr4_3200", "ddr4_2400", "hbm2_pc", "lpddr5_6400",
                                            "gddr6"};
  for (std::uint32_t channel = 0; channel < devices.size(); ++channel) {
    const auto first = first_event(traffic, [&](const TraceEvent& event) {
      return event.place == 9 + channel &&
             event.code == static_cast<std::uint8_t>(dram::CommandKind::kRead) &&
             event.kind == EventKind::kCommand;
    });
    const auto end =
        check(traffic, {detail::concatenate("dram[", channel, "].device=",
                                            changed_device(devices[channel], "timing", "rcd_rd"))});
    EXPECT_EQ(end.exit_code, kDifference);
    EXPECT_NE(end.errors.find(where(first, traffic)), std::string::npos) << end.errors;
  }
}

TEST_F(GoldenMutation, NothingChangedIsNoDifference) {
  // The same assignments with the values that the machine has.
  EXPECT_EQ(check(golden("mixed"), {"tile.issue_cycles=1", "tile.vector_unit.pipeline_cycles=4",
                                    "noc.injection_latency=1"})
                .exit_code,
            0);
}

}  // namespace tessera::test
