#include "sim/results/summary.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace tessera::sim {

namespace {

template <typename... Values>
std::string format(const char* pattern, Values... values) {
  char buffer[256];
  std::snprintf(buffer, sizeof buffer, pattern, values...);
  return buffer;
}

std::string scaled(double value, const char* unit) {
  constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T"};
  int prefix = 0;
  while (value >= 1000 && prefix < 4) {
    value /= 1000;
    ++prefix;
  }
  return format("%.*f %s%s", value < 10 ? 2 : value < 100 ? 1 : 0, value, kPrefixes[prefix], unit);
}

std::string stack_lines(const proto::Result& result) {
  const auto& stack = result.cycle_stack();
  const std::vector<std::pair<const char*, std::uint64_t>> causes = {
      {"computing", stack.compute()},
      {"array fill and drain", stack.array_fill_drain()},
      {"buffer slots and delivery", stack.buffer_and_delivery()},
      {"vector unit", stack.vector()},
      {"issuing", stack.control()},
      {"waiting for DRAM", stack.wait_dram()},
      {"waiting for shared buffers", stack.wait_shared_buffer()},
      {"waiting for the network", stack.wait_network()},
      {"waiting for a peer", stack.wait_peer()},
      {"idle", stack.idle()}};
  const double total = static_cast<double>(result.cycles()) * static_cast<double>(result.tiles());
  std::string text = "\nWhere the tiles' cycles went\n";
  for (const auto& [name, cycles] : causes) {
    if (cycles == 0 && result.shared_buffers_size() == 0 &&
        std::string_view(name).ends_with("shared buffers"))
      continue;
    const double share = total > 0 ? 100 * static_cast<double>(cycles) / total : 0;
    text += format("  %-26s %5.1f %%  ", name, share) +
            std::string(static_cast<std::size_t>(share / 2.5), '#') + "\n";
  }
  return text;
}

std::string energy_lines(const proto::Energy& energy) {
  std::string text = format("\nEnergy %.3f mJ:", energy.total() * 1e-9);
  const std::vector<std::pair<const char*, double>> parts = {
      {"MAC", energy.mac()},
      {"registers", energy.register_file()},
      {"array", energy.array()},
      {"buffer", energy.buffer()},
      {"vector", energy.vector_unit()},
      {"network", energy.network()},
      {"DRAM", energy.dram()},
      {"shared buffers", energy.shared_buffer()},
      {"static", energy.static_()}};
  for (const auto& [name, value] : parts)
    if (value > 0) text += format(" %s %.1f %%", name, 100 * value / energy.total());
  return text + "\n";
}

std::string slowest_layers(const proto::Result& result) {
  std::vector<const proto::Layer*> layers;
  for (const auto& layer : result.layers()) layers.push_back(&layer);
  std::ranges::stable_sort(layers,
                           [](const auto* a, const auto* b) { return a->cycles() > b->cycles(); });
  constexpr std::size_t kShown = 8;
  std::string text = format("\n  %-24s %-10s %12s %7s %12s\n", "slowest layers", "kind", "cycles",
                            "share", "utilisation");
  for (std::size_t i = 0; i < std::min(kShown, layers.size()); ++i)
    text +=
        format("  %-24s %-10s %12llu %5.1f %% %10.1f %%\n", layers[i]->name().substr(0, 24).c_str(),
               layers[i]->kind().c_str(), static_cast<unsigned long long>(layers[i]->cycles()),
               100.0 * static_cast<double>(layers[i]->cycles()) /
                   static_cast<double>(std::max<std::uint64_t>(1, result.cycles())),
               100 * layers[i]->utilisation());
  return text;
}

/// What the data buses of all channels did with the run.
std::string bus_line(const proto::Result& result) {
  double total = 0, data = 0, none = 0, refresh = 0, row = 0, turn = 0, group = 0, other = 0;
  for (const auto& channel : result.dram_channels()) {
    const auto& bus = channel.bus_cycles();
    total += static_cast<double>(channel.cycles()) / 100;
    data += static_cast<double>(bus.data());
    none += static_cast<double>(bus.no_requests());
    refresh += static_cast<double>(bus.refresh());
    row += static_cast<double>(bus.row());
    turn += static_cast<double>(bus.turnaround());
    group += static_cast<double>(bus.group_spacing());
    other += static_cast<double>(bus.arbitration());
  }
  if (total == 0) return "";
  return format(
      "         bus: data %.1f  no requests %.1f  refresh %.1f  row %.1f  turnaround %.1f  bank "
      "group %.1f  "
      "arbitration %.1f %%\n",
      data / total, none / total, refresh / total, row / total, turn / total, group / total,
      other / total);
}

/// Classes that there were, as shares of all flit-hops.
std::string traffic_line(const proto::Network& network) {
  if (!network.has_flit_hops_by_class() || network.flit_hops() == 0) return "";
  const auto& traffic = network.flit_hops_by_class();
  const std::vector<std::pair<const char*, std::uint64_t>> classes = {
      {"fills", traffic.fill()},        {"forwarding", traffic.forward()},
      {"rotation", traffic.rotation()}, {"partial sums", traffic.sums()},
      {"stores", traffic.store()},      {"control", traffic.control()}};
  std::string text = "        ";
  for (const auto& [name, flits] : classes)
    if (flits > 0)
      text += format(" %s %.1f ", name,
                     100 * static_cast<double>(flits) / static_cast<double>(network.flit_hops()));
  return text + "%\n";
}

std::string memory_lines(const proto::Result& result) {
  double read = 0, written = 0, fraction = 0;
  for (const auto& channel : result.dram_channels()) {
    read += static_cast<double>(channel.read_bytes());
    written += static_cast<double>(channel.written_bytes());
    fraction += channel.bandwidth_fraction() / result.dram_channels_size();
  }
  double shared_read = 0, shared_written = 0, shared_use = 0;
  for (const auto& buffer : result.shared_buffers()) {
    shared_read += static_cast<double>(buffer.read_bytes());
    shared_written += static_cast<double>(buffer.written_bytes());
    shared_use += buffer.utilisation() / result.shared_buffers_size();
  }
  const std::string shared = result.shared_buffers_size() == 0
                                 ? ""
                                 : "Shared   " + scaled(shared_read, "B") + " read, " +
                                       scaled(shared_written, "B") + " written, " +
                                       format("ports busy %.1f %%\n", 100 * shared_use);
  const auto& network = result.network_on_chip();
  return "DRAM     " + scaled(read, "B") + " read, " + scaled(written, "B") + " written, " +
         format("%.0f %% of peak bandwidth over the run\n", 100 * fraction) + bus_line(result) +
         shared + "Network  " + scaled(static_cast<double>(network.flit_hops()), "flit-hops") +
         format(", links busy %.1f %% on average, %.1f %% at most\n",
                100 * network.mean_link_utilisation(), 100 * network.max_link_utilisation()) +
         traffic_line(network);
}

std::string prediction_line(const proto::Result& result) {
  const auto& predicted = result.predicted();
  std::string text = format("         the schedule's analysis expected %.0f", predicted.cycles());
  if (predicted.has_energy_pj())
    text += format(" and %.3f mJ", predicted.energy_pj().total() * 1e-9);
  return text + "\n";
}

}  // namespace

std::string summary(const proto::Result& result, const proto::Host& host) {
  std::string text =
      result.network() + " on " + result.accelerator() + ", schedule " + result.schedule() + "\n\n";
  text += format("Cycles   %llu (%.3f ms), ", static_cast<unsigned long long>(result.cycles()),
                 result.milliseconds()) +
          scaled(static_cast<double>(result.macs()), "MAC") +
          format(", %.1f %% of the multipliers' cycles used\n", 100 * result.utilisation());
  if (result.has_predicted()) text += prediction_line(result);
  text += memory_lines(result);
  text += format("Buffers  %llu B at most in one tile\n",
                 static_cast<unsigned long long>(result.peak_buffer_bytes()));
  if (result.has_functional_match()) text += "Values   every network output equals the reference\n";
  text += stack_lines(result) + energy_lines(result.energy_pj()) + slowest_layers(result);
  text += format("\nHost: %.1f s CPU, ", host.cpu_seconds()) +
          scaled(host.simulated_cycles_per_second(), "cycles/s") + ", " +
          scaled(host.macs_per_second(), "MAC/s") + ", " +
          scaled(static_cast<double>(host.peak_rss_bytes()), "B") + " peak\n";
  return text;
}

}  // namespace tessera::sim
