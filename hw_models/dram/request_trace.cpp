#include "hw_models/dram/request_trace.h"

#include <algorithm>
#include <boost/iostreams/copy.hpp>
#include <boost/iostreams/filter/lzma.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <charconv>
#include <deque>
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

/// Notes the end of every burst by the number its request carries as id.
class CompletionLog final : public CompletionSink {
 public:
  explicit CompletionLog(std::vector<DramCycle>& data_end) : data_end_(data_end) {}
  void completed(std::uint64_t id, bool, DramCycle data_end) override { data_end_[id] = data_end; }

 private:
  std::vector<DramCycle>& data_end_;
};

/// Keeps the arrivals of requests under way and sums up their latencies.
class ArrivalBook final : public CompletionSink {
 public:
  ArrivalBook(TraceSummary& summary, CompletionSink* also) : summary_(summary), also_(also) {}

  void offered(DramCycle arrive) {
    ++summary_.offered;
    under_way_.push_back(arrive);
  }
  void completed(std::uint64_t id, bool is_write, DramCycle data_end) override {
    DramCycle& arrive = under_way_[id - first_];
    ++summary_.completed;
    summary_.latency_from_arrival += data_end - arrive;
    arrive = kNever;
    for (; !under_way_.empty() && under_way_.front() == kNever; ++first_) under_way_.pop_front();
    if (also_ != nullptr) also_->completed(id, is_write, data_end);
  }

 private:
  TraceSummary& summary_;
  CompletionSink* also_;
  std::deque<DramCycle> under_way_;
  std::uint64_t first_ = 0;
};

void check_address(const Channel& channel, const TraceRequest& request, std::uint64_t number) {
  if (!channel.mapping().covers(request.address))
    throw UserError("request ", number, ": address ", request.address, " is beyond the channel's ",
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

bool ListedRequests::next(TraceRequest& request) {
  if (index_ == requests_.size()) return false;
  request = requests_[index_++];
  return true;
}

bool RandomRequests::next(TraceRequest& request) {
  if (produced_ == config_.count) return false;
  ++produced_;
  request.is_write = random_.bernoulli(config_.write_fraction);
  request.address =
      random_.below(config_.capacity_bytes / config_.burst_bytes) * config_.burst_bytes;
  request.arrive = now_;
  if (config_.mean_gap_cycles >= 1) now_ += random_.geometric(1 / config_.mean_gap_cycles);
  return true;
}

TraceSummary run_trace(Channel& channel, RequestSource& source, CompletionSink* also) {
  TraceSummary summary;
  ArrivalBook book(summary, also);
  TraceRequest request;
  bool more = source.next(request);
  DramCycle earliest_offer = 0;
  for (;;) {
    DramCycle now = channel.next_visit();
    if (more && channel.can_accept(request.is_write)) {
      const DramCycle offer = std::max(earliest_offer, request.arrive);
      if (offer <= now) {
        now = offer;
        check_address(channel, request, summary.offered);
        channel.accept(now, {summary.offered, request.is_write, request.address});
        book.offered(request.arrive);
        earliest_offer = now + 1;
        more = source.next(request);
      }
    }
    if (now == kNever) break;
    if (channel.next_visit() > now) continue;
    channel.visit(now, book);
    earliest_offer = std::max(earliest_offer, now + 1);
  }
  if (more)
    throw NoProgress("dram channel: request ", summary.offered,
                     " waits for a queue that nothing will empty");
  return summary;
}

std::vector<DramCycle> run_trace(Channel& channel, const std::vector<TraceRequest>& requests) {
  std::vector<DramCycle> data_end(requests.size(), kNever);
  CompletionLog log(data_end);
  ListedRequests source(requests);
  run_trace(channel, source, &log);
  return data_end;
}

}  // namespace tessera::dram
