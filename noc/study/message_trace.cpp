#include "noc/study/message_trace.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "sim/base/csv.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"

namespace tessera::noc {

namespace {

const std::string kNetworkLine = "# network ";

std::uint64_t in_range(const CsvTable& table, std::size_t row, const std::string& column,
                       std::uint64_t high, const std::string& origin) {
  const std::int64_t value = table.integer(row, column);
  if (value < 0 || static_cast<std::uint64_t>(value) > high)
    throw UserError(origin, ":", table.line(row), ": ", column, " ", value, "; allowed are 0 to ",
                    high);
  return static_cast<std::uint64_t>(value);
}

std::vector<std::uint64_t> list_of(const CsvTable& table, std::size_t row,
                                   const std::string& column, const std::string& origin) {
  std::istringstream words(table.at(row, column));
  std::vector<std::uint64_t> list;
  std::string word;
  while (words >> word) {
    if (word.size() > 18 || word.find_first_not_of("0123456789") != std::string::npos)
      throw UserError(origin, ":", table.line(row), ": ", column, " '", word, "' is no number");
    list.push_back(std::stoull(word));
  }
  return list;
}

TraceMessage parse_message(const CsvTable& table, std::size_t row, const std::string& origin) {
  constexpr std::uint64_t kMost = (std::uint64_t{1} << 32) - 2;
  TraceMessage message;
  message.id = in_range(table, row, "id", ~std::uint64_t{0} >> 1, origin);
  message.cycle = in_range(table, row, "cycle", ~std::uint64_t{0} >> 2, origin);
  message.source = static_cast<NodeId>(in_range(table, row, "source", kMost, origin));
  message.flits = static_cast<std::uint32_t>(in_range(table, row, "flits", kMost, origin));
  for (const std::uint64_t node : list_of(table, row, "destinations", origin))
    message.destinations.push_back(static_cast<NodeId>(std::min(node, kMost)));
  if (table.has("virtual_network"))
    message.virtual_network =
        static_cast<std::uint8_t>(in_range(table, row, "virtual_network", 255, origin));
  if (table.has("after")) message.after = list_of(table, row, "after", origin);
  if (table.has("delay"))
    message.delay_cycles = in_range(table, row, "delay", ~std::uint64_t{0} >> 2, origin);
  if (table.has("sum")) message.sum = in_range(table, row, "sum", ~std::uint64_t{0} >> 2, origin);
  if (message.destinations.empty() || message.flits == 0)
    throw UserError(origin, ":", table.line(row),
                    ": a message needs at least one destination and one flit");
  return message;
}

template <typename Number>
std::string words(const std::vector<Number>& numbers) {
  std::string text;
  for (const Number number : numbers) text += (text.empty() ? "" : " ") + std::to_string(number);
  return text;
}

}  // namespace

std::vector<TraceMessage> parse_trace(const std::string& text, const std::string& origin) {
  const CsvTable table = CsvTable::parse(text, origin);
  std::vector<TraceMessage> messages;
  std::set<std::uint64_t> known;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    messages.push_back(parse_message(table, row, origin));
    const TraceMessage& message = messages.back();
    for (const std::uint64_t id : message.after)
      if (!known.contains(id))
        throw UserError(origin, ":", table.line(row), ": message ", message.id, " waits for ", id,
                        ", which no earlier line has");
    if (!known.insert(message.id).second)
      throw UserError(origin, ":", table.line(row), ": id ", message.id, " is not unique");
  }
  return messages;
}

std::vector<TraceMessage> load_trace(const std::string& path) {
  return parse_trace(read_file(path), path);
}

std::string trace_csv(const std::vector<TraceMessage>& messages) {
  CsvWriter csv(
      {"id", "cycle", "source", "destinations", "flits", "virtual_network", "after", "delay"});
  for (const TraceMessage& message : messages)
    csv.row() << message.id << message.cycle << message.source << words(message.destinations)
              << message.flits << static_cast<unsigned>(message.virtual_network)
              << words(message.after) << message.delay_cycles;
  return csv.text();
}

std::string network_comment(const proto::NetworkDescription& network) {
  std::string text = to_textproto(network);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return kNetworkLine + text + "\n";
}

std::optional<proto::NetworkDescription> network_of_trace(const std::string& text,
                                                          const std::string& origin) {
  if (!text.starts_with(kNetworkLine)) return std::nullopt;
  const std::size_t end = std::min(text.find('\n'), text.size());
  proto::NetworkDescription network;
  parse_textproto(text.substr(kNetworkLine.size(), end - kNetworkLine.size()), origin, network);
  return network;
}

}  // namespace tessera::noc
