// What a DRAM channel is made of: geometry, timing in cycles of its clock, and supply currents.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hw_models/dram/dram.pb.h"
#include "hw_models/dram/timing_rules.h"

namespace tessera::dram {

/// Ranks, banks and rows of one channel. One request is one burst.
struct Geometry {
  std::uint32_t ranks = 1;
  std::uint32_t bank_groups = 1;
  std::uint32_t banks_per_group = 1;
  std::uint32_t rows = 1;
  std::uint32_t bursts_per_row = 1;
  std::uint32_t burst_bytes = 1;
  std::uint32_t bus_bits = 1;
  std::uint32_t device_bits = 1;
  /// Row and column commands may issue in the same cycle (HBM).
  bool separate_column_bus = false;

  std::uint32_t banks_per_rank() const { return bank_groups * banks_per_group; }
  std::uint32_t banks() const { return ranks * banks_per_rank(); }
  /// Bytes of the whole channel.
  std::uint64_t capacity_bytes() const {
    return std::uint64_t{banks()} * rows * bursts_per_row * burst_bytes;
  }
};

/// The device table in cycles; names as in dram.proto.
struct DeviceTiming {
  std::uint32_t clock_ps = 0;
  std::uint32_t burst = 0, cl = 0, cwl = 0, rcd_rd = 0, rcd_wr = 0, rp = 0, ras = 0, rc = 0;
  std::uint32_t rrd_s = 0, rrd_l = 0, faw = 0, ccd_s = 0, ccd_l = 0, wtr_s = 0, wtr_l = 0;
  std::uint32_t wr = 0, rtp = 0, rtrs = 0, rfc = 0, refi = 0, rfc_pb = 0, pb_to_pb = 0,
                pb_to_act = 0;
  std::uint32_t ccd_l_wr = 0;
  std::uint32_t read_data_delay = 0;

  /// Cycles from the read (write) command to the end of its last data beat.
  std::uint32_t read_latency() const { return cl + read_data_delay + burst; }
  std::uint32_t write_latency() const { return cwl + burst; }
};

/// Supply currents of one device (mA, V) and the interface energy, or one constant per bit accessed
/// where no currents are public; see energy.h.
struct Currents {
  double vdd = 0, idd0 = 0, idd2n = 0, idd3n = 0, idd4r = 0, idd4w = 0, idd5ab = 0, idd5pb = 0;
  double vpp = 0, ipp = 0, io_pj_per_bit = 0, access_pj_per_bit = 0;
  std::uint32_t devices_per_rank = 1;
  std::string source;
};

/// A checked device table.
struct Device {
  std::string name;
  std::string source;
  Geometry geometry;
  DeviceTiming timing;
  /// Derived from `timing`: the smallest gap for every pair of commands.
  TimingRules rules;
  Currents currents;
};

/// Checks a table and derives the pairwise rules. UserError names `origin` and the field.
Device device_from_proto(const proto::Device& message, const std::string& origin);

/// What a user may change about a device table.
struct DeviceChanges {
  /// Data rate of the interface in mega-transfers per second; 0 keeps the table's. Timings keep
  /// their nanoseconds, rounded up to whole cycles of the new clock; burst, turnaround gap and bus
  /// terms keep their cycles.
  std::uint32_t data_rate_mt_s = 0;
  /// Number of ranks; 0 keeps the table's.
  std::uint32_t ranks = 0;
};

/// UserError when a change is impossible, such as a data rate above the table's.
Device device_from_proto(const proto::Device& message, const std::string& origin,
                         const DeviceChanges& changes);

/// File of a device table, asked for as below.
std::string device_file(const std::string& name_or_path);

/// Loads a device table by installed name (`ddr4_2400`) or by path of a .textproto file. UserError
/// lists the known names.
Device load_device(const std::string& name_or_path, const DeviceChanges& changes = {});

/// Names of all installed device tables, sorted.
std::vector<std::string> list_devices();

/// Transfers per second the table's interface makes, in MT/s.
std::uint32_t data_rate_mt_s(const Geometry& geometry, const DeviceTiming& timing);

}  // namespace tessera::dram
