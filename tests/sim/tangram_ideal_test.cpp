// nn_dataflow's schedules on the machine with all parts ideal, beside its own model: words of every
// tensor, operations, and time.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <sstream>

#include "hw_models/description/convert.h"
#include "mapping/cost/tangram/model.h"
#include "mapping/cost/tangram/tool_layers.h"
#include "mapping/importers/machine/tool_case.h"
#include "mapping/importers/tangram/in_turns.h"
#include "mapping/lowering.h"
#include "sim/base/child_process.h"
#include "sim/base/error.h"
#include "tests/support/reference_archive.h"
#include "tests/support/simulation.h"

namespace tessera::test {
namespace {

using mapping::tangram::Document;
using mapping::tangram::NetworkResult;

const std::filesystem::path& schedules() {
  static const auto folder = unpack(load_reference("tangram"), "tangram_ideal") / "schedules";
  return folder;
}

struct Counts {
  std::int64_t dram[3] = {}, buffer[3] = {};  ///< weights, inputs, outputs
  std::int64_t operations = 0;
  bool operator==(const Counts&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Counts& counts) {
  for (int d = 0; d < 3; ++d) out << counts.dram[d] << " ";
  for (int d = 0; d < 3; ++d) out << counts.buffer[d] << " ";
  return out << counts.operations;
}

std::map<std::string, Counts> predicted(const Document& document, const NetworkResult& result) {
  std::map<std::string, Counts> counts;
  for (std::size_t i = 0; i < document.layers.size(); ++i) {
    auto& layer = counts[document.layers[i].name];
    const auto& words = result.layers[i].words;
    for (std::size_t d = 0; d < 3; ++d) {
      layer.dram[d] = words.dram[d];
      layer.buffer[d] = words.gbuf[d];
    }
    if (document.layers[i].shape.is_convolution) layer.operations = result.layers[i].operations;
  }
  return counts;
}

std::map<std::string, Counts> counted(const Document& document, const sim::Machine& machine) {
  const auto pieces = mapping::tangram::in_turns(document);
  std::map<std::string, Counts> counts;
  const auto& program = machine.program();
  std::vector<std::int64_t> macs(program.stages.size());
  for (const auto& tile : machine.tiles())
    for (std::size_t turn = 0; turn < tile->counts().size(); ++turn)
      macs[static_cast<std::size_t>(machine.index().turns(tile->id())[turn].stage)] +=
          tile->counts()[turn].macs;
  for (std::size_t s = 0; s < program.stages.size(); ++s) {
    const auto& layer = program.network.layers[static_cast<std::size_t>(program.stages[s].layer)];
    const int index = pieces.layer_index(layer.name);
    if (index < 0) continue;
    auto& into = counts[pieces.layers[static_cast<std::size_t>(index)].name_in_file()];
    const int inputs = static_cast<int>(layer.inputs.size());
    for (int x = 0; x <= inputs; ++x) {
      const bool weight = x < inputs && layer.inputs[static_cast<std::size_t>(x)].role ==
                                            workloads::OperandRole::kWeight;
      const int datum = x == inputs ? 2 : weight ? 0 : 1;
      into.dram[datum] += machine.tool()->words(static_cast<int>(s), x);
      into.buffer[datum] += machine.tool()->buffer_words(static_cast<int>(s), x);
    }
    if (layer.kind == workloads::LayerKind::kMatrix) into.operations += macs[s];
  }
  return counts;
}

struct Outcome {
  Cycle predicted = 0, simulated = 0;
  std::string differences;  ///< a line per layer whose counts are not the tool's
  double error() const {
    return 100.0 * (static_cast<double>(simulated) - static_cast<double>(predicted)) /
           static_cast<double>(predicted);
  }
};

Outcome run(const std::string& name) {
  const auto file = (schedules() / (name + ".json")).string();
  const auto document = mapping::tangram::load_document(file);
  const auto prediction = mapping::tangram::predict(document);
  const auto loaded = mapping::importers::load_tool_case("tangram", "", file, "");
  auto accelerator = hw::to_accelerator(loaded.machine, name);
  hw::idealise(accelerator, hw::IdealSet::all());
  const auto program = mapping::lower(loaded.schedule, loaded.network, accelerator);
  const auto child = in_child([&] {
    sim::MachineOptions options;
    options.tool_layers = mapping::tangram::tool_layers(document, program);
    sim::Machine machine(accelerator, program, options);
    std::ostringstream text;
    text << machine.run() << "\n";
    const auto theirs = predicted(document, prediction);
    for (const auto& [layer, counts] : counted(document, machine))
      if (counts != theirs.at(layer))
        text << layer << ": " << counts << " instead of " << theirs.at(layer) << "\n";
    return text.str();
  });
  std::istringstream text(child.value());
  Outcome outcome{static_cast<Cycle>(prediction.time), 0, {}};
  text >> outcome.simulated >> std::ws;
  std::getline(text, outcome.differences, '\0');
  return outcome;
}

TEST(Explore, All) {
  for (const auto& entry : std::filesystem::directory_iterator(schedules())) {
    const std::string name = entry.path().stem().string();
    try {
      const auto o = run(name);
      std::cout << "== " << name << " " << o.predicted << " " << o.simulated << " " << o.error()
                << "\n"
                << o.differences << std::flush;
    } catch (const UserError& e) {
      std::cout << "== " << name << " refused " << e.what() << "\n";
    }
  }
}

}  // namespace
}  // namespace tessera::test
