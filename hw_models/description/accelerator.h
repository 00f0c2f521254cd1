// What a machine is: the plain, checked form of accelerator.proto. Immutable after loading.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hw_models/description/idealisation.h"
#include "noc/topology/noc.pb.h"
#include "sim/base/types.h"

namespace tessera::hw {

/// Tile coordinate; tile id = row x columns + column.
struct Coordinate {
  int row = 0;
  int column = 0;
  bool operator==(const Coordinate&) const = default;
};

/// The three operands of an array instruction.
enum Operand : int { kInputOperand = 0, kWeightOperand = 1, kOutputOperand = 2 };
inline constexpr int kOperands = 3;

enum class Delivery {
  kMulticast,  ///< a bus reaches every PE in the same cycle
  kSystolic,   ///< words enter at the edge and move one PE a cycle
};

enum class SpatialReduction {
  kNone,   ///< no sums between PEs
  kChain,  ///< each PE adds its neighbour's sum: one cycle per PE
  kTree,   ///< adder tree: ceil(log2(n)) cycles
};

struct PeArrayDescription {
  int rows = 8;
  int columns = 8;
  int macs_per_pe = 1;        ///< multiply-accumulates of one PE per cycle (vector width)
  Delivery delivery[2] = {};  ///< input, weight
  SpatialReduction reduction = SpatialReduction::kChain;  ///< along array rows
  Bytes register_bytes = 64;  ///< register file of one PE when shared by all operands
  Bytes operand_register_bytes[kOperands] = {};  ///< per-operand files; all zero: one shared file
  int bus_words_per_cycle[kOperands] = {};       ///< buffer to array, array to buffer for outputs
  int pipeline_cycles = 1;                       ///< multiply to accumulate latency of a PE
  bool register_rings = false;  ///< input and output registers: words take places as they come free
  bool weights_first = false;   ///< inputs and sums set out when the first weights are there
  bool instant =
      false;  ///< ideal: fills before the first step and drains after the last take no time
};

/// The streams of the array (input, weight, partial-sum read, output write) each own a bank at a
/// time.
inline constexpr int kFewestBanks = 4;

/// Banked SRAM. Each bank serves one line per cycle and port; slots of a port are dealt in a fixed
/// order.
struct BufferDescription {
  Bytes bytes = 32 * 1024;
  int banks = 8;
  Bytes line_bytes = 32;
  int ports =
      2;  ///< 2: array/vector on one, network on the other; 1: they alternate cycle by cycle
  Bytes weight_bytes = 0;  ///< planned for weights alone, the rest in whole banks; 0: one pool
  bool unlimited_ports = false;  ///< ideal: any line, any number of lines, in any cycle
};

struct VectorUnitDescription {
  int lanes = 8;            ///< elements per cycle
  int pipeline_cycles = 4;  ///< latency of a simple operation
  int special_function_cycles =
      4;  ///< cycles per group of lanes for exp, sqrt, division, erf, tanh
};

struct NetworkInterfaceDescription {
  Bytes max_payload_bytes = 256;  ///< payload of one data packet; a head flit comes on top
  int outstanding_receives = 8;   ///< granules a tile may have requested and not yet received
  Bytes staging_bytes = 512;      ///< staging FIFO: data that bypasses the buffer, rotation
};

struct TileDescription {
  PeArrayDescription array;
  BufferDescription buffer;
  VectorUnitDescription vector_unit;
  NetworkInterfaceDescription interface;
  int issue_cycles = 1;      ///< cycles to issue one instruction from a queue
  bool free_copies = false;  ///< ideal: second copies in buffer and registers take no room
};

/// The memory controller of a channel; names as on the command line of `tessera dram`.
struct DramControllerDescription {
  std::string policy = "default";
  std::string page = "open";
  std::string refresh = "all-bank";
  int postponed_refreshes = 0;
  int read_depth = 0;  ///< 0: the policy's own
  int write_depth = 0;
  std::int64_t age_cap = 0;
};

struct DramInterfaceDescription {
  std::string device;  ///< name of a device table
  double data_rate_mt_s =
      0;          ///< re-clocks the device, timings kept in nanoseconds; 0: the table's own
  int ranks = 0;  ///< 0: the table's own
  std::string mapping = "B";  ///< address bits to banks and rows
  DramControllerDescription controller;
  Coordinate at;                    ///< mesh node it hangs on
  Bytes write_buffer_bytes = 8192;  ///< granted writes that have not reached the device yet
  double link_width_bits = 0;       ///< off-chip link between interface and device; 0: none
  double link_clock_mhz = 0;
};

struct SharedBufferDescription {
  std::string name;
  Coordinate at;
  Bytes bytes = 0;
  Bytes bytes_per_cycle = 32;       ///< of its one port, for reads and writes together
  int latency_cycles = 4;           ///< from the last cycle of a read at the port to the network
  Bytes write_buffer_bytes = 2048;  ///< granted writes that have not reached the memory yet
};

/// Picojoules per event. `source` says where the numbers come from and is printed with the energy.
struct EnergyTable {
  std::string source;
  double mac = 0;
  double register_access_word = 0;
  double array_transfer_word = 0;  ///< buffer to PE wiring
  double buffer_access_word = 0;
  double shared_buffer_access_word = 0;
  double vector_operation = 0;
  double noc_hop_word = 0;      ///< used when the network has no table of its own
  double dram_access_word = 0;  ///< used when > 0 instead of the device's current formula
  double static_per_tile_cycle = 0;
};

struct Accelerator {
  std::string name;
  std::string summary;
  double clock_mhz = 500;
  int word_bits = 16;  ///< fmaps, weights and stored partial sums
  int rows = 1;
  int columns = 1;
  TileDescription tile;
  std::vector<DramInterfaceDescription> dram;
  Bytes dram_interleave_bytes =
      256;  ///< consecutive stripes of this size go to consecutive channels
  std::vector<SharedBufferDescription> shared_buffers;
  Bytes shared_interleave_bytes =
      256;  ///< the same for shared buffers, which are one address space together
  /// Complete for this machine: nodes are the tiles in id order, the DRAM interfaces, the shared
  /// buffers.
  noc::proto::NetworkDescription network;
  EnergyTable energy;
  std::string default_schedule = "layerwise";
  IdealSet ideal;  ///< parts that are not as described above; set by `idealise`

  int tiles() const { return rows * columns; }
  /// What of each shared buffer is used: as much as the smallest holds.
  Bytes shared_bytes() const;
  int word_bytes() const { return word_bits / 8; }
  int tile_id(Coordinate at) const { return at.row * columns + at.column; }
  Coordinate coordinate(int tile) const { return {tile / columns, tile % columns}; }
};

/// Makes parts of the machine ideal; those inside a tile by changing its description.
void idealise(Accelerator& accelerator, IdealSet ideal);

}  // namespace tessera::hw
