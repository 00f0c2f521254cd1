// Between the network and one DRAM channel: turns orders into bursts and bursts into packets.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "hw_models/dram/channel.h"
#include "hw_models/memory_interface/interface_observer.h"
#include "hw_models/memory_interface/memory_image.h"
#include "hw_models/tile/network_interface.h"
#include "hw_models/tile/tile_context.h"

namespace tessera::hw {

/// What an interface did, for results and self-checks.
struct DramInterfaceCounts {
  Bytes read_bytes = 0;     ///< sent to tiles
  Bytes written_bytes = 0;  ///< received from tiles
  std::int64_t read_bursts = 0;
  std::int64_t write_bursts = 0;
  std::vector<Bytes> part_read, part_written;  ///< per part of the program
};

/// Ratio of the two clocks, in picoseconds.
struct ClockPair {
  std::uint64_t chip_ps = 0;
  std::uint64_t dram_ps = 0;

  /// First DRAM cycle whose edge is at or after the chip cycle's, and the other way round.
  dram::DramCycle dram_cycle(Cycle chip) const { return ceil_div(chip * chip_ps, dram_ps); }
  Cycle chip_cycle(dram::DramCycle cycle) const { return ceil_div(cycle * dram_ps, chip_ps); }
};

/// Network interface of a DRAM channel. Reads are served burst by burst in the order of their
/// requests, as many at once as the controller's queue takes; a packet leaves as soon as its
/// payload has come. Writes are granted while the write buffer has room. A read of a part waits
/// until every byte of the part that this channel holds has been written; a read of partial sums
/// until the write of the visit before is done. An optional off-chip link limits the data rate
/// between interface and device. Ideally the channel moves a burst after the other at its peak
/// rate. Left out: error correction, and the interface's own pipeline latency.
class DramInterface final : public dram::CompletionSink {
 public:
  DramInterface(std::size_t channel, const TileContext& context, const dram::ChannelConfig& config,
                ClockPair clocks, PacketPort& port, MemoryImage* image);

  /// A packet's tail has been read at chip cycle `now`; it is seen from the next chip cycle on.
  void deliver(const Message& message, Cycle now);
  void packet_left(std::uint64_t ticket) { interface_.packet_left(ticket); }

  /// Does the work of one DRAM cycle; returns the next one in which there is something to do.
  dram::DramCycle run(dram::DramCycle now);

  /// Bytes moved on behalf of each stage.
  const std::vector<Bytes>& stage_bytes() const { return stage_bytes_; }
  /// Chip cycle after the last burst.
  Cycle busy_until() const { return busy_until_; }
  bool idle() const;
  std::string describe_wait() const;
  const DramInterfaceCounts& counts() const { return counts_; }
  const dram::Channel& channel() const { return channel_; }
  dram::Channel& channel() { return channel_; }
  const ClockPair& clocks() const { return clocks_; }
  /// nullptr for none; must outlive its use.
  void set_observer(InterfaceObserver* observer) { observer_ = observer; }

 private:
  struct Burst {
    std::uint64_t address;
    Bytes useful_bytes;
  };
  /// An order on its way through the channel.
  struct Job {
    std::shared_ptr<const Order> order;
    bool is_write = false;
    NodeId source = 0;
    std::vector<Burst> bursts;
    std::size_t issued = 0;
    std::size_t done = 0;
    Bytes arrived_bytes = 0;  ///< writes: received; reads: read
    Bytes sent_bytes = 0;     ///< reads
  };
  struct Arrival {
    dram::DramCycle visible;
    Message message;
  };
  struct Completion {
    dram::DramCycle at;
    std::uint64_t job;
    Bytes bytes;
  };

  void completed(std::uint64_t id, bool is_write, dram::DramCycle data_end) override;
  void receive(dram::DramCycle now);
  void handle(const Message& message, dram::DramCycle now);
  void admit_reads();
  void finish_free_write(const Message& message);
  void serve_at_once(const Message& request, dram::DramCycle now);
  bool can_accept(bool is_write) const;
  void accept(dram::DramCycle now, const dram::Request& request);
  bool readable(const Order& order) const;
  void grant_writes(dram::DramCycle now);
  bool issue(dram::DramCycle now);
  bool issue_from(std::deque<std::uint64_t>& queue, bool is_write, dram::DramCycle now);
  void finish_bursts(dram::DramCycle now);
  void finish_burst(const Completion& completion, dram::DramCycle now);
  void send_read_data(dram::DramCycle now, Job& job);
  std::vector<Burst> bursts_of(const Order& order) const;
  dram::DramCycle over_link(dram::DramCycle data_end);

  std::size_t number_;
  const TileContext& context_;
  dram::Channel channel_;
  ClockPair clocks_;
  NetworkInterface interface_;
  MemoryImage* image_;
  double link_cycles_per_burst_;  ///< DRAM cycles; 0: no link
  double link_free_ = 0;

  std::deque<Arrival> arrivals_;
  std::deque<Message> waiting_reads_;   ///< of parts that are not complete yet
  std::deque<Message> at_once_;         ///< reads that take no time
  std::deque<Message> waiting_writes_;  ///< not granted yet
  std::map<std::uint64_t, Job> jobs_;
  std::deque<std::uint64_t> reads_, writes_;  ///< jobs with bursts to issue
  std::map<const Order*, std::uint64_t> write_jobs_;
  std::map<std::uint64_t, std::pair<std::uint64_t, Bytes>>
      bursts_in_flight_;  ///< request id: job, useful bytes
  /// In order of time: behind a slow link there are as many as the orders under way have bursts.
  std::deque<Completion> completions_;
  std::uint64_t next_job_ = 1;
  std::uint64_t next_request_ = 1;
  Bytes write_buffer_used_ = 0;
  bool write_turn_ = false;
  dram::DramCycle peak_free_ = 0;          ///< idealisation dram: end of the data of the last burst
  std::vector<Bytes> written_, expected_;  ///< per part, in this channel
  /// Outputs that are visited more than once: finished writes by part and first address.
  std::map<std::pair<int, std::uint64_t>, std::int64_t> visits_written_;
  std::vector<Bytes> stage_bytes_;
  Cycle busy_until_ = 0;
  DramInterfaceCounts counts_;
  InterfaceObserver* observer_ = nullptr;
};

}  // namespace tessera::hw
