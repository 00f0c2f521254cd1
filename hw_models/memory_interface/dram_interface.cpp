#include "hw_models/memory_interface/dram_interface.h"

#include <algorithm>
#include <cmath>

#include "sim/base/error.h"

namespace tessera::hw {

using dram::DramCycle;

DramInterface::DramInterface(std::size_t channel, const TileContext& context,
                             const dram::ChannelConfig& config, ClockPair clocks, PacketPort& port,
                             MemoryImage* image)
    : number_(channel),
      context_(context),
      channel_(config),
      clocks_(clocks),
      interface_(context.dram_node(channel), context.accelerator.tile.interface.max_payload_bytes,
                 port),
      image_(image),
      written_(context.program.parts.size(), 0),
      expected_(context.program.parts.size(), 0),
      stage_bytes_(context.program.stages.size(), 0) {
  counts_.part_read.assign(context.program.parts.size(), 0);
  counts_.part_written.assign(context.program.parts.size(), 0);
  const auto& description = context.accelerator.dram[channel];
  const double link_bytes_per_ps =
      description.link_width_bits / 8 * description.link_clock_mhz * 1e-6;
  link_cycles_per_burst_ = link_bytes_per_ps > 0 ? channel_.burst_bytes() / link_bytes_per_ps /
                                                       static_cast<double>(clocks.dram_ps)
                                                 : 0;
  for (std::size_t p = 0; p < expected_.size(); ++p) {
    const auto& part = context.program.parts[p];
    if (part.home != mapping::Home::kDram || part.producer_stage < 0) continue;
    expected_[p] = context.bytes_in(channel, part);
  }
}

void DramInterface::deliver(const Message& message, Cycle now) {
  arrivals_.push_back({clocks_.dram_cycle(now + 1), message});
}

DramCycle DramInterface::run(DramCycle now) {
  receive(now);
  finish_bursts(now);
  admit_reads();
  for (; !at_once_.empty(); at_once_.pop_front()) serve_at_once(at_once_.front(), now);
  grant_writes(now);
  const bool issued = issue(now);
  if (channel_.next_visit() <= now) channel_.visit(now, *this);
  finish_bursts(now);

  DramCycle next = channel_.next_visit();
  if (issued) next = std::min(next, now + 1);
  if (!arrivals_.empty()) next = std::min(next, arrivals_.front().visible);
  if (!completions_.empty()) next = std::min(next, completions_.front().at);
  return next == dram::DramCycle{kNever} ? next : std::max(next, now + 1);
}

void DramInterface::receive(DramCycle now) {
  while (!arrivals_.empty() && arrivals_.front().visible <= now) {
    handle(arrivals_.front().message, now);
    arrivals_.pop_front();
  }
}

void DramInterface::handle(const Message& message, DramCycle now) {
  switch (message.kind) {
    case MessageKind::kReadRequest:
      waiting_reads_.push_back(message);
      return;
    case MessageKind::kWriteRequest:
      if (message.order->free) return serve_at_once(message, now);
      waiting_writes_.push_back(message);
      return;
    case MessageKind::kWriteData: {
      counts_.part_written[static_cast<std::size_t>(message.order->part)] += message.payload_bytes;
      if (message.order->free) return finish_free_write(message);
      Job& job = jobs_.at(write_jobs_.at(message.order.get()));
      job.arrived_bytes += message.payload_bytes;
      counts_.written_bytes += message.payload_bytes;
      if (job.arrived_bytes < job.order->bytes) return;
      writes_.push_back(write_jobs_.at(message.order.get()));
      write_jobs_.erase(message.order.get());
      return;
    }
    default:
      throw InvariantViolation("DRAM interface " + std::to_string(number_), clocks_.chip_cycle(now),
                               "received a message for a tile");
  }
}

/// Idealisation overlap: a grant or all of the data without any time in between.
void DramInterface::serve_at_once(const Message& request, DramCycle now) {
  const Order& order = *request.order;
  Message answer{.kind = MessageKind::kWriteGrant};
  answer.order = request.order;
  answer.free = true;
  if (request.kind == MessageKind::kWriteRequest)
    return interface_.send_control(clocks_.chip_cycle(now), std::move(answer), request.source);
  answer.kind = MessageKind::kData;
  answer.granule = order.granule;
  answer.operand = order.operand;
  answer.from = Source::kDram;
  answer.last = true;
  if (image_ != nullptr)
    answer.values = std::make_shared<RegionValues>(image_->read(number_, order));
  interface_.send_payload(clocks_.chip_cycle(now), std::move(answer), order.bytes,
                          order.destinations);
  counts_.read_bytes += order.bytes;
  counts_.part_read[static_cast<std::size_t>(order.part)] += order.bytes;
}

void DramInterface::finish_free_write(const Message& message) {
  counts_.written_bytes += message.payload_bytes;
  const Order& order = *message.order;
  if (!order.partial) written_[order.part] += message.payload_bytes;
  if (message.last && (order.partial || order.visit > 0))
    ++visits_written_[{order.part, order.runs.front().address}];
  if (message.last && image_ != nullptr) image_->write(number_, *message.order);
}

bool DramInterface::can_accept(bool is_write) const {
  constexpr std::size_t most_waiting = 64;
  return context_.ideal(Ideal::kDram) ? completions_.size() < most_waiting
                                      : channel_.can_accept(is_write);
}

void DramInterface::accept(DramCycle now, const dram::Request& request) {
  if (!context_.ideal(Ideal::kDram)) return channel_.accept(now, request);
  if (context_.tool != nullptr) {
    const Bytes bytes = bursts_in_flight_.at(request.id).second;
    peak_free_ = ceil_div(context_.tool->transfer(now * clocks_.dram_ps, bytes), clocks_.dram_ps);
  } else {
    peak_free_ = std::max(peak_free_, now) + channel_.timing().burst;
  }
  completed(request.id, request.is_write, peak_free_);
}

std::vector<DramInterface::Burst> DramInterface::bursts_of(const Order& order) const {
  const std::uint64_t size = channel_.burst_bytes();
  std::vector<Burst> bursts;
  for (const auto& run : order.runs) {
    const std::uint64_t end = run.address + run.bytes;
    for (std::uint64_t address = run.address; address < end;) {
      const std::uint64_t start = address / size * size;
      const Bytes bytes = std::min(end, start + size) - address;
      if (!bursts.empty() && bursts.back().address == start)
        bursts.back().useful_bytes += bytes;
      else
        bursts.push_back({start, bytes});
      address += bytes;
    }
  }
  return bursts;
}

bool DramInterface::readable(const Order& order) const {
  if (order.operand != kRestoredSums) return written_[order.part] == expected_[order.part];
  const auto found = visits_written_.find({order.part, order.runs.front().address});
  return found != visits_written_.end() && found->second >= order.visit;
}

void DramInterface::admit_reads() {
  std::erase_if(waiting_reads_, [&](const Message& message) {
    if (!readable(*message.order)) return false;
    if (message.order->free) {
      at_once_.push_back(message);
      return true;
    }
    Job job;
    job.order = message.order;
    job.bursts = bursts_of(*message.order);
    reads_.push_back(next_job_);
    jobs_.emplace(next_job_++, std::move(job));
    return true;
  });
}

void DramInterface::grant_writes(DramCycle now) {
  const Bytes capacity = context_.accelerator.dram[number_].write_buffer_bytes;
  while (!waiting_writes_.empty()) {
    const Message& message = waiting_writes_.front();
    if (write_buffer_used_ > 0 && write_buffer_used_ + message.order->bytes > capacity) return;
    Job job;
    job.order = message.order;
    job.is_write = true;
    job.bursts = bursts_of(*message.order);
    write_buffer_used_ += message.order->bytes;
    write_jobs_[message.order.get()] = next_job_;
    jobs_.emplace(next_job_++, std::move(job));
    Message grant{.kind = MessageKind::kWriteGrant};
    grant.order = message.order;
    interface_.send_control(clocks_.chip_cycle(now), std::move(grant), message.source);
    waiting_writes_.pop_front();
  }
}

/// One request a cycle; reads and writes take turns when both have one that fits.
bool DramInterface::issue(DramCycle now) {
  const bool first = issue_from(write_turn_ ? writes_ : reads_, write_turn_, now);
  const bool any = first || issue_from(write_turn_ ? reads_ : writes_, !write_turn_, now);
  if (first) write_turn_ = !write_turn_;
  return any;
}

bool DramInterface::issue_from(std::deque<std::uint64_t>& queue, bool is_write, DramCycle now) {
  if (queue.empty() || !can_accept(is_write)) return false;
  Job& job = jobs_.at(queue.front());
  if (observer_ != nullptr && job.issued == 0)
    observer_->order_began(
        {number_, queue.front(), is_write, job.order.get(), clocks_.chip_cycle(now)});
  const Burst& burst = job.bursts[job.issued++];
  bursts_in_flight_[next_request_] = {queue.front(), burst.useful_bytes};
  accept(now, {next_request_++, is_write, burst.address});
  ++(is_write ? counts_.write_bursts : counts_.read_bursts);
  if (job.issued == job.bursts.size()) queue.pop_front();
  return true;
}

DramCycle DramInterface::over_link(DramCycle data_end) {
  if (link_cycles_per_burst_ == 0) return data_end;
  link_free_ = std::max(link_free_, static_cast<double>(data_end)) + link_cycles_per_burst_;
  return static_cast<DramCycle>(std::ceil(link_free_));
}

void DramInterface::completed(std::uint64_t id, bool /*is_write*/, DramCycle data_end) {
  const auto entry = bursts_in_flight_.find(id);
  const Completion completion{over_link(data_end), entry->second.first, entry->second.second};
  const auto later = std::upper_bound(completions_.begin(), completions_.end(), completion.at,
                                      [](DramCycle at, const Completion& c) { return at < c.at; });
  completions_.insert(later, completion);
  bursts_in_flight_.erase(entry);
}

void DramInterface::finish_bursts(DramCycle now) {
  while (!completions_.empty() && completions_.front().at <= now) {
    const Completion completion = completions_.front();
    completions_.pop_front();
    finish_burst(completion, now);
  }
}

void DramInterface::finish_burst(const Completion& completion, DramCycle now) {
  Job& job = jobs_.at(completion.job);
  ++job.done;
  stage_bytes_[static_cast<std::size_t>(job.order->granule.stage)] += completion.bytes;
  busy_until_ = clocks_.chip_cycle(completion.at);
  const bool last = job.done == job.bursts.size();
  if (job.is_write) {
    write_buffer_used_ -= completion.bytes;
    if (!job.order->partial) written_[job.order->part] += completion.bytes;
    if (last && (job.order->partial || job.order->visit > 0))
      ++visits_written_[{job.order->part, job.order->runs.front().address}];
    if (last && image_ != nullptr) image_->write(number_, *job.order);
  } else {
    job.arrived_bytes += completion.bytes;
    send_read_data(now, job);
  }
  if (!last) return;
  if (observer_ != nullptr)
    observer_->order_ended({number_, completion.job, job.is_write, job.order.get(), busy_until_});
  jobs_.erase(completion.job);
}

/// Whole packets as their payload comes in; the rest with the last burst.
void DramInterface::send_read_data(DramCycle now, Job& job) {
  const Bytes packet = context_.accelerator.tile.interface.max_payload_bytes;
  const bool last = job.done == job.bursts.size();
  const Bytes waiting = job.arrived_bytes - job.sent_bytes;
  const Bytes bytes = last ? waiting : waiting / packet * packet;
  if (bytes == 0) return;
  Message data{.kind = MessageKind::kData};
  data.granule = job.order->granule;
  data.operand = job.order->operand;
  data.order = job.order;
  data.from = Source::kDram;
  data.last = last;
  if (last && image_ != nullptr && job.order->operand == kRestoredSums)
    data.sums = image_->sums(*job.order);
  else if (last && image_ != nullptr)
    data.values = std::make_shared<RegionValues>(image_->read(number_, *job.order));
  interface_.send_payload(clocks_.chip_cycle(now), std::move(data), bytes, job.order->destinations);
  job.sent_bytes += bytes;
  counts_.read_bytes += bytes;
  counts_.part_read[static_cast<std::size_t>(job.order->part)] += bytes;
}

bool DramInterface::idle() const {
  return arrivals_.empty() && waiting_reads_.empty() && waiting_writes_.empty() && jobs_.empty();
}

std::string DramInterface::describe_wait() const {
  std::string text = "DRAM interface " + std::to_string(number_);
  if (!waiting_reads_.empty()) {
    const auto& order = *waiting_reads_.front().order;
    const auto& part = context_.program.parts[order.part];
    text +=
        detail::concatenate("; ", waiting_reads_.size(), " reads wait for tensor ",
                            context_.program.network.tensors[part.tensor].name, " (",
                            written_[order.part], " of ", expected_[order.part], " bytes written)");
  }
  if (!write_jobs_.empty())
    text += detail::concatenate("; ", write_jobs_.size(), " granted writes have not arrived");
  return text;
}

}  // namespace tessera::hw
