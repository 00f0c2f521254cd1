#include "hw_models/dram/device.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "hw_models/dram/energy.h"
#include "sim/base/csv.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "tests/support/refusal.h"

namespace tessera::dram {
namespace {

const std::string kData = TESSERA_SOURCE_DIR "/validation/reference/dram/";
const std::string kDevices = TESSERA_SOURCE_DIR "/hw_models/dram/devices/";

proto::Device table(const std::string& name) {
  proto::Device message;
  load_textproto(kDevices + name + ".textproto", message);
  return message;
}

TEST(DeviceTables, HarmonisedOnesEqualThePublishedTable) {
  const CsvTable published = CsvTable::load(kData + "timing_tables.csv");
  for (const char* name : {"ddr4_2400", "ddr4_3200", "lpddr4_3200", "hbm2_pc"}) {
    std::map<std::string, double> value;
    for (std::size_t i = 0; i < published.rows(); ++i)
      value[published.at(i, "parameter")] = published.number(i, name);
    const Device d = load_device(name);
    const DeviceTiming& t = d.timing;
    const std::map<std::string, std::uint32_t> ours = {{"nBL", t.burst},
                                                       {"CL", t.cl},
                                                       {"CWL", t.cwl},
                                                       {"RCDRD", t.rcd_rd},
                                                       {"RCDWR", t.rcd_wr},
                                                       {"RP", t.rp},
                                                       {"RAS", t.ras},
                                                       {"RC", t.rc},
                                                       {"RRD_S", t.rrd_s},
                                                       {"RRD_L", t.rrd_l},
                                                       {"FAW", t.faw},
                                                       {"CCD_S", t.ccd_s},
                                                       {"CCD_L", t.ccd_l},
                                                       {"WTR_S", t.wtr_s},
                                                       {"WTR_L", t.wtr_l},
                                                       {"WR", t.wr},
                                                       {"RTP", t.rtp},
                                                       {"RTRS", t.rtrs},
                                                       {"RFC", t.rfc},
                                                       {"REFI", t.refi},
                                                       {"bg", d.geometry.bank_groups},
                                                       {"ba", d.geometry.banks_per_group},
                                                       {"rows", d.geometry.rows},
                                                       {"req", d.geometry.burst_bytes},
                                                       {"bus", d.geometry.bus_bits},
                                                       {"dev", d.geometry.device_bits},
                                                       {"dual", d.geometry.separate_column_bus}};
    for (const auto& [parameter, number] : ours)
      EXPECT_EQ(number, value.at(parameter)) << name << " " << parameter;
    EXPECT_EQ(t.clock_ps, std::lround(1000 * value.at("tCK"))) << name;
    EXPECT_EQ(d.geometry.bursts_per_row, 1u << std::lround(value.at("colbits_req"))) << name;
  }
}

TEST(DeviceTables, AllInstalledOnesLoadAndNameTheirSources) {
  const auto names = list_devices();
  EXPECT_GE(names.size(), 12u);
  for (const auto& name : names) {
    const Device d = load_device(name);
    EXPECT_EQ(d.name, name);
    EXPECT_FALSE(d.source.empty());
    EXPECT_FALSE(d.currents.source.empty());
  }
}

TEST(DeviceTables, HaveTheirNominalDataRates) {
  const std::map<std::string, std::uint32_t> nominal = {
      {"ddr4_2400", 2400},   {"ddr4_3200", 3200}, {"lpddr4_3200", 3200}, {"hbm2_pc", 2000},
      {"lpddr5_6400", 6400}, {"ddr5_4800", 4800}, {"hbm3_pc", 6400},     {"gddr6", 7018}};
  for (const auto& [name, rate] : nominal) {
    const Device d = load_device(name);
    // The clock is in whole picoseconds: 833 ps is 2401 MT/s, 416 ps 4808.
    EXPECT_NEAR(data_rate_mt_s(d.geometry, d.timing), rate, 0.002 * rate) << name;
  }
}

TEST(Reclocking, KeepsNanosecondsRoundedUp) {
  const Device d = load_device("lpddr4_3200", {.data_rate_mt_s = 500});
  // 500 MT/s is a clock of 4 ns. RL 28 * 0.625 ns = 17.5 ns -> 5 cycles; tRCD 29 -> 18.125 ns -> 5;
  // tRAS 68 -> 42.5 ns -> 11; tFAW 64 -> 40 ns -> 10; tRFC 448 -> 280 ns -> 70; tREFI 6246 -> 976.
  EXPECT_EQ(d.timing.clock_ps, 4000u);
  EXPECT_EQ(d.timing.cl, 5u);
  EXPECT_EQ(d.timing.rcd_rd, 5u);
  EXPECT_EQ(d.timing.ras, 11u);
  EXPECT_EQ(d.timing.faw, 10u);
  EXPECT_EQ(d.timing.rfc, 70u);
  EXPECT_EQ(d.timing.refi, 976u);
  EXPECT_EQ(d.timing.burst, 8u);
  // Bursts still follow each other no faster than the bus can move them.
  EXPECT_EQ(d.rules.read_read_rank, 8u);
}

TEST(Reclocking, RefusesAFasterInterface) {
  EXPECT_THROW(load_device("ddr4_2400", {.data_rate_mt_s = 2666}), UserError);
}

TEST(DeviceTables, RefuseContradictions) {
  const auto refused = [](const std::string& assignment, const std::string& field) {
    proto::Device message = table("ddr4_2400");
    set_field(message, assignment);
    const auto text = test::refusal_of([&] { device_from_proto(message, "table.textproto"); });
    EXPECT_NE(text.find("table.textproto"), std::string::npos) << assignment << ": " << text;
    EXPECT_NE(text.find(field), std::string::npos) << assignment << ": " << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  };
  refused("geometry.bank_groups=3", "bank_groups");
  refused("geometry.ranks=8", "geometry");
  refused("timing.clock_ps=0", "clock_ps");
  refused("timing.rc=38", "timing.rc");
  refused("timing.ras=16", "timing.ras");
  refused("timing.refi=420", "refi");
  refused("timing.ccd_l=3", "ccd_l");
  refused("timing.cwl=40", "cwl");
  refused("bus_terms.column_length=4", "column_length");
  refused("currents.idd4r=40", "idd4r");
  refused("currents.source=\"\"", "source");
}

TEST(DeviceTables, UnknownNamesListTheKnown) {
  test::expect_refused([&] { load_device("ddr4_2401"); }, "ddr4_2400");
}

TEST(Energy, PerCommandEqualsTheCurrentFormula) {
  const CommandEnergy e = command_energy(load_device("ddr4_2400"));
  // x 0.833 ns x 8 devices x 1.2 V:
  // ACT+PRE 48*56 - 43*39 - 34*17 = 433 -> 3462.6 pJ; RD (135-43)*4 = 368 -> 2942.8 pJ;
  // WR (123-43)*4 = 320 -> 2559.0 pJ; REF (250-43)*420 = 86940 -> 695.24 nJ
  EXPECT_NEAR(e.activate, 3462.6144, 1e-6);
  EXPECT_NEAR(e.read, 2942.8224, 1e-6);
  EXPECT_NEAR(e.write, 2558.976, 1e-6);
  EXPECT_NEAR(e.refresh, 695241.792, 1e-3);
  // Standby 43 and 34 mA: 413 and 326 mW.
  EXPECT_NEAR(e.open_cycle / 0.833, 412.8, 1e-9);
  EXPECT_NEAR(e.closed_cycle / 0.833, 326.4, 1e-9);
  // 5.75 pJ/bit for the read of 64 bytes
  EXPECT_NEAR(e.read / 512, 5.75, 0.005);
}

TEST(Energy, PumpSupplyIsATermOfItsOwn) {
  const CommandEnergy with = command_energy(load_device("ddr4_2400_jedec"));
  const CommandEnergy without = command_energy(load_device("ddr4_2400"));
  // 2.5 V * 3 mA * 8 devices = 60 mW
  EXPECT_NEAR(with.pump_cycle / 0.833, 60, 1e-9);
  EXPECT_EQ(without.pump_cycle, 0);
  EXPECT_EQ(with.read, without.read);
}

TEST(Energy, ConstantPerBitReplacesCurrents) {
  const CommandEnergy e = command_energy(load_device("gddr6"));
  EXPECT_NEAR(e.read, 10.5 * 256, 1e-9);
  EXPECT_EQ(e.activate, 0);
  EXPECT_EQ(e.open_cycle, 0);
}

TEST(Energy, InterfaceIsCountedApart) {
  proto::Device message = table("ddr4_2400");
  message.mutable_currents()->set_io_pj_per_bit(2);
  EXPECT_NEAR(command_energy(device_from_proto(message, "test")).io_burst, 2 * 512, 1e-9);
}

TEST(Energy, BankRefreshesTogetherCostOneRefreshUnlessTheTableSaysOtherwise) {
  const CommandEnergy e = command_energy(load_device("lpddr4_3200"));
  EXPECT_NEAR(8 * e.refresh_bank, e.refresh, 1e-6);
}

}  // namespace
}  // namespace tessera::dram
