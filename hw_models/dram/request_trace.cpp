#include "hw_models/dram/request_trace.h"

#include <algorithm>
#include <boost/iostreams/copy.hpp>
#include <boost/iostreams/filter/lzma.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <charconv>
#include <sstream>

#include "sim/base/csv.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"

namespace tessera::dram {

namespace {

std::uint64_t parse_number(const std::string& digits, int base, const std::string& where) {
  const std::size_t skip = base == 16 && digits.starts_with("0x") ? 2 : 0;
  std::uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto result = std::from_chars(digits.data() + skip, end, value, base);
  if (result.ec != std::errc() || result.ptr != end)
    throw UserError(where, ": '", digits, "' is no ", base == 16 ? "hexadecimal" : "decimal",
                    " number");
  return value;
}

bool parse_direction(const std::string& op, const std::string& where) {
  if (op != "R" && op != "W") throw UserError(where, ": operation '", op, "'; allowed: R, W");
  return op == "W";
}

std::string unpacked(const std::string& path) {
  namespace io = boost::iostreams;
  std::istringstream packed(read_file(path));
  io::filtering_istream in;
  in.push(io::lzma_decompressor());
  in.push(packed);
  std::ostringstream out;
  try {
    io::copy(in, out);
  } catch (const std::exception&) {
    throw UserError(path, ": not a complete xz file");
  }
  return out.str();
}

std::vector<TraceRequest> parse_lines(const std::string& text, const std::string& path) {
  std::vector<TraceRequest> requests;
  std::istringstream in(text);
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty()) continue;
    std::istringstream fields(line);
    std::string op, address, arrive, rest;
    fields >> op >> address >> arrive;
    const std::string where = path + ":" + std::to_string(number);
    if (arrive.empty() || fields >> rest)
      throw UserError(where, ": '", line, "'; allowed: R or W, hexadecimal address, arrival cycle");
    requests.push_back({parse_direction(op, where), parse_number(address, 16, where),
                        parse_number(arrive, 10, where)});
  }
  return requests;
}

void require_case(const CsvTable& table, const std::string& path, const std::string& case_name) {
  std::vector<std::string> cases;
  for (std::size_t i = 0; i < table.rows(); ++i)
    if (cases.empty() || cases.back() != table.at(i, "case")) cases.push_back(table.at(i, "case"));
  if (case_name.empty() && cases.size() > 1)
    throw UserError(path, ": holds several cases, name one of: ", join(cases));
  if (!case_name.empty() && std::find(cases.begin(), cases.end(), case_name) == cases.end())
    throw UserError(path, ": no case '", case_name, "'; ", suggest(case_name, cases));
}

std::vector<TraceRequest> parse_table(const std::string& path, const std::string& case_name) {
  const CsvTable table = CsvTable::load(path);
  require_case(table, path, case_name);
  std::vector<TraceRequest> requests;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    if (!case_name.empty() && table.at(i, "case") != case_name) continue;
    const std::string where = path + ":" + std::to_string(table.line(i));
    requests.push_back({parse_direction(table.at(i, "op"), where),
                        parse_number(table.at(i, "byte_address"), 16, where),
                        parse_number(table.at(i, "arrive_cycle"), 10, where)});
  }
  return requests;
}

/// Notes the end of every burst by the index its request carries as id.
class CompletionLog final : public CompletionSink {
 public:
  explicit CompletionLog(std::vector<DramCycle>& data_end) : data_end_(data_end) {}
  void completed(std::uint64_t id, bool, DramCycle data_end) override { data_end_[id] = data_end; }

 private:
  std::vector<DramCycle>& data_end_;
};

void check_addresses(const Channel& channel, const std::vector<TraceRequest>& requests) {
  for (std::size_t i = 0; i < requests.size(); ++i)
    if (!channel.mapping().covers(requests[i].address))
      throw UserError("request ", i, ": address ", requests[i].address, " is beyond the channel's ",
                      channel.mapping().capacity_bytes(), " bytes");
}

}  // namespace

std::vector<TraceRequest> load_requests(const std::string& path, const std::string& case_name) {
  std::vector<TraceRequest> requests;
  if (path.ends_with(".csv"))
    requests = parse_table(path, case_name);
  else if (path.ends_with(".txt.xz"))
    requests = parse_lines(unpacked(path), path);
  else if (path.ends_with(".txt"))
    requests = parse_lines(read_file(path), path);
  else
    throw UserError(path, ": unknown kind of request file; allowed: .csv, .txt, .txt.xz");
  if (requests.empty()) throw UserError(path, ": holds no requests");
  return requests;
}

TraceTiming run_trace(Channel& channel, const std::vector<TraceRequest>& requests) {
  check_addresses(channel, requests);
  TraceTiming timing{std::vector<DramCycle>(requests.size(), kNever),
                     std::vector<DramCycle>(requests.size(), kNever)};
  CompletionLog log(timing.data_end);
  std::size_t offered = 0;
  DramCycle earliest_offer = 0;
  for (;;) {
    DramCycle now = channel.next_visit();
    if (offered < requests.size() && channel.can_accept(requests[offered].is_write)) {
      const DramCycle offer = std::max(earliest_offer, requests[offered].arrive);
      if (offer <= now) {
        now = offer;
        channel.accept(now, {offered, requests[offered].is_write, requests[offered].address});
        timing.accepted[offered++] = now;
        earliest_offer = now + 1;
      }
    }
    if (now == kNever) break;
    if (channel.next_visit() > now) continue;
    channel.visit(now, log);
    earliest_offer = std::max(earliest_offer, now + 1);
  }
  if (offered < requests.size())
    throw NoProgress("dram channel: request ", offered, " of ", requests.size(),
                     " waits for a queue that nothing will empty");
  return timing;
}

}  // namespace tessera::dram
