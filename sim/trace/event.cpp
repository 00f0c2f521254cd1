#include "sim/trace/event.h"

#include <cstdio>

#include "hw_models/dram/command.h"
#include "hw_models/tile/message.h"
#include "mapping/program.h"
#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::sim {

namespace {

constexpr std::array<const char*, kEventKinds> kKindNames = {"deliver", "end", "begin", "send",
                                                             "command"};

constexpr std::array<const char*, 8> kMessageNames = {"ready",         "read_request", "data",
                                                      "write_request", "write_grant",  "write_data",
                                                      "sums_grant",    "close"};
constexpr std::array<const char*, 14> kOperationNames = {
    "receive", "receive_sums", "acquire", "release",   "reserve", "commit", "array",
    "vector",  "add_sums",     "store",   "send_sums", "restore", "reopen", "yield"};

template <std::size_t Size>
const char* name_in(const std::array<const char*, Size>& names, std::uint8_t code) {
  return code < Size ? names[code] : "?";
}

std::string packet_text(const TraceEvent& event, const TraceNames& names) {
  using Detail = PacketDetail;
  const auto& detail = event.detail;
  std::string text = name_in(kMessageNames, event.code);
  text += event.kind == EventKind::kSend ? " to " : " from ";
  text += names.place(static_cast<std::uint32_t>(detail[Detail::kPeer]));
  if (detail[Detail::kDestinations] > 1)
    text += detail::concatenate(" and ", detail[Detail::kDestinations] - 1, " more");
  text += detail::concatenate(", ", names.stage(detail[Detail::kStage]));
  if (detail[Detail::kSlot] >= 0)
    text +=
        detail::concatenate(" slot ", detail[Detail::kSlot], " granule ", detail[Detail::kGranule]);
  if (detail[Detail::kBytes] > 0) text += detail::concatenate(", ", detail[Detail::kBytes], " B");
  return text;
}

std::string instruction_text(const TraceEvent& event, const TraceNames& names) {
  using Detail = InstructionDetail;
  const auto& detail = event.detail;
  std::string text = detail::concatenate(name_in(kOperationNames, event.code), ", ",
                                         names.stage(detail[Detail::kStage]));
  if (detail[Detail::kOperand] >= 0)
    text += detail::concatenate(" operand ", detail[Detail::kOperand]);
  if (detail[Detail::kSlot] >= 0) text += detail::concatenate(" slot ", detail[Detail::kSlot]);
  if (detail[Detail::kGranule] >= 0)
    text += detail::concatenate(" granule ", detail[Detail::kGranule]);
  return text;
}

std::string command_text(const TraceEvent& event) {
  using Detail = CommandDetail;
  const auto& detail = event.detail;
  std::string text = event.code < dram::kCommandKinds
                         ? dram::command_name(static_cast<dram::CommandKind>(event.code))
                         : "?";
  const auto add = [&](const char* name, int index) {
    if (detail[index] >= 0) text += detail::concatenate(" ", name, " ", detail[index]);
  };
  add("rank", Detail::kRank);
  add("group", Detail::kBankGroup);
  add("bank", Detail::kBank);
  add("row", Detail::kRow);
  add("column", Detail::kColumn);
  return text + detail::concatenate(", DRAM cycle ", detail[Detail::kDramCycle]);
}

}  // namespace

const char* event_kind_name(EventKind kind) {
  return name_in(kKindNames, static_cast<std::uint8_t>(kind));
}

EventKind event_kind_from_name(const std::string& name) {
  for (int kind = 0; kind < kEventKinds; ++kind)
    if (name == kKindNames[kind]) return static_cast<EventKind>(kind);
  throw UserError("event kind '", name, "': no such kind; ",
                  suggest(name, {kKindNames.begin(), kKindNames.end()}));
}

std::string TraceNames::place(std::uint32_t place) const {
  if (place < tiles) return detail::concatenate("tile ", place);
  const auto memory = place - tiles;
  return memory < channels ? detail::concatenate("channel ", memory)
                           : detail::concatenate("shared buffer ", memory - channels);
}

std::string TraceNames::stage(std::int64_t number) const {
  if (number < 0) return "no layer";
  const auto index = static_cast<std::size_t>(number);
  return "layer " + (index < stages.size() ? stages[index] : std::to_string(number));
}

std::string to_text(const TraceEvent& event, const TraceNames& names) {
  std::string content;
  switch (event.kind) {
    case EventKind::kBegin:
    case EventKind::kEnd:
      content = instruction_text(event, names);
      break;
    case EventKind::kCommand:
      content = command_text(event);
      break;
    default:
      content = packet_text(event, names);
  }
  char head[64];
  std::snprintf(head, sizeof head, "%10llu  %-10s  %-7s  ",
                static_cast<unsigned long long>(event.cycle), names.place(event.place).c_str(),
                event_kind_name(event.kind));
  return head + content;
}

}  // namespace tessera::sim
