#include "tests/support/simulation.h"

#include <gtest/gtest.h>

#include <sstream>
#include <stdexcept>

#include "mapping/program_io.h"
#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/results/collect.h"
#include "workloads/reference_executor.h"

namespace tessera::test {

std::string difference_from_reference(const sim::Machine& machine, std::uint64_t seed) {
  const auto& program = machine.program();
  auto expected = workloads::seeded_values(program.network, seed);
  workloads::execute(program.network, expected);
  for (const auto& part : program.parts) {
    if (part.home == mapping::Home::kTiles || part.home == mapping::Home::kWindow) continue;
    const auto& found = machine.memory()->values()[part.tensor];
    const auto& tensor = program.network.tensors[part.tensor];
    std::string difference;
    for_each_index(part.region, [&](std::span<const std::int64_t> index) {
      std::size_t flat = 0;
      for (std::size_t d = 0; d < index.size(); ++d)
        flat =
            flat * static_cast<std::size_t>(tensor.extents[d]) + static_cast<std::size_t>(index[d]);
      if (difference.empty() && found[flat] != expected[part.tensor][flat])
        difference = detail::concatenate("tensor ", tensor.name, " element ", flat, " is ",
                                         found[flat], "; expected ", expected[part.tensor][flat]);
    });
    if (!difference.empty()) return difference;
  }
  return "";
}

ChildResult simulate(const hw::Accelerator& accelerator, const mapping::Program& program,
                     std::uint64_t seed, bool detailed_arrays) {
  return in_child([&] {
    sim::MachineOptions options;
    options.functional = true;
    options.seed = seed;
    options.detailed_arrays = detailed_arrays;
    sim::Machine machine(accelerator, program, options);
    const Cycle cycles = machine.run();
    const auto result = sim::collect(machine, cycles);
    if (const auto difference = difference_from_reference(machine, seed); !difference.empty())
      throw std::runtime_error(difference);
    return to_json(result);
  });
}

std::string expect_right_values(const hw::Accelerator& accelerator, const mapping::Program& program,
                                std::uint64_t seed) {
  EXPECT_NO_THROW(mapping::check(program, limits_of(accelerator)));
  const auto run = simulate(accelerator, program, seed);
  EXPECT_TRUE(run.ok()) << run.text;
  return run.text;
}

void expect_same_in_every_form(const hw::Accelerator& accelerator, const mapping::Program& program,
                               std::uint64_t seed, bool detailed_arrays) {
  const auto result = expect_right_values(accelerator, program, seed);
  const auto bytes = mapping::to_program_bytes(program);
  const auto reloaded = mapping::parse_program(bytes, "reloaded");
  EXPECT_EQ(mapping::to_program_bytes(reloaded), bytes);
  auto other = accelerator;
  const bool runs = other.network.detail() == noc::proto::RUN;
  other.network.set_detail(runs ? noc::proto::FLIT : noc::proto::RUN);
  EXPECT_EQ(simulate(other, reloaded, seed).text, result)
      << "from its file, network in the other detail";
  if (!detailed_arrays) return;
  EXPECT_EQ(simulate(accelerator, program, seed, true).text, result) << "arrays in detail";
}

std::string after_run(const hw::Accelerator& accelerator, const mapping::Program& program,
                      const Tell& tell, const sim::MachineOptions& options) {
  const auto run = in_child([&] {
    sim::Machine machine(accelerator, program, options);
    const Cycle cycles = machine.run();
    return tell(machine, cycles);
  });
  EXPECT_TRUE(run.ok()) << run.text;
  return run.ok() ? run.text : "";
}

std::vector<std::string> tiles_after_run(
    const hw::Accelerator& accelerator, const mapping::Program& program,
    const std::function<std::string(const hw::Tile& tile)>& tell) {
  std::istringstream text(after_run(accelerator, program, [&](const sim::Machine& machine, Cycle) {
    std::string lines;
    for (const auto& tile : machine.tiles()) lines += tell(*tile) + "\n";
    return lines;
  }));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

std::string payload_of(const hw::Tile& tile) {
  return detail::concatenate(tile.payload_sent(), " ", tile.payload_received());
}

Bytes bytes_in_buffer(const mapping::Stage& stage) {
  Bytes bytes = 0;
  for (const auto& slot : stage.slots)
    if (!slot.staging) bytes += slot.bytes();
  return bytes;
}

}  // namespace tessera::test
