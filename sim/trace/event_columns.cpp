#include "sim/trace/event_columns.h"

#include <string>

#include "sim/trace/trace_part.h"

namespace tessera::sim {

namespace {

using Column = google::protobuf::RepeatedField<std::int64_t>;
using Columns = std::array<Column*, kMostDetails>;

Columns columns_of(proto::Packets& packets) {
  return {packets.mutable_peer(), packets.mutable_destinations(), packets.mutable_stage(),
          packets.mutable_slot(), packets.mutable_granule(),      packets.mutable_bytes()};
}

Columns columns_of(proto::Instructions& instructions) {
  return {instructions.mutable_stage(), instructions.mutable_slot(), instructions.mutable_operand(),
          instructions.mutable_granule()};
}

Columns columns_of(proto::Commands& commands) {
  return {commands.mutable_dram_cycle(), commands.mutable_rank(), commands.mutable_bank_group(),
          commands.mutable_bank(),       commands.mutable_row(),  commands.mutable_column()};
}

/// Column of every detail of every kind, in the order of the enumerations.
std::array<Columns, kEventKinds> all_columns(proto::TraceEvents& events) {
  return {columns_of(*events.mutable_delivered()), columns_of(*events.mutable_ended()),
          columns_of(*events.mutable_begun()), columns_of(*events.mutable_sent()),
          columns_of(*events.mutable_commands())};
}

/// Differences wrap around, so that every value can be written.
std::int64_t difference(std::int64_t to, std::int64_t from) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(to) -
                                   static_cast<std::uint64_t>(from));
}
std::int64_t sum(std::int64_t from, std::int64_t difference) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(from) +
                                   static_cast<std::uint64_t>(difference));
}

/// The details of the latest event of every kind at every place: what follows there is like it.
class Latest {
 public:
  std::array<std::int64_t, kMostDetails>& of(std::uint32_t place, std::size_t kind) {
    // More than any machine has: 256 x 256 tiles and their channels.
    constexpr std::uint32_t kMostPlaces = 1 << 20;
    if (place >= kMostPlaces) throw DamagedPart("an event is at no place of a machine");
    if (place >= places_.size()) places_.resize(place + 1);
    return places_[place][kind];
  }

 private:
  std::vector<std::array<std::array<std::int64_t, kMostDetails>, kEventKinds>> places_;
};

/// Takes the numbers of one column one after the other.
std::int64_t take(const Column& column, int& position) {
  if (position >= column.size()) throw DamagedPart("a column is too short");
  return column[position++];
}

}  // namespace

proto::TraceEvents to_columns(std::span<const TraceEvent> events) {
  proto::TraceEvents message;
  const auto columns = all_columns(message);
  auto& kinds = *message.mutable_kind();
  auto& codes = *message.mutable_code();
  TraceEvent before;
  Latest latest;
  for (const auto& event : events) {
    const auto kind = static_cast<std::size_t>(event.kind);
    message.add_cycle(difference(static_cast<std::int64_t>(event.cycle),
                                 static_cast<std::int64_t>(before.cycle)));
    message.add_place(difference(event.place, before.place));
    kinds.push_back(static_cast<char>(kind));
    codes.push_back(static_cast<char>(event.code));
    auto& last = latest.of(event.place, kind);
    for (int i = 0; i < details_of(event.kind); ++i)
      columns[kind][i]->Add(difference(event.detail[i], last[i]));
    last = event.detail;
    before.cycle = event.cycle;
    before.place = event.place;
  }
  return message;
}

std::vector<TraceEvent> from_columns(proto::TraceEvents& message) {
  const auto columns = all_columns(message);
  const std::size_t count = message.kind().size();
  if (message.code().size() != count) throw DamagedPart("a column has the wrong length");
  std::vector<TraceEvent> events(count);
  std::array<int, kEventKinds> positions = {};
  Latest latest;
  std::int64_t cycle = 0, place = 0;
  int position = 0;
  for (std::size_t e = 0; e < count; ++e) {
    auto& event = events[e];
    const auto kind = static_cast<std::size_t>(static_cast<unsigned char>(message.kind()[e]));
    if (kind >= kEventKinds) throw DamagedPart("an event has an unknown kind");
    int at = position;
    cycle = sum(cycle, take(message.cycle(), at));
    place = sum(place, take(message.place(), position));
    event = {.place = static_cast<std::uint32_t>(place),
             .kind = static_cast<EventKind>(kind),
             .cycle = static_cast<Cycle>(cycle),
             .code = static_cast<std::uint8_t>(message.code()[e])};
    auto& last = latest.of(event.place, kind);
    for (int i = 0; i < details_of(event.kind); ++i) {
      at = positions[kind];
      event.detail[i] = sum(last[i], take(*columns[kind][i], at));
    }
    last = event.detail;
    ++positions[kind];
  }
  return events;
}

}  // namespace tessera::sim
