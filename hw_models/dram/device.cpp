#include "hw_models/dram/device.h"

#include <algorithm>
#include <bit>

#include "sim/base/error.h"
#include "sim/base/types.h"

namespace tessera::dram {

namespace {

/// Reports one field of a device table that cannot be.
[[noreturn]] void refuse(const std::string& origin, const std::string& field, double value,
                         const std::string& allowed) {
  throw UserError(origin, ": ", field, " = ", value, ": ", allowed);
}

void require_power_of_two(const std::string& origin, const std::string& field,
                          std::uint32_t value) {
  if (!std::has_single_bit(value)) refuse(origin, field, value, "must be a power of two");
}

void require_positive(const std::string& origin, const std::string& field, double value) {
  if (!(value > 0)) refuse(origin, field, value, "must be above 0");
}

Geometry geometry_of(const proto::Geometry& m, const std::string& origin) {
  Geometry g;
  g.ranks = m.ranks() == 0 ? 1 : m.ranks();
  g.bank_groups = m.bank_groups();
  g.banks_per_group = m.banks_per_group();
  g.rows = m.rows();
  g.bursts_per_row = m.bursts_per_row();
  g.burst_bytes = m.burst_bytes();
  g.bus_bits = m.bus_bits();
  g.device_bits = m.device_bits();
  g.separate_column_bus = m.separate_column_bus();
  require_power_of_two(origin, "geometry.ranks", g.ranks);
  require_power_of_two(origin, "geometry.bank_groups", g.bank_groups);
  require_power_of_two(origin, "geometry.banks_per_group", g.banks_per_group);
  require_power_of_two(origin, "geometry.bursts_per_row", g.bursts_per_row);
  require_power_of_two(origin, "geometry.burst_bytes", g.burst_bytes);
  require_positive(origin, "geometry.rows", g.rows);
  require_positive(origin, "geometry.bus_bits", g.bus_bits);
  require_positive(origin, "geometry.device_bits", g.device_bits);
  if (g.banks() > 64) refuse(origin, "geometry", g.banks(), "at most 64 banks in all ranks");
  return g;
}

DeviceTiming timing_of(const proto::Timing& m, const proto::BusTerms& terms) {
  DeviceTiming t;
  t.clock_ps = m.clock_ps();
  t.burst = m.burst();
  t.cl = m.cl();
  t.cwl = m.cwl();
  t.rcd_rd = m.rcd_rd();
  t.rcd_wr = m.rcd_wr();
  t.rp = m.rp();
  t.ras = m.ras();
  t.rc = m.rc();
  t.rrd_s = m.rrd_s();
  t.rrd_l = m.rrd_l();
  t.faw = m.faw();
  t.ccd_s = m.ccd_s();
  t.ccd_l = m.ccd_l();
  t.wtr_s = m.wtr_s();
  t.wtr_l = m.wtr_l();
  t.wr = m.wr();
  t.rtp = m.rtp();
  t.rtrs = m.rtrs();
  t.rfc = m.rfc();
  t.refi = m.refi();
  t.rfc_pb = m.rfc_pb();
  t.pb_to_pb = m.pb_to_pb() == 0 ? m.rfc_pb() : m.pb_to_pb();
  t.pb_to_act = m.pb_to_act() == 0 ? m.rrd_s() : m.pb_to_act();
  t.ccd_l_wr = m.ccd_l_wr() == 0 ? m.ccd_l() : m.ccd_l_wr();
  t.read_data_delay = terms.read_data_delay();
  return t;
}

void check_timing(const DeviceTiming& t, const std::string& origin) {
  const std::pair<const char*, std::uint32_t> positive[] = {{"clock_ps", t.clock_ps},
                                                            {"burst", t.burst},
                                                            {"cl", t.cl},
                                                            {"cwl", t.cwl},
                                                            {"rcd_rd", t.rcd_rd},
                                                            {"rcd_wr", t.rcd_wr},
                                                            {"rp", t.rp},
                                                            {"ras", t.ras},
                                                            {"rc", t.rc},
                                                            {"rrd_s", t.rrd_s},
                                                            {"rrd_l", t.rrd_l},
                                                            {"faw", t.faw},
                                                            {"ccd_s", t.ccd_s},
                                                            {"ccd_l", t.ccd_l},
                                                            {"rtp", t.rtp},
                                                            {"wr", t.wr},
                                                            {"rfc", t.rfc},
                                                            {"refi", t.refi}};
  for (const auto& [name, value] : positive)
    require_positive(origin, std::string("timing.") + name, value);
  // A table that breaks one of these was typed wrongly: no device has them.
  if (t.rc < t.ras) refuse(origin, "timing.rc", t.rc, "must be at least ras");
  if (t.ras < t.rcd_rd) refuse(origin, "timing.ras", t.ras, "must be at least rcd_rd");
  if (t.rrd_l < t.rrd_s) refuse(origin, "timing.rrd_l", t.rrd_l, "must be at least rrd_s");
  if (t.ccd_l < t.ccd_s) refuse(origin, "timing.ccd_l", t.ccd_l, "must be at least ccd_s");
  if (t.wtr_l < t.wtr_s) refuse(origin, "timing.wtr_l", t.wtr_l, "must be at least wtr_s");
  if (t.faw < t.rrd_s) refuse(origin, "timing.faw", t.faw, "must be at least rrd_s");
  if (t.rfc < t.rp) refuse(origin, "timing.rfc", t.rfc, "must be at least rp");
  if (t.refi <= t.rfc) refuse(origin, "timing.refi", t.refi, "must be above rfc");
  if (t.rfc_pb > t.rfc) refuse(origin, "timing.rfc_pb", t.rfc_pb, "must be at most rfc");
}

/// Sum of a gap's terms, never below zero: overlapping commands are limited by the bus alone.
template <typename... Terms>
std::uint32_t gap(Terms... terms) {
  return static_cast<std::uint32_t>(
      std::max<std::int64_t>(0, (static_cast<std::int64_t>(terms) + ...)));
}

void derive_row_rules(const DeviceTiming& t, const proto::BusTerms& x, bool grouped,
                      TimingRules& r) {
  r.act_act_bank = t.rc;
  r.act_act_group = grouped ? t.rrd_l : t.rrd_s;
  r.act_act_rank = t.rrd_s;
  r.four_activate_window = t.faw;
  r.act_read = gap(t.rcd_rd, x.act_to_column());
  r.act_write = gap(t.rcd_wr, x.act_to_column());
  r.act_pre = r.act_prea = gap(t.ras, x.act_to_pre());
  r.act_ref = r.act_refpb_bank = gap(t.rc, x.act_to_refresh());
  r.act_refpb_rank = gap(t.rrd_s, x.act_to_refresh());
  r.pre_act = gap(t.rp, x.pre_to_act());
  r.pre_ref = r.pre_refpb = t.rp;
  r.pre_pre_rank = x.pre_to_pre();
  r.prea_act = gap(t.rp, x.rp_all_bank(), x.pre_to_act());
  r.prea_ref = gap(t.rp, x.rp_all_bank());
}

void derive_column_rules(const DeviceTiming& t, const proto::BusTerms& x, bool grouped,
                         TimingRules& r) {
  r.read_pre = r.read_prea = gap(t.rtp, x.read_to_pre());
  r.write_pre = r.write_prea = gap(t.cwl, t.burst, t.wr, x.write_to_pre());
  r.read_read_rank = r.write_write_rank = std::max(t.ccd_s, t.burst);
  r.read_read_group = grouped ? t.ccd_l : r.read_read_rank;
  r.write_write_group = grouped ? t.ccd_l_wr : r.write_write_rank;
  r.read_read_other_rank = r.write_write_other_rank = gap(t.burst, t.rtrs);
  r.read_write_rank =
      gap(t.cl, t.read_data_delay, t.burst, t.rtrs, x.read_to_write(), -std::int64_t{t.cwl});
  r.read_write_other_rank = r.read_write_rank;
  r.write_read_rank = gap(t.cwl, t.burst, t.wtr_s, x.write_to_read());
  r.write_read_group =
      grouped ? gap(t.cwl, t.burst, t.wtr_l, x.write_to_read()) : r.write_read_rank;
  r.write_read_other_rank =
      gap(t.cwl, t.burst, t.rtrs, -std::int64_t{t.cl}, -std::int64_t{t.read_data_delay});
}

void derive_refresh_rules(const DeviceTiming& t, const proto::BusTerms& x, TimingRules& r) {
  r.ref_act = gap(t.rfc, x.refresh_to_act());
  r.ref_ref = t.rfc;
  r.refpb_act_bank = gap(t.rfc_pb, x.refresh_to_act());
  r.refpb_act_rank = gap(t.pb_to_act, x.refresh_to_act());
  r.refpb_refpb_bank = t.rfc_pb;
  r.refpb_refpb_rank = t.pb_to_pb;
  r.refpb_prea = t.rfc_pb;
}

TimingRules rules_of(const Geometry& g, const DeviceTiming& t, const proto::BusTerms& x) {
  TimingRules r;
  const bool grouped = g.bank_groups > 1;
  derive_row_rules(t, x, grouped, r);
  derive_column_rules(t, x, grouped, r);
  derive_refresh_rules(t, x, r);
  r.act_length = std::max(1u, x.act_length());
  r.pre_length = std::max(1u, x.pre_length());
  r.column_length = std::max(1u, x.column_length());
  r.refresh_length = std::max(1u, x.refresh_length());
  return r;
}

Currents currents_of(const proto::Currents& m, const std::string& origin) {
  Currents c{.vdd = m.vdd(),
             .idd0 = m.idd0(),
             .idd2n = m.idd2n(),
             .idd3n = m.idd3n(),
             .idd4r = m.idd4r(),
             .idd4w = m.idd4w(),
             .idd5ab = m.idd5ab(),
             .idd5pb = m.idd5pb(),
             .vpp = m.vpp(),
             .ipp = m.ipp(),
             .io_pj_per_bit = m.io_pj_per_bit(),
             .access_pj_per_bit = m.access_pj_per_bit(),
             .devices_per_rank = m.devices_per_rank(),
             .source = m.source()};
  if (c.source.empty()) throw UserError(origin, ": currents.source is missing");
  if (c.access_pj_per_bit > 0) {
    if (c.vdd != 0)
      refuse(origin, "currents.vdd", c.vdd, "must be left out with access_pj_per_bit");
    return c;
  }
  require_positive(origin, "currents.vdd", c.vdd);
  require_positive(origin, "currents.devices_per_rank", c.devices_per_rank);
  if (c.idd3n < c.idd2n) refuse(origin, "currents.idd3n", c.idd3n, "must be at least idd2n");
  if (c.idd0 < c.idd3n) refuse(origin, "currents.idd0", c.idd0, "must be at least idd3n");
  if (c.idd4r < c.idd3n) refuse(origin, "currents.idd4r", c.idd4r, "must be at least idd3n");
  if (c.idd4w < c.idd3n) refuse(origin, "currents.idd4w", c.idd4w, "must be at least idd3n");
  if (c.idd5ab < c.idd3n) refuse(origin, "currents.idd5ab", c.idd5ab, "must be at least idd3n");
  return c;
}

void check_burst(const Geometry& g, const DeviceTiming& t, const std::string& origin) {
  const std::uint64_t beats = std::uint64_t{g.burst_bytes} * 8 / g.bus_bits;
  if (beats == 0 || beats * g.bus_bits != std::uint64_t{g.burst_bytes} * 8)
    refuse(origin, "geometry.burst_bytes", g.burst_bytes, "must be whole beats of bus_bits");
  if (beats % t.burst != 0)
    refuse(origin, "timing.burst", t.burst, "must divide the beats of a burst");
}

}  // namespace

Device device_from_proto(const proto::Device& message, const std::string& origin) {
  Device device;
  device.name = message.name();
  device.source = message.source();
  if (device.name.empty()) throw UserError(origin, ": name is missing");
  device.geometry = geometry_of(message.geometry(), origin);
  device.timing = timing_of(message.timing(), message.bus_terms());
  check_timing(device.timing, origin);
  check_burst(device.geometry, device.timing, origin);
  if (device.timing.cl + device.timing.burst + device.timing.rtrs < device.timing.cwl)
    refuse(origin, "timing.cwl", device.timing.cwl, "must be at most cl + burst + rtrs");
  device.rules = rules_of(device.geometry, device.timing, message.bus_terms());
  if (!device.geometry.separate_column_bus &&
      device.rules.column_length >= device.rules.read_read_rank)
    refuse(origin, "bus_terms.column_length", device.rules.column_length,
           "must leave room on the command bus between bursts");
  device.currents = currents_of(message.currents(), origin);
  return device;
}

std::uint32_t data_rate_mt_s(const Geometry& geometry, const DeviceTiming& timing) {
  const std::uint64_t beats = std::uint64_t{geometry.burst_bytes} * 8 / geometry.bus_bits;
  const std::uint64_t beats_per_clock = beats / timing.burst;
  return static_cast<std::uint32_t>((1'000'000 * beats_per_clock + timing.clock_ps / 2) /
                                    timing.clock_ps);
}

namespace {

/// Every timing but burst and turnaround gap is a time. Reflection keeps this complete when the
/// table grows.
void set_clock(proto::Timing& t, std::uint64_t new_ps) {
  const std::uint64_t old_ps = t.clock_ps();
  const auto* descriptor = t.GetDescriptor();
  const auto* access = t.GetReflection();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* field = descriptor->field(i);
    const std::string& name = field->name();
    if (name == "clock_ps" || name == "burst" || name == "rtrs") continue;
    const std::uint64_t cycles = access->GetUInt32(t, field);
    access->SetUInt32(&t, field, static_cast<std::uint32_t>(ceil_div(cycles * old_ps, new_ps)));
  }
  t.set_clock_ps(static_cast<std::uint32_t>(new_ps));
}

}  // namespace

Device device_from_proto(const proto::Device& message, const std::string& origin,
                         const DeviceChanges& changes) {
  proto::Device changed = message;
  if (changes.ranks != 0) changed.mutable_geometry()->set_ranks(changes.ranks);
  if (changes.data_rate_mt_s != 0) {
    const Device original = device_from_proto(message, origin);
    const std::uint64_t own_rate = data_rate_mt_s(original.geometry, original.timing);
    if (changes.data_rate_mt_s > own_rate)
      refuse(origin, "data_rate_mt_s", changes.data_rate_mt_s,
             "must be at most the table's " + std::to_string(own_rate));
    const std::uint64_t beats_per_clock = std::uint64_t{original.geometry.burst_bytes} * 8 /
                                          original.geometry.bus_bits / original.timing.burst;
    set_clock(*changed.mutable_timing(),
              (1'000'000 * beats_per_clock + changes.data_rate_mt_s / 2) / changes.data_rate_mt_s);
  }
  return device_from_proto(changed, origin);
}

}  // namespace tessera::dram
