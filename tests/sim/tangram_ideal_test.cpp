// nn_dataflow's schedules on the machine with all parts ideal, beside its own model: words and
// word-hops of every tensor, operations, and time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <sstream>

#include "hw_models/description/convert.h"
#include "mapping/cost/tangram/model.h"
#include "mapping/cost/tangram/tool_layers.h"
#include "mapping/importers/machine/tool_case.h"
#include "mapping/importers/tangram/in_turns.h"
#include "mapping/importers/tangram/shared_input.h"
#include "mapping/lowering.h"
#include "sim/base/child_process.h"
#include "sim/base/error.h"
#include "sim/results/collect.h"
#include "tests/support/reference_archive.h"
#include "tests/support/simulation.h"

namespace tessera::test {
namespace {

using mapping::tangram::Document;
using mapping::tangram::NetworkResult;

/// A schedule as a file, as long as it lives.
class ScheduleFile {
 public:
  explicit ScheduleFile(const std::string& name)
      : folder_(
            unpack({{name + ".json", load_reference("tangram").at("schedules/" + name + ".json")}},
                   "tangram_" + name)),
        path_((folder_ / (name + ".json")).string()) {}
  ~ScheduleFile() { std::filesystem::remove_all(folder_); }
  ScheduleFile(const ScheduleFile&) = delete;
  ScheduleFile& operator=(const ScheduleFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::filesystem::path folder_;
  std::string path_;
};

struct Counts {
  std::int64_t dram[3] = {}, buffer[3] = {};  ///< weights, inputs, outputs
  std::int64_t operations = 0;
  std::int64_t word_hops[3] = {};  ///< but for those of data that go round
  bool operator==(const Counts&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Counts& counts) {
  for (int d = 0; d < 3; ++d) out << counts.dram[d] << " ";
  for (int d = 0; d < 3; ++d) out << counts.buffer[d] << " ";
  for (int d = 0; d < 3; ++d) out << counts.word_hops[d] << " ";
  return out << "hops, " << counts.operations;
}

std::map<std::string, Counts> predicted(const Document& document, const NetworkResult& result) {
  std::map<std::string, Counts> counts;
  for (std::size_t i = 0; i < document.layers.size(); ++i) {
    auto& layer = counts[document.layers[i].name];
    const auto& words = result.layers[i].words;
    for (std::size_t d = 0; d < 3; ++d) {
      layer.dram[d] = words.dram[d];
      layer.buffer[d] = words.gbuf[d];
      layer.word_hops[d] = result.layers[i].memory_hops[d];
    }
    if (document.layers[i].shape.is_convolution) layer.operations = result.layers[i].operations;
  }
  return counts;
}

/// A copy that is handed on counts for the layer that fetches it in the tool; -1: for none.
int layer_counted_for(const Document& pieces,
                      const std::vector<mapping::tangram::SharedInput>& shared,
                      const std::string& name) {
  for (const auto& input : shared)
    if (std::ranges::find(input.copies, name, &mapping::tangram::SharedInput::Copy::name) !=
        input.copies.end())
      return input.first;
  return pieces.layer_index(name);
}

/// As the result says; a layer that was cut into pieces is the sum of them.
std::map<std::string, Counts> counted(const Document& document, const mapping::Program& program,
                                      const sim::proto::Result& result) {
  const auto pieces = mapping::tangram::in_turns(document);
  const auto shared = mapping::tangram::shared_inputs(pieces);
  std::map<std::string, Counts> counts;
  for (std::size_t s = 0; s < program.stages.size(); ++s) {
    const auto& layer = program.network.layers[static_cast<std::size_t>(program.stages[s].layer)];
    const int index = layer_counted_for(pieces, shared, layer.name);
    if (index < 0) continue;
    auto& into = counts[pieces.layers[static_cast<std::size_t>(index)].name_in_file()];
    const auto& found = result.layers(static_cast<int>(s));
    const int inputs = static_cast<int>(layer.inputs.size());
    for (int x = 0; x <= inputs; ++x) {
      const bool weight = x < inputs && layer.inputs[static_cast<std::size_t>(x)].role ==
                                            workloads::OperandRole::kWeight;
      const int datum = x == inputs ? 2 : weight ? 0 : 1;
      into.dram[datum] += found.counted_as_tool(x).dram();
      into.buffer[datum] += found.counted_as_tool(x).buffer();
      into.word_hops[datum] += found.counted_as_tool(x).word_hops();
    }
    if (layer.kind == workloads::LayerKind::kMatrix)
      into.operations += found.macs() + found.recomputed_macs();
  }
  return counts;
}

struct Outcome {
  Cycle predicted = 0, simulated = 0;
  std::string differences;  ///< a line for each layer whose counts are not the tool's
  double error() const {
    return 100.0 * (static_cast<double>(simulated) - static_cast<double>(predicted)) /
           static_cast<double>(predicted);
  }
};

Outcome run(const std::string& name) {
  const ScheduleFile kept(name);
  const auto& file = kept.path();
  auto document = mapping::tangram::load_document(file);
  const auto prediction = mapping::tangram::predict(document);
  document.hardware.unlimited_gbuf = true;
  const auto loaded =
      mapping::importers::load_tool_case("tangram", "", file, "", {.unlimited_buffers = true});
  auto accelerator = hw::to_accelerator(loaded.machine, name);
  hw::idealise(accelerator, hw::IdealSet::all());
  const auto program = mapping::lower(loaded.schedule, loaded.network, accelerator);
  const auto child = in_child([&] {
    sim::MachineOptions options;
    options.tool_layers = mapping::tangram::tool_layers(document, program);
    sim::Machine machine(accelerator, program, options);
    std::ostringstream text;
    const Cycle cycles = machine.run();
    text << cycles << "\n";
    const auto ours = counted(document, program, sim::collect(machine, cycles));
    for (const auto& [layer, counts] : predicted(document, prediction))
      if (ours.at(layer) != counts)
        text << layer << ": " << ours.at(layer) << " instead of " << counts << "\n";
    return text.str();
  });
  std::istringstream text(child.value());
  Outcome outcome{static_cast<Cycle>(prediction.time), 0, ""};
  text >> outcome.simulated >> std::ws;
  std::getline(text, outcome.differences, '\0');
  return outcome;
}

const std::vector<std::string> kRefused = {"lstm_showtell_4x4_b4_tangram"};

std::vector<std::string> names() {
  std::vector<std::string> names;
  for (const auto& [path, text] : load_reference("tangram"))
    if (path.starts_with("schedules/"))
      names.push_back(std::filesystem::path(path).stem().string());
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> names_to_run() {
  auto kept = names();
  std::erase_if(kept, [](const auto& name) { return std::ranges::count(kRefused, name) > 0; });
  return kept;
}

class TangramIdeal : public testing::TestWithParam<std::string> {};

TEST_P(TangramIdeal, CountsAndTakesWhatTheToolPredicts) {
  const auto outcome = run(GetParam());
  EXPECT_EQ(outcome.differences, "");
  EXPECT_LE(std::abs(outcome.error()), 2.0) << outcome.simulated << " of " << outcome.predicted;
  RecordProperty("percent", std::to_string(outcome.error()));
}

INSTANTIATE_TEST_SUITE_P(All, TangramIdeal, testing::ValuesIn(names_to_run()),
                         [](const auto& one) { return one.param; });

TEST(TangramIdealList, HasEverySchedule) {
  EXPECT_EQ(names().size(), 46u);
  EXPECT_EQ(names_to_run().size(), 46u - kRefused.size());
}

TEST(TangramIdealList, RefusedOnesAreRefused) {
  for (const auto& name : kRefused) EXPECT_THROW(run(name), UserError) << name;
}

}  // namespace
}  // namespace tessera::test
