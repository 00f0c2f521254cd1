// The machine: tiles, network and DRAM wired together and run by the SystemC kernel.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hw_models/memory_interface/dram_interface.h"
#include "hw_models/memory_interface/memory_image.h"
#include "hw_models/memory_interface/shared_buffer.h"
#include "hw_models/tile/tile.h"
#include "mapping/program_index.h"
#include "noc/network.h"
#include "sim/machine/clocked_module.h"
#include "sim/machine/detailed_array.h"
#include "sim/machine/observer.h"
#include "sim/machine/packet_switch.h"

namespace tessera::sim {

/// How far a run is.
struct Progress {
  Cycle cycle = 0;
  double work_done = 0;  ///< share of the operations of all layers that tiles have begun
  std::string layer;     ///< the latest one that a tile computes
};

/// How a program is run; nothing here changes the machine but the idealisations.
struct MachineOptions {
  bool detailed_arrays = false;  ///< one module per PE instead of the closed form: slow, the oracle
  bool functional = false;       ///< carry values and keep DRAM contents
  bool whole_blocks =
      false;  ///< idealisation toolwords: whole blocks, as Interstellar counts, no sliding windows
  /// Of nn_dataflow, per stage: the idealisations toolwords, overlap and dram make its machine.
  std::vector<mapping::ToolLayer> tool_layers = {};
  bool traffic_classes = false;  ///< links count the flits of every hw::TrafficClass apart
  std::uint64_t seed = 1;        ///< of inputs and weights in functional mode
  Cycle progress_every = 0;      ///< cycles between calls of `progress`; 0: none
  std::function<void(const Progress&)> progress;
  noc::DeliveryObserver* packet_observer =
      nullptr;                            ///< watches the network; must outlive the machine
  std::vector<Observer*> observers = {};  ///< told in this order; they must outlive the machine
};

/// Everything that stands on the network, each with the module that gives it time.
struct MachineParts {
  std::vector<std::unique_ptr<hw::Tile>> tiles;
  std::vector<std::unique_ptr<hw::DramInterface>> dram;
  std::vector<std::unique_ptr<hw::SharedBuffer>> shared_buffers;
  std::vector<std::unique_ptr<ClockedModule>> tile_modules, dram_modules, shared_modules;
};

/// One cycle of a clock in the kernel's time.
std::uint64_t clock_period_ps(double clock_mhz);

/// Builds everything at construction, runs once.
class Machine {
 public:
  /// Both must outlive the machine. UserError when the description cannot be built.
  Machine(const hw::Accelerator& accelerator, const mapping::Program& program,
          MachineOptions options);
  ~Machine();

  /// Runs to the end. NoProgress listing every waiting part when events run out before the work is
  /// done; InvariantViolation when a self-check fails. Returns the cycle after the last one in
  /// which anything happened.
  Cycle run();

  const mapping::ProgramIndex& index() const { return index_; }
  const mapping::Program& program() const { return program_; }
  const hw::Accelerator& accelerator() const { return accelerator_; }
  const std::vector<std::unique_ptr<hw::Tile>>& tiles() const { return parts_.tiles; }
  const std::vector<std::unique_ptr<hw::DramInterface>>& dram() const { return parts_.dram; }
  const std::vector<std::unique_ptr<hw::SharedBuffer>>& shared_buffers() const {
    return parts_.shared_buffers;
  }
  const noc::Network& network() const { return *network_; }
  const noc::Topology& topology() const { return topology_; }
  const PacketSwitch& packets() const { return *switch_; }
  /// nullptr where the network adds nothing.
  const noc::Reducer* reducer() const { return reducer_.get(); }
  /// Machine of nn_dataflow; nullptr for others.
  const hw::ToolMachine* tool() const { return tool_.get(); }
  /// Functional mode: contents of DRAM and shared buffers.
  const hw::MemoryImage* memory() const { return memory_.get(); }

 private:
  void build_network();
  void build_tool_machine();
  void build_dram();
  void build_shared_buffers();
  void check_capacity(std::size_t channel, const dram::Device& device) const;
  void build_tiles();
  void build_detailed_array(int tile);
  void attach_observers();
  Cycle step_network(Cycle now);
  void advance_network(Cycle now);
  void take_samples(Cycle now);
  void report_progress(Cycle now);
  void check_finished() const;
  void rethrow_failure() const;

  const hw::Accelerator& accelerator_;
  const mapping::Program& program_;
  MachineOptions options_;
  mapping::ProgramIndex index_;
  hw::ComputeModel compute_;
  std::unique_ptr<hw::ToolMachine> tool_;
  hw::TileContext context_;
  std::uint64_t period_ps_;
  std::unique_ptr<hw::MemoryImage> memory_;
  noc::Topology topology_;
  std::unique_ptr<noc::Routing> routing_;
  std::unique_ptr<noc::Network> network_;
  std::unique_ptr<PacketSwitch::Listener> listener_;
  std::unique_ptr<IdealTransport> ideal_transport_;
  std::unique_ptr<PacketSwitch> switch_;
  std::unique_ptr<noc::Reducer> reducer_;  ///< where a stage wants its sums made on the way
  MachineParts parts_;
  std::vector<std::unique_ptr<DetailedArray>> detailed_arrays_;
  std::unique_ptr<ClockedModule> network_module_;
  std::unique_ptr<ObserverList> observers_;  ///< several observers as one
  Observer* observer_ = nullptr;
  Cycle next_sample_ = kNever;
  std::vector<std::unique_ptr<dram::CommandListener>> command_listeners_;
  Cycle next_progress_ = 0;
  double all_work_ = 0;
};

}  // namespace tessera::sim
