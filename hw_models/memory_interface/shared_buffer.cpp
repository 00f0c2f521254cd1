#include "hw_models/memory_interface/shared_buffer.h"

#include <algorithm>

#include "mapping/dram_channels.h"
#include "sim/base/error.h"

namespace tessera::hw {

using mapping::Home;

SharedBuffer::SharedBuffer(std::size_t number, const TileContext& context, PacketPort& port,
                           MemoryImage* image)
    : number_(number),
      context_(context),
      description_(context.accelerator.shared_buffers[number]),
      interface_(context.shared_node(number), context.accelerator.tile.interface.max_payload_bytes,
                 port),
      image_(image),
      written_(context.program.parts.size(), 0),
      expected_(context.program.parts.size(), 0),
      closings_(context.program.parts.size(), 0),
      predecessors_(context.program.parts.size()),
      stage_bytes_(context.program.stages.size(), 0) {
  const auto& parts = context.program.parts;
  for (std::size_t p = 0; p < parts.size(); ++p)
    if (parts[p].home == Home::kShared) expected_[p] = context.bytes_in(number, parts[p]);
  find_predecessors();
}

/// Parts of earlier stages whose tensors share addresses with a part's.
void SharedBuffer::find_predecessors() {
  const auto& parts = context_.program.parts;
  const auto buffers = context_.channels(Home::kShared);
  const auto overlapping = [&](const mapping::Part& a, const mapping::Part& b) {
    const auto &at = context_.program.layout_of(a), &bt = context_.program.layout_of(b);
    return at.base_address < bt.base_address + mapping::bytes_per_channel(bt, buffers) &&
           bt.base_address < at.base_address + mapping::bytes_per_channel(at, buffers);
  };
  for (std::size_t later = 0; later < parts.size(); ++later)
    for (std::size_t earlier = 0; earlier < parts.size(); ++earlier) {
      const auto &a = parts[earlier], &b = parts[later];
      const bool both = a.home == Home::kShared && b.home == Home::kShared;
      if (both && a.producer_stage < b.producer_stage && a.tensor != b.tensor && overlapping(a, b))
        predecessors_[later].push_back(static_cast<int>(earlier));
    }
}

Cycle SharedBuffer::run(Cycle now) {
  finish_reads(now);
  finish_writes(now);
  while (!arrivals_.empty() && arrivals_.front().visible <= now) {
    handle(arrivals_.front().message, now);
    arrivals_.pop_front();
  }
  admit_reads(now);
  grant_writes(now);
  Cycle next = kNever;
  if (!arrivals_.empty()) next = std::min(next, arrivals_.front().visible);
  if (!reads_.empty()) next = std::min(next, reads_.front().at);
  if (!writes_.empty()) next = std::min(next, writes_.front().at);
  return next;
}

void SharedBuffer::handle(const Message& message, Cycle now) {
  switch (message.kind) {
    case MessageKind::kReadRequest:
      return waiting_reads_.push_back(message);
    case MessageKind::kWriteRequest:
      return waiting_writes_.push_back(message);
    case MessageKind::kWriteData: {
      Bytes& arrived = arriving_.at(message.order.get());
      arrived += message.payload_bytes;
      const bool last = arrived == message.order->bytes;
      if (last) arriving_.erase(message.order.get());
      return writes_.push_back(
          {take_port(now, message.payload_bytes), message.order, message.payload_bytes, last});
    }
    case MessageKind::kClose:
      ++closings_[message.part];
      return let_go_of(message.part, now);
    default:
      throw InvariantViolation("shared buffer " + description_.name, now,
                               "received a message for a tile");
  }
}

/// First cycle after the access.
Cycle SharedBuffer::take_port(Cycle now, Bytes bytes) {
  const Cycle cycles = ceil_div(bytes, description_.bytes_per_cycle);
  port_free_ = std::max(port_free_, now) + cycles;
  counts_.busy_cycles += cycles;
  busy_until_ = port_free_;
  return port_free_;
}

void SharedBuffer::admit_reads(Cycle now) {
  const Bytes packet = context_.accelerator.tile.interface.max_payload_bytes;
  const auto latency = static_cast<Cycle>(description_.latency_cycles);
  std::erase_if(waiting_reads_, [&](const Message& message) {
    const auto& order = message.order;
    if (!readable(order->part)) return false;
    for (Bytes sent = 0; sent < order->bytes;) {
      const Bytes bytes = std::min(packet, order->bytes - sent);
      sent += bytes;
      reads_.push_back({take_port(now, bytes) + latency, order, bytes, sent == order->bytes});
    }
    return true;
  });
}

bool SharedBuffer::closed(int part) const {
  return readable(part) && closings_[part] == context_.index.expected_shared_closings(part);
}

void SharedBuffer::hold(Cycle now, Bytes bytes) {
  held_ = bytes;
  counts_.peak_held_bytes = std::max(counts_.peak_held_bytes, held_);
  if (observer_ != nullptr) observer_->shared_occupancy(number_, now, held_);
}

/// Called for each of the two events, last write and last closing, that can end a part's life: the
/// later one does.
void SharedBuffer::let_go_of(int part, Cycle now) {
  if (written_[part] > 0 && closed(part)) hold(now, held_ - written_[part]);
}

bool SharedBuffer::addresses_free(int part) const {
  return std::ranges::all_of(predecessors_[part], [&](int earlier) { return closed(earlier); });
}

void SharedBuffer::grant_writes(Cycle now) {
  std::erase_if(waiting_writes_, [&](const Message& message) {
    const auto& order = message.order;
    if (!addresses_free(order->part)) return false;
    if (write_buffer_used_ > 0 &&
        write_buffer_used_ + order->bytes > description_.write_buffer_bytes)
      return false;
    write_buffer_used_ += order->bytes;
    arriving_[order.get()] = 0;
    Message grant{.kind = MessageKind::kWriteGrant};
    grant.order = order;
    interface_.send_control(now, std::move(grant), message.source);
    return true;
  });
}

void SharedBuffer::finish_reads(Cycle now) {
  while (!reads_.empty() && reads_.front().at <= now) {
    const Packet packet = std::move(reads_.front());
    reads_.pop_front();
    Message data{.kind = MessageKind::kData};
    data.granule = packet.order->granule;
    data.operand = packet.order->operand;
    data.order = packet.order;
    data.from = Source::kSharedBuffer;
    data.last = packet.last;
    if (packet.last && image_ != nullptr)
      data.values = std::make_shared<RegionValues>(image_->read(number_, *packet.order));
    interface_.send_payload(now, std::move(data), packet.bytes, packet.order->destinations);
    counts_.read_bytes += packet.bytes;
    stage_bytes_[static_cast<std::size_t>(packet.order->granule.stage)] += packet.bytes;
  }
}

void SharedBuffer::finish_writes(Cycle now) {
  while (!writes_.empty() && writes_.front().at <= now) {
    const Packet packet = std::move(writes_.front());
    writes_.pop_front();
    write_buffer_used_ -= packet.bytes;
    written_[packet.order->part] += packet.bytes;
    counts_.written_bytes += packet.bytes;
    hold(now, held_ + packet.bytes);
    let_go_of(packet.order->part, now);
    stage_bytes_[static_cast<std::size_t>(packet.order->granule.stage)] += packet.bytes;
    if (packet.last && image_ != nullptr) image_->write(number_, *packet.order);
  }
}

bool SharedBuffer::idle() const {
  return arrivals_.empty() && waiting_reads_.empty() && waiting_writes_.empty() && reads_.empty() &&
         writes_.empty() && arriving_.empty();
}

std::string SharedBuffer::describe_wait() const {
  const auto name_of = [&](int part) -> const std::string& {
    return context_.program.network.tensors[context_.program.parts[part].tensor].name;
  };
  std::string text = "shared buffer " + description_.name;
  if (!waiting_reads_.empty()) {
    const int part = waiting_reads_.front().order->part;
    text +=
        detail::concatenate("; ", waiting_reads_.size(), " reads wait for tensor ", name_of(part),
                            " (", written_[part], " of ", expected_[part], " bytes written)");
  }
  for (const int earlier : waiting_writes_.empty()
                               ? std::vector<int>{}
                               : predecessors_[waiting_writes_.front().order->part])
    if (!closed(earlier))
      text += detail::concatenate(
          "; writes of tensor ", name_of(waiting_writes_.front().order->part), " wait for ",
          context_.index.expected_shared_closings(earlier) - closings_[earlier],
          " groups that read tensor ", name_of(earlier));
  if (!arriving_.empty())
    text += detail::concatenate("; ", arriving_.size(), " granted writes have not arrived");
  return text;
}

}  // namespace tessera::hw
