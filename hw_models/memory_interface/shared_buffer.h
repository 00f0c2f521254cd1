// A shared SRAM buffer on the network: feature maps that are too large for the tiles and need not
// go to DRAM.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hw_models/memory_interface/interface_observer.h"
#include "hw_models/memory_interface/memory_image.h"
#include "hw_models/tile/network_interface.h"
#include "hw_models/tile/tile_context.h"

namespace tessera::hw {

/// Totals over a run.
struct SharedBufferCounts {
  Bytes read_bytes = 0;
  Bytes written_bytes = 0;
  Cycle busy_cycles = 0;  ///< its port is taken
  /// Most bytes at the same time that had been written and were still wanted by a reader.
  Bytes peak_held_bytes = 0;
};

/// One SRAM with one port for reads and writes, which takes accesses packet by packet in the order
/// in which they come: a packet holds the port for its bytes at `bytes_per_cycle`. Data read enter
/// the network `latency_cycles` after that. A read of a part waits until every byte of the part
/// that this buffer holds has been written. A write is granted when the write buffer has room and
/// every earlier part at the same addresses has been closed by all groups that read it. Left out:
/// banks, error correction.
class SharedBuffer {
 public:
  SharedBuffer(std::size_t number, const TileContext& context, PacketPort& port,
               MemoryImage* image);

  void set_observer(SharedBufferObserver* observer) { observer_ = observer; }

  /// A packet's tail has been read at `now`; it is seen from the next cycle on.
  void deliver(const Message& message, Cycle now) { arrivals_.push_back({now + 1, message}); }
  void packet_left(std::uint64_t ticket) { interface_.packet_left(ticket); }
  /// Does the work of one cycle; returns the next one in which there is something to do.
  Cycle run(Cycle now);

  /// Bytes moved on behalf of each stage.
  const std::vector<Bytes>& stage_bytes() const { return stage_bytes_; }
  Cycle busy_until() const { return busy_until_; }
  bool idle() const;
  std::string describe_wait() const;
  const SharedBufferCounts& counts() const { return counts_; }

 private:
  struct Arrival {
    Cycle visible;
    Message message;
  };
  struct Packet {
    Cycle at;  ///< when it is through
    std::shared_ptr<const Order> order;
    Bytes bytes;
    bool last;
  };

  void find_predecessors();
  void handle(const Message& message, Cycle now);
  void admit_reads(Cycle now);
  void grant_writes(Cycle now);
  void finish_reads(Cycle now);
  void finish_writes(Cycle now);
  Cycle take_port(Cycle now, Bytes bytes);
  bool readable(int part) const { return written_[part] == expected_[part]; }
  bool closed(int part) const;
  void hold(Cycle now, Bytes bytes);
  void let_go_of(int part, Cycle now);
  bool addresses_free(int part) const;

  std::size_t number_;
  const TileContext& context_;
  const SharedBufferDescription& description_;
  NetworkInterface interface_;
  MemoryImage* image_;

  std::deque<Arrival> arrivals_;
  std::deque<Message> waiting_reads_, waiting_writes_;
  std::deque<Packet> reads_, writes_;       ///< at the port or behind it, by time
  std::map<const Order*, Bytes> arriving_;  ///< granted writes: bytes that have come
  Cycle port_free_ = 0;
  Bytes write_buffer_used_ = 0;
  std::vector<Bytes> written_, expected_;       ///< per part, in this buffer
  std::vector<int> closings_;                   ///< per part
  std::vector<std::vector<int>> predecessors_;  ///< per part, earlier ones at the same addresses
  std::vector<Bytes> stage_bytes_;
  Cycle busy_until_ = 0;
  Bytes held_ = 0;
  SharedBufferObserver* observer_ = nullptr;
  SharedBufferCounts counts_;
};

}  // namespace tessera::hw
